"""Everything that training changes, and its checkpoints: safetensors plus a JSON manifest with the SHA-256.

The manifest is written last, so a checkpoint counts only when it is whole; a damaged one is passed over with a line.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from physlaw.errors import UserError
from physlaw.files import read_json, sha256_file, write_atomic, write_json


@dataclass
class TrainState:
    """Model, its moving average, the optimisers, and how many steps are done."""

    model: nn.Module
    ema: dict[str, Tensor]
    optimizers: list[torch.optim.Optimizer]
    step: int = 0

    def update_ema(self, decay: float) -> None:
        """ema <- decay * ema + (1 - decay) * weights; the decay is smaller in the first steps."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        live = [p.detach() for p in self.model.parameters()]
        torch._foreach_lerp_(list(self.ema.values()), live, 1 - decay)

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by a name: model.*, ema.*, optim.<optimiser>.<parameter>.<key>; on a CPU not copied."""
        flat = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        flat |= {f"ema.{name}": value for name, value in self.ema.items()}
        for k, optimizer in enumerate(self.optimizers):
            for parameter, values in optimizer.state_dict()["state"].items():
                for key, value in values.items():
                    flat[f"optim.{k}.{parameter}.{key}"] = torch.as_tensor(value)
        return {name: value.detach().cpu().contiguous() for name, value in flat.items()}

    def load(self, tensors: dict[str, Tensor], step: int) -> None:
        """The reverse of `tensors`."""
        groups: dict[str, dict[str, Tensor]] = {"model": {}, "ema": {}, "optim": {}}
        for name, value in tensors.items():
            kind, _, rest = name.partition(".")
            groups[kind][rest] = value
        self.model.load_state_dict(groups["model"])
        for name, value in groups["ema"].items():
            self.ema[name].copy_(value)
        for k, optimizer in enumerate(self.optimizers):
            state: dict[int, dict[str, Any]] = {}
            for name, value in groups["optim"].items():
                which, parameter, key = name.split(".", 2)
                if int(which) == k:
                    state.setdefault(int(parameter), {})[key] = value
            if state:
                optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        self.step = step


def new_ema(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the parameters."""
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """A safetensors file, written atomically."""
    write_atomic(path, lambda temporary: save_file(tensors, temporary))


def save_checkpoint(folder: Path, state: TrainState, run: str, keep: int = 2) -> None:
    """Write checkpoint `state.step` and delete all but the newest `keep`. `run` is the configuration's digest."""
    path = folder / f"{state.step:08d}.safetensors"
    save_tensors(path, state.tensors())
    manifest = {"step": state.step, "run": run, "file": path.name, "sha256": sha256_file(path)}
    write_json(path.with_suffix(".json"), manifest)
    for old in sorted(folder.glob("*.json"))[:-keep]:
        old.unlink()
        old.with_suffix(".safetensors").unlink(missing_ok=True)


def load_newest(folder: Path, state: TrainState, run: str) -> bool:
    """Load the newest good checkpoint; False when there is none.

    Raises:
        UserError: the checkpoints belong to another configuration.
    """
    for leftover in folder.glob(".*.tmp"):  # of a killed write
        leftover.unlink()
    for manifest_path in sorted(folder.glob("*.json"), reverse=True):
        path = manifest_path.with_suffix(".safetensors")
        try:
            manifest = read_json(manifest_path)
            whole = path.is_file() and sha256_file(path) == manifest["sha256"]
        except (UserError, KeyError, TypeError):
            whole = False
        if not whole:
            print(f"physlaw: damaged checkpoint passed over: {path}", file=sys.stderr, flush=True)
            continue
        if manifest["run"] != run:
            raise UserError(
                f"{folder.parent} holds a run of another configuration; remove it or choose another output folder"
            )
        state.load(load_file(path), manifest["step"])
        return True
    return False

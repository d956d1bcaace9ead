"""Everything that training changes, and its checkpoints: safetensors plus a JSON manifest with the SHA-256.

The manifest is written last, so a checkpoint counts only when it is whole; a damaged one is passed over with a line.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from physlaw.errors import UserError
from physlaw.files import check_room, read_json, remove_leftovers, sha256_file, visible, write_atomic, write_json

KEEP = 2  # checkpoints; the older one for the case that the newest is damaged


@dataclass
class TrainState:
    """Model, its moving average, the optimisers, and how many steps are done."""

    model: nn.Module
    ema: dict[str, Tensor]
    optimizers: list[torch.optim.Optimizer]
    step: int = 0

    def update_ema(self, decay: float) -> None:
        """ema <- decay * ema + (1 - decay) * weights; the decay is smaller in the first steps."""
        live = [p.detach() for p in self.model.parameters()]
        torch._foreach_lerp_(list(self.ema.values()), live, 1 - self.decay_after(self.step, decay))

    @staticmethod
    def decay_after(step: int, decay: float) -> float:
        """The moving average's decay after `step` steps."""
        return min(decay, (1 + step) / (10 + step))

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


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """A safetensors file, written atomically.

    Raises:
        OSError: names the path and, where the disk is full, how many bytes were needed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    needed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    check_room(path.parent, needed)

    def write(temporary: Path) -> None:
        try:
            save_file(tensors, temporary, metadata)
        except SafetensorError as error:  # its text carries the operating system's number
            number = re.search(r"os error (\d+)", str(error))
            if number is None:
                raise
            text = f"{os.strerror(int(number.group(1)))} ({needed} bytes)"
            raise OSError(int(number.group(1)), text, str(path)) from None

    write_atomic(path, write)


def save_checkpoint(folder: Path, state: TrainState, run: str, keep: int = KEEP) -> None:
    """Write checkpoint `state.step` and delete all but the newest `keep`. `run` is the configuration's digest."""
    write_checkpoint(folder, state.tensors(), state.step, run, keep)


def write_checkpoint(folder: Path, tensors: dict[str, Tensor], step: int, run: str, keep: int = KEEP) -> None:
    """save_checkpoint of the tensors of a state."""
    path = folder / f"{step:08d}.safetensors"
    save_tensors(path, tensors, {"step": str(step), "run": run})
    known = {"step": step, "run": run, "file": path.name, "sha256": sha256_file(path)}
    write_json(path.with_suffix(".json"), known)
    _prune(folder, keep)


def _prune(folder: Path, keep: int) -> None:
    for old in visible(folder, "*.json")[:-keep]:
        old.unlink()  # first, so that a kill in between leaves a file that counts for nothing
        old.with_suffix(".safetensors").unlink(missing_ok=True)


def _read_whole(manifest_path: Path) -> dict[str, str] | None:
    """{"step", "run"} of a checkpoint; None when a byte of it or of its manifest is not what was written.

    The manifest holds the file's digest, and the file what else is in the manifest.
    """
    path = manifest_path.with_suffix(".safetensors")
    try:
        manifest = read_json(manifest_path)
        if manifest["file"] != path.name or sha256_file(path) != manifest["sha256"]:
            return None
        with safe_open(path, "pt") as stream:
            known: dict[str, str] = stream.metadata()
    except (UserError, KeyError, TypeError, FileNotFoundError):
        return None
    return known if known == {key: str(manifest.get(key)) for key in ("step", "run")} else None


def load_newest(folder: Path, state: TrainState, run: str, tidy: bool = True, at_most: int | None = None) -> bool:
    """Load the newest good checkpoint; False when there is none.

    Args:
        tidy: remove what a killed write left and what is damaged; one process of several does it.
        at_most: of no later step.

    Raises:
        UserError: the checkpoints belong to another configuration.
    """
    if tidy:
        remove_leftovers(folder)
        named = {path.stem for path in visible(folder, "*.json")}
        for path in visible(folder, "*.safetensors"):
            if path.stem not in named:
                path.unlink()
    for manifest_path in reversed(visible(folder, "*.json")):
        path = manifest_path.with_suffix(".safetensors")
        if at_most is not None and int(path.stem) > at_most:
            continue
        found = _read_whole(manifest_path)
        if found is None:
            print(f"physlaw: damaged checkpoint passed over: {path}", file=sys.stderr, flush=True)
            if tidy:
                manifest_path.unlink(missing_ok=True)
                path.unlink(missing_ok=True)
            continue
        if found["run"] != run:
            raise UserError(
                f"{folder.parent} holds a run of another configuration; remove it or choose another output folder"
            )
        state.load(load_file(path), int(found["step"]))
        if tidy:
            _prune(folder, KEEP)
        return True
    return False

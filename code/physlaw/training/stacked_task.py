"""Several models of one shape as one module, and their tasks as one: every tensor has a leading axis K."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, vmap

from physlaw.diffusion.objective import Objective
from physlaw.training.tasks import DiffusionTask, LatentSource, drawn_pair, sample_numbers


class StackedModel(nn.Module):
    """K models of one shape as one: every argument and the result with a leading axis K."""

    def __init__(self, models: list[nn.Module]) -> None:
        super().__init__()
        self.one = copy.deepcopy(models[0])
        for block in self.one.get_submodule("blocks").children():
            block.kernel = "math"  # type: ignore[assignment]  # the fused kernels know no further axis
        named = [dict(model.named_parameters()) for model in models]
        for name in named[0]:
            owner, _, last = name.rpartition(".")
            stacked = nn.Parameter(torch.stack([of[name].detach() for of in named]))
            self.one.get_submodule(owner).register_parameter(last, stacked)

    def forward(self, *arguments: Tensor) -> Tensor:
        def one(parameters: dict[str, Tensor], *mine: Tensor) -> Tensor:
            return functional_call(self.one, parameters, mine)  # type: ignore[no-any-return]

        return vmap(one)(dict(self.one.named_parameters()), *arguments)  # type: ignore[no-any-return]


class StackedTask:
    """The tasks of K models that differ in seed and training clips alone.

    Args:
        tasks: each as it would be trained alone; one of them says what they share.
        resident: all their clips one after the other, on the accelerator. Then batches are made there, and the noise
            is drawn there: by model and step, other numbers than alone, of the same clips at the same times.
    """

    def __init__(self, tasks: list[DiffusionTask], resident: LatentSource | None = None) -> None:
        self.tasks, self.resident = tasks, resident
        self.first = np.cumsum([0] + [len(task.latents) for task in tasks])[:-1]
        self.batch_size = tasks[0].batch_size
        self.objective: Objective = tasks[0].objective

    def batch(self, step: int) -> dict[str, Tensor]:
        """As DiffusionTask.batch, with a leading axis K."""
        if self.resident is None:
            each = [task.batch(step) for task in self.tasks]
            return {name: torch.stack([batch[name] for batch in each]) for name in each[0]}
        clips, t = self._drawn(step)
        x0, cond = drawn_pair(self.resident, (clips + self.first[:, None]).ravel(), self.tasks[0].relative)
        told = [task.state(own) for task, own in zip(self.tasks, clips, strict=True)]
        return {
            "x0": x0.unflatten(0, clips.shape),
            "cond": cond.unflatten(0, clips.shape),
            "noise": self._noise(step, x0.shape[1:], x0.device),
            "t": t,
            **{name: torch.stack([of[name] for of in told]) for name in told[0]},
        }

    def _drawn(self, step: int) -> tuple[NDArray[np.int64], Tensor]:
        """(K, B) clips and times of the step. Models of one seed share the times, those with as many clips these too:
        one number is drawn for a clip, whatever their number is."""
        samples = sample_numbers(step, self.batch_size).tolist()
        clips: dict[tuple[int, int], list[int]] = {}
        times: dict[int, Tensor] = {}
        for task in self.tasks:
            key = (task.seed, len(task.latents))
            if key not in clips:
                drawn = [task.draw(sample) for sample in samples]
                clips[key] = [clip for clip, _ in drawn]
                if task.seed not in times:
                    times[task.seed] = torch.cat([task.times(generator) for _, generator in drawn])
        chosen = [clips[task.seed, len(task.latents)] for task in self.tasks]
        return np.array(chosen), torch.stack([times[task.seed] for task in self.tasks])

    def _noise(self, step: int, shape: torch.Size, device: torch.device) -> Tensor:
        """(K, B, *shape) on the device, by seed and step."""
        by_seed = {}
        for seed in {task.seed for task in self.tasks}:
            digest = hashlib.sha256(f"stacked noise\x1f{seed}\x1f{step}".encode()).digest()
            generator = torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little") >> 1)
            by_seed[seed] = torch.randn((self.batch_size, *shape), generator=generator, device=device)
        return torch.stack([by_seed[task.seed] for task in self.tasks])

    def loss(self, forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> Tensor:
        """(K,) as DiffusionTask.loss."""
        lead = batch["t"].shape
        x0, noise, t = (batch[name].flatten(0, 1) for name in ("x0", "noise", "t"))
        x_t = self.objective.add_noise(x0, noise, t).unflatten(0, lead)
        mask = self.tasks[0].mask.expand(*lead, -1, -1, -1, -1)
        told = [batch[name] for name in ("extra", "extra_mask") if name in batch]
        prediction = forward(x_t, batch["t"], batch["cond"], mask, *told)
        return self.objective.loss(prediction.flatten(0, 1), x0, noise, t).unflatten(0, lead).mean(dim=1)

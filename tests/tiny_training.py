"""A miniature model and its task, for tests of training."""

import numpy as np
import torch
from torch import Tensor

from physlaw.data.clips import RenderedClips
from physlaw.data.latents import EncodedClips
from physlaw.diffusion.config import DiffusionConfig
from physlaw.diffusion.objective import Objective
from physlaw.models.config import ModelConfig
from physlaw.models.dit import DiT
from physlaw.models.pixels import PixelTokenizer
from physlaw.models.tokenizers import condition_mask, encode_condition, to_unit
from physlaw.training.config import TrainConfig
from physlaw.training.state import TrainState
from physlaw.training.tasks import DiffusionTask
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import training_scenes


def config(**changes: object) -> TrainConfig:
    values = {"steps": 12, "batch_size": 4, "optimizer": "muon", "learning_rate": 0.002, "warmup_steps": 2}
    values |= {"decay": "linear", "precision": "float32", "checkpoint_every": 4, "log_every": 4, "ema_decay": 0.9}
    return TrainConfig(**(values | changes))  # type: ignore[arg-type]


def diffusion_task(seed: int = 0, batch_size: int = 4, size: str = "300") -> DiffusionTask:
    torch.manual_seed(seed)
    scenes = training_scenes(SCENARIOS["uniform"], size)
    tokenizer = PixelTokenizer(1)
    mask = condition_mask(tokenizer, (32, 16, 16), 3)
    model = DiT(ModelConfig("x", 2, 48, 2, (4, 16, 16)), 1, (32, 16, 16))

    def encode(frames: np.ndarray) -> Tensor:
        return tokenizer.encode(to_unit(frames))

    def condition(frames: np.ndarray) -> Tensor:
        return encode_condition(tokenizer, to_unit(frames), 3)

    objective = Objective(
        DiffusionConfig(objective="x_prediction", times="logit_normal", logit_mean=3, denoise_steps=4)
    )
    return DiffusionTask(
        model, objective, EncodedClips(RenderedClips(scenes, 16), encode, condition), mask, tokenizer, batch_size, seed
    )


def same(a: TrainState, b: TrainState) -> bool:
    left, right = a.tensors(), b.tensors()
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)

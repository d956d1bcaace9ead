"""Configuration of noise, objective and sampler: plain data, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict

from physlaw.errors import UserError
from physlaw.fields import check, choice, ranged

OBJECTIVES = ("v_prediction", "x_prediction", "regression")  # regression: the mean, in one step without noise
TIME_DISTRIBUTIONS = ("uniform", "logit_normal")
SCHEDULES = ("linear", "scaled_linear", "cosine")


@dataclass
class DiffusionConfig:
    """What is predicted, at which times, and how samples are drawn."""

    objective: str = choice("v_prediction", OBJECTIVES)
    schedule: str = choice("scaled_linear", SCHEDULES)  # v_prediction only
    num_timesteps: int = ranged(1000, at_least=2, at_most=1_000_000)  # v_prediction only
    times: str = choice("uniform", TIME_DISTRIBUTIONS)
    logit_mean: float = ranged(0.0)  # logit_normal only: mean and spread of logit(t)
    logit_std: float = ranged(1.0, at_least=0)
    # logit_normal only: share of the times that are drawn evenly instead
    uniform_share: float = ranged(0.0, at_least=0, at_most=1)
    # x_prediction only: the loss weight 1 / t^2 stops growing below it
    min_time: float = ranged(0.05, above=0, below=1)
    denoise_steps: int = ranged(50, at_least=1)

    def __post_init__(self) -> None:
        check(self, "diffusion.")
        if self.denoise_steps > self.num_timesteps:
            raise UserError(
                f"diffusion.denoise_steps must be 1 to num_timesteps ({self.num_timesteps}), got {self.denoise_steps}"
            )

        if self.objective == "regression" and self.denoise_steps != 1:
            raise UserError(
                f"diffusion.objective=regression draws in one step: diffusion.denoise_steps must be 1, got "
                f"{self.denoise_steps}"
            )

    def identity(self) -> Dict[str, Any]:
        """All that can change a result. The share counts where there is one, so that settings from before it keep their
        digests."""
        return {key: value for key, value in vars(self).items() if key != "uniform_share" or value}

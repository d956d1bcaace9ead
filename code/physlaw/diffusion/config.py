"""Configuration of noise, objective and sampler: plain data, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict

from physlaw.errors import UserError, unknown

OBJECTIVES = ("v_prediction", "x_prediction")
TIME_DISTRIBUTIONS = ("uniform", "logit_normal")
SCHEDULES = ("linear", "scaled_linear", "cosine")


@dataclass
class DiffusionConfig:
    """What is predicted, at which times, and how samples are drawn."""

    objective: str = "v_prediction"
    schedule: str = "scaled_linear"  # v_prediction only
    num_timesteps: int = 1000  # v_prediction only
    times: str = "uniform"
    logit_mean: float = 0.0  # logit_normal only: mean and spread of logit(t)
    logit_std: float = 1.0
    uniform_share: float = 0.0  # logit_normal only: share of the times that are drawn uniformly instead
    min_time: float = 0.05  # x_prediction only: the loss weight 1 / t^2 stops growing below it
    denoise_steps: int = 50

    def __post_init__(self) -> None:
        for value, kind, valid in (
            (self.objective, "objective", OBJECTIVES),
            (self.schedule, "noise schedule", SCHEDULES),
            (self.times, "time distribution", TIME_DISTRIBUTIONS),
        ):
            if value not in valid:
                raise unknown(kind, value, valid)
        if self.num_timesteps < 2 or not 1 <= self.denoise_steps <= self.num_timesteps:
            raise UserError(
                f"diffusion.denoise_steps must be 1 to num_timesteps ({self.num_timesteps}), got {self.denoise_steps}"
            )
        if not 0 < self.min_time < 1:
            raise UserError(f"diffusion.min_time must be between 0 and 1, got {self.min_time}")
        if not 0 <= self.uniform_share <= 1:
            raise UserError(f"diffusion.uniform_share must be 0 to 1, got {self.uniform_share}")

    def identity(self) -> Dict[str, Any]:
        """All that can change a result. The share counts where there is one, so that settings from before it keep their
        digests."""
        return {key: value for key, value in vars(self).items() if key != "uniform_share" or value}

"""`physlaw simulate` as a function of its settings."""

from pathlib import Path

from physlaw.data.write import SimulateConfig
from physlaw.studies import registry


def simulate(config: SimulateConfig) -> tuple[Path, int]:
    return registry.world(config.scenario).simulations[-1].run(config)

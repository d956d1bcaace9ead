"""`python slow_steps.py SECONDS -m physlaw ...`: the same command, every training step of which takes so much longer.

A cell of a few steps then outlasts SLURM's shortest time limit on any machine.
"""

import sys
import time
from collections.abc import Callable

from torch import Tensor

from physlaw.__main__ import main
from physlaw.training.tasks import DiffusionTask

seconds, words = float(sys.argv[1]), sys.argv[4:]
loss = DiffusionTask.loss


def slow_loss(task: DiffusionTask, forward: Callable[..., Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
    time.sleep(seconds)
    return loss(task, forward, batch)


DiffusionTask.loss = slow_loss  # type: ignore[method-assign]
assert sys.argv[2:4] == ["-m", "physlaw"], sys.argv
sys.exit(main(words))

"""The paper's VAE for as long as there is time: a checkpoint and Table 3's row at equal intervals."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from physlaw.bench.gpu.child import Report
from physlaw.cell.data import world_of
from physlaw.cell.machine import use_machine
from physlaw.cell.model import FrameCodec
from physlaw.cell.tokenizer import tokenizer_task, use_average, vae_train_config
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.evaluation.tokenizer import measure_tokenizer, summarize_tokenizer
from physlaw.models.tokenizers import build_tokenizer
from physlaw.models.vae import VideoVAE
from physlaw.report.acceptance import LIMIT, verdict
from physlaw.studies import registry
from physlaw.training import ranks
from physlaw.training.loop import fit
from physlaw.training.state import TrainState
from physlaw.training.stopping import Interrupted
from physlaw.training.vae_task import VAETask

LOG_EVERY = 5  # steps; there are few
CLIP_BYTES = 6e9  # that training needs per clip of the full-width VAE: 16 frames of 128 x 128


def train_vae(report: Report, words: list[str], every_s: float, stop_s: float, clips: int) -> None:
    """Train the cell's VAE from its newest checkpoint on, as `physlaw prepare stage=tokenizer` would go on with it.

    Args:
        every_s: seconds of training between rows.
        stop_s: before the stage's limit, or twice what the last row took if that is more, training stops by itself, to
            be saved and measured once more.
        clips: four times as many are measured in distribution, half as many of every block out of it, and the latents'
            statistics are of four times as many.
    """
    if not any(word.startswith("runs=") for word in words):
        words = [*words, f"runs={report.folder / 'runs'}"]
    cell = compose_cell(words)
    cell = replace(cell, eval=replace(cell.eval, id_clips=4 * clips, ood_clips=max(1, clips // 2)))
    use_machine(cell.machine)
    folder = cell.tokenizer_run()[1]
    with ranks.leased_by_main(folder, "the tokenizer", say=ranks.say):
        if (folder / "card.json").exists():
            report.row(note=f"{folder.name} is trained already: measure it by physlaw tokenizer profile={cell.profile}")
            return
        part = _part(cell)
        while _ran_out_of_memory(report, cell, part, every_s, stop_s, 4 * clips) and part > 1:
            part //= 2


def _ran_out_of_memory(
    report: Report, cell: CellConfig, part: int, every_s: float, stop_s: float, statistics: int
) -> bool:
    """Train until it is to stop, `part` clips in memory at once; true where the device had too little for that."""
    cell = replace(cell, machine=replace(cell.machine, batch_per_device=part))
    run, folder = cell.tokenizer_run()
    task = tokenizer_task(cell)
    settings = replace(vae_train_config(cell.tokenizer, cell.train), log_every=LOG_EVERY)
    visitor = _Visitor(report, cell, task, folder, every_s, stop_s, statistics)
    try:
        fit(task, settings, folder, run, folder.name, cell.machine, visitor)
    except Interrupted as stopped:
        ranks.say(str(stopped))
    except torch.OutOfMemoryError as error:
        report.row(note=f"out of memory with {part or settings.batch_size} clips at once")
        print(error, file=sys.stderr, flush=True)
        return True
    return False


def _part(cell: CellConfig) -> int:
    """machine.batch_per_device of the full-width VAE that should fit the card; 0, no limit, on a CPU."""
    if ranks.device() == "cpu":
        return 0
    part = cell.tokenizer.batch_size
    while part > 1 and part * CLIP_BYTES > 0.8 * torch.cuda.get_device_properties(0).total_memory:
        part //= 2
    return part


class _Visitor:
    """Looks at the training every so often, and when it stops: saved by then, measured here."""

    def __init__(
        self,
        report: Report,
        cell: CellConfig,
        task: VAETask,
        folder: Path,
        every_s: float,
        stop_s: float,
        statistics: int,
    ) -> None:
        self.report, self.cell, self.task, self.folder = report, cell, task, folder
        self.every_s, self.stop_s, self.statistics = every_s, stop_s, statistics
        self.last = self.asked = 0.0  # 0: nothing has been trained yet
        self.trained_s = 0.0  # but for the first step, which comes with loading and beginning

    def due(self) -> bool:
        self.asked = time.monotonic()
        self.last = self.last or self.asked
        if self.report.left_s < self.stop_s:
            os.kill(os.getpid(), signal.SIGUSR2)  # as a cluster asks for it
        return self.asked - self.last >= self.every_s

    def look(self, state: TrainState) -> None:
        saved = time.monotonic()
        self.trained_s += self.asked - self.last
        vae = build_tokenizer(self.cell.tokenizer, world_of(self.cell).picture).to(ranks.device())
        assert isinstance(vae, VideoVAE)
        use_average(vae, self.task, state, self.statistics)
        codec = FrameCodec(vae, self.cell.data.num_cond_frames)
        scores = measure_tokenizer(
            registry.scenario(self.cell.scenario), codec.reconstruct, self.cell.data, self.cell.eval
        )
        groups = summarize_tokenizer(scores)
        self.report.row(
            step=state.step,
            steps=self.cell.tokenizer.steps,
            trained_s=round(self.trained_s, 1),
            save_s=round(saved - self.asked, 1),
            measure_s=round(time.monotonic() - saved, 1),
            batch_size=self.cell.tokenizer.batch_size,
            batch_per_device=self.cell.machine.batch_per_device,
            scenes=self.cell.tokenizer.scenes,
            scenario=self.cell.scenario,
            side=self.cell.data.resolution,
            limit=LIMIT,
            table_3={group: _table_3(found) for group, found in groups.items()},
            **self._logged(),
        )
        self.last = time.monotonic()
        self.stop_s = max(self.stop_s, 2 * (self.last - self.asked))

    def _logged(self) -> dict[str, Any]:
        """The newest losses and rate of the log."""
        log = self.folder / "train.jsonl"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        if not lines:
            return {}
        known = json.loads(lines[-1])
        return {key: known[key] for key in ("reconstruction", "kl", "steps_per_s", "data_stall") if key in known}


def _table_3(found: dict[str, float]) -> dict[str, Any]:
    low, high = found["difference_low"], found["difference_high"]
    values = {"ground_truth": found["truth_paper_code"], "reconstruction": found["reconstruction_paper_code"]}
    values |= {"difference": found["difference"], "difference_low": low, "difference_high": high}
    values |= {"lost_balls": found["reconstruction_missing"]}
    known = {name: round(float(value), 5) for name, value in values.items()}
    return {"clips": int(found["clips"]), "judged": int(found["judged"]), **known, "verdict": verdict(low, high)}

"""`physlaw bench checkpoint`: how long a training state takes to be written durably and read again.

A cell must save within the warning that a cluster gives. The state is the real one: weights, moving average and both
of AdamW's moments of the cell's model, random; written, flushed, hashed and read back as training does it.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from physlaw.config import CellConfig
from physlaw.files import write_json
from physlaw.models.dit import DiT, count_parameters
from physlaw.models.tokenizers import build_tokenizer, latent_shape
from physlaw.provenance import provenance
from physlaw.training import ranks
from physlaw.training.optimizers import build_optimizers
from physlaw.training.state import TrainState, load_newest, new_ema, save_checkpoint


def _plain_write(path: Path, size: int) -> float:
    """Seconds of writing that many bytes to the disk in the simplest way."""
    block = bytes(1 << 24)
    started = time.perf_counter()
    with path.open("wb") as stream:
        for _ in range(size // len(block) + 1):
            stream.write(block)
        os.fsync(stream.fileno())
    return time.perf_counter() - started


@dataclass
class CheckpointBenchConfig:
    """Where to."""

    out: str = ""  # a JSON file


def bench_checkpoint(cell: CellConfig, config: CheckpointBenchConfig) -> dict[str, object]:
    """Seconds of saving and of loading, in the system's folder for temporary files (TMPDIR)."""
    tokenizer = build_tokenizer(cell.tokenizer)
    shape = latent_shape(tokenizer, cell.data.num_frames, cell.data.resolution)
    model = DiT(cell.model, tokenizer.channels, shape).to(ranks.device())
    state = TrainState(model, new_ema(model), build_optimizers(model, cell.train), step=1)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    for optimizer in state.optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    with tempfile.TemporaryDirectory() as folder:
        free = shutil.disk_usage(folder).free
        started = time.perf_counter()
        save_checkpoint(Path(folder), state, "bench")
        saved = time.perf_counter()
        assert load_newest(Path(folder), state, "bench")
        loaded = time.perf_counter()
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir()
        plain = _plain_write(Path(folder) / "plain", size)
    found = {
        "model": cell.model.name,
        "million_parameters": round(count_parameters(model) / 1e6, 1),
        "gigabytes": round(size / 1e9, 2),
        "save_s": round(saved - started, 1),
        "load_s": round(loaded - saved, 1),
        "plain_write_s": round(plain, 1),  # as many bytes, flushed
        "disk_free_gb": round(free / 1e9),
    }
    print(json.dumps(found))
    if config.out:
        write_json(Path(config.out), {"rows": found, "provenance": provenance()})
    return found

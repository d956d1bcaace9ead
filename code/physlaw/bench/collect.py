"""`physlaw bench collect`: how long a large study takes to compose, collect and draw.

Three real miniature cells are run; their folders are copied to every other name, with what differs between cells put
right. The copies are as large as the cells of a real study; only their numbers are all the same.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from physlaw.fields import check, ranged
from physlaw.files import read_json, write_json
from physlaw.launch.cells import study_cells
from physlaw.provenance import provenance
from physlaw.results.reproduce import collect_and_report, run_cells

TINY = ["model.depth=1", "model.hidden_size=48", "model.num_heads=2", "diffusion.denoise_steps=2", "train.steps=20",
        "train.batch_size=2", "eval.id_clips=4", "eval.ood_clips=4", "grid.sizes=[300]"]  # fmt: skip


@dataclass
class CollectBenchConfig:
    """How large and where to."""

    cells: int = ranged(10_000, at_least=3)  # rounded up to a multiple of the three scenarios
    out: str = ""  # a JSON file

    def __post_init__(self) -> None:
        check(self)


def bench_collect(config: CollectBenchConfig) -> dict[str, float]:
    """Seconds of composing the cells, and of collecting and drawing them; printed, and written to config.out."""
    with tempfile.TemporaryDirectory() as folder:
        words = [*TINY, f"runs={folder}/runs"]
        run_cells(study_cells(words), 1)
        seeds = ",".join(map(str, range(-(-config.cells // 3))))
        started = time.perf_counter()
        cells = study_cells([*words, f"grid.seeds=[{seeds}]"])
        composed = time.perf_counter() - started
        originals = {cell.scenario: cell for cell in cells if cell.seed == 0}
        for cell in cells:
            original = originals[cell.scenario]
            if cell is original:
                continue
            cell.folder.mkdir(parents=True)
            for name in ("rows.csv", "evaluation.json"):
                (cell.folder / name).write_bytes((original.folder / name).read_bytes())
            card = read_json(original.folder / "provenance.json")
            card.update(cell=cell.name, config_digest=cell.digest())
            (cell.folder / "provenance.json").write_text(json.dumps(card), encoding="utf-8")
        started = time.perf_counter()
        collect_and_report(cells, Path(folder) / "results")
        collected = time.perf_counter() - started
        size = (Path(folder) / "results" / "metrics.csv").stat().st_size
    found = {"cells": len(cells), "compose_s": round(composed, 2), "collect_s": round(collected, 2)}
    print(json.dumps(found | {"metrics_mb": round(size / 1e6, 1)}))
    if config.out:
        write_json(Path(config.out), {"rows": found, "provenance": provenance()})
    return found

"""Run folders of the combinatorial study as a finished evaluation leaves them, of few tiny clips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.metric import notes_text
from physlaw.studies.combinatorial.score import METRICS

SETS = ("in_template", "out_of_template")
COMMON = ("common_30", "common_60")
CAUSES = {"vanished": 0.1, "deformed": 0.2}
SETTINGS = {"num_frames": 4, "resolution": 8, "detector_clips": 200}
MARGINS = ((0, 0.25), (0.25, 0.5), (0.5, 1), (1, 2), (2, 4), (4, np.inf), (0, 1), (1, np.inf))
NO_WEIGHTS = "no weights given"
GOOD = {"ssim": 0.95, "psnr": 27.0, "frechet_latent": 0.5, "abnormal": 0.2, "position_error": 12.0, "matched": 0.9}
COPIED = {"ssim": 0.6, "psnr": 15.0, "abnormal": 0.9}  # the nearest case's, out of template
FLOOR = {"ssim": 1.0, "psnr": 100.0, "frechet_latent": 0.0, "abnormal": 0.02, "position_error": 0.3, "matched": 1.0}


def cell_rows(quality: dict[tuple[str, str], float] | None = None, half: float = 0.01) -> list[dict[str, Any]]:
    """rows.csv of a cell. quality: (set, measure) -> generated value, where it is not GOOD's; "retrieved_..." of the
    nearest case, out of template. Without weights. Every cell has all of COMMON, as none has outside tests."""
    metrics = {metric.column: metric for metric in METRICS}
    rows: list[dict[str, Any]] = []
    for group in (*SETS, *COMMON):
        row: dict[str, Any] = {"kind": "set", "group": group, "clips": 40}
        for source, known in (("generated", GOOD), ("reconstruction", FLOOR)):
            changed = {name: value for (of, name), value in (quality or {}).items() if of == group}
            usual = dict.fromkeys(("lpips", "fvd"), np.nan) | known | CAUSES
            changed = {name: value for name, value in changed.items() if not name.startswith("retrieved_")}
            for name, value in (usual | (changed if source == "generated" else {})).items():
                row |= metrics[f"{source}_{name}"].stated(value, value - half, value + half, 40)
        for name, value in (COPIED if group == SETS[1] else {}).items():
            value = (quality or {}).get((group, f"retrieved_{name}"), value)
            row |= metrics[f"retrieved_{name}"].stated(value, value - half, value + half, 40)
        absent = [name for name in ("lpips", "fvd") if np.isnan(row[f"generated_{name}"])]
        rows.append(row | {"notes": notes_text(dict.fromkeys(absent, NO_WEIGHTS))})
    for group, share in (("false positives", 0.03), ("found: object gone", 0.97)):
        called = metrics["reconstruction_abnormal"].stated(share, share - 0.02, share + 0.02)
        rows.append({"kind": "detector", "group": group, "clips": 200} | called)
    counts = {"right": 6, "wrong": 2, "elsewhere": 1, "missing": 1}
    for family in ("gap_ball", "all"):
        for low, high in MARGINS:
            value = 0.6 if high <= 1 else 0.9
            clips = 50 if (low, high) in MARGINS[-2:] else 10
            row = {"kind": "ambiguity", "group": f"{family} {low:g} to {high:g} px", "clips": clips}
            row |= metrics["generated_accuracy"].stated(value, value - 0.1, value + 0.1)
            rows.append(row | {f"generated_{name}": count for name, count in counts.items()})
    return rows


def metrics_of(cells: dict[tuple[str, str, int], list[dict[str, Any]] | None]) -> pd.DataFrame:
    """metrics.csv as a table. cells: (model, templates, seed) -> rows, None where the cell has not finished."""
    rows = []
    for (model, size, seed), known in cells.items():
        names = {"study": "combinatorial", "profile": "smoke", "recipe": "fast", "scenario": "combinatorial"}
        names |= {"cell": f"combinatorial-{model}-n{size}-seed{seed}", "model": model, "size": size, "seed": seed}
        parameters = {"parameters": {"large": 1000.0, "small": 100.0}[model], "commit": "c" * 40}
        rows += [{**names, "kind": "missing"}] if known is None else [{**names, **one, **parameters} for one in known]
    return pd.DataFrame(rows)


def write_cell(cell: CellConfig, clips: int = 12, templates: int = 4, quality: dict[Any, float] | None = None) -> None:
    """A run folder with everything that the report reads. Clips are numbered 0, 2, 4, ...; clip k is of template
    k % templates, and its SSIM is 0.5 + k / 100."""
    folder = cell.folder / "eval"
    folder.mkdir(parents=True)
    pd.DataFrame(cell_rows(quality)).to_csv(cell.folder / "rows.csv", index=False)
    trained = {"config_digest": cell.digest(), "weights_sha256": "w", "parameters": 1000 * cell.model.depth}
    trained |= {"training_clips": 99_000 * int(cell.size), "steps": 10, "train_seconds": 1.0, "compiled": False}
    trained |= {"tokenizer": {"seconds": 0.0, "digest": "t"}, "commit": "c" * 40, "dirty": False, "code_digest": "d"}
    trained |= {"data_digest": f"data{cell.size}", "hardware": {"processor": "none", "cores": 2}}
    (cell.folder / "provenance.json").write_text(json.dumps(trained))
    evaluated = {"weights_sha256": "w", "seconds": 2.0, "code_digest": "d"}
    (cell.folder / "evaluation.json").write_text(json.dumps(evaluated))
    index = np.arange(clips)
    for name in SETS:
        columns: dict[str, Any] = {"template": 10000 + index % templates, "scene": index, "trial": 990}
        columns |= {"number": 2 * index}
        for source in ("generated", "reconstruction"):
            columns |= {f"{source}_ssim": 0.5 + index / 100, f"{source}_psnr": 20.0 + int(cell.size) / 10}
            third, sixth = (index % 3 == 0).astype(int), (index % 6 == 0).astype(int)
            columns |= {f"{source}_abnormal": third, f"{source}_vanished": third, f"{source}_deformed": sixth}
            columns |= {f"{source}_position_error": 3.0}
        pd.DataFrame(columns).to_csv(folder / f"{name}.csv", index=False)
        frames = {f"frames/generated_{m}": np.tile([1.0, 0.9, 0.8, 0.7], (clips, 1)) for m in ("ssim", "psnr")}
        frames["frames/generated_ssim"][0] -= 0.1
        np.savez_compressed(folder / f"{name}.npz", **frames)
        (folder / name).mkdir()
        for start in range(0, clips, 5):
            part = index[start : start + 5]
            pixels = np.broadcast_to(part[:, None, None, None, None], (len(part), 4, 8, 8, 3)).astype(np.uint8)
            arrays = {"truth": pixels, "reconstruction": pixels + 50, "generated": pixels + 100}
            np.savez_compressed(folder / name / f"{start:06d}.npz", numbers=2 * part, **arrays)
    outcomes = {"family": "gap_ball", "number": [0, 1], "margin": [0.5, -2.0], "true": "left"}
    pd.DataFrame(outcomes | {"generated": "left", "reconstruction": "left"}).to_csv(
        folder / "ambiguity.csv", index=False
    )


def make_cell(runs: Path, size: str, model: str = "dit_xs", finished: bool = True, **options: Any) -> CellConfig:
    """A cell whose run folder is below `runs`; options are write_cell's."""
    cell = compose_cell(["study=combinatorial", "profile=smoke", f"model={model}", f"size={size}", f"runs={runs}"])
    if finished:
        write_cell(cell, **options)
    return cell

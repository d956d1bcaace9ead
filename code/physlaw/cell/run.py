"""Run one cell: tokenizer, latents, training, evaluation. Each stage leaves its result on disk and is not repeated.

The folder holds config.json, provenance.json, checkpoints/, model.safetensors, eval/ (per-clip tables and clips) and,
at the end, rows.csv. The same command continues an interrupted cell.
"""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

from physlaw.cell.agent import prepare_agent
from physlaw.cell.checks import check_configuration, check_scale
from physlaw.cell.data import training_clips
from physlaw.cell.folder import claim_folder, noting_failure, trained_weights
from physlaw.config import CellConfig
from physlaw.csv_file import RERUN, read_csv
from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.score import counts_of
from physlaw.files import read_json, visible, write_json, write_text
from physlaw.provenance import provenance
from physlaw.schema import read_record
from physlaw.studies import registry
from physlaw.training import ranks


def run_cell(cell: CellConfig) -> Path:
    """Train and evaluate; returns the path of rows.csv. Finished work is kept and not repeated.

    Raises:
        UserError: another process works on the cell, or the configuration cannot work.
    """
    rows = cell.folder / "rows.csv"
    check_configuration(cell)
    ranks.join()
    with ranks.leased_by_main(cell.folder, f"cell {cell.name}", say=ranks.say), noting_failure(cell.folder):
        evaluation = _prepared(cell)
        if evaluation is None:
            return rows
        started = time.monotonic()
        card = cell.folder / "evaluation.json"
        if rows.exists() and card.exists() and _is_current(read_record(card), cell):
            return rows
        ranks.say(f"{cell.name}: evaluating")
        _drop_stale_evaluation(cell)
        summary = registry.part(cell.study, "score").score(evaluation)
        write_text(rows, summary.to_csv(index=False, float_format="%.9g"))
        write_json(
            card,
            {
                "weights_sha256": trained_weights(cell),
                "networks": cell.eval.networks(),
                "denoise_steps": cell.diffusion.denoise_steps,
                **vars(counts_of([read_csv(path, RERUN) for path in visible(cell.folder / "eval", "*.csv")])),
                "seconds": round(time.monotonic() - started, 1),
                **provenance(),
            },
        )
    return rows


def _prepared(cell: CellConfig) -> Evaluation | None:
    """The cell's trained model, or its reference agent; None in processes that only train."""
    if not cell.model.agent:
        from physlaw.cell.trained import train_cell  # torch, which a reference agent does without

        model = train_cell(cell)
        return model.evaluation(partial(training_clips, cell)) if ranks.is_main() else None
    if not ranks.is_main():
        return None
    check_scale(cell)
    if any(cell.eval.networks().values()):  # they compare its clips
        from physlaw.cell.machine import use_machine

        use_machine(cell.machine)
    cell.folder.mkdir(parents=True, exist_ok=True)
    claim_folder(cell)
    return prepare_agent(cell)


def _is_current(evaluated: dict[str, Any], cell: CellConfig) -> bool:
    """The evaluation is of these weights, by these networks."""
    networks = evaluated.get("networks", cell.eval.networks())
    return evaluated.get("weights_sha256") == trained_weights(cell) and networks == cell.eval.networks()  # type: ignore[no-any-return]


def _drop_stale_evaluation(cell: CellConfig) -> None:
    """Per-clip tables belong to one set of weights; those of others are removed."""
    owner = cell.folder / "eval" / "weights.json"
    if owner.exists() and read_json(owner) == trained_weights(cell):
        return
    shutil.rmtree(owner.parent, ignore_errors=True)
    write_json(owner, trained_weights(cell))

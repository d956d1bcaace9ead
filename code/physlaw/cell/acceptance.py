"""Measure a study's tokenizer on its own, scenario by scenario: tokenizer.csv, .md and .json in the results folder.

The tokenizer is the one that `physlaw prepare` or `train` made; nothing is trained here. A scenario that was measured
before with the same tokenizer and clips is kept.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd

from physlaw.cell.checks import check_scale
from physlaw.cell.machine import check_devices, use_machine
from physlaw.cell.model import FrameCodec
from physlaw.cell.tokenizer import prepare_tokenizer
from physlaw.config import CellConfig, digest_of
from physlaw.errors import UserError
from physlaw.evaluation.score import counts_of
from physlaw.evaluation.tokenizer import measure_tokenizer, summarize_tokenizer
from physlaw.files import write_json, write_text
from physlaw.models.pixels import PixelTokenizer
from physlaw.models.vae import VideoVAE
from physlaw.provenance import provenance
from physlaw.report.acceptance import COLUMNS, FILE, LIMIT, MEASURED, acceptance_text, not_run, read_measured, verdict
from physlaw.schema import read_record
from physlaw.studies import registry
from physlaw.training import ranks


def accept_tokenizer(cells: list[CellConfig], asked: list[str], folder: Path) -> pd.DataFrame:
    """Table 3 of a study; see report.acceptance for its columns.

    Args:
        cells: of all the study's scenarios; the first of each counts.
        asked: the scenarios to measure; others keep what is known of them.
    Raises:
        UserError: an asked scenario's tokenizer has not been trained (says how to), or its file is damaged.
    """
    firsts = {cell.scenario: cell for cell in reversed(cells)}
    firsts = {scenario: firsts[scenario] for scenario in dict.fromkeys(cell.scenario for cell in cells)}
    for scenario in asked:
        check_scale(firsts[scenario])
        _check_trained(firsts[scenario])
    check_devices()
    use_machine(cells[0].machine)
    measured, before = read_measured(folder), _read_cards(folder)
    rows: dict[str, list[dict[Any, Any]]] = {s: [not_run(s, group) for group in ("id", "ood")] for s in firsts}
    cards, waiting = {}, []
    for scenario, cell in firsts.items():
        if not _is_trained(cell):
            continue
        tokenizer, known = prepare_tokenizer(cell)
        identity = digest_of({**_settings(cell), "tokenizer": known["digest"]})
        kept = measured[(measured["scenario"] == scenario) & (measured["identity"] == identity)]
        if len(kept) == 2 and before.get(scenario, {}).get("identity") == identity:
            rows[scenario], cards[scenario] = kept.to_dict("records"), before[scenario]
        elif scenario in asked:
            waiting.append((cell, tokenizer, known, identity))
    table = _write(folder, rows, cards)  # with what is kept: an interrupted call loses none of it
    for cell, tokenizer, known, identity in waiting:
        rows[cell.scenario], cards[cell.scenario] = _measure(cell, tokenizer, known, identity)
        table = _write(folder, rows, cards)
    return table


def _measure(
    cell: CellConfig, tokenizer: PixelTokenizer | VideoVAE, known: dict[str, Any], identity: str
) -> tuple[list[dict[Any, Any]], dict[str, Any]]:
    """A scenario's two rows, and where they come from."""
    ranks.say(f"{cell.scenario}: measuring tokenizer {cell.tokenizer.name}")
    started = time.monotonic()
    codec = FrameCodec(tokenizer, cell.data.num_cond_frames)
    measured = measure_tokenizer(registry.scenario(cell.scenario), codec.reconstruct, cell.data, cell.eval)
    groups, counts = summarize_tokenizer(measured), counts_of([measured])
    origin = provenance()
    common = {"tokenizer": cell.tokenizer.name, "side": cell.data.resolution, "source": MEASURED}
    common |= {"tokenizer_digest": known["digest"], "identity": identity, "commit": origin["commit"]}
    rows = [
        not_run(cell.scenario, group)
        | {**found, **common, "verdict": verdict(found["difference_low"], found["difference_high"])}
        for group, found in groups.items()
    ]
    card = {
        "config": {"study": cell.study, "profile": cell.profile, "recipe": cell.recipe, **_settings(cell)},
        "tokenizer": {**cell.tokenizer.identity(), **known, "learned": isinstance(tokenizer, VideoVAE)},
        "identity": identity,
        **vars(counts),
        "seconds": round(time.monotonic() - started, 1),
        **origin,
    }
    return rows, card


def _settings(cell: CellConfig) -> dict[str, Any]:
    """What the measured clips follow from."""
    data = ("resolution", "num_frames", "contact", "method", "seed", "placement")
    return {
        "scenario": cell.scenario,
        "data": {key: getattr(cell.data, key) for key in data},
        "eval": {key: getattr(cell.eval, key) for key in ("blocks", "id_clips", "ood_clips")},
    }


def _is_trained(cell: CellConfig) -> bool:
    return not cell.tokenizer.learned or (cell.tokenizer_run()[1] / "card.json").exists()


def _check_trained(cell: CellConfig) -> None:
    if not _is_trained(cell):
        folder = cell.tokenizer_run()[1]
        raise UserError(
            f"tokenizer {folder.name} is not trained ({folder}); train it with `physlaw prepare stage=tokenizer "
            f"profile={cell.profile}` and the other words of this command"
        )


def _read_cards(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer.json"
    return dict(read_record(path, "scenarios")["scenarios"]) if path.exists() else {}


def _write(folder: Path, rows: dict[str, list[dict[Any, Any]]], cards: dict[str, Any]) -> pd.DataFrame:
    """All three files. A call killed between them leaves a row and a card that differ: that scenario is done again."""
    table = pd.DataFrame([row for pair in rows.values() for row in pair])
    further = [name for name in table if name not in COLUMNS]
    table = table.reindex(columns=[*COLUMNS, *further])
    write_json(folder / "tokenizer.json", {"limit": LIMIT, "scenarios": cards})
    write_text(folder / FILE, table.to_csv(index=False, float_format="%.6g"))
    write_text(folder / "tokenizer.md", acceptance_text(table))
    return table

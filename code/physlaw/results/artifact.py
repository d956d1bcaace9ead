"""The generated parts of ARTIFACT.md: claims to experiments to tables, what was measured where, an expected output."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from physlaw.files import read_json, visible
from physlaw.report.tables import MISSING, comparison_text
from physlaw.results.claims import Row
from physlaw.results.scales import Metrics, hardware_text, runs_of, seeds_text
from physlaw.studies import NAMES, registry

Results = Mapping[str, Metrics]
EXCERPT = 4  # lines of the comparison's numbers


def claims_map(folder: Path, best: list[Row]) -> str:
    """A row per claim: its experiment, and the tables and figures that show it at the largest scale that has been run.

    Args:
        folder: the results folder. best: a row per claim.
    """
    lines = ["| claim | experiment | command | tables and figures | verdict |", "|---|---|---|---|---|"]
    for row in best:
        place = f"results/{row.study}/{row.scale}"
        names = ["table.md", *(f"figures/{path.name}" for path in visible(folder / row.study / row.scale, "figures/*"))]
        there = [
            f"[{Path(name).stem}]({place}/{name})"
            for name in names
            if (folder / row.study / row.scale / name).is_file()
        ]
        command = f"`{row.command}`" if row.command else MISSING
        experiment = f"{row.study}, {row.scale}"
        lines.append(f"| {row.claim} | {experiment} | {command} | {', '.join(there) or 'none yet'} | {row.verdict} |")
    return "\n".join(lines)


def measured(folder: Path, results: Results) -> str:
    """A row per study and scale with results: cells, machine, minutes of all finished cells, size, tolerance."""
    header = ["experiment", "cells", "seeds", "machine", "train, min", "evaluate, min", "results, MB", "tolerance"]
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    for study in NAMES:
        for scale in (scale for scale in results if study in results[scale]):
            own = results[scale][study]
            runs, place = runs_of(own), folder / study / scale
            seconds = (
                (runs["train_seconds"] + runs["tokenizer_seconds"].fillna(0)).sum(),
                runs["evaluation_seconds"].sum(),
            )
            size = sum(path.stat().st_size for path in visible(place, "**/*") if path.is_file()) / 1e6
            notes = place / "notes.json"
            tolerance = f"{100 * read_json(notes)['tolerance']:.0f} %" if notes.is_file() else MISSING
            cells = [
                f"{study}, {scale}",
                f"{len(runs)} of {own['cell'].nunique()}",
                seeds_text(own),
                hardware_text([own]),
            ]
            cells += [*(f"{one / 60:.0f}" for one in seconds), f"{size:.1f}", tolerance]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def expected(folder: Path, results: Results, study: str) -> str:
    """What `make reproduce` prints at its end, from the committed numbers beside themselves: the head of the comparison
    and its last line."""
    notes = folder / study / "smoke" / "notes.json"
    if study not in results.get("smoke", {}) or not notes.is_file():
        return "No run of it is committed."
    metrics, tolerance = results["smoke"][study], read_json(notes)["tolerance"]
    lines = comparison_text(registry.report_of(study).compare(metrics, metrics, tolerance)).splitlines()
    shown = [*lines[: 2 + EXCERPT], "...", lines[-1]]
    return "\n".join(["```text", *shown, "```"])

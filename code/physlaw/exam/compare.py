"""`physlaw exam compare`: several models' cards in one table and one plot, paired by item."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from physlaw.csv_file import read_csv
from physlaw.errors import UserError
from physlaw.exam.card import read_card
from physlaw.files import write_text
from physlaw.intervals import bootstrap
from physlaw.report.compared import ERROR
from physlaw.report.tables import MISSING, Table, markdown, number
from physlaw.studies import registry

HEADER = ["scenario", "clips of", "model", "clips", "measured", "velocity error [95 %]", "follow"]
SHOWN = ("measured_share", "corrected", "follow")
REMEDY = "run `physlaw exam score` again"


def compare(paths: list[Path], out: Path) -> str:
    """Write compared.md, compared.csv and compared.svg; returns the table as Markdown.

    Raises:
        UserError: fewer than two cards, one that is none, or cards of different exams or of one name.
    """
    if len(paths) < 2:
        raise UserError(
            f"compare takes at least two cards, got {len(paths)}: physlaw exam compare A/card.json B/card.json"
        )
    cards = [read_card(path) for path in paths]
    for path, card in zip(paths, cards, strict=True):
        if card["exam_digest"] != cards[0]["exam_digest"]:
            raise UserError(
                f"{path} is of another exam ({card['exam_digest']!r:.12}) than {paths[0]} "
                f"({cards[0]['exam_digest']!r:.12}); cards are compared item by item"
            )
    names = _names(cards, paths)
    clips = [_clips(path) for path in paths]
    groups = _groups(cards[0])
    header, rows = _table(cards, names, clips, groups)
    text = markdown(header, rows)
    write_text(out / "compared.md", text)
    write_text(out / "compared.csv", pd.DataFrame(rows, columns=header).to_csv(index=False))
    if any(row.get("corrected") is not None for card in cards for row in card["rows"]):
        _plot(cards, names, groups, out / "compared.svg")
    return text


def _names(cards: list[dict[str, Any]], paths: list[Path]) -> list[str]:
    """The models' names; those that are not unique get their folder's."""
    every = [str(card["name"]) for card in cards]
    folders = [(path if path.is_dir() else path.parent).resolve().name for path in paths]
    return [
        f"{name} ({folder})" if every.count(name) > 1 else name for name, folder in zip(every, folders, strict=True)
    ]


def _clips(path: Path) -> pd.DataFrame | None:
    """The errors of single items, which lie beside a card; None where they do not."""
    table = (path if path.is_dir() else path.parent) / "clips.csv"
    if not table.is_file():
        return None
    found = read_csv(table, REMEDY)
    return found if {"item", "scenario", "group", ERROR} <= set(found) else None


def _groups(card: dict[str, Any]) -> dict[str, str]:
    return registry.report_of(str(card["study"])).groups


def _table(
    cards: list[dict[str, Any]], names: list[str], clips: list[pd.DataFrame | None], groups: dict[str, str]
) -> Table:
    header, rows = [*HEADER, f"difference to {names[0]}, same clips [95 %]"], []
    for scenario in dict.fromkeys(row["scenario"] for card in cards for row in card["rows"]):
        for group, called in groups.items():
            for k, (card, name) in enumerate(zip(cards, names, strict=True)):
                found = [row for row in card["rows"] if (row["scenario"], row["group"]) == (scenario, group)]
                if not found:
                    continue
                row = found[0]
                error = _with_interval(*(row.get(f"corrected{end}") for end in ("", "_low", "_high")))
                cells = [str(row.get("clips") or MISSING), _number(row.get("measured_share"), 2), error]
                cells += [_number(row.get("follow"), 2), paired(clips[0], clips[k], scenario, group) if k else ""]
                rows.append([scenario, called, name, *cells])
    return header, rows


def paired(first: pd.DataFrame | None, other: pd.DataFrame | None, scenario: str, group: str) -> str:
    """The other's error minus the first's, mean over the items that both have measured, each over its seeds."""
    if first is None or other is None:
        return MISSING
    errors = [
        table[(table["scenario"] == scenario) & (table["group"] == group)].groupby("item")[ERROR].mean()
        for table in (first, other)
    ]
    away = (errors[1] - errors[0]).dropna().to_numpy()
    if len(away) < 2:
        return MISSING
    return f"{_with_interval(float(away.mean()), *bootstrap(away), sign='+')} of {len(away)}"


def _number(value: float | None, digits: int = 3) -> str:
    return number(math.nan if value is None else value, digits)


def _with_interval(value: float | None, low: float | None, high: float | None, sign: str = "") -> str:
    if value is None:
        return MISSING
    shown = f"{value:{sign}.3f}"
    return shown if low is None or high is None else f"{shown} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _plot(cards: list[dict[str, Any]], names: list[str], groups: dict[str, str], path: Path) -> None:
    import matplotlib.pyplot as plt

    from physlaw.report.figures import IN_DIST, OOD, save

    scenarios = list(dict.fromkeys(row["scenario"] for card in cards for row in card["rows"]))
    figure, all_axes = plt.subplots(
        1, len(scenarios), figsize=(3.2 * len(scenarios), 0.8 + 0.45 * len(cards)), sharey=True, squeeze=False
    )
    colours = dict(zip(groups, (IN_DIST, OOD), strict=False))
    for axes, scenario in zip(all_axes[0], scenarios, strict=True):
        for k, card in enumerate(cards):
            for row in card["rows"]:
                if row["scenario"] != scenario or row["group"] not in colours or row.get("corrected") is None:
                    continue
                ends = [row.get("corrected_low"), row.get("corrected_high")]
                if None not in ends:
                    axes.plot(ends, [k, k], color=colours[row["group"]], alpha=0.5)
                axes.plot(row["corrected"], k, "o", color=colours[row["group"]])
        axes.set_title(scenario)
        axes.set_xlabel("velocity error")
        axes.set_yticks(np.arange(len(names)), names)
    for group, colour in colours.items():
        all_axes[0][0].plot([], [], "o", color=colour, label=groups[group])
    all_axes[0][0].legend(fontsize=7)
    save(figure, path)

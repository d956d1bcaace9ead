"""The study's tables as Markdown and LaTeX, and the comparison with committed results. From metrics.csv alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

# What may differ between machines. Ground truth, its parsing and retrieval involve no training: only the last digits
# may move. A model trained elsewhere takes another path through rounding and ends elsewhere: the profile says by how
# much it may (see results/README.md).
EXACT_TOLERANCE = 1e-3  # world units / s
MISSING = "—"
SOURCES = ("generated", "truth", "reconstruction", "retrieved")
TABLE_COLUMNS = (
    *("cell", "scenario", "model", "size", "seed", "recipe", "group", "clips", "generated_missing", "nearer_to_case"),
    *(f"{source}_corrected" for source in SOURCES),
    *(f"generated_corrected_{end}" for end in ("low", "high")),
)


@dataclass(frozen=True)
class Compared:
    """One number here and there."""

    cell: str
    name: str
    here: float
    there: float
    tolerance: str
    agree: bool


def _number(value: float, digits: int = 3) -> str:
    return MISSING if value is None or np.isnan(value) else f"{value:.{digits}f}"


def group_row(metrics: pd.DataFrame, cell: str, group: str) -> pd.Series | None:
    """A cell's row for one group of clips ("id", "ood", "ood1", a block); None when there is none."""
    found = metrics[(metrics["cell"] == cell) & (metrics.get("group") == group)]
    return found.iloc[0] if len(found) else None


def ood_levels(metrics: pd.DataFrame) -> list[int]:
    """All OOD levels that any cell has."""
    return sorted(int(level) for level in metrics.loc[metrics["kind"] == "level", "level"].unique())


def table_rows(metrics: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the study's table, as text.

    Errors are the corrected time-mean velocity error in world units / s, with its 95 % bootstrap interval over clips
    in distribution. ratio: OOD over ID error. GT floor: parsing ground truth; tokenizer floor: after reconstruction.
    retrieval: copying the nearest training clip, ID / OOD. nearer: share of generated OOD clips whose speed is nearer
    to that training case than to the law.
    """
    levels = ood_levels(metrics)
    header = ["scenario", "model", "data", "seed", "recipe", "ID error [95 %]"]
    header += [f"OOD L{level}" for level in levels]
    header += ["OOD", "ratio", "GT floor", "tokenizer floor", "retrieval ID / OOD", "nearer to case", "missing"]
    cells: dict[str, dict[str, dict[Any, Any]]] = {}
    used = metrics.columns.intersection(
        list(TABLE_COLUMNS)
    )  # parsing the others takes most of the time in a large study
    for record in metrics.loc[(metrics["kind"] != "block") | (metrics["group"] == "id"), used].to_dict("records"):
        cells.setdefault(record["cell"], {})[record["group"]] = record
    rows = []
    for groups in cells.values():
        first = next(iter(groups.values()))
        names = [first["scenario"], first["model"], str(first["size"]), str(first["seed"]), first["recipe"]]
        inside, outside = groups.get("id"), groups.get("ood")
        if inside is None or outside is None:
            rows.append(names + [MISSING] * (len(header) - len(names)))
            continue
        error = _number(inside["generated_corrected"])
        low, high = (_number(inside[f"generated_corrected_{end}"]) for end in ("low", "high"))
        row = [*names, f"{error} [{low}, {high}]"]
        for level in levels:
            at_level = groups.get(f"ood{level}")
            row.append(MISSING if at_level is None else _number(at_level["generated_corrected"]))
        ratio = outside["generated_corrected"] / inside["generated_corrected"]
        share = (inside["generated_missing"] + outside["generated_missing"], inside["clips"] + outside["clips"])
        row += [
            _number(outside["generated_corrected"]),
            _number(ratio, 1),
            f"{_number(inside['truth_corrected'])} / {_number(outside['truth_corrected'])}",
            f"{_number(inside['reconstruction_corrected'])} / {_number(outside['reconstruction_corrected'])}",
            f"{_number(inside['retrieved_corrected'])} / {_number(outside['retrieved_corrected'])}",
            _number(outside["nearer_to_case"], 2),
            f"{share[0]:.0f} in {share[1]:.0f} clips",
        ]
        rows.append(row)
    return header, rows


def grid_table(metrics: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows laid out as the paper's Figure 3: scenario and model down, data size across, error in and out of
    distribution; with several seeds their mean, standard deviation and number."""
    seeds = metrics.groupby(["scenario", "model", "size"])["seed"].nunique()
    sizes = list(metrics["size"].unique())
    header = ["scenario", "model", *(f"{size} {where}" for size in sizes for where in ("ID", "OOD"))]
    errors = metrics[metrics["group"].isin(["id", "ood"])].groupby(["scenario", "model", "size", "group"])
    values = {key: (p.mean(), p.std(), int(p.count())) for key, p in errors["generated_corrected"]}
    rows = []
    for scenario, model in metrics[["scenario", "model"]].drop_duplicates().itertuples(index=False):
        row = [scenario, model]
        for size in sizes:
            for group in ("id", "ood"):
                key = (scenario, model, size, group)
                mean, deviation, count = values.get(key, (np.nan, np.nan, 0))
                row.append(_spread(mean, deviation, count, int(seeds.get(key[:3], 0))))
        rows.append(row)
    return header, rows


def _spread(mean: float, deviation: float, count: int, seeds: int) -> str:
    if count == 0:
        return MISSING
    text = _number(mean) + (f" ± {_number(deviation)}" if count > 1 else "")
    return text if seeds == 1 else f"{text} ({count})" if count == seeds else f"{text} ({count} of {seeds})"


def latex(header: list[str], rows: list[list[str]], caption: str) -> str:
    """A LaTeX table (packages booktabs and nothing else)."""

    def line(row: list[str]) -> str:
        cells = [
            cell.replace("±", r"$\pm$").replace(MISSING, "---").replace("%", r"\%").replace("_", r"\_") for cell in row
        ]
        return " & ".join(cells) + r" \\"

    caption = caption.replace("_", r"\_")
    columns = "ll" + "r" * (len(header) - 2)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
    ]
    lines += [line(header), r"\midrule"]
    for previous, row in zip([None, *rows], rows, strict=False):
        if previous is not None and previous[0] != row[0]:
            lines.append(r"\midrule")
        lines.append(line(row))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, columns padded."""
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    lines = ["| " + " | ".join(t.ljust(w) for t, w in zip(r, widths, strict=True)) + " |" for r in [header, *rows]]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines) + "\n"


def compare(here: pd.DataFrame, there: pd.DataFrame, relative: float) -> list[Compared]:
    """Each table number of `here` beside the one in `there`.

    What was trained agrees when it differs by at most the fraction `relative` of the committed one: the model's
    errors, and a VAE's. The other floors and the retrieval baseline may differ by at most EXACT_TOLERANCE.
    """
    compared = []
    for cell in here["cell"].unique():
        for group in ["id", *(f"ood{level}" for level in ood_levels(here)), "ood"]:
            ours, theirs = group_row(here, cell, group), group_row(there, cell, group)
            if ours is None or theirs is None:
                continue
            for source in SOURCES:
                a, b = float(ours[f"{source}_corrected"]), float(theirs[f"{source}_corrected"])
                untrained = theirs["reconstruction_corrected"] == theirs["truth_corrected"]  # it loses nothing
                trained = source == "generated" or (source == "reconstruction" and not untrained)
                bound = relative * abs(b) if trained else EXACT_TOLERANCE
                agree = bool(abs(a - b) <= bound) or (np.isnan(a) and np.isnan(b))
                shown = f"{relative:.0%}" if trained else f"{EXACT_TOLERANCE:g}"
                compared.append(Compared(str(cell), f"{group} {source}", a, b, shown, agree))
    return compared


def comparison_text(compared: list[Compared]) -> str:
    """One line per number: here, committed, tolerance, agree or differ."""
    header = ["cell", "number", "here", "committed", "tolerance", ""]
    rows = [
        [c.cell, c.name, _number(c.here, 4), _number(c.there, 4), c.tolerance, "agree" if c.agree else "DIFFER"]
        for c in compared
    ]
    differ = sum(not c.agree for c in compared)
    return markdown(header, rows) + f"{len(compared) - differ} of {len(compared)} numbers agree, {differ} differ.\n"

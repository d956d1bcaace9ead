"""Tables as text, in Markdown and LaTeX, and numbers of two runs beside each other. What every study's report needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MISSING = "—"  # a cell that has not finished
Table = tuple[list[str], list[list[str]]]  # header and rows, as text


@dataclass(frozen=True)
class Compared:
    """One number here and there."""

    cell: str
    name: str
    here: float
    there: float
    tolerance: str
    agree: bool


def number(value: float, digits: int = 3) -> str:
    """A number with so many digits after the point; MISSING for None and NaN."""
    return MISSING if value is None or np.isnan(value) else f"{value:.{digits}f}"


def spread(mean: float, deviation: float, count: int, seeds: int, digits: int = 3) -> str:
    """A cell's number; with several seeds their mean, standard deviation and how many of them there are."""
    if count == 0:
        return MISSING
    text = number(mean, digits) + (f" ± {number(deviation, digits)}" if count > 1 else "")
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


def comparison_text(compared: list[Compared]) -> str:
    """One line per number: here, committed, tolerance, agree or differ."""
    header = ["cell", "number", "here", "committed", "tolerance", ""]
    rows = [
        [c.cell, c.name, number(c.here, 4), number(c.there, 4), c.tolerance, "agree" if c.agree else "DIFFER"]
        for c in compared
    ]
    differ = sum(not c.agree for c in compared)
    return markdown(header, rows) + f"{len(compared) - differ} of {len(compared)} numbers agree, {differ} differ.\n"

"""The paper's Table 3 beside a study: what the tokenizer alone costs, scenario by scenario, and whether that is little.

From tokenizer.csv (`physlaw tokenizer`), else from the finished cells in metrics.csv, else "not run".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from physlaw.csv_file import read_csv
from physlaw.errors import UserError
from physlaw.report.tables import MISSING, markdown

FILE = "tokenizer.csv"
LIMIT = 0.0015  # world units / s, of paper_code; the paper's own differences are .0002 to .0014
PAPER = {"uniform": (0.0099, 0.0105), "parabola": (0.0210, 0.0212), "collision": (0.0117, 0.0131)}
MEASURED, FROM_CELLS, NOT_RUN = "measured", "from cells", "not run"
SHOWN = {"paper_code": 4, "paper_text": 4, "corrected": 4, "missing": 0}  # errors, with digits
# What the table needs; a measurement may tell more.
COLUMNS = (
    *("scenario", "group", "tokenizer", "side", "clips", "judged"),
    *(f"{source}_{error}" for error in SHOWN for source in ("truth", "reconstruction")),
    *("difference", "difference_low", "difference_high", "limit", "verdict", "source"),
    *("tokenizer_digest", "identity", "commit"),
)
CAPTION = (
    "The tokenizer alone (the paper's Table 3): errors of parsing true clips (GT) and of their reconstructions, mean "
    "over clips, in world units per second. GT, reconstruction and difference are paper_code, over the clips that the "
    "release's evaluator keeps (no small balls, none at rest); the difference with its 95 % bootstrap interval over "
    f"clips. Accepted: the whole interval is at most {LIMIT}, the limit for the paper's 128 x 128 clips; inconclusive: "
    "the interval reaches above and below it. The paper gives one pair per scenario; the release's evaluator, in "
    "distribution, comes near its GT of uniform and collision, while its GT of parabola looks like a position error. "
    "`pixels` has no learned part: its rows show the measurement, not a VAE. From cells: the cells' own means, no "
    "interval."
)


def verdict(low: float, high: float) -> str:
    """What an interval of the mean difference says of the limit; inconclusive too where there is no interval (NaN)."""
    return "accepted" if high <= LIMIT else "not accepted" if low > LIMIT else "inconclusive"


def not_run(scenario: str, group: str) -> dict[str, Any]:
    """The row of what was not measured."""
    return {"scenario": scenario, "group": group, "limit": LIMIT, "verdict": NOT_RUN, "source": NOT_RUN}


def read_measured(folder: Path) -> pd.DataFrame:
    """The measured rows of the folder's tokenizer.csv; none when it is not there.

    Raises:
        UserError: it lacks columns.
    """
    if not (folder / FILE).is_file():
        return pd.DataFrame(columns=list(COLUMNS))
    remedy = "remove it and run `physlaw tokenizer`"
    table = read_csv(folder / FILE, remedy, {"tokenizer_digest": str, "identity": str, "commit": str})
    absent = [name for name in COLUMNS if name not in table]
    if absent:
        raise UserError(f"{folder / FILE} has no column {', '.join(absent)}; {remedy}")
    return table[table["source"] == MEASURED]


def acceptance(folder: Path, metrics: pd.DataFrame) -> pd.DataFrame:
    """Table 3 of a results folder: columns COLUMNS, a row per scenario for ID and OOD clips.

    A measurement of another tokenizer than the cells' is not theirs and is left out.
    """
    measured, rows = read_measured(folder), []
    finished = metrics[metrics["kind"] != "missing"]
    groups = {"id": (finished["kind"] == "block") & (finished["level"] == 0), "ood": finished["kind"] == "all"}
    for scenario in dict.fromkeys([*metrics["scenario"], *measured["scenario"]]):
        of_cells = finished[finished["scenario"] == scenario]
        digests = set(of_cells.get("tokenizer_digest", pd.Series(dtype=str)).dropna())
        for group, chosen in groups.items():
            known = measured[(measured["scenario"] == scenario) & (measured["group"] == group)]
            known = known[known["tokenizer_digest"].isin(digests)] if digests else known
            cells = of_cells[chosen[of_cells.index]]
            if len(known):
                rows.append(known.iloc[0].to_dict())
            elif len(cells):
                rows.append(_from_cell(cells.iloc[0].to_dict(), scenario, group))
            else:
                rows.append(not_run(scenario, group))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _from_cell(row: dict[str, Any], scenario: str, group: str) -> dict[str, Any]:
    """Every cell of a scenario shares tokenizer and clips, so any cell's row will do."""
    difference = row.get("reconstruction_paper_code", np.nan) - row.get("truth_paper_code", np.nan)
    known = {name: row[name] for name in COLUMNS if name in row and name not in ("group", "scenario")}
    known |= {"side": row.get("resolution", np.nan), "difference": difference}
    known |= {"verdict": f"{verdict(difference, difference)} (means alone)", "source": FROM_CELLS}
    return not_run(scenario, group) | known


def acceptance_rows(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows of Table 3 as text, the paper's figures beside ours in distribution."""
    pairs = {name: digits for name, digits in SHOWN.items() if name != "paper_code"}
    header = ["scenario", "clips of", "tokenizer", "side", "clips", "GT", "reconstruction", "difference [95 %]"]
    header += ["verdict", "paper: GT / reconstruction", *(f"{name} GT / rec." for name in pairs), "source"]
    rows = []
    for row in table.to_dict("records"):
        difference = _shown(row["difference"])
        if np.isfinite(row["difference_low"]):
            difference += f" [{_shown(row['difference_low'])}, {_shown(row['difference_high'])}]"
        published = PAPER.get(row["scenario"]) if row["group"] == "id" else None
        clips = _shown(row["clips"], 0)
        if np.isfinite(row["judged"]) and row["judged"] != row["clips"]:
            clips += f" ({_shown(row['judged'], 0)} as released)"
        rows.append(
            [row["scenario"], str(row["group"]).upper(), row["tokenizer"] if pd.notna(row["tokenizer"]) else MISSING]
            + [_shown(row["side"], 0), clips, _shown(row["truth_paper_code"]), _shown(row["reconstruction_paper_code"])]
            + [difference, row["verdict"], MISSING if published is None else " / ".join(map(_shown, published))]
            + [f"{_shown(row[f'truth_{e}'], d)} / {_shown(row[f'reconstruction_{e}'], d)}" for e, d in pairs.items()]
            + [row["source"]]
        )
    return header, rows


def acceptance_text(table: pd.DataFrame) -> str:
    """Table 3 as Markdown, with what it says above it."""
    return f"{CAPTION}\n\n{markdown(*acceptance_rows(table))}"


def _shown(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else MISSING

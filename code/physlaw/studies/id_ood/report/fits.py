"""Runs of metrics.csv with their errors in and out of distribution, and the power laws fitted to them per scenario."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from physlaw.report.compared import ERROR, error_words, judged_error, trained
from physlaw.report.scaling import AXES, DATA, MODEL, Fit, power_law
from physlaw.report.tables import Table
from physlaw.report.verdicts import Difference
from physlaw.studies.id_ood.study import KINDS, PAPER_CLIPS, PAPER_ERRORS, PAPER_ID_SLOPES, PAPER_OOD_SLOPES

WORDS = {DATA: "data", MODEL: "parameters"}
NAMES = ["cell", "scenario", "model", "size", "seed"]
MAIN = "main"  # of the column regime: data sizes that belong on one line


@dataclass(frozen=True)
class ScenarioFits:
    """One scenario's power laws, all of the same runs, so that `gap` has the slopes of outside minus inside.

    inside, outside: excess error, i.e. less that of parsing true clips, in and out of distribution; gap: the ratio of
    the two. kinds: the error of clips that are out of the range in one way ("fast", ...).
    """

    scenario: str
    inside: Fit
    outside: Fit
    gap: Fit
    kinds: dict[str, Fit]
    left_out: list[str]  # runs without a logarithm, and why
    apart: list[str]  # data sizes of another regime
    unfinished: int  # runs that have not finished
    floor: float  # ID error of parsing true clips, world units / s
    error: str  # the column that all runs are judged by

    def notes(self) -> str:
        """What is not in the fits, in words; empty when all is."""
        parts = [f"left out: {', '.join(self.left_out)}"] if self.left_out else []
        parts += [f"of another regime, shown apart: {', '.join(self.apart)} clips"] if self.apart else []
        parts += [f"{self.unfinished} runs not finished"] if self.unfinished else []
        return ", ".join([*parts, *([error_words(self.error)] if error_words(self.error) else [])])


def runs_table(metrics: pd.DataFrame, error: str = ERROR) -> pd.DataFrame:
    """A row per finished run: NAMES, AXES, `id`, `ood` by that error, their intervals over clips (`id_low`, ...),
    `floor` and `ood_floor` (errors of parsing true clips; 0 where not given), `excess` and `ood_excess` (less these),
    all in world units / s, and `ratio` (ood / id)."""
    ends = [f"{error}_{end}" for end in ("low", "high")]
    metrics = metrics.reindex(columns=list(dict.fromkeys([*metrics.columns, *ends])))
    inside = metrics.loc[metrics["group"] == "id", [*NAMES, *AXES, error, *ends, "truth_corrected"]]
    outside = metrics.loc[metrics["group"] == "ood", ["cell", error, *ends, "truth_corrected"]]
    inside.columns = pd.Index([*NAMES, *AXES, "id", "id_low", "id_high", "floor"])
    outside.columns = pd.Index(["cell", "ood", "ood_low", "ood_high", "ood_floor"])
    table = inside.merge(outside, on="cell", how="left", validate="one_to_one")
    table["ood_floor"] = table["ood_floor"].fillna(0.0)
    table = table.assign(excess=table["id"] - table["floor"], ood_excess=table["ood"] - table["ood_floor"])
    return table.assign(ratio=table["ood"] / table["id"])


def of_regime(metrics: pd.DataFrame) -> pd.DataFrame:
    """The cells whose data size belongs on one line with the others; all where metrics.csv names no regime."""
    return metrics[metrics["regime"].fillna(MAIN) == MAIN] if "regime" in metrics else metrics


def scenario_fits(metrics: pd.DataFrame) -> list[ScenarioFits]:
    """The fits of every scenario that has or will have runs, in the order of metrics.csv."""
    metrics = trained(metrics)
    return [_fits(str(scenario), metrics[metrics["scenario"] == scenario]) for scenario in metrics["scenario"].unique()]


def _fits(scenario: str, metrics: pd.DataFrame) -> ScenarioFits:
    missing = metrics[metrics["kind"] == "missing"]
    chosen = of_regime(metrics)
    error = judged_error(chosen, sides_of(chosen))
    runs = runs_table(chosen, error)
    lost = runs[["excess", "ood_excess"]].isna().any(axis=1)
    below = ~lost & ((runs["excess"] <= 0) | (runs["ood_excess"] <= 0))
    left_out = [f"{cell} (no ball found)" for cell in runs.loc[lost, "cell"]]
    left_out += [f"{row.cell} (excess {row.excess:.4f}, not positive)" for row in runs[below].itertuples(index=False)]
    sized = runs["parameters"] > 0  # reference agents may have none
    kept = runs[~lost & ~below & sized].assign(gap=lambda rows: rows["ood_excess"] / rows["excess"])
    inside, outside, gap = (power_law(kept, column) for column in ("excess", "ood_excess", "gap"))
    apart = sorted(set(metrics["size"].astype(str)) - set(chosen["size"].astype(str)))
    kinds = {kind: _of_kind(chosen, kept, kind, error) for kind in KINDS if (chosen["group"] == kind).any()}
    floor = float(runs["floor"].mean())
    return ScenarioFits(scenario, inside, outside, gap, kinds, left_out, apart, missing["cell"].nunique(), floor, error)


def _of_kind(metrics: pd.DataFrame, runs: pd.DataFrame, kind: str, error: str) -> Fit:
    rows = metrics.loc[metrics["group"] == kind, ["cell", error]].rename(columns={error: kind})
    known = runs.merge(rows, on="cell")
    return power_law(known[known[kind] > 0], kind)


def sides_of(metrics: pd.DataFrame, groups: tuple[str, ...] = ("id", "ood")) -> list[dict[str, str]]:
    """Every finished cell's groups, as names for report.compared."""
    done = metrics[metrics["kind"] != "missing"]
    cells = done[["scenario", "model", "size"]].drop_duplicates().to_dict("records")
    return [{**{str(k): str(v) for k, v in cell.items()}, "group": group} for cell in cells for group in groups]


def slope_text(slope: Difference) -> str:
    """-0.18 [-0.25, -0.11]."""
    return slope.text(2)


def axis_text(fit: Fit, axis: str) -> str:
    """A slope as text, or "not run" with the reason."""
    return slope_text(fit.slopes[axis]) if axis in fit.slopes else f"not run ({fit.absent[axis]})"


def fit_table(fits: list[ScenarioFits]) -> Table:
    """Header and rows: a row per scenario and error, slopes with intervals, the paper's beside them."""
    header = ["scenario", "error", "runs", "slope on data [95 %]", "paper", "slope on parameters [95 %]", "paper"]
    header += ["not in the fit"]
    rows = []
    for one in fits:
        inside, outside = (known.get(one.scenario) for known in (PAPER_ID_SLOPES, PAPER_OOD_SLOPES))
        gap = tuple(np.subtract(outside, inside).tolist()) if inside and outside else None
        every = [("excess ID", one.inside, inside), ("excess OOD", one.outside, outside)]
        every += [("excess OOD over excess ID", one.gap, gap)]
        every += [(f"OOD, {KINDS[kind]}", fit, None) for kind, fit in one.kinds.items()]
        for name, fit, paper in every:
            row = [one.scenario, name, str(fit.runs)]
            for k, axis in enumerate(AXES):
                row += [axis_text(fit, axis), f"{paper[k]:+.2f}" if paper else "none"]
            rows.append([*row, one.notes() or "none"])
    return header, rows


def paper_table() -> Table:
    """Header and rows: the paper's own errors, laid out as grid_table."""
    header = ["scenario", "model", *(f"{n:,} {where}" for n in PAPER_CLIPS for where in ("ID", "OOD"))]
    rows = []
    for scenario, groups in PAPER_ERRORS.items():
        for model, inside in groups["id"].items():
            pairs = zip(inside, groups["ood"][model], strict=True)
            rows.append([scenario, model, *(f"{error:.3f}" for pair in pairs for error in pair)])
    return header, rows

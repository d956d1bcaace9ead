"""Runs of metrics.csv with their errors in and out of distribution, and the power laws fitted to them per scenario."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from physlaw.report.metrics import trained
from physlaw.report.scaling import AXES, DATA, MODEL, Fit, power_law
from physlaw.report.tables import Table
from physlaw.report.verdicts import Difference
from physlaw.studies.id_ood.study import PAPER_CLIPS, PAPER_ERRORS, PAPER_ID_SLOPES, PAPER_OOD_SLOPES

WORDS = {DATA: "data", MODEL: "parameters"}
ERROR = "generated_corrected"
NAMES = ["cell", "scenario", "model", "size", "seed"]


@dataclass(frozen=True)
class ScenarioFits:
    """One scenario's power laws, all of the same runs, so that `gap` has the slopes of outside minus inside.

    inside: excess ID error; outside: OOD error; gap: OOD error over excess ID error.
    """

    scenario: str
    inside: Fit
    outside: Fit
    gap: Fit
    left_out: list[str]  # runs without a logarithm, and why
    unfinished: int  # runs that have not finished
    floor: float  # ID error of parsing true clips, world units / s

    def notes(self) -> str:
        """What is not in the fits, in words; empty when all is."""
        parts = [f"left out: {', '.join(self.left_out)}"] if self.left_out else []
        return ", ".join(parts + ([f"{self.unfinished} runs not finished"] if self.unfinished else []))


def runs_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """A row per finished run: NAMES, AXES, `id`, `ood`, their intervals over clips (`id_low`, ...), `floor` (ID error
    of parsing true clips), `excess` (id - floor), all in world units / s, and `ratio` (ood / id)."""
    ends = [f"{ERROR}_{end}" for end in ("low", "high")]
    inside = metrics.loc[metrics["group"] == "id", [*NAMES, *AXES, ERROR, *ends, "truth_corrected"]]
    outside = metrics.loc[metrics["group"] == "ood", ["cell", ERROR, *ends]]
    inside.columns = pd.Index([*NAMES, *AXES, "id", "id_low", "id_high", "floor"])
    outside.columns = pd.Index(["cell", "ood", "ood_low", "ood_high"])
    table = inside.merge(outside, on="cell", how="left", validate="one_to_one")
    return table.assign(excess=table["id"] - table["floor"], ratio=table["ood"] / table["id"])


def scenario_fits(metrics: pd.DataFrame) -> list[ScenarioFits]:
    """The fits of every scenario that has or will have runs, in the order of metrics.csv."""
    metrics = trained(metrics)
    runs = runs_table(metrics)
    return [_fits(str(scenario), runs, metrics) for scenario in metrics["scenario"].unique()]


def _fits(scenario: str, runs: pd.DataFrame, metrics: pd.DataFrame) -> ScenarioFits:
    of_scenario = runs[runs["scenario"] == scenario]
    missing = metrics[(metrics["scenario"] == scenario) & (metrics["kind"] == "missing")]
    lost = of_scenario[["excess", "ood"]].isna().any(axis=1)
    below = ~lost & (of_scenario["excess"] <= 0)
    left_out = [f"{cell} (no ball found)" for cell in of_scenario.loc[lost, "cell"]]
    left_out += [
        f"{row.cell} (excess {row.excess:.4f}, not positive)" for row in of_scenario[below].itertuples(index=False)
    ]
    sized = of_scenario["parameters"] > 0  # reference agents may have none
    kept = of_scenario[~lost & ~below & sized].assign(gap=lambda rows: rows["ood"] / rows["excess"])
    inside, outside, gap = (power_law(kept, error) for error in ("excess", "ood", "gap"))
    floor = float(of_scenario["floor"].mean())
    return ScenarioFits(scenario, inside, outside, gap, left_out, missing["cell"].nunique(), floor)


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
        for name, fit, paper in (
            ("excess ID", one.inside, inside),
            ("OOD", one.outside, outside),
            ("OOD over excess ID", one.gap, gap),
        ):
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

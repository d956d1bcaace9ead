"""Beyond the paper: the map of layers and speeds, drawn speeds frame by frame, E4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from physlaw.report.checks import NOT_RUN, Estimate, Gate, Judgement, Part, judge, over_seeds
from physlaw.report.compared import is_agent, lacking, one_model, trained, trained_gates, values_of
from physlaw.report.figures import IN_DIST, OOD, save
from physlaw.report.sections import Figure, Results, Section, Shown, TablePart
from physlaw.report.study_report import StudyReport
from physlaw.report.tables import number
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.probe import score, study

THRESHOLD = (
    f"read-out and first frames: upper bounds < {study.HALF:g}; first minus last frames: upper bound < {study.DRIFT:g}"
)
NEEDED = (score.READ, score.EARLY, score.LATE, score.FALL)
COLOURS = {"fast": OOD, "slow": IN_DIST}


def how(early: Estimate, fall: Estimate) -> str:
    """Which of the two ways the drawn speed goes, or neither: it is right, or the intervals do not say."""
    if early.low > study.HALF and fall.low > study.DRIFT:
        return study.DRIFTS
    return study.MISREAD if early.high < study.HALF and fall.high < study.DRIFT else study.NEITHER


def _verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """E4: the read-out before anything is drawn, the first frames, and what is lost until the last."""
    model, size = one_model(metrics)
    cell = {"scenario": "uniform", "model": model, "size": size}
    side = {**cell, "group": "ood"}
    values = {metric: values_of(metrics, metric.column, **side) for metric in NEEDED}
    why = lacking(metrics, [metric.column for metric in NEEDED])
    if not why and values[score.EARLY].empty:
        why = "not finished: uniform"
    if not why and values[score.READ].empty:
        why = "the model does not show its hidden tokens"
    if why:
        return [verdict_of(metrics, study, "E4", Judgement(NOT_RUN, why), why, THRESHOLD)]
    read, early, late, fall = (over_seeds(values[metric]) for metric in NEEDED)
    parts = [
        Part("read-out", read, study.HALF, above=False),
        Part("first frames", early, study.HALF, above=False),
        Part("first minus last frames", fall, study.DRIFT, above=False),
    ]
    right = values_of(metrics, score.HELD_OUT.column, **side)["value"]
    layers = values_of(metrics, score.LAYER.column, **side)["value"]
    readable = Gate(
        "read-out, held-out trained speeds: explained",
        bool(right.mean() >= study.READABLE),
        f"{right.mean():.3f} (>= {study.READABLE:g})",
    )
    gates = [*trained_gates(metrics, [cell], reversible=False), readable]
    found = (
        f"{model}, {size}, follow; drawn: {how(early, fall)}; read-out {read.text()} (layer "
        f"{'/'.join(f'{layer:.0f}' for layer in layers)}, explains {right.mean():.3f} in distribution); first frames "
        f"{early.text()}; last frames {late.text()}; first minus last {fall.text(2, '+')}"
    )
    judged = judge(parts, gates, agent=is_agent(metrics))
    return [verdict_of(metrics, study, "E4", judged, found, THRESHOLD, read.basis)]


def _rows(metrics: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Trained models' rows of a kind, or agents' where there are no others."""
    return trained(metrics[metrics["kind"] == kind])


def _layers(metrics: pd.DataFrame) -> pd.DataFrame:
    """Rows of kind "layer" with their step and layer as numbers."""
    rows = _rows(metrics, "layer")
    return rows.assign(**rows["group"].str.extract(r"layer(?P<layer>\d+)_step(?P<step>\d+)").astype(int))


def _draw_map(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Layer x speed: speed read minus speed asked for at the first step; above, the speed drawn minus that."""
    rows, drawn = _rows(metrics, "map"), _rows(metrics, "drawn")
    named = rows.assign(**rows["group"].str.extract(r"layer(?P<layer>\d+)_v(?P<place>[\d.]+)").astype(float))
    named["away"] = named[score.SPEED.column] - named[score.ASKED.column]
    table = named.pivot_table("away", "layer", "place")
    top = drawn.assign(place=drawn["group"].str.removeprefix("drawn_v").astype(float))
    top["away"] = top[score.DRAWN.column] - top[score.ASKED.column]
    values = np.vstack([table.to_numpy(), top.groupby("place")["away"].mean().reindex(table.columns).to_numpy()])
    limit = max(0.5, float(np.nanmax(np.abs(values))))
    figure, axes = plt.subplots(figsize=(6.8, 0.5 * len(values) + 1.4), layout="constrained")
    shown = axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", origin="lower")
    for y, x in np.ndindex(values.shape):
        if np.isfinite(values[y, x]):
            axes.text(x, y, f"{values[y, x]:+.1f}", ha="center", va="center", fontsize=7)
    axes.set_xticks(range(len(table.columns)), [f"{place:g}" for place in table.columns])
    axes.set_yticks(range(len(values)), ["frames", *(f"layer {layer:.0f}" for layer in table.index[1:]), "drawn"])
    axes.set(xlabel=f"speed asked for, from (steps of {study.BIN:g})")
    axes.grid(visible=False)
    figure.colorbar(shown, label="found minus asked")
    save(figure, path)


def _draw_frames(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Follow of the drawn speed by frame: a line per seed and kind of speed, 0 the trained edge, 1 the law."""
    rows = _rows(metrics, "frame")
    rows = rows.assign(**rows["group"].str.extract(r"(?P<asked>\w+)_frame(?P<frame>\d+)"))
    figure, axes = plt.subplots(figsize=(6.2, 3.2), layout="constrained")
    for (asked, _), part in rows.groupby(["asked", "cell"], sort=False):
        labels = axes.get_legend_handles_labels()[1]
        label = f"{asked} balls"
        axes.plot(
            part["frame"].astype(int),
            part[score.FRAME.column],
            color=COLOURS[str(asked)],
            lw=1,
            alpha=0.8,
            label=None if label in labels else label,
        )
    for level in (0.0, 1.0):
        axes.axhline(level, color="k", lw=0.8, ls=":")
    axes.set(xlabel="frame", ylabel="follow", ylim=(-0.6, 1.6))
    axes.legend(fontsize=7)
    save(figure, path)


def _layer_table(results: Results) -> Shown:
    """Means over seeds, by denoising step and layer."""
    header = ["denoising step", "layer", *(one.header for one in (score.HELD_OUT, score.READ, score.WIDE)), "seeds"]
    body = []
    for (step, layer), rows in _layers(results.metrics).groupby(["step", "layer"]):
        means = [number(float(rows[one.column].mean()), one.digits) for one in (score.HELD_OUT, score.READ, score.WIDE)]
        body.append([str(step), "frames" if layer == 0 else str(layer), *means, str(rows["seed"].nunique())])
    return Shown(
        (header, body), "Read-outs by denoising step and layer, out of distribution in speed, means over seeds:"
    )


FIGURES = (
    Figure(
        "layer_speed_map",
        "Speed by layer. What a linear read-out finds minus what was asked for, at the first denoising step, fitted on "
        "trained speeds; below, the read-out of the model's input; above, the speed drawn. Means over seeds.",
        _draw_map,
    ),
    Figure(
        "frames",
        "Speed by frame. Follow of the speed drawn since the frame before: 1 is the law, 0 the nearest trained speed. "
        "A line that starts low was misread, one that falls drifts.",
        _draw_frames,
    ),
)
_NUMBERS = StudyReport(
    study,
    metrics=score.METRICS,
    columns=(
        "generated_corrected",
        "truth_corrected",
        "follow",
        *(metric.column for metric in (score.READ, score.WIDE, score.EARLY, score.LATE, score.FALL)),
        "generated_missing",
    ),
    groups={"id": "trained speeds", "fast": "fast", "slow": "slow", "ood": "fast and slow"},
    clip_columns=score.CLIP_COLUMNS,
    figures=FIGURES,
    decide=_verdicts,
    legend="Velocity error: the corrected one, world units per second. Follow: 0 at the nearest trained speed, 1 at "
    "the asked one. Read-out: from hidden tokens at the first denoising step, of the layer that reads held-out trained "
    "speeds best. First and last: four frames each, of clips in which the ball is seen in both.",
)
REPORT = replace(_NUMBERS, layout=(*_NUMBERS.sections, Section("Read-outs", (TablePart("layers", _layer_table),))))

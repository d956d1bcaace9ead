"""Section 5.3 and A.5.2, Fig. 8, 9, 13: which attribute is kept, the order that results, C11 and C12."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from physlaw.report.deeper.report import (
    Column,
    Decide,
    DeeperReport,
    Figure,
    make_verdict,
    not_run,
    one_model,
    values_of,
)
from physlaw.report.figures import IN_DIST, OOD, save
from physlaw.report.verdicts import NOT_RUN, Difference, Verdict, basis, decide, difference
from physlaw.studies import attributes, ring

CROSSED = "crossed"
EVEN = 0.5
MIN_DECIDED = 20  # clips that keep one attribute; fewer say nothing about which one a model prefers
OUTCOMES = {"keeps_both": "#2da44e", "keeps_first": IN_DIST, "keeps_second": OOD, "undecided": "0.75"}
# Factors of continuous attributes: what the clip tables call them, and their axis.
MEASURED = {"size": ("r", "generated_radius", "size"), "velocity": ("v", "generated_velocity", "velocity")}
SHAPES = ("circle", "square", "ring")
COLOURS = ("red", "blue")


def attribute_words(pair: str) -> tuple[str, str]:
    """A pair's attributes, the one that the paper finds kept first; ring stands for shape."""
    first, second = pair.removesuffix(attributes.NO_FLIPS).split("_")[:2]
    return first, "shape" if second == "ring" else second


def dominance(metrics: pd.DataFrame, scenario: str, model: str, size: str) -> tuple[pd.DataFrame, int]:
    """Rows of `values_of` for the share that keep the first attribute among crossed clips that keep one, and of how
    many clips that is in all."""
    chosen = {"scenario": scenario, "model": model, "group": CROSSED}
    rows = values_of(metrics, "dominance", size=size, **chosen)
    counts = [values_of(metrics, f"keeps_{which}_clips", size=size, **chosen) for which in ("first", "second")]
    return rows, int(sum(count["value"].sum() for count in counts))


def _against_even(rows: pd.DataFrame) -> Difference:
    even = rows.assign(value=EVEN, low=EVEN, high=EVEN)
    return difference(even, rows)


def _order_verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """Of the sets with mirror images, as the paper's; without them where these have not finished."""
    study, threshold = attributes, f"every share > {EVEN:g}, its interval beyond it"
    model, size = one_model(metrics)
    texts, differences, open_pairs = [], [], []
    kept: dict[str, float] = {}
    for pair in study.PAIRS:
        scenario, rows, clips = pair, *dominance(metrics, pair, model, size)
        if rows.empty and not clips:
            scenario, rows, clips = pair + study.NO_FLIPS, *dominance(metrics, pair + study.NO_FLIPS, model, size)
        if rows.empty or clips < MIN_DECIDED:
            both = values_of(metrics, "keeps_both_share", scenario=scenario, model=model, size=size, group=CROSSED)
            why = (
                f"{clips} clips keep one attribute, {both['value'].mean():.2f} keep both"
                if len(both)
                else "not finished"
            )
            open_pairs.append(f"{study.NAMES[pair]}: {why}")
            continue
        one = _against_even(rows)
        differences.append(one)
        kept[pair] = float(rows["value"].mean())
        texts.append(
            f"{_called(study, scenario)}: first kept {rows['value'].mean():.3f} of {clips}, {one.text(3)} to even"
        )
    if not differences:
        return [not_run(metrics, study, "C11", "; ".join(open_pairs), threshold)]
    order = f"by pairs won: {resulting_order(kept)}"
    found = "; ".join([f"{model}, {size}, crossed clips", order, *texts, *open_pairs])
    return [make_verdict(metrics, study, "C11", decide(differences), found, threshold, basis(differences))]


def resulting_order(kept: Mapping[str, float]) -> str:
    """The order of attributes by how many others each wins against, e.g. "colour > size = velocity".

    Args:
        kept: pair -> share of the clips that keep one attribute which keep the first; a pair at EVEN counts for both.
    """
    wins: dict[str, float] = {}
    for pair, share in kept.items():
        for attribute, mine in zip(attribute_words(pair), (share, 1 - share), strict=True):
            wins[attribute] = wins.get(attribute, 0) + (1 if mine > EVEN else 0.5 if mine == EVEN else 0)
    ranked = sorted(wins, key=lambda attribute: -wins[attribute])
    text = ranked[0] if ranked else ""
    for before, after in pairwise(ranked):
        text += f" {'=' if wins[before] == wins[after] else '>'} {after}"
    return text


def _called(study: ModuleType, scenario: str) -> str:
    name = study.NAMES[scenario.removesuffix(study.NO_FLIPS)]
    return f"{name}, no mirror images" if scenario.endswith(study.NO_FLIPS) else str(name)


def _ring_verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """The share that keep colour, ball and ring, against ball and square of the study attributes at the same scale."""
    study, threshold = ring, "difference (square minus ring) > 0, its interval beyond 0"
    model, size = one_model(metrics)
    beside = others.get("attributes")
    texts, falls = [], []
    for scenario, square in study.BESIDE.items():
        rows, clips = dominance(metrics, scenario, model, size)
        if rows.empty or clips < MIN_DECIDED:
            continue
        texts.append(f"{_called(study, scenario)}: colour kept {rows['value'].mean():.3f} of {clips}")
        if beside is None:
            continue
        other, count = dominance(beside, square, model, size)
        if len(other) and count >= MIN_DECIDED:
            falls.append(difference(rows, other))
            texts.append(f"ball and square {other['value'].mean():.3f} of {count}: {falls[-1].text(3)}")
    found = "; ".join([f"{model}, {size}, crossed clips", *(texts or ["no clips keep one attribute"])])
    if not falls:
        missing = "; colour against shape with ball and square (study attributes) is not here"
        return [not_run(metrics, study, "C12", found + missing, threshold)]
    verdict = decide(falls)
    assert verdict != NOT_RUN
    return [make_verdict(metrics, study, "C12", verdict, found, threshold, basis(falls))]


# ---- figures


def _pairs(metrics: pd.DataFrame) -> list[str]:
    return [str(name) for name in metrics.loc[metrics["kind"] != "missing", "scenario"].unique()]


def _crossed_clips(metrics: pd.DataFrame, clips: pd.DataFrame, scenario: str) -> pd.DataFrame:
    cells = metrics.loc[(metrics["scenario"] == scenario) & (metrics["kind"] != "missing"), "cell"]
    return clips[clips["cell"].isin(cells) & (clips["level"] > 0)]


def _outcome_bars(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """A bar per training set: what became of its crossed clips, all seeds together; reversed and vanished beside it."""
    scenarios = _pairs(metrics)
    figure, axes = plt.subplots(figsize=(7.5, 0.8 + 0.34 * len(scenarios)))
    for place, scenario in enumerate(scenarios):
        part = _crossed_clips(metrics, clips, scenario)
        left = 0.0
        for code, (name, colour) in enumerate(OUTCOMES.items()):
            share = float((part["generated_outcome"] == code).mean()) if len(part) else 0.0
            label = name.replace("_", " ") if place == 0 else None
            axes.barh(place, share, left=left, color=colour, label=label)
            left += share
        events = ", ".join(f"{word} {part[f'generated_{word}'].mean():.0%}" for word in ("reversed", "vanished"))
        axes.text(1.01, place, events, va="center", fontsize=7)
    axes.set_yticks(range(len(scenarios)), scenarios)
    axes.set(xlim=(0, 1), xlabel="share of crossed clips")
    axes.invert_yaxis()
    axes.legend(fontsize=7, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    save(figure, path)


def _values(part: pd.DataFrame, attribute: str, measured: bool, rng: np.random.Generator) -> np.ndarray:
    """An attribute's values for an axis; discrete ones are spread a little."""
    if attribute in MEASURED:
        factor, column, _ = MEASURED[attribute]
        return part[column if measured else factor].to_numpy(dtype=float)
    values = part[f"generated_{attribute}" if measured else attribute].to_numpy(dtype=float)
    return values + rng.uniform(-0.12, 0.12, len(values))


def _label(axes: Axes, attribute: str, along_x: bool) -> None:
    words = {"colour": COLOURS, "shape": SHAPES}.get(attribute)
    axis = axes.xaxis if along_x else axes.yaxis
    if words:
        axis.set_ticks(range(len(words)), words)
    axis.set_label_text(attribute)


def _arrows(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """The paper's Figure 9: an arrow from what was asked for to what was drawn, in the plane of the two attributes."""
    scenarios = _pairs(metrics)
    columns = min(4, len(scenarios))
    rows = -(-len(scenarios) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(2.9 * columns, 2.7 * rows), squeeze=False)
    for axes in panels.flat[len(scenarios) :]:
        axes.set_visible(False)
    rng = np.random.default_rng(0)
    for axes, scenario in zip(panels.flat, scenarios, strict=False):
        first, second = attribute_words("colour_velocity" if scenario.startswith("colour_velocity") else scenario)
        part = _crossed_clips(metrics, clips, scenario)
        part = part.iloc[:: max(1, len(part) // 150)]
        x0, y0, x1, y1 = (_values(part, a, m, rng) for m in (False, True) for a in (second, first))
        for code, colour in enumerate(OUTCOMES.values()):
            mine = (part["generated_outcome"] == code).to_numpy()
            axes.quiver(
                x0[mine], y0[mine], (x1 - x0)[mine], (y1 - y0)[mine], angles="xy", scale_units="xy", scale=1,
                color=colour, alpha=0.5, width=0.004,
            )  # fmt: skip
        axes.scatter(x0, y0, s=3, color="k", zorder=3)
        _label(axes, second, True)
        _label(axes, first, False)
        axes.set_title(scenario, fontsize=8)
    figure.tight_layout()
    save(figure, path)


def _scatter(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Generated against conditioned value of each pair's sizes and speeds: trained and crossed clips, with y = x."""
    panels = [
        (scenario, attribute)
        for scenario in _pairs(metrics)
        for attribute in attribute_words("colour_velocity" if scenario.startswith("colour_velocity") else scenario)
        if attribute in MEASURED
    ]
    columns = min(4, max(1, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure, grid = plt.subplots(rows, columns, figsize=(2.7 * columns, 2.6 * rows), squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (scenario, attribute) in zip(grid.flat, panels, strict=False):
        cells = metrics.loc[(metrics["scenario"] == scenario) & (metrics["kind"] != "missing"), "cell"]
        part = clips[clips["cell"].isin(cells)]
        factor, column, name = MEASURED[attribute]
        for trained, colour, label in ((True, IN_DIST, "trained"), (False, OOD, "crossed")):
            mine = part[(part["level"] == 0) == trained]
            axes.scatter(mine[factor], mine[column], s=4, alpha=0.5, color=colour, lw=0, label=label)
        ends = (part[factor].min(), part[factor].max())
        axes.plot(ends, ends, "k-", lw=0.8)
        axes.set(xlabel=f"conditioned {name}", ylabel=f"generated {name}")
        axes.set_title(scenario, fontsize=8)
    grid.flat[0].legend(fontsize=6)
    figure.tight_layout()
    save(figure, path)


def _explanation(metrics: pd.DataFrame, clips: pd.DataFrame, path: Path) -> None:
    """Each crossed clip at its distances to the two trained combinations; below the diagonal keeping the second
    attribute would change less."""
    scenarios = _pairs(metrics)
    columns = min(4, len(scenarios))
    rows = -(-len(scenarios) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(2.7 * columns, 2.7 * rows), squeeze=False)
    for axes in panels.flat[len(scenarios) :]:
        axes.set_visible(False)
    for axes, scenario in zip(panels.flat, scenarios, strict=False):
        part = _crossed_clips(metrics, clips, scenario)
        for code, (name, colour) in enumerate(OUTCOMES.items()):
            mine = part[part["generated_outcome"] == code]
            axes.scatter(
                mine["pixel_first"], mine["pixel_second"], s=5, color=colour, lw=0, label=name.replace("_", " ")
            )
        top = float(np.nanmax(part[["pixel_first", "pixel_second"]].to_numpy())) if len(part) else 1.0
        axes.plot((0, top), (0, top), "k-", lw=0.7)
        axes.set(xlabel="to keep the first", ylabel="to keep the second")
        axes.set_title(scenario, fontsize=8)
    panels.flat[0].legend(fontsize=6)
    figure.tight_layout()
    save(figure, path)


def _report(
    study: ModuleType, decide_claims: Decide, beside: tuple[str, ...] = (), *extra_figures: Figure
) -> DeeperReport:
    return DeeperReport(
        study,
        columns=(
            Column("keeps_both_share", "keeps both", share=True, digits=2),
            Column("keeps_first_share", "keeps the first", share=True, digits=2),
            Column("keeps_second_share", "keeps the second", share=True, digits=2),
            Column("dominance", "first of one kept", share=True, digits=2),
            Column("undecided_clips", "undecided", digits=0),
            Column("vanished", "vanished", share=True, digits=2),
            Column("reversed", "reversed", share=True, digits=2),
            Column("identity_changed", "changed on the way", share=True, digits=2),
            Column("speed_error", "speed error"),
            Column("radius_error", "radius error"),
            Column("truth_keeps_both_share", "true clips keep both", share=True, digits=2),
            Column("pixel_first", "pixels to keep first"),
            Column("pixel_second", "pixels to keep second"),
            Column("pixel_predicts", "nearer in pixels is kept", share=True, digits=2),
            Column("latent_predicts", "nearer in latents is kept", share=True, digits=2),
        ),
        groups={"id": "trained combinations", CROSSED: "crossed combinations"},
        clip_columns=(
            *("r", "v", "colour", "shape"),
            *(
                f"generated_{name}"
                for name in ("colour", "radius", "velocity", "shape", "vanished", "reversed", "outcome")
            ),
            *("pixel_first", "pixel_second", "latent_first", "latent_second"),
        ),
        figures=(
            Figure("outcomes", "What crossed clips keep. All seeds; undecided ones count.", _outcome_bars),
            Figure(
                "arrows",
                "From what was asked for to what was drawn. Each arrow is a crossed clip in the plane of the two "
                "attributes (the paper's Figure 9); green keeps both, blue the first attribute of the name, red the "
                "second, grey is undecided.",
                _arrows,
            ),
            *extra_figures,
            Figure(
                "explanation",
                "Change of pixels. Root mean square difference of the condition frames, of 1, between each crossed "
                "clip and the same clip drawn as the trained combination that keeps the first or the second attribute. "
                "The paper's explanation says that a clip above the line keeps the first, one below it the second.",
                _explanation,
            ),
        ),
        decide=decide_claims,
        legend="Shares are of the decided clips; undecided: something could not be measured, the outcome lies between "
        "two, or the condition is too near to a trained combination. First of one kept: of the clips that keep exactly "
        "one attribute. Vanished, reversed, changed on the way: of all clips. Speed in world units per second, radius "
        "in world units.",
        beside=beside,
    )


ATTRIBUTES = _report(
    attributes,
    _order_verdicts,
    (),
    Figure(
        "scatter", "Sizes and speeds that were asked for and drawn. Each dot is a clip; the line is y = x.", _scatter
    ),
)
RING = _report(ring, _ring_verdicts, ("attributes",))

"""Section 5.3, Fig. 8 and 9: which attribute is kept, the order that results, C11."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from types import ModuleType

import pandas as pd

from physlaw.report.checks import NOT_RUN, NOT_SUPPORTED, Estimate, Gate, Judgement, Part, judge, over_seeds
from physlaw.report.compared import (
    ENOUGH_MEASURED,
    TRAINED_ERROR,
    TRAINED_REVERSED,
    is_agent,
    one_model,
    share_gate,
    values_of,
)
from physlaw.report.sections import Figure
from physlaw.report.study_report import Decide, StudyReport
from physlaw.report.verdicts import Verdict, verdict_of
from physlaw.studies.attributes import score, study
from physlaw.studies.attributes.report.figures import arrows, attribute_words, explanation, outcome_bars, scatter

CROSSED = "crossed"
EVEN, EFFECT = 0.5, 0.6  # of the share that keeps the first; a share below EFFECT is no priority
MIN_DECIDED = 20  # clips that keep one attribute; fewer say nothing about which one a model prefers
THRESHOLD = (
    f"every share's lower bound > {EVEN:g}, not supported below {EFFECT:g}; a pair in which more than half keep both "
    "combines: exempt where the paper finds so, else not supported"
)


def dominance(metrics: pd.DataFrame, scenario: str, model: str, size: str) -> tuple[pd.DataFrame, int]:
    """Rows of `values_of` for the share that keep the first attribute among crossed clips that keep one, and of how
    many clips that is in all."""
    chosen = {"scenario": scenario, "model": model, "group": CROSSED}
    rows = values_of(metrics, "dominance", size=size, **chosen)
    counts = [values_of(metrics, f"keeps_{which}_clips", size=size, **chosen) for which in ("first", "second")]
    return rows, int(sum(count["value"].sum() for count in counts))


def pair_parts(metrics: pd.DataFrame, cell: Mapping[str, str], name: str, exempt: bool) -> list[Part]:
    """The parts of one pair: that more than half of the clips that keep one attribute keep the first; or, where more
    than half of all keep both, that they do not, unless that is expected."""
    rows, clips = dominance(metrics, cell["scenario"], cell["model"], cell["size"])
    both = values_of(metrics, "keeps_both_share", **cell, group=CROSSED)
    if len(both) and float(both["value"].mean()) > EVEN:
        return [] if exempt else [Part(f"{name}, keeps both", over_seeds(both), EVEN, above=False, digits=3)]
    if rows.empty or clips < MIN_DECIDED:
        nothing = Estimate(math.nan, math.nan, math.nan, int(both["seed"].nunique()))
        return [Part(f"{name}, {clips} clips keep one", nothing, EVEN)]
    return [Part(f"{name}, first kept", over_seeds(rows), EVEN, smallest=EFFECT, digits=3)]


def pair_gates(metrics: pd.DataFrame, cell: Mapping[str, str]) -> list[Gate]:
    """What a model must do with the combinations that it was trained on."""
    # Whether both are kept cannot be read off the outcomes there: of a trained combination no other is near.
    kept = ("keeps_both_share", "colour_kept", "shape_kept")
    gates = [share_gate(metrics, cell, name, f"{cell['scenario']}: {name.replace('_', ' ')}") for name in kept]
    for column, bound, name in (
        ("vanished", 1 - ENOUGH_MEASURED, "vanished"),
        ("speed_error", TRAINED_ERROR, "speed error"),
        ("reversed", TRAINED_REVERSED, "reversed"),
    ):
        rows = values_of(metrics, column, **cell, group="id")
        if len(rows):
            value = float(rows["value"].mean())
            gates.append(Gate(f"{cell['scenario']}: {name}", value <= bound, f"{value:.3f} (<= {bound:g})"))
    return [gate for gate in gates if gate is not None]


def _order_verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
    """C11, of the sets with mirror images, as the paper's; without them where these have not finished. An order of four
    attributes is not supported by some of its pairs: all are needed."""
    model, size = one_model(metrics)
    parts, gates, texts, missing = [], [], [], []
    kept: dict[str, float] = {}
    for pair in study.PAIRS:
        cell = {"scenario": pair, "model": model, "size": size}
        if values_of(metrics, "keeps_both_share", **cell, group=CROSSED).empty:
            cell["scenario"] = pair + study.NO_FLIPS
        both = values_of(metrics, "keeps_both_share", **cell, group=CROSSED)
        if both.empty:
            missing.append(study.NAMES[pair])
            continue
        rows, clips = dominance(metrics, cell["scenario"], model, size)
        parts += pair_parts(metrics, cell, study.NAMES[cell["scenario"]], pair in study.COMBINE)
        gates += pair_gates(metrics, cell)
        if len(rows):
            kept[pair] = float(rows["value"].mean())
        first = f"{kept[pair]:.3f} of {clips}" if len(rows) else "none keeps one"
        combines = ", combines as the paper finds" if both["value"].mean() > EVEN and pair in study.COMBINE else ""
        texts.append(f"{study.NAMES[cell['scenario']]}: first kept {first}, both {both['value'].mean():.3f}{combines}")
    found = "; ".join([f"{model}, {size}, crossed clips", f"by pairs won: {resulting_order(kept)}", *texts])
    if missing:
        why = f"not finished: {', '.join(missing)}"
        return [verdict_of(metrics, study, "C11", Judgement(NOT_RUN, why), f"{found}; {why}", THRESHOLD)]
    judged = judge(parts, gates, agent=is_agent(metrics))
    if not parts:
        judged = Judgement(NOT_SUPPORTED, "every pair combines")
    basis = parts[0].estimate.basis if parts else ""
    return [verdict_of(metrics, study, "C11", judged, found, THRESHOLD, basis)]


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


def pair_report(
    study: ModuleType, decide_claims: Decide, beside: tuple[str, ...] = (), *extra_figures: Figure
) -> StudyReport:
    """The report of a study of attribute pairs.

    Args:
        beside: studies whose metrics.csv at the same scale the claims need too.
    """
    return StudyReport(
        study,
        metrics=score.METRICS,
        columns=(
            "keeps_both_share",
            "keeps_first_share",
            "keeps_second_share",
            "dominance",
            "undecided_clips",
            "vanished",
            "reversed",
            "identity_changed",
            "speed_error",
            "radius_error",
            "truth_keeps_both_share",
            "pixel_first",
            "pixel_second",
            "pixel_predicts",
            "latent_predicts",
        ),
        groups={"id": "trained combinations", CROSSED: "crossed combinations"},
        clip_columns=score.CLIP_COLUMNS,
        figures=(
            Figure("outcomes", "What crossed clips keep. All seeds; undecided ones count.", outcome_bars),
            Figure(
                "arrows",
                "From what was asked for to what was drawn. Each arrow is a crossed clip in the plane of the two "
                "attributes (the paper's Figure 9); green keeps both, blue the first attribute of the name, red the "
                "second, grey is undecided.",
                arrows,
            ),
            *extra_figures,
            Figure(
                "explanation",
                "Change of pixels. Root mean square difference of the condition frames, of 1, between each crossed "
                "clip and the same clip drawn as the trained combination that keeps the first or the second attribute. "
                "The paper's explanation says that a clip above the line keeps the first, one below it the second.",
                explanation,
            ),
        ),
        decide=decide_claims,
        legend="Shares are of the decided clips; undecided: something could not be measured, the outcome lies between "
        "two, or the condition is too near to a trained combination. First of one kept: of the clips that keep exactly "
        "one attribute. Vanished, reversed, changed on the way: of all clips. Speed in world units per second, radius "
        "in world units.",
        beside=beside,
    )


REPORT = pair_report(
    study,
    _order_verdicts,
    (),
    Figure(
        "scatter", "Sizes and speeds that were asked for and drawn. Each dot is a clip; the line is y = x.", scatter
    ),
)

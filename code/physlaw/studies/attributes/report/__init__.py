"""Section 5.3, Fig. 8 and 9: which attribute is kept, the order that results, C11."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import ModuleType

import pandas as pd

from physlaw.report.sections import Figure
from physlaw.report.study_report import Decide, StudyReport, make_verdict, not_run, one_model, values_of
from physlaw.report.verdicts import INCONCLUSIVE, SUPPORTED, Difference, Verdict, basis, decide, difference
from physlaw.studies.attributes import score, study
from physlaw.studies.attributes.report.figures import arrows, attribute_words, explanation, outcome_bars, scatter

CROSSED = "crossed"
EVEN = 0.5
MIN_DECIDED = 20  # clips that keep one attribute; fewer say nothing about which one a model prefers


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
    """Of the sets with mirror images, as the paper's; without them where these have not finished. An order of four
    attributes is not supported by some of its pairs: while one has not finished, no more than INCONCLUSIVE."""
    threshold = f"every share > {EVEN:g}, its interval beyond it"
    model, size = one_model(metrics)
    texts, differences, open_pairs, unfinished = [], [], [], False
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
            unfinished |= both.empty
            open_pairs.append(f"{study.NAMES[pair]}: {why}")
            continue
        one = _against_even(rows)
        differences.append(one)
        kept[pair] = float(rows["value"].mean())
        texts.append(
            f"{study.NAMES[scenario]}: first kept {rows['value'].mean():.3f} of {clips}, {one.text(3)} to even"
        )
    if not differences:
        return [not_run(metrics, study, "C11", "; ".join(open_pairs), threshold)]
    verdict = decide(differences)
    if unfinished and verdict == SUPPORTED:
        verdict = INCONCLUSIVE
    order = f"by pairs won: {resulting_order(kept)}"
    found = "; ".join([f"{model}, {size}, crossed clips", order, *texts, *open_pairs])
    return [make_verdict(metrics, study, "C11", verdict, found, threshold, basis(differences))]


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

"""A label score as text for people."""

from __future__ import annotations

from physlaw.intervals import Share
from physlaw.label.agreement import Agreement
from physlaw.label.score import GroupScore, LabelScore
from physlaw.report.tables import MISSING, markdown

RULE = """\
Per clip the majority of its votes decides. Unsure is no vote; a clip whose votes tie, or that everyone is unsure
about, is undecided and left out of the ratio. Intervals: Wilson's score, 95 %. Controls are true clips: those rated
abnormal are the raters' error.
"""


def score_text(score: LabelScore) -> str:
    """Markdown: the ratio per group and of the controls, the raters, and both agreements."""
    header = ["group", "clips", "unrated", "undecided", "abnormal", "ratio [95 %]"]
    header += ["automatic, same clips [95 %]"] if score.automatic else []
    rows = [_group_row(group, group.group) for group in score.groups]
    rows.append(_group_row(score.controls, "ground truth (controls)"))
    parts = [
        f"Clips rated abnormal: page {score.digest[:10]}, {score.shown} clips, {_many(len(score.raters), 'rater')}.\n",
        markdown(header, rows),
        RULE,
        markdown(
            ["rater", "rated", "normal", "abnormal", "unsure", "median s", "controls called abnormal [95 %]"],
            [
                [
                    *(rater.rater.replace("|", "/"), f"{rater.rated} of {score.shown}", str(rater.normal)),
                    *(str(rater.abnormal), str(rater.unsure)),
                    *(MISSING if rater.seconds is None else f"{rater.seconds:.1f}", _share(rater.controls)),
                ]
                for rater in score.raters
            ],
        ),
    ]
    causes = [
        f"Causes named, {group.group}: {', '.join(f'{cause} {count}' for cause, count in group.causes.items())}.\n"
        for group in [*score.groups, score.controls]
        if group.causes
    ]
    parts += ["".join(causes)] if causes else []
    parts.append(_raters_line(score))
    if score.automatic:
        auto = score.automatic
        parts.append(
            f"Agreement with the automatic verdicts, on {_many(auto.agree.of, 'decided clip')} without the controls: "
            f"{_share(auto.agree)}; {_kappa('Cohen', auto.agreement)}; abnormal for people only "
            f"{auto.human_only}, for the automatic verdict only {auto.automatic_only}; without a verdict "
            f"{auto.missing}.\n"
        )
    return "\n".join(parts)


def _group_row(group: GroupScore, name: str) -> list[str]:
    row = [name.replace("|", "/"), str(group.shown), str(group.unrated), str(group.undecided)]
    row += [f"{group.abnormal.count} of {group.abnormal.of}", _share(group.abnormal)]
    return row + ([] if group.automatic is None else [_share(group.automatic)])


def _raters_line(score: LabelScore) -> str:
    found = score.raters_agree
    if found is None:
        return "Agreement between raters: not known from one rater.\n"
    name = "Cohen" if len(score.raters) == 2 else "Fleiss"
    pairs = "" if found.observed is None else f", {found.observed:.1%} of pairs of votes agree"
    return (
        f"Agreement between raters: {_kappa(name, found)}, on {_many(found.items, 'clip')} that everyone calls normal "
        f"or abnormal, controls too{pairs}.\n"
    )


def _kappa(name: str, agreement: Agreement) -> str:
    if agreement.kappa is not None:
        return f"{name}'s kappa {agreement.kappa:.3f}"
    return f"{name}'s kappa not defined ({'all votes are one class' if agreement.items else 'nothing to compare'})"


def _share(share: Share) -> str:
    if share.share is None or share.low is None or share.high is None:
        return MISSING
    return f"{share.share:.1%} [{share.low:.1%}, {share.high:.1%}]"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"

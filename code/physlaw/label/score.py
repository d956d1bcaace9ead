"""The human ratio: how many clips of each group raters call abnormal, and how far that can be trusted.

Per clip the majority of its votes decides. "Unsure" is no vote; a clip whose votes tie, or that has none, is
undecided: it is counted, and left out of the ratio.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physlaw.errors import UserError
from physlaw.intervals import Share, wilson
from physlaw.label.agreement import Agreement, cohen_kappa, fleiss_kappa
from physlaw.label.answer_key import KeyClip, read_key
from physlaw.label.ratings import ABNORMAL, CAUSES, NORMAL, UNSURE, Ratings, read_all, read_automatic


@dataclass(frozen=True)
class GroupScore:
    """One group's ratio: abnormal of its decided clips. causes: how often raters named each, over all votes.

    automatic: the automatic ratio on the same clips, as far as they have verdicts; None without such a file.
    """

    group: str
    shown: int
    unrated: int  # nobody rated it
    undecided: int  # rated, but a tie, or everyone unsure
    abnormal: Share
    causes: dict[str, int]
    automatic: Share | None


@dataclass(frozen=True)
class RaterScore:
    """One rater's counts. controls: true clips they call abnormal, of those they call normal or abnormal."""

    rater: str
    rated: int
    normal: int
    abnormal: int
    unsure: int
    seconds: float | None  # median per clip
    controls: Share


@dataclass(frozen=True)
class AutomaticScore:
    """Majority against automatic verdict on decided generated clips; `missing` of them have no verdict."""

    agree: Share
    agreement: Agreement
    human_only: int  # abnormal for people alone
    automatic_only: int
    missing: int


@dataclass(frozen=True)
class LabelScore:
    """controls: true clips that the majority calls abnormal. raters_agree: on clips that all of them decided, controls
    too; None for one rater."""

    digest: str
    shown: int
    groups: list[GroupScore]
    controls: GroupScore
    raters: list[RaterScore]
    raters_agree: Agreement | None
    automatic: AutomaticScore | None


def score(key: Path, ratings: list[Path], automatic: Path | None = None) -> LabelScore:
    """Score exported ratings with a page's key. Incomplete files count as far as they go.

    Args:
        automatic: CSV with the columns clip (an id of the key) and abnormal (0 or 1); other clips' rows are left out.
    Raises:
        UserError: a file is another page's, damaged, or holds what the page would not write; names file and value.
    """
    known = read_key(Path(key))
    raters = read_all([Path(path) for path in ratings], known.digest, len(known.clips))
    verdicts = None if automatic is None else read_automatic(Path(automatic))
    if verdicts is not None and not any(clip.id in verdicts for clip in known.clips):
        raise UserError(f"{automatic}: none of its {len(verdicts)} clips is in {key}")
    shown = [clip for clip in known.clips if not clip.is_control]
    controls = [clip for clip in known.clips if clip.is_control]
    return LabelScore(
        digest=known.digest,
        shown=len(known.clips),
        groups=[
            _group(name, [clip for clip in shown if clip.group == name], raters, verdicts) for name in known.groups
        ],
        controls=_group("controls", controls, raters, verdicts),
        raters=[_rater(rater, controls) for rater in raters],
        raters_agree=_raters_agree(raters, list(known.clips)) if len(raters) > 1 else None,
        automatic=None if verdicts is None else _automatic(shown, raters, verdicts),
    )


def _votes(clip: KeyClip, raters: list[Ratings]) -> list[str]:
    return [rater.by_number[clip.number].rating for rater in raters if clip.number in rater.by_number]


def _majority(clip: KeyClip, raters: list[Ratings]) -> bool | None:
    """Abnormal or not; None for a tie or without votes."""
    votes = Counter(_votes(clip, raters))
    return None if votes[ABNORMAL] == votes[NORMAL] else votes[ABNORMAL] > votes[NORMAL]


def _group(group: str, clips: list[KeyClip], raters: list[Ratings], verdicts: dict[str, bool] | None) -> GroupScore:
    decided = {clip.id: found for clip in clips if (found := _majority(clip, raters)) is not None}
    unrated = sum(not _votes(clip, raters) for clip in clips)
    rated = [rater.by_number[clip.number] for rater in raters for clip in clips if clip.number in rater.by_number]
    causes = Counter(entry.cause for entry in rated if entry.cause)
    known = [verdicts[name] for name in decided if name in verdicts] if verdicts is not None else None
    return GroupScore(
        group=group,
        shown=len(clips),
        unrated=unrated,
        undecided=len(clips) - unrated - len(decided),
        abnormal=wilson(sum(decided.values()), len(decided)),
        causes={cause: causes[cause] for cause in CAUSES if causes[cause]},
        automatic=None if known is None else wilson(sum(known), len(known)),
    )


def _rater(rater: Ratings, controls: list[KeyClip]) -> RaterScore:
    counts = Counter(rated.rating for rated in rater.by_number.values())
    truth = Counter(_votes(clip, [rater])[0] for clip in controls if clip.number in rater.by_number)
    seconds = [rated.seconds for rated in rater.by_number.values()]
    return RaterScore(
        rater=rater.rater,
        rated=len(rater.by_number),
        normal=counts[NORMAL],
        abnormal=counts[ABNORMAL],
        unsure=counts[UNSURE],
        seconds=float(np.median(seconds)) if seconds else None,
        controls=wilson(truth[ABNORMAL], truth[ABNORMAL] + truth[NORMAL]),
    )


def _raters_agree(raters: list[Ratings], clips: list[KeyClip]) -> Agreement:
    """Cohen's kappa for two, Fleiss' for more, on the clips that everyone calls normal or abnormal."""
    votes = [_votes(clip, raters) for clip in clips]
    full = [found for found in votes if len(found) == len(raters) and UNSURE not in found]
    table = np.array([[vote == ABNORMAL for vote in found] for found in full], dtype=np.int64)
    table = table.reshape(len(full), len(raters))
    if len(raters) == 2:
        return cohen_kappa(table[:, 0], table[:, 1])
    abnormal = table.sum(axis=1)
    return fleiss_kappa(np.stack([len(raters) - abnormal, abnormal], axis=1))


def _automatic(clips: list[KeyClip], raters: list[Ratings], verdicts: dict[str, bool]) -> AutomaticScore:
    decided = [(clip.id, found) for clip in clips if (found := _majority(clip, raters)) is not None]
    pairs = [(found, verdicts[name]) for name, found in decided if name in verdicts]
    human, machine = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return AutomaticScore(
        agree=wilson(int((human == machine).sum()), len(pairs)),
        agreement=cohen_kappa(human, machine),
        human_only=int((human > machine).sum()),
        automatic_only=int((human < machine).sum()),
        missing=len(decided) - len(pairs),
    )

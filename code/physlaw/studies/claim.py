"""What a study says of a claim: one of the paper's, or one beyond the paper (studies.registry)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Tuple


@dataclass(frozen=True)
class Claim:
    """A claim in plain words, and how a study decides it.

    words: the claim, one sentence. check: what is computed and compared. threshold: in short, while no scale has
    results (then theirs is shown). paper: the paper's own figures, or that it has none. says: a decided verdict -> what
    it says in plain words, with {scale}, {part}, {value}, {low}, {high}, {seeds} of the number that decided it;
    "whether": what is asked, for verdicts that decide nothing. also: studies whose cells at the same scale the check
    needs too. must_fail, must_pass: reference agents for which the verdict must be "not supported", "supported". plain:
    the claim in plain words, where it is not what "whether" asks. paper_numbers: the paper's values, by the name of a
    part of the check.
    """

    words: str
    check: str
    threshold: str
    paper: str
    says: Dict[str, str]
    also: Tuple[str, ...] = ()
    must_fail: Tuple[str, ...] = ()
    must_pass: Tuple[str, ...] = ()
    plain: str = ""
    paper_numbers: Dict[str, float] = field(default_factory=dict)

    @property
    def in_plain_words(self) -> str:
        """A sentence for who has not read the paper, without its full stop."""
        text = self.plain or self.says["whether"].replace("whether ", "", 1)
        return text[:1].upper() + text[1:]

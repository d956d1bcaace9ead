"""What a study says of one of the paper's claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class Claim:
    """A claim of the paper in plain words, and how a study decides it.

    words: the claim, one sentence. check: what is computed and compared. threshold: in short, while no scale has
    results (then theirs is shown). paper: the paper's own figures. also: studies whose cells at the same scale the
    check needs too. must_fail, must_pass: reference agents for which the verdict must be "not supported", "supported".
    """

    words: str
    check: str
    threshold: str
    paper: str
    also: Tuple[str, ...] = ()
    must_fail: Tuple[str, ...] = ()
    must_pass: Tuple[str, ...] = ()

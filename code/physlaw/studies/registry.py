"""Studies by name, and the parts of a study's folder."""

from __future__ import annotations

import importlib
from functools import lru_cache
from importlib.util import find_spec
from string import ascii_letters, digits
from types import ModuleType
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from physlaw import studies
from physlaw.errors import unknown
from physlaw.studies.claim import Claim

if TYPE_CHECKING:
    from physlaw.data.world import World
    from physlaw.report.study_report import StudyReport
    from physlaw.worlds.scenario import Scenario

PARTS = ("study", "sets", "score", "report")
OF_PAPER = "C"  # what the paper's claims are called, with a number; those beyond it have another letter


def part(study: str, name: str) -> ModuleType:
    """A file of a study's folder, one of PARTS.

    Raises:
        UserError: unknown study (lists the valid ones).
    """
    if study not in studies.NAMES:
        raise unknown("study", study, studies.NAMES)
    return importlib.import_module(f"{studies.__name__}.{study}.{name}")


def with_part(name: str) -> List[str]:
    """The studies whose folder has a further file of that name."""
    return [study for study in studies.NAMES if find_spec(f"{studies.__name__}.{study}.{name}")]


def scenarios_of(study: str) -> Dict[str, Tuple[str, ...]]:
    """Scenario -> its sizes of training sets. Errors as `part`."""
    return dict(part(study, "study").SCENARIOS)


def agents_of(study: str) -> Tuple[str, ...]:
    """The reference agents that apply to a study. Errors as `part`."""
    return tuple(part(study, "study").AGENTS)


def agent_models(study: str) -> Tuple[str, ...]:
    """Sizes or modalities of models that a study compares, as endings of names; an agent without them is all of them.
    Errors as `part`."""
    return tuple(getattr(part(study, "study"), "AGENT_MODELS", ()))


def agent_settings(study: str, agent: str) -> Dict[str, Any]:
    """What a study sets for one of its reference agents: dotted key -> value."""
    return dict(getattr(part(study, "study"), "AGENT_SETTINGS", {}).get(agent, {}))


def scenario_names() -> List[str]:
    """The scenarios of all studies; a name that several studies have means the same in each."""
    return list(dict.fromkeys(name for study in studies.NAMES for name in scenarios_of(study)))


def _found(name: str) -> Any:
    for study in studies.NAMES:
        if name in scenarios_of(study):
            return part(study, "sets").SCENARIOS[name]
    raise unknown("scenario", name, scenario_names())


def world(name: str) -> World:
    """A scenario as cells and `physlaw simulate` use it.

    Raises:
        UserError: unknown name (lists the valid ones).
    """
    from physlaw.data.ball_world import BallWorld
    from physlaw.worlds.scenario import Scenario

    found = _found(name)
    return BallWorld(found) if isinstance(found, Scenario) else found  # type: ignore[no-any-return]


def scenario(name: str) -> Scenario:
    """A scenario of one or two balls.

    Raises:
        UserError: unknown name, or its scenes are not drawn from ranges of initial values (lists the valid ones).
    """
    known = scenarios()
    if name not in known:
        _found(name)
        raise unknown("scenario with ranges of initial values", name, known)
    return known[name]


def scenarios() -> Dict[str, Scenario]:
    """All scenarios of one or two balls."""
    from physlaw.worlds.scenario import Scenario

    every = {name: _found(name) for name in scenario_names()}
    return {name: found for name, found in every.items() if isinstance(found, Scenario)}


def report_of(study: str) -> StudyReport:
    """How a study's results are drawn and judged. Errors as `part`."""
    return part(study, "report").REPORT  # type: ignore[no-any-return]


@lru_cache(maxsize=None)
def _claims(names: Tuple[str, ...]) -> Dict[str, str]:
    every = [(claim, study) for study in names for claim in part(study, "study").CLAIMS]
    return dict(sorted(every, key=lambda pair: (not is_of_paper(pair[0]), *_numbered(pair[0]))))


def _numbered(claim: str) -> Tuple[str, int]:
    return claim.rstrip(digits), int(claim.lstrip(ascii_letters) or 0)


def deciding_studies() -> Dict[str, str]:
    """Claim -> the study that decides it, in the order of the claims' numbers; the paper's first."""
    return _claims(tuple(studies.NAMES))


def is_of_paper(claim: str) -> bool:
    """The claim is one of the paper's; else it goes beyond the paper."""
    return claim.startswith(OF_PAPER)


def paper_claims() -> List[str]:
    """The paper's claims, in order."""
    return [claim for claim in deciding_studies() if is_of_paper(claim)]


def further_claims() -> List[str]:
    """The claims beyond the paper, in order."""
    return [claim for claim in deciding_studies() if not is_of_paper(claim)]


def claim_of(claim: str) -> Claim:
    """What its study says of a claim."""
    return part(deciding_studies()[claim], "study").CLAIMS[claim]  # type: ignore[no-any-return]


def claims_of(study: str) -> List[str]:
    """The claims that a study decides, in order."""
    return [claim for claim, by in deciding_studies().items() if by == study]

"""The combinatorial claims against agents, through clips, measures and verdicts, in small.

Without the abnormal ratio, which takes minutes to calibrate: every other measure must agree too. Clips are short, and
of each agent only the sets that its claims compare. The committed agents.csv has all measures of whole clips.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.agents.config import base_name
from physlaw.config import CellConfig
from physlaw.data import phyre_clips
from physlaw.report.checks import NOT_SUPPORTED, SUPPORTED
from physlaw.results.agent_verdicts import read_agents
from physlaw.studies.combinatorial import nearest, score
from physlaw.studies.combinatorial.generated import VideoSet
from physlaw.studies.combinatorial.report import REPORT, folders
from physlaw.studies.registry import claim_of

OUT = "out_of_template"
scored_sets = score.scored_sets


class NoDetector:
    """Judges no clip."""

    identity = "none"

    def rows(self) -> list[dict[str, Any]]:
        return []

    def objects(self, videos: object, num_frames: int) -> Callable[[Any, Any], pd.DataFrame]:
        return lambda frames, part: pd.DataFrame(index=range(len(frames)))


def needed_sets(cell: CellConfig) -> dict[str, VideoSet]:
    """C6 compares in template, C5 and C7 out of it."""
    c6 = {*claim_of("C6").must_fail, *claim_of("C6").must_pass}
    inside = base_name(cell.model.agent) in c6
    skipped = {"in_template"} if cell.size != "6" or not inside else set()
    skipped |= set() if inside else {"common"}
    skipped |= {OUT} if base_name(cell.model.agent) in claim_of("C6").must_pass else set()
    return {name: videos for name, videos in scored_sets(cell).items() if name not in skipped}


def no_files(cells: object, out: Path) -> None:
    """What agents' clips look like is not asked."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phyre_clips, "DIGEST_SCENES", 4)
    monkeypatch.setattr(nearest, "CASES", 60)
    monkeypatch.setattr(score, "prepare_detector", lambda evaluation: NoDetector())
    monkeypatch.setattr(score, "scored_sets", needed_sets)
    monkeypatch.setattr(folders, "gather", no_files)
    monkeypatch.setattr(type(REPORT), "gather", lambda self, cells, out: no_files(cells, out))


def judged(tmp_path: Path, agents: list[str], extra: list[str], *words: str) -> dict[tuple[str, str], str]:
    """(claim, agent) -> verdict, of agents in all training sets and extra ones in the largest."""
    grid = [
        f"grid.agents=[{','.join(agents)}]",
        f"grid.extra=[{','.join(f'combinatorial:agent_{n}:60' for n in extra)}]",
    ]
    places = [f"runs={tmp_path / 'runs'}", f"out={tmp_path}", "workers=1"]
    main(["agents", "studies=[combinatorial]", *places, *grid, *words])  # rc 1: not all agents that are asked are here
    return {(row.claim, row.agent): row.verdict for row in read_agents(tmp_path)}


@pytest.mark.slow
def test_quality_is_judged_as_it_must_be(tmp_path: Path) -> None:
    agents = ["fade", "fade_less", "fade_more", "nearest_case"]
    words = ["data.num_frames=6", "data.resolution=16", "eval.id_clips=96", "eval.ood_clips=60"]
    found = judged(tmp_path, agents, ["fade_unequal_b", "fade_unequal_xl"], *words)
    for claim in ("C5", "C6", "C7"):
        known = claim_of(claim)
        assert {found[claim, agent] for agent in known.must_fail} == {NOT_SUPPORTED}, claim
        assert {found[claim, agent] for agent in known.must_pass} == {SUPPORTED}, claim


@pytest.mark.slow
def test_ambiguity_is_judged_as_it_must_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "FAMILIES", score.FAMILIES[1:2])
    monkeypatch.setattr(score, "scored_sets", lambda cell: {OUT: scored_sets(cell)[OUT]})
    known = claim_of("C15")
    found = judged(tmp_path, [], [*known.must_fail, *known.must_pass], "eval.ood_clips=2")
    assert {found["C15", agent] for agent in known.must_fail} == {NOT_SUPPORTED}
    assert {found["C15", agent] for agent in known.must_pass} == {SUPPORTED}

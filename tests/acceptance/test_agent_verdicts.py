"""Checks against agents: what must fail fails and what must pass passes, anew here and in the committed table."""

from pathlib import Path

import pytest

from physlaw.__main__ import main
from physlaw.errors import UserError
from physlaw.profiles import REPOSITORY
from physlaw.report.checks import NOT_SUPPORTED, SUPPORTED
from physlaw.results.agent_verdicts import AgentRow, agents_table, read_agents, write_agents, wrong_rows
from physlaw.studies.registry import claim_of, deciding_studies

COMMITTED = REPOSITORY / "results"


@pytest.mark.slow
@pytest.mark.parametrize(("study", "clips", "claim"), [("velocity_gap", 256, "C8"), ("memorization", 256, "C10")])
def test_agents_are_judged_as_they_must_be(
    study: str, clips: int, claim: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"studies=[{study}]", f"clips={clips}", f"runs={tmp_path / 'runs'}", f"out={tmp_path}"]
    assert main(["agents", *words]) == 0, capsys.readouterr().err
    found = {row.agent: row.verdict for row in read_agents(tmp_path)}
    known = claim_of(claim)
    assert {found[agent] for agent in known.must_fail} == {NOT_SUPPORTED}
    assert {found[agent] for agent in known.must_pass} == {SUPPORTED}
    assert "(must pass)" in capsys.readouterr().out


def test_the_committed_table_has_every_agent_that_a_claim_asks_for() -> None:
    rows = read_agents(COMMITTED)
    assert not wrong_rows(rows)
    found = {(row.claim, row.agent): row for row in rows}
    judged = {row.claim for row in rows}
    for claim in judged:
        known = claim_of(claim)
        for agent in (*known.must_fail, *known.must_pass):
            assert found[claim, agent].verdict == (SUPPORTED if agent in known.must_pass else NOT_SUPPORTED)


def test_every_claim_asks_agents() -> None:
    for claim in deciding_studies():
        assert claim_of(claim).must_fail, claim
        assert claim_of(claim).must_pass, claim


def row(claim: str, agent: str, verdict: str, expected: str = "", value: float = 0.25) -> AgentRow:
    return AgentRow(claim, agent, expected, verdict, "because, so", value, 0.0, 0.5)


def test_rows_come_back_and_other_studies_are_kept(tmp_path: Path) -> None:
    first = [row("C10", "law", NOT_SUPPORTED, NOT_SUPPORTED), row("C10", "clamp", NOT_SUPPORTED)]
    write_agents(first, tmp_path)
    later = [row("C8", "law", SUPPORTED, NOT_SUPPORTED, float("nan"))]
    write_agents(later, tmp_path)
    found = read_agents(tmp_path)
    assert [(one.claim, one.agent) for one in found] == [("C8", "law"), ("C10", "law"), ("C10", "clamp")]
    assert found[1:] == first
    assert wrong_rows(found) == ["C8: law must be not supported, is supported: because, so"]
    header, body = agents_table(found)
    assert header == ["agent", "C8", "C10"]
    assert body[1] == ["law", "supported (must fail) WRONG", "not supported (must fail)"]
    (tmp_path / "agents.csv").write_text("claim,agent\nC8,law\n")
    with pytest.raises(UserError, match=r"agents\.csv: damaged"):
        read_agents(tmp_path)

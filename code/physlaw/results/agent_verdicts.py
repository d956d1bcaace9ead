"""What every check says of every reference agent, beside what it must say: agents.csv, and a table in CLAIMS.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from physlaw.csv_file import read_csv
from physlaw.errors import UserError
from physlaw.files import visible, write_text
from physlaw.report.checks import NOT_RUN, NOT_SUPPORTED, SUPPORTED
from physlaw.report.compared import CLIPS
from physlaw.report.tables import MISSING, Table
from physlaw.results.agents import AgentTable
from physlaw.studies import registry

FILE = "agents.csv"
REMEDY = "run `physlaw agents` again"
LAW = "law"  # stands beside an agent that a further study of a claim has not


@dataclass(frozen=True)
class AgentRow:
    """One claim and one agent. expected: SUPPORTED, NOT_SUPPORTED, or empty where nothing is asked of the agent."""

    claim: str
    agent: str
    expected: str
    verdict: str
    reason: str
    value: float
    low: float
    high: float

    @property
    def wrong(self) -> bool:
        """The check misjudges the agent."""
        return bool(self.expected) and self.verdict != self.expected


def agent_rows(tables: Mapping[str, Mapping[str, AgentTable]]) -> list[AgentRow]:
    """A row per claim and agent of these studies, in the order of the claims.

    Args:
        tables: study -> agent -> its table, as run_agents gives them.
    """
    rows = []
    for claim, study in registry.deciding_studies().items():
        known = registry.claim_of(claim)
        for agent, table in tables.get(study, {}).items():
            others = {
                name: (tables[name].get(agent) or tables[name][LAW]).metrics for name in known.also if name in tables
            }
            asked = SUPPORTED if agent in known.must_pass else NOT_SUPPORTED if agent in known.must_fail else ""
            for name, rows_beside in others.items():
                others[name] = rows_beside.assign(study=name)
            metrics = table.metrics.copy()
            metrics.attrs[CLIPS] = _tables(table.evaluations)
            found = registry.report_of(study).verdicts(metrics, MappingProxyType(others))
            one = next(verdict for verdict in found if verdict.claim == claim)
            if one.verdict != NOT_RUN or asked:
                reason = one.reason or one.found
                rows.append(AgentRow(claim, agent, asked, one.verdict, reason, one.value, one.low, one.high))
    return rows


def _tables(folders: Mapping[str, Path]) -> Callable[[str], pd.DataFrame]:
    def table(cell: str) -> pd.DataFrame:
        return _clips(folders[cell])

    return table


@cache
def _clips(folder: Path) -> pd.DataFrame:
    """The per-clip tables of a cell's evaluation, those of clips that have a radius or a template; set: their names."""
    tables = (read_csv(path, REMEDY).assign(set=path.stem) for path in visible(folder, "*.csv"))
    known = [table for table in tables if {"radius_px", "template"} & set(table)]
    return pd.concat(known, ignore_index=True) if known else pd.DataFrame()


def write_agents(rows: list[AgentRow], folder: Path) -> Path:
    """Write agents.csv, the rows of studies that were not run kept as they are there; returns its path."""
    path = folder / FILE
    done = {row.claim for row in rows}
    kept = [row for row in read_agents(folder) if row.claim not in done] if path.is_file() else []
    order = list(registry.deciding_studies())
    every = sorted([*kept, *rows], key=lambda row: order.index(row.claim))
    header = [item.name for item in fields(AgentRow)]
    table = pd.DataFrame([astuple(row) for row in every], columns=header)
    write_text(path, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    return path


def read_agents(folder: Path) -> list[AgentRow]:
    """The rows of agents.csv; none without one.

    Raises:
        UserError: it is damaged, or of claims that there are not.
    """
    path = folder / FILE
    if not path.is_file():
        return []
    texts = ("claim", "agent", "expected", "verdict", "reason")
    table = read_csv(path, REMEDY, dict.fromkeys(texts, str))
    lacking = [item.name for item in fields(AgentRow) if item.name not in table]
    strange = set(table.get("claim", ())) - set(registry.deciding_studies())
    if lacking or strange:
        raise UserError(f"{path}: damaged, {', '.join(map(str, [*lacking, *strange]))}; {REMEDY}")
    table = table.fillna(dict.fromkeys(texts, ""))
    return [AgentRow(*row) for row in table[[item.name for item in fields(AgentRow)]].itertuples(index=False)]


def agents_table(rows: list[AgentRow]) -> Table:
    """Claims across, agents down: the verdict, with what it must be where that is asked."""
    claims = list(dict.fromkeys(row.claim for row in rows))
    known = {(row.agent, row.claim): row for row in rows}

    def cell(agent: str, claim: str) -> str:
        row = known.get((agent, claim))
        if row is None:
            return MISSING
        asked = {SUPPORTED: " (must pass)", NOT_SUPPORTED: " (must fail)"}.get(row.expected, "")
        return f"{row.verdict}{asked}{' WRONG' if row.wrong else ''}"

    agents = sorted(dict.fromkeys(row.agent for row in rows))
    return ["agent", *claims], [[agent, *(cell(agent, claim) for claim in claims)] for agent in agents]


def wrong_rows(rows: list[AgentRow]) -> list[str]:
    """What the checks misjudge, a line each."""
    return [
        f"{row.claim}: {row.agent} must be {row.expected}, is {row.verdict}: {row.reason}" for row in rows if row.wrong
    ]

"""`physlaw index`: one self-contained page over all studies, <results>/index.html."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from physlaw.files import write_text
from physlaw.report.checks import MARKS, NOT_RUN
from physlaw.report.page import template
from physlaw.results.claims import Row, claim_rows
from physlaw.results.cost import cost_text
from physlaw.results.front import answer_text, best_rows
from physlaw.results.mark import mark
from physlaw.results.scales import Metrics, hardware_text, read_results, seeds_text, time_text
from physlaw.studies import registry


@dataclass(frozen=True)
class Found:
    """One claim at one scale that has results. best: no larger scale has been run."""

    row: Row
    words: str
    best: bool
    mark: Markup  # the number that decided, as a figure


@dataclass(frozen=True)
class Scale:
    """One results folder of a study."""

    name: str
    page: str  # link relative to index.html; empty where there is no page
    seeds: str
    hardware: str
    time: str


@dataclass(frozen=True)
class Study:
    """One study's part of the page."""

    name: str
    title: str
    question: str
    scales: list[Scale]
    claims: list[tuple[str, str, list[Row]]]  # id, words, a row per scale that has results


def studies_of(results: Path, known: dict[str, Metrics], rows: list[Row]) -> list[Study]:
    """Every study that has results, in the order of the claims.

    Args:
        results: the folder that the page will lie in.
        known: scale -> study -> metrics, as read_results gives them; rows: the verdicts.
    """
    with_results = [study for metrics in known.values() for study in metrics]
    order = dict.fromkeys([*registry.deciding_studies().values(), *with_results])
    found = []
    for study in (name for name in order if name in with_results):
        own = [row for row in rows if row.study == study and row.hardware]
        claims = [
            (claim, registry.claim_of(claim).words, [row for row in own if row.claim == claim])
            for claim in registry.claims_of(study)
        ]
        scales = [_scale(results, study, scale, known[scale]) for scale in known if study in known[scale]]
        words = registry.part(study, "study")
        found.append(Study(study, words.TITLE, words.QUESTION, scales, claims))
    return found


def found_of(rows: list[Row]) -> list[Found]:
    """Every claim at every scale that has results; by claim, larger scales after smaller ones."""
    best = {(row.claim, row.scale) for row in best_rows(rows)}
    return [
        Found(row, registry.claim_of(row.claim).in_plain_words, (row.claim, row.scale) in best, mark(row))
        for row in rows
        if row.hardware
    ]


def not_run(rows: list[Row]) -> list[tuple[Row, str, str]]:
    """A row per study and scale without results, with its claims and what it costs."""
    absent: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.verdict == NOT_RUN and not row.hardware:
            absent.setdefault((row.study, row.scale), []).append(row)
    return [(same[0], ", ".join(row.claim for row in same), cost_text(*key)) for key, same in absent.items()]


def _scale(results: Path, study: str, scale: str, metrics: Metrics) -> Scale:
    page = f"{study}/{scale}/report.html"
    tables = [metrics[study]]
    there = page if (results / page).is_file() else ""
    return Scale(scale, there, seeds_text(metrics[study]), hardware_text(tables), time_text(tables))


def write_index(results: Path) -> Path:
    """Write <results>/index.html; returns its path. Errors as read_results."""
    known = read_results(results)
    rows = claim_rows(known)
    found = found_of(rows)
    page = template(Path(__file__).with_name("index.html")).render(
        answer=answer_text(known, rows),
        paper=[one for one in found if registry.is_of_paper(one.row.claim)],
        further=[one for one in found if not registry.is_of_paper(one.row.claim)],
        scales=list(dict.fromkeys(one.row.scale for one in found)),
        studies=studies_of(results, known, rows),
        absent=not_run(rows),
        undecided=[claim for claim in registry.deciding_studies() if claim not in {one.row.claim for one in found}],
        marks=MARKS,
    )
    write_text(results / "index.html", page)
    return results / "index.html"

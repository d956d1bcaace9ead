"""`physlaw index`: one self-contained page over all studies, <results>/index.html."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from physlaw.files import write_text
from physlaw.report.checks import NOT_RUN
from physlaw.report.page import template
from physlaw.results.claims import Row, claim_rows
from physlaw.results.scales import SCALES, Metrics, hardware_text, read_results, seeds_text, time_text
from physlaw.studies import registry


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
    columns: list[str]  # scales of the verdicts
    claims: list[tuple[str, str, list[Row | None]]]  # id, words, a row per column (None: not of that variant)
    not_run: list[Row]  # without results


def studies_of(results: Path, known: dict[str, Metrics]) -> list[Study]:
    """Every study that decides a claim or has results, in the order of the claims.

    Args:
        results: the folder that the page will lie in.
        known: scale -> study -> metrics, as read_results gives them.
    """
    rows = claim_rows(known)
    with_results = (study for metrics in known.values() for study in metrics)
    found = []
    for study in dict.fromkeys([*registry.deciding_studies().values(), *with_results]):
        own = {(row.claim, row.scale): row for row in rows if row.study == study}
        columns = [*SCALES, *(scale for scale in known if scale not in SCALES and study in known[scale])]
        claims = [
            (claim, registry.claim_of(claim).words, [own.get((claim, scale)) for scale in columns])
            for claim in registry.claims_of(study)
        ]
        scales = [_scale(results, study, scale, known[scale]) for scale in known if study in known[scale]]
        absent = {row.scale: row for row in own.values() if row.verdict == NOT_RUN and not row.hardware}
        words = registry.part(study, "study")
        found.append(Study(study, words.TITLE, words.QUESTION, scales, columns, claims, list(absent.values())))
    return found


def _scale(results: Path, study: str, scale: str, metrics: Metrics) -> Scale:
    page = f"{study}/{scale}/report.html"
    tables = [metrics[study]]
    there = page if (results / page).is_file() else ""
    return Scale(scale, there, seeds_text(metrics[study]), hardware_text(tables), time_text(tables))


def write_index(results: Path) -> Path:
    """Write <results>/index.html; returns its path. Errors as read_results."""
    studies = studies_of(results, read_results(results))
    write_text(results / "index.html", template(Path(__file__).with_name("index.html")).render(studies=studies))
    return results / "index.html"

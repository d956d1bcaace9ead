"""`physlaw index`: one self-contained page over all studies, <results>/index.html."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

import jinja2

from physlaw.files import write_text
from physlaw.report.claims import Row, claim_rows
from physlaw.report.claims_table import CLAIMS
from physlaw.report.scales import SCALES, Metrics, hardware_text, read_results, seeds_text, time_text
from physlaw.report.study import DECIDED_BY
from physlaw.report.verdicts import NOT_RUN


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


def _words_of(study: str) -> tuple[str, str]:
    """Title and question of physlaw.studies.<study>."""
    module = importlib.import_module(f"physlaw.studies.{study}")
    return module.TITLE, module.QUESTION


def studies_of(results: Path, known: dict[str, Metrics]) -> list[Study]:
    """Every study that decides a claim or has results, in the order of the claims.

    Args:
        results: the folder that the page will lie in.
        known: scale -> study -> metrics, as read_results gives them.
    """
    rows = claim_rows(known)
    with_results = (study for metrics in known.values() for study in metrics)
    found = []
    for study in dict.fromkeys([*DECIDED_BY.values(), *with_results]):
        own = {(row.claim, row.scale): row for row in rows if row.study == study}
        columns = [*SCALES, *(scale for scale in known if scale not in SCALES and study in known[scale])]
        claims = [
            (claim, CLAIMS[claim].words, [own.get((claim, scale)) for scale in columns])
            for claim, by in DECIDED_BY.items()
            if by == study
        ]
        scales = [_scale(results, study, scale, known[scale]) for scale in known if study in known[scale]]
        absent = {row.scale: row for row in own.values() if row.verdict == NOT_RUN and not row.hardware}
        found.append(Study(study, *_words_of(study), scales, columns, claims, list(absent.values())))
    return found


def _scale(results: Path, study: str, scale: str, metrics: Metrics) -> Scale:
    page = f"{study}/{scale}/report.html"
    tables = [metrics[study]]
    there = page if (results / page).is_file() else ""
    return Scale(scale, there, seeds_text(metrics[study]), hardware_text(tables), time_text(tables))


def write_index(results: Path) -> Path:
    """Write <results>/index.html; returns its path. Errors as read_results."""
    studies = studies_of(results, read_results(results))
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("physlaw.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    write_text(results / "index.html", pages.get_template("index.html").render(studies=studies))
    return results / "index.html"

"""What a visitor reads first, filled in from results: README.md's answer and claims, RESULTS.md, results/front.gif,
and the numbers of ARTIFACT.md (results.artifact).

A page marks what is filled in by <!-- NAME:begin --> and <!-- NAME:end -->; all else in it is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from physlaw.errors import UserError
from physlaw.files import read_json, read_text, write_bytes, write_text
from physlaw.report.checks import NOT_RUN, NOT_SUPPORTED, SUPPORTED, WEAKENED
from physlaw.report.front import Front, animation
from physlaw.report.tables import MISSING
from physlaw.results.artifact import claims_map, expected, measured
from physlaw.results.claims import Row
from physlaw.results.scales import SCALES, Metrics, hardware_text, runs_of, seeds_text, time_text
from physlaw.studies import NAMES, registry

DECIDED = (SUPPORTED, NOT_SUPPORTED, WEAKENED)
Results = Mapping[str, Metrics]  # scale -> study -> metrics, as read_results gives them
INTRO = """\
# Results

Written by `physlaw claims` from results/ alone: what has been run, by study and scale, with its first table. All
numbers, figures and clips are on the linked pages; verdicts with their checks are in [CLAIMS.md](CLAIMS.md). A profile
is a scale; a verdict at another scale than `paper` is one on small models and pictures.
"""


def filled(text: str, name: str, content: str, page: str) -> str:
    """A page with what stands between the marks of that name replaced.

    Raises:
        UserError: the marks are not there, once each and in order (names the page).
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    parts = re.split(f"({re.escape(begin)}|{re.escape(end)})", text)
    if parts[1::2] != [begin, end]:
        raise UserError(f"{page}: the marks {begin} and {end} must be there once each, in this order")
    return f"{parts[0]}{begin}\n{content.strip()}\n{end}{parts[4]}"


def fill(path: Path, blocks: Mapping[str, str]) -> None:
    """Fill in a page that is there; one that is not stays away. Errors as `filled`."""
    if path.is_file():
        text = read_text(path)
        for name, content in blocks.items():
            text = filled(text, name, content, path.name)
        write_text(path, text)


def front_study() -> tuple[str, Front]:
    """The study that speaks for all, and what it says."""
    return next((name, front) for name in NAMES if (front := registry.report_of(name).front) is not None)


def front_scale(results: Results, study: str) -> str | None:
    """The largest of SCALES at which every cell of the study has finished; None without any."""
    whole = [s for s in SCALES if study in results.get(s, {}) and not (results[s][study]["kind"] == "missing").any()]
    return whole[-1] if whole else None


def best_rows(rows: list[Row]) -> list[Row]:
    """A row per claim: of the largest scale that has been run, else of the smallest there is."""
    order = {scale: k for k, scale in enumerate(SCALES)}
    found = {}
    for claim in registry.deciding_studies():
        own = [row for row in rows if row.claim == claim and row.scale in order]
        found[claim] = max(own, key=lambda row: order[row.scale] if row.hardware else -1 - order[row.scale])
    return list(found.values())


def answer_text(results: Results, rows: list[Row]) -> str:
    """Three sentences: in distribution, out of it, and what that is worth."""
    study, front = front_study()
    scale = front_scale(results, study)
    own = [row for row in rows if registry.is_of_paper(row.claim)]
    decided = {row.claim: row for row in own if row.verdict in DECIDED}  # a larger scale after a smaller one
    count = f"of the paper's {len(registry.paper_claims())} claims {len(decided) or 'none'}"
    listed = ", ".join(f"{claim} {row.verdict} ({row.scale})" for claim, row in decided.items())
    verdicts = f"{count} {'is' if len(decided) <= 1 else 'are'} decided so far{': ' if listed else ''}{listed}"
    if scale is None:
        return f"No scale has been run whole; {verdicts}."
    metrics = results[scale][study]
    *said, worth = front.answer(metrics)
    few = metrics["seed"].nunique() < 3
    return " ".join([*said, f"{worth}{', and fewer than three seeds decide nothing' if few else ''}; {verdicts}."])


def claims_text(rows: list[Row]) -> str:
    """The paper's claims in plain words: what it found, what was found here, and the verdict."""
    lines = ["| | claim | paper | here, [95 %] | verdict |", "|---|---|---|---|---|"]
    for row in (row for row in best_rows(rows) if registry.is_of_paper(row.claim)):
        known = registry.claim_of(row.claim)
        here = f"{row.figure or 'no number yet'} ({row.scale})" if row.hardware else MISSING
        cells = (row.claim, known.in_plain_words, known.paper, here, f"**{row.verdict}**")
        lines.append(f"|{'|'.join(cell.replace('|', '/') for cell in cells)}|")
    return "\n".join(lines)


def results_text(folder: Path, results: Results, rows: list[Row]) -> str:
    """RESULTS.md: every study that has results, then what has not been run.

    Args:
        folder: with <study>/<scale>/ as in results/.
    """
    parts, known = [INTRO], {(row.study, row.scale): row for row in rows}
    for study in NAMES:
        scales = [scale for scale in results if study in results[scale]]
        if not scales:
            continue
        words = registry.part(study, "study")
        parts.append(f"## {words.TITLE}\n\n{words.QUESTION}\n")
        for scale in scales:
            said = [row for row in rows if (row.study, row.scale) == (study, scale)]
            parts.append(_scale_text(folder / study / scale, study, scale, results[scale], said))
    absent = [row for row in known.values() if row.verdict == NOT_RUN and not row.hardware and row.command]
    lines = ["## Not run", "", "| study | scale | command |", "|---|---|---|"]
    lines += [f"| {row.study} | {row.scale} | `{row.command}` |" for row in absent]
    return "\n".join([*parts, *lines]) + "\n"


def _scale_text(folder: Path, study: str, scale: str, metrics: Metrics, said: list[Row]) -> str:
    own, place = metrics[study], f"results/{study}/{scale}"
    cells, done = own["cell"].nunique(), runs_of(own)["cell"].nunique()
    recipe = ", ".join(own["recipe"].unique())
    lines = [
        f"### {study}, {scale}",
        "",
        f"Recipe {recipe}; {done} of {cells} cells, seeds: {seeds_text(own)}; {hardware_text([own])}; "
        f"{time_text([own])} of training and evaluation.",
        "",
    ]
    links = [f"[{what}]({place}/{name})" for name, what in _LINKS.items() if (folder / name).is_file()]
    lines += [f"All of it: {', '.join(links)}.", ""] if links else []
    if (folder / "notes.json").is_file():
        lines += [read_json(folder / "notes.json")["text"], ""]
    lines += [first_table(read_text(folder / "table.md")), ""] if (folder / "table.md").is_file() else []
    front = registry.report_of(study).front
    if front is not None and done:
        *sentences, worth = front.answer(own)
        lines += [" ".join([*sentences, f"{worth}."]), ""]
    lines += [f"- {row.claim}, **{row.verdict}**. {row.sentence}" for row in said]
    return "\n".join([*lines, ""])


_LINKS = {"report.html": "page", "table.md": "tables", "metrics.csv": "numbers", "provenance.json": "provenance"}


def first_table(text: str) -> str:
    """The first Markdown table of a text; empty without one."""
    return next((part for part in text.split("\n\n") if part.startswith("|")), "").strip()


def write_front(folder: Path, out: Path, results: Results, rows: list[Row]) -> None:
    """Write out/RESULTS.md and out/results/front.gif, and fill in out/README.md and out/ARTIFACT.md where they are.

    Args:
        folder: the results folder. results, rows: what it holds, and the verdicts.
    """
    write_text(out / "RESULTS.md", results_text(folder, results, rows))
    fill(out / "README.md", {"answer": answer_text(results, rows), "claims": claims_text(rows)})
    study, front = front_study()
    parts = {"map": claims_map(folder, best_rows(rows)), "measured": measured(folder, results)}
    fill(out / "ARTIFACT.md", {**parts, "expected": expected(folder, results, study)})
    scale = front_scale(results, study)
    strips = front.strips(folder / study / scale, results[scale][study]) if scale else []
    if strips:
        write_bytes(out / "results" / "front.gif", animation(strips))

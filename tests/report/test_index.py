"""The page over all studies: one file, verdicts in words and colour, links that lead somewhere, readable on a phone."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import escape as markup
from pages import Page, check_fits_a_phone

from physlaw.__main__ import main
from physlaw.profiles import REPOSITORY
from physlaw.report.checks import MARKS, WEAKENED
from physlaw.results.claims import claim_rows
from physlaw.results.front import answer_text
from physlaw.results.index import not_run, write_index
from physlaw.results.mark import mark
from physlaw.results.scales import SCALES, read_results
from physlaw.studies.registry import claim_of, deciding_studies


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed metrics.csv, each with a page but one."""
    folder = tmp_path_factory.mktemp("index") / "results"
    for path in sorted((REPOSITORY / "results").glob("*/*/metrics.csv")):
        there = folder / path.relative_to(REPOSITORY / "results")
        there.parent.mkdir(parents=True)
        shutil.copy(path, there)
        (there.parent / "report.html").write_text("page")
    (folder / "combinatorial" / "smoke" / "report.html").unlink()
    write_index(folder)
    return folder


def test_every_claim_with_results_is_there_with_mark_word_seeds_and_scale(results: Path) -> None:
    text = (results / "index.html").read_text()
    rows = [row for row in claim_rows(read_results(results)) if row.hardware]
    shown = re.findall(
        r'<tr data-scale="(\w+)"( class="smaller")?><td>(C\d+)</td><td class="verdict"><span class="([a-z-]+)">'
        r'<span aria-hidden="true">(.)</span> ([a-z ()]+)</span></td><td><b>(.*?)\.</b> (.*?)</td>.*?'
        r'<td data-label="seeds">([^<]*)</td><td data-label="scale">\w+</td></tr>',
        text,
    )
    assert len(shown) == len(rows) > 10
    for row, (scale, smaller, claim, kind, sign, verdict, words, sentence, seeds) in zip(rows, shown, strict=True):
        assert (scale, claim, verdict, seeds) == (row.scale, row.claim, row.verdict, row.seeds)
        assert words == str(markup(claim_of(claim).in_plain_words))
        assert sentence == str(markup(row.sentence))
        assert sign == MARKS[verdict]
        assert kind in ("supported", "not-supported", "inconclusive", "not-applicable", "not-run")
        larger = {one.scale for one in rows if one.claim == claim} & {"paper", "mini"} - {scale}
        assert bool(smaller) == (scale not in SCALES or (scale == "smoke" and bool(larger)))
    assert set(MARKS) == {"supported", "not supported", WEAKENED, "inconclusive", "not applicable", "not run"}


def test_a_number_that_decided_is_drawn_with_its_interval_bound_and_the_papers_value(results: Path) -> None:
    rows = [row for row in claim_rows(read_results(results)) if row.number]
    assert (
        (results / "index.html").read_text().count('<svg class="mark"') == len([row for row in rows if mark(row)]) > 3
    )
    ratio = next(row for row in rows if (row.claim, row.scale) == ("C2", "mini"))
    drawn = str(mark(replace(ratio, number="2", low="1", high="3", bound="5", paper_number="9", part="a <b>")))
    assert "<title>a &lt;b&gt;: here 2, 95 % interval 1 to 3; bound 5; the paper 9</title>" in drawn
    at = {name: float(x) for name, x in re.findall(r'class="(\w+)" (?:d="M|cx=")([\d.]+)', drawn) if name != "axis"}
    assert at["ours"] == 34  # an eighth of the way from 1 to 9
    assert at["bound"] == 100
    assert at["paper"] == 188
    assert mark(replace(ratio, number="")) == ""
    assert ratio.paper_number in ("23.5", "7.8", "9")


def test_the_answer_comes_first_and_what_was_not_run_last(results: Path) -> None:
    text, known = (results / "index.html").read_text(), read_results(results)
    rows = claim_rows(known)
    answer = str(markup(answer_text(known, rows).replace("`", "")))
    order = [text.index(part) for part in ("<h1>", answer, "The paper's claims", '<section id="id_ood"', "<h2>Not run")]
    assert order == sorted(order)
    for scale in {row.scale for row in rows if row.hardware}:
        assert f'id="scale-{scale}"' in text
        assert f".scales:has(#scale-{scale}:checked)" in text


def test_links_lead_to_pages_that_are_there(results: Path) -> None:
    page = Page((results / "index.html").read_text())
    reports = [link for link in page.links if not link.startswith("#")]
    assert "id_ood/smoke/report.html" in reports
    assert all((results / link).is_file() for link in reports)
    assert "smoke: no report page" in (results / "index.html").read_text()
    present = {path.parent.parent.name for path in results.glob("*/*/metrics.csv")}
    assert {link[1:] for link in page.links if link.startswith("#")} == {*present, "not-run"}
    assert {*present, "not-run"} <= page.ids


def test_what_was_not_run_is_one_folded_table_with_commands(results: Path) -> None:
    text = (results / "index.html").read_text()
    folded = text[text.index('<section id="not-run">') :]
    assert folded.count("<details>") == 1
    absent = not_run(claim_rows(read_results(results)))
    for row, claims, cost in absent:
        assert not (results / row.study / row.scale / "metrics.csv").exists()
        assert f"<tr><td>{row.study}, {row.scale}</td>" in folded
        assert f"<td>{cost}</td><td>{claims}</td>" in folded
        assert ("hours" in cost) == bool(row.command)
        assert not row.command or str(markup(row.command)) in folded
    assert {(row.study, row.scale) for row, *_ in absent} == {
        (study, scale)
        for study in deciding_studies().values()
        for scale in ("smoke", "mini", "paper")
        if not (results / study / scale / "metrics.csv").exists()
    }


def test_the_page_is_whole_and_fits_a_phone(results: Path) -> None:
    """The studies' own: test_report."""
    check_fits_a_phone((results / "index.html").read_text())


def test_a_table_outside_its_box_would_be_found() -> None:
    assert Page('<div class="scroll"><table></table></div><table></table>').loose == ["table"]


def test_the_verb_writes_the_same_bytes_again(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (results / "index.html").read_bytes()
    assert main(["index", f"results={results}"]) == 0
    assert capsys.readouterr().out.strip() == str(results / "index.html")
    assert (results / "index.html").read_bytes() == before
    assert main(["index", "out=x"]) == 2
    assert "valid: results" in capsys.readouterr().err

"""The page over all studies: one file, verdicts in words and colour, links that lead somewhere, readable on a phone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from pages import Page, check_fits_a_phone

from physlaw.__main__ import main
from physlaw.profiles import REPOSITORY
from physlaw.results.claims import claim_rows
from physlaw.results.index import studies_of, write_index
from physlaw.results.scales import read_results
from physlaw.studies.registry import deciding_studies


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


def test_every_claim_is_there_with_its_verdicts_in_words(results: Path) -> None:
    text = (results / "index.html").read_text()
    rows = claim_rows(read_results(results))
    assert len(rows) >= 48
    for row in rows:
        assert f'{row.verdict.replace(" ", "-")}">{row.verdict}</td>' in text
    cells = re.findall(r'<td class="verdict ([a-z-]+)">([a-z ]+)</td>', text)
    assert len(cells) == len(rows)
    assert all(name == words.replace(" ", "-") for name, words in cells)


def test_links_lead_to_pages_that_are_there(results: Path) -> None:
    page = Page((results / "index.html").read_text())
    reports = [link for link in page.links if not link.startswith("#")]
    assert "id_ood/smoke/report.html" in reports
    assert all((results / link).is_file() for link in reports)
    assert "smoke: no report page" in (results / "index.html").read_text()
    assert {link[1:] for link in page.links if link.startswith("#")} == set(deciding_studies().values())
    assert set(deciding_studies().values()) <= page.ids


def test_what_was_not_run_is_listed_with_its_command(results: Path) -> None:
    (study,) = [one for one in studies_of(results, read_results(results)) if one.name == "id_ood"]
    present = {path.parent.name for path in results.glob("id_ood/*/metrics.csv")}
    assert {row.scale for row in study.not_run} == {"smoke", "mini", "paper"} - present
    assert {scale.name for scale in study.scales} == present
    text = (results / "index.html").read_text()
    for row in study.not_run:
        assert f"<code>physlaw reproduce study=id_ood profile={row.scale}</code>" in text


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

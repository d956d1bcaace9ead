"""The page over all studies: one file, verdicts in words and colour, links that lead somewhere, readable on a phone."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from physlaw.__main__ import main
from physlaw.config import REPOSITORY
from physlaw.report.claims import claim_rows
from physlaw.report.index import studies_of, write_index
from physlaw.report.scales import read_results
from physlaw.report.study import DECIDED_BY
from physlaw.reproduce import redraw


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


class Page(HTMLParser):
    """What the tests ask of a page: links, tables outside a scrolling box, what it loads, ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loose: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.ids.add(known.get("id", ""))
        if tag == "a":
            self.links.append(known["href"])
        if tag in ("script", "link") or "src" in known:
            self.loads.append(known.get("src", tag))
        if tag == "table" and ("div", "scroll") not in self.open:
            self.loose.append(tag)
        if tag not in ("meta", "img", "br", "link"):
            self.open.append((tag, known.get("class", "")))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass


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
    assert {link[1:] for link in page.links if link.startswith("#")} == set(DECIDED_BY.values())
    assert set(DECIDED_BY.values()) <= page.ids


def test_what_was_not_run_is_listed_with_its_command(results: Path) -> None:
    (study,) = [one for one in studies_of(results, read_results(results)) if one.name == "id_ood"]
    present = {path.parent.name for path in results.glob("id_ood/*/metrics.csv")}
    assert {row.scale for row in study.not_run} == {"smoke", "mini", "paper"} - present
    assert {scale.name for scale in study.scales} == present
    text = (results / "index.html").read_text()
    for row in study.not_run:
        assert f"<code>physlaw reproduce study=id_ood profile={row.scale}</code>" in text


def phone(text: str) -> None:
    """Nothing is loaded from elsewhere; tables scroll in their box; the viewport is the device's."""
    page = Page(text)
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in text
    assert page.loose == []
    assert all(source.startswith("data:") for source in page.loads)
    assert "http://" not in re.sub(r"data:[^\"]*", "", text)
    for rule in (".scroll { overflow-x: auto;", "img.plot { max-width: 100%", "overflow-wrap: anywhere"):
        assert rule in text


def test_pages_are_whole_and_fit_a_phone(results: Path, tmp_path: Path) -> None:
    phone((results / "index.html").read_text())
    for study in ("id_ood", "combinatorial"):
        copy = tmp_path / study / "smoke"
        shutil.copytree(REPOSITORY / "results" / study / "smoke", copy)
        phone(redraw(copy).read_text())


def test_a_table_outside_its_box_would_be_found() -> None:
    assert Page('<div class="scroll"><table></table></div><table></table>').loose == ["table"]


def test_the_verb_writes_the_same_bytes_again(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (results / "index.html").read_bytes()
    assert main(["index", f"results={results}"]) == 0
    assert capsys.readouterr().out.strip() == str(results / "index.html")
    assert (results / "index.html").read_bytes() == before
    assert main(["index", "out=x"]) == 2
    assert "valid: results" in capsys.readouterr().err

"""What a visitor reads first: short, generated where it has numbers, and true where it names files and commands."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageSequence

from physlaw import __version__
from physlaw.__main__ import VERBS
from physlaw.errors import UserError
from physlaw.profiles import REPOSITORY
from physlaw.report.checks import INCONCLUSIVE, NOT_RUN, SUPPORTED
from physlaw.report.front import Strip, animation
from physlaw.report.metrics import read_metrics
from physlaw.results.claims import claim_rows, write_claims
from physlaw.results.front import (
    answer_text,
    best_rows,
    claims_text,
    fill,
    filled,
    first_table,
    front_scale,
    front_study,
    results_text,
)
from physlaw.results.scales import SCALES, read_results
from physlaw.studies import registry

MAX_WORDS, MAX_BYTES = 1200, 400_000
PAGES = [
    path.relative_to(REPOSITORY).as_posix()
    for path in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("slurm/*.md"))
]
FILLED = ("README.md", "ARTIFACT.md")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `physlaw claims` makes of the committed results and pages."""
    folder = tmp_path_factory.mktemp("front")
    for name in FILLED:
        shutil.copy(REPOSITORY / name, folder)
    write_claims(REPOSITORY / "results", folder)
    return folder


@pytest.mark.parametrize("page", [*FILLED, "RESULTS.md", "CLAIMS.md", "results/claims.csv"])
def test_the_committed_page_is_what_the_results_give(written: Path, page: str) -> None:
    assert (written / page).read_text() == (REPOSITORY / page).read_text(), "run `physlaw claims`"


def test_the_animation_is_of_the_committed_clips_and_small(written: Path) -> None:
    assert (REPOSITORY / "results/front.gif").stat().st_size < MAX_BYTES
    shown = [
        np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(folder / name))])
        for folder, name in ((REPOSITORY / "results", "front.gif"), (written / "results", "front.gif"))
    ]
    assert np.array_equal(*shown)


def test_the_readme_is_short_and_leads_with_question_picture_and_answer() -> None:
    text = (REPOSITORY / "README.md").read_text()
    assert len(text.split()) <= MAX_WORDS
    order = [
        text.index(word) for word in ("?**", "results/front.gif", "answer:begin", "make reproduce", "claims:begin")
    ]
    assert order == sorted(order)
    for word in ("*study*", "*cells*", "*profile*", "*recipe*"):  # explained where they are first used as such
        assert text.count(word) == 1
    for claim in registry.deciding_studies():
        assert text.count(f"\n|{claim}|") == registry.is_of_paper(claim)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_what_is_there(page: str) -> None:
    text = re.sub(r"^```.*?^```$", "", (REPOSITORY / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not link.startswith("http"):
            name, _, anchor = link.partition("#")
            there = (REPOSITORY / page).parent / name if name else REPOSITORY / page
            assert there.exists(), f"{page}: {link}"
            heads = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE) if anchor else []
            slugs = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]
            assert not anchor or anchor in slugs, f"{page}: {link}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_known(page: str) -> None:
    text = (REPOSITORY / page).read_text()
    commands = "\n".join(
        [*re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE), *re.findall("`([^`\n]+)`", text)]
    )
    for verb in re.findall(r"(?:^|[ /])physlaw ([a-z_]+)\b(?![.=/:-])", commands, re.MULTILINE):
        assert verb in VERBS or verb == "help", f"{page}: physlaw {verb}"
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"(?:^|&& )make ([a-z][a-z-]*)", commands, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page}: make {target}"


def test_the_answer_is_of_the_largest_scale_that_has_been_run_whole() -> None:
    study, front = front_study()
    metrics = read_metrics(REPOSITORY / "results/id_ood/smoke")
    part = metrics.copy()
    part.loc[part["scenario"] == "collision", "kind"] = "missing"
    assert front_scale({"smoke": {study: metrics}, "mini": {study: part}}, study) == "smoke"
    assert front_scale({"smoke": {study: metrics}, "mini": {study: metrics}}, study) == "mini"
    assert front_scale({"smoke": {study: part}}, study) is None
    assert "No scale has been run whole; of the paper's 16 claims none is decided so far." in answer_text({}, [])
    changed = metrics.copy()
    rows = (changed["scenario"] == "uniform") & (changed["group"] == "ood")
    changed.loc[rows, ["generated_corrected", "nearer_to_case"]] = [8.76, 0.5]
    assert "8.76" not in " ".join(front.answer(metrics))
    said = front.answer(changed)
    assert "8.76" in said[1]
    assert "50 %, " in said[1]
    assert "one seed" in said[2]
    assert "collision" not in " ".join(front.answer(part))


def test_decided_claims_are_counted_and_the_largest_scale_is_shown() -> None:
    results = read_results(REPOSITORY / "results")
    rows = claim_rows(results)
    best = {row.claim: row for row in best_rows(rows)}
    assert list(best) == list(registry.deciding_studies())
    for claim, row in best.items():
        ran = [one.scale for one in rows if one.claim == claim and one.hardware and one.scale in SCALES]
        assert row.scale == (ran[-1] if ran else "smoke")
    for count, words in (
        (1, "of the paper's 16 claims 1 is decided so far: C1 supported (paper)."),
        (2, "of the paper's 16 claims 2 are decided so far: C1 supported (paper), C2 supported (paper)."),
    ):
        verdicts = dict.fromkeys(list(best)[:count], SUPPORTED)
        changed = [replace(row, verdict=verdicts.get(row.claim, INCONCLUSIVE)) for row in rows if row.scale in SCALES]
        assert words in answer_text(results, changed)
        assert claims_text(changed).count(f"|**{SUPPORTED}**|") == count


def test_results_without_tables_clips_and_pages_are_told_all_the_same(tmp_path: Path) -> None:
    there = tmp_path / "results/id_ood/smoke/metrics.csv"
    there.parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / "results/id_ood/smoke/metrics.csv", there)
    write_claims(tmp_path / "results", tmp_path)
    text = (tmp_path / "RESULTS.md").read_text()
    assert "3 of 3 cells" in text
    assert "report.html" not in text
    assert not (tmp_path / "README.md").exists()
    assert not (tmp_path / "results/front.gif").exists()
    results = read_results(tmp_path / "results")
    rows = claim_rows(results)
    assert results_text(tmp_path / "results", results, rows) == text
    absent = {row.study for row in rows if row.verdict == NOT_RUN and not row.hardware and row.command}
    assert all(f"| {study} | mini |" in text for study in absent)


def test_marks_that_are_not_there_are_named(tmp_path: Path) -> None:
    text = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n"
    assert filled(text, "x", "new\n", "page.md") == text.replace("old", "new")
    assert filled(filled(text, "x", "new", "p"), "x", "new", "p") == filled(text, "x", "new", "p")
    for wrong in ("", text + text, "<!-- x:end --><!-- x:begin -->", "<!-- x:begin -->"):
        with pytest.raises(UserError, match=r"page\.md: the marks <!-- x:begin --> and <!-- x:end --> must be"):
            filled(wrong, "x", "new", "page.md")
    fill(tmp_path / "absent.md", {"x": "new"})
    assert not list(tmp_path.iterdir())


def test_first_table() -> None:
    assert first_table("words\n\n| a |\n|---|\n| 1 |\n\nmore\n\n| b |\n") == "| a |\n|---|\n| 1 |"
    assert first_table("words alone") == ""


def test_the_animation_shows_every_clip_enlarged_without_smoothing() -> None:
    red, blue = (np.zeros((3, 4, 4, 3), np.uint8) for _ in range(2))
    red[..., 0], blue[..., 2] = 255, 255
    red[1, 0, 0] = 255
    content = animation(
        [Strip("one\nline", {"truth": red, "model": blue}), Strip("two", {"truth": blue, "model": red})]
    )
    frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(io.BytesIO(content)))]
    areas = [[(frame == colour).all(axis=2).sum() for colour in ((255, 0, 0), (0, 0, 255))] for frame in frames]
    assert areas[0] == [2 * 160 * 160] * 2
    assert areas[1] == [2 * (160 * 160 - 40 * 40), 2 * 160 * 160]
    assert any((frames[0] < 100).all(axis=2).ravel())  # labels
    with pytest.raises(ValueError, match="no strips"):
        animation([])


def test_the_release_and_the_citation_have_the_version() -> None:
    citation = (REPOSITORY / "CITATION.cff").read_text()
    assert f"\nversion: {__version__}\n" in citation
    assert pd.Timestamp(re.search(r"^date-released: (\S+)$", citation, re.MULTILINE).group(1))  # type: ignore[union-attr]

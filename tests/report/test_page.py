"""A study's page: films that the browser plays, clips that fit, unfinished cells apart; and what axe-core says."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from physlaw.profiles import REPOSITORY
from physlaw.report.page import CLIPS_BYTES, Film, animations, fitting
from physlaw.report.sections import Clips, unfinished

PAGES = sorted(path.relative_to(REPOSITORY) for path in (REPOSITORY / "results").glob("*/*/report.html"))


def test_a_film_has_every_frame_truth_above_generated(tmp_path: Path) -> None:
    clips = np.zeros((2, 5, 16, 16, 3), np.uint8)
    clips[1, :, :, :, 0] = 50 * np.arange(5, dtype=np.uint8)[:, None, None]
    np.savez(tmp_path / "a.npz", truth=clips, generated=255 - clips)
    first, second = animations(tmp_path / "a.npz")
    assert (second.frames, second.side_px) == (5, 160)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(second.source.partition(",")[2]))).convert("RGB"))
    assert picture.shape == (33, 80, 3)
    assert picture[0, ::16, 0].tolist() == [0, 50, 100, 150, 200]
    assert picture[32, ::16, 0].tolist() == [255, 205, 155, 105, 55]
    assert first.source != second.source


def test_clips_that_do_not_fit_are_counted() -> None:
    every = [Clips("a", [("x", Film("1234", 1, 160))] * 3, "all"), Clips("b", [("x", Film("12", 1, 160))])]
    assert fitting(every, 100) == every
    cut = fitting(every, 10)
    assert [len(one.clips) for one in cut] == [2, 1]
    assert [one.note for one in cut] == ["all; 1 further clips are in the folder clips", ""]
    assert [len(one.clips) for one in fitting(every, 0)] == [0, 0]
    assert fitting([], 0) == []


def test_unfinished_cells_are_told_from_numbers_that_do_not_exist() -> None:
    assert unfinished(["uniform", "dit", "—", "—"])
    assert not unfinished(["uniform", "dit", "0.1", "—"])
    assert not unfinished(["uniform", "—", "0.1", "—"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.as_posix())
def test_committed_pages_stay_under_two_mebibytes_and_begin_with_the_answer(page: Path) -> None:
    text = (REPOSITORY / page).read_text()
    assert len(text.encode()) < 2 << 20 > 2 * CLIPS_BYTES
    order = [text.index(part) for part in ("<h1>", 'class="plot"', "<h2>Verdicts", "<h2>Where the numbers come from")]
    assert order == sorted(order)
    assert 'class="film"' not in text or text.index('class="plot"') < text.index('class="film"') < order[2]


AXE = os.environ.get("PHYSLAW_AXE")  # axe.min.js, as `npm install axe-core` leaves it in node_modules/axe-core
FAULTS = """axe.run().then(({violations}) => violations.filter(({impact}) => ["serious", "critical"].includes(impact))
.map(({id, nodes}) => id + ": " + nodes.slice(0, 3).map(({html}) => html.slice(0, 120)).join(" | ")))"""
WIDTHS = (360, 800, 1400)


@pytest.mark.slow
@pytest.mark.skipif(not AXE, reason="PHYSLAW_AXE names no axe.min.js: npm install axe-core")
def test_axe_finds_nothing_serious(tmp_path: Path) -> None:
    """On the index and every study's page, light and dark; nor is a page wider than its window at three widths."""
    import sys

    sys.path.append(str(REPOSITORY / "tests" / "label"))
    from devtools import find_chromium, open_tab

    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium here: apt-get install -y chromium")
    assert AXE
    with open_tab(program, tmp_path / "profile") as tab:
        for page in (Path("results/index.html"), *PAGES):
            tab.go(lambda page=page: tab.send("Page.navigate", url=(REPOSITORY / page).as_uri()))  # type: ignore[misc]
            tab.run(Path(AXE).read_text() + "; 0")
            for scheme in ("light", "dark"):
                tab.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
                assert tab.run(FAULTS) == [], f"{page}, {scheme}"
            for width in WIDTHS:
                tab.send(
                    "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
                )
                assert tab.run("document.documentElement.scrollWidth") <= width, f"{page}, {width} px"
        tab.until("document.getElementById('frame').value > 0")  # it plays
        tab.run("document.getElementById('step').focus()")
        before = int(tab.run("document.getElementById('frame').value"))
        tab.press("Enter")
        assert int(tab.run("document.getElementById('frame').value")) in (before + 1, before + 2)
        assert tab.run("document.getElementById('play').textContent") == "Play"

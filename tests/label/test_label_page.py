"""The page as a rater uses it: in a headless Chromium, opened as a file, by keys and by touch."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
from devtools import Tab, find_chromium, open_tab

from physlaw.label.answer_key import read_key
from physlaw.label.build import LabelClip, build, key_path
from physlaw.label.score import score

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install -y chromium"),
]
COUNT, SIZE, FRAMES = 6, 16, 4


@pytest.fixture(scope="module")
def clips() -> dict[str, LabelClip]:
    """Five generated clips and a true one, all of coloured noise."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (COUNT, FRAMES, SIZE, SIZE, 3), np.uint8)
    return {f"c{k}": LabelClip(frames[k], "truth" if k == 5 else "XL-6", f"c{k}", k == 5) for k in range(COUNT)}


@pytest.fixture(scope="module")
def page(clips: dict[str, LabelClip], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(list(clips.values()), tmp_path_factory.mktemp("label") / "page", 0, 0.15)


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    assert CHROMIUM
    with open_tab(CHROMIUM, tmp_path / "profile") as opened:
        resize(opened, 1366, 768)
        (tmp_path / "downloads").mkdir()
        opened.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "downloads"))
        yield opened


def resize(tab: Tab, width: int, height: int, scale: int = 1, mobile: bool = False) -> None:
    tab.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile)


def open_page(tab: Tab, page: Path) -> None:
    tab.go(lambda: tab.send("Page.navigate", url=page.as_uri()))


def begin(tab: Tab, page: Path, rater: str = "Ada") -> None:
    """Open the page and give a name, by keys alone."""
    open_page(tab, page)
    tab.send("Input.insertText", text=rater)
    tab.press("Enter")
    on_clip(tab, 1)


def on_clip(tab: Tab, number: int) -> None:
    """Wait until this clip plays."""
    tab.until(
        f"where.textContent === 'Clip {number} of {COUNT}' && clip.getAttribute('aria-busy') === 'false'"
        " && !rating.hidden"
    )


def press_on(tab: Tab, key: str, number: int) -> None:
    """Press a key that leads to clip `number`."""
    tab.press(key)
    on_clip(tab, number)


def text(tab: Tab, element: str) -> str:
    found: str = tab.run(f"document.getElementById('{element}').textContent")
    return found


def pressed(tab: Tab) -> list[str]:
    """The chosen rating and cause of the clip on screen."""
    found: list[str] = tab.run(
        "[...document.querySelectorAll('[aria-pressed=true]')].map(b => b.dataset.rating ?? b.dataset.cause)"
    )
    return found


def exported(folder: Path) -> Path:
    """The one finished download."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = list((folder / "downloads").glob("*.json"))
        if found and found[0].read_text().endswith("}\n"):
            return found[0]
        time.sleep(0.02)
    raise AssertionError("nothing was downloaded")


def test_a_rater_rates_by_keys_reloads_exports_and_the_export_is_scored(tab: Tab, page: Path, tmp_path: Path) -> None:
    begin(tab, page)
    assert text(tab, "done") == "0 rated, 0 %"
    press_on(tab, "1", 2)
    assert text(tab, "done") == "1 rated, 16 %"
    tab.press("2")
    assert tab.run("!causes.hidden")
    press_on(tab, "5", 3)
    press_on(tab, "u", 4)
    press_on(tab, "ArrowLeft", 3)
    assert pressed(tab) == ["unsure"]
    press_on(tab, "ArrowLeft", 2)
    assert pressed(tab) == ["abnormal", "shape"]
    press_on(tab, "ArrowRight", 3)
    press_on(tab, "n", 4)

    tab.go(lambda: tab.post("Page.reload"))
    assert tab.dialogs == ["beforeunload"]  # nothing is exported yet
    on_clip(tab, 4)
    assert text(tab, "done") == "3 rated, 50 %"
    assert "Rater: Ada. Ratings not exported yet." in text(tab, "who")
    tab.press("a")
    press_on(tab, "ArrowRight", 5)  # abnormal, and no cause given
    press_on(tab, "ArrowRight", 6)
    press_on(tab, "0", 5)  # the last: back to the one left out
    assert "clip 5 is not rated yet" in text(tab, "say")
    press_on(tab, "1", 6)
    assert text(tab, "done") == "6 rated, 100 %"
    assert "All 6 clips are rated. Export" in text(tab, "say")
    tab.press("e")
    path = exported(tmp_path)

    value = json.loads(path.read_text())
    key = read_key(key_path(page.parent))
    assert path.name == f"ratings-Ada-{key.digest[:8]}.json"
    assert (value["digest"], value["rater"]) == (key.digest, "Ada")
    assert value["started"] < value["finished"]
    assert [(entry["number"], entry["rating"], entry["cause"]) for entry in value["ratings"]] == [
        *((1, "normal", None), (2, "abnormal", "shape"), (3, "normal", None)),
        *((4, "abnormal", None), (5, "normal", None), (6, "unsure", None)),
    ]
    assert all(0 <= entry["seconds"] < 120 for entry in value["ratings"])
    control = next(clip.number for clip in key.clips if clip.is_control)
    found = score(key_path(page.parent), [path])
    ratings = {entry["number"]: entry["rating"] for entry in value["ratings"]}
    assert found.controls.abnormal.count == (ratings.pop(control) == "abnormal")
    assert found.groups[0].abnormal.count == list(ratings.values()).count("abnormal")

    tab.go(lambda: tab.post("Page.reload"))
    assert tab.dialogs == ["beforeunload"]  # exported: no second warning


def test_the_screen_shows_exactly_the_clips_frames_enlarged(
    tab: Tab, page: Path, clips: dict[str, LabelClip], tmp_path: Path
) -> None:
    begin(tab, page)
    key = read_key(key_path(page.parent))
    for width, height, scale in ((1366, 768, 1), (390, 844, 3), (801, 620, 2)):
        resize(tab, width, height, scale)
        for number, entry in enumerate(key.clips[:2], 1):
            press_on(tab, "ArrowLeft" if number == 1 else "ArrowRight", number)
            seen = set()
            for _ in range(60):
                tab.press(" ")
                tab.run("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
                box = tab.run("(({x, y, width, height}) => ({x, y, width, height}))(clip.getBoundingClientRect())")
                shot = iio.imread(tab.screenshot(box), mode="RGB")
                factor = round(box["width"] * scale / SIZE)
                assert factor > 5
                centres = shot[factor // 2 :: factor, factor // 2 :: factor][:SIZE, :SIZE]
                same = [k for k, frame in enumerate(clips[entry.id].frames) if (frame == centres).all()]
                assert len(same) == 1, f"no frame of clip {number}"
                # Each pixel is one flat square; the screenshot may be off by one device pixel.
                squares = shot[: SIZE * factor, : SIZE * factor].reshape(SIZE, factor, SIZE, factor, 3)
                assert (squares[:, 1:-1, :, 1:-1] == centres[:, None, :, None]).all()
                seen.add(same[0])
                tab.press(" ")
                if seen == set(range(FRAMES)):
                    break
                time.sleep(0.03)
            assert seen == set(range(FRAMES))


def test_space_pauses_and_plays_and_r_starts_again(tab: Tab, page: Path) -> None:
    begin(tab, page)
    shown = "document.querySelector('#time i').style.width"
    tab.until(f"{shown} === '75%'")
    tab.press(" ")
    assert tab.run("pause.lastElementChild.textContent") == "Play"
    still = tab.run(shown)
    time.sleep(0.5)
    assert tab.run(shown) == still
    tab.press("r")
    tab.until(f"{shown} === '25%'")
    tab.until(f"{shown} === '100%'")
    tab.until(f"{shown} === '25%'")  # clips repeat
    assert tab.run("pause.lastElementChild.textContent") == "Pause"


def test_an_exported_file_resumes_in_another_browser_and_wrong_files_are_refused(
    tab: Tab, page: Path, tmp_path: Path
) -> None:
    key = read_key(key_path(page.parent))
    good: dict[str, Any] = {"digest": key.digest, "rater": "Ben", "started": "2025-01-01T10:00:00Z", "finished": None}
    good["ratings"] = [{"number": k, "rating": "abnormal", "cause": "look", "seconds": 2.5} for k in (1, 2)]
    path = tmp_path / "mine.json"

    def choose(content: str) -> None:
        path.write_text(content)
        tab.run("say.textContent = ''")
        root = tab.send("DOM.getDocument")["root"]["nodeId"]
        node = tab.send("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
        tab.send("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    open_page(tab, page)
    entry = good["ratings"][0]
    for wrong, message in (
        ("{", "mine.json: it is not JSON."),
        ("[]", "it is not a ratings file."),
        (json.dumps(good | {"digest": "0"}), "it belongs to another page."),
        (json.dumps(good | {"ratings": [entry | {"number": 7}]}), "its rating of clip 7 is not one"),
        (json.dumps(good | {"ratings": [entry, entry]}), "its rating of clip 1 is not one"),
        (json.dumps(good | {"ratings": [entry | {"cause": "ghost"}]}), "its rating of clip 1 is not one"),
        (json.dumps(good | {"ratings": [entry | {"seconds": "2"}]}), "its rating of clip 1 is not one"),
        (json.dumps(good | {"ratings": [None]}), "its rating of clip undefined is not one"),
    ):
        choose(wrong)
        tab.until("say.textContent !== ''")
        assert message in text(tab, "say")
        assert tab.run("rating.hidden")
    choose(json.dumps(good))
    on_clip(tab, 3)
    assert text(tab, "say") == "Imported 2 of 6 ratings by Ben."
    press_on(tab, "1", 4)
    tab.press("e")
    value = json.loads(exported(tmp_path).read_text())
    assert (value["rater"], value["started"]) == ("Ben", good["started"])
    assert value["ratings"][:2] == good["ratings"]
    assert len(value["ratings"]) == 3

    tab.answer = False  # to the question whether to replace what is here
    choose(json.dumps(good))
    tab.until("file.value === ''")
    assert tab.dialogs == ["confirm"]
    assert text(tab, "done") == "3 rated, 50 %"


def test_a_browser_that_keeps_nothing_warns_and_still_exports(tab: Tab, page: Path, tmp_path: Path) -> None:
    refuse = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
    tab.send("Page.addScriptToEvaluateOnNewDocument", source=refuse)
    warning = "document.getElementById('not-kept').contains(document.elementFromPoint(innerWidth / 2, 20))"
    open_page(tab, page)
    assert tab.run(warning)
    tab.run("window.scrollTo(0, 10000)")
    assert tab.run(warning)
    begin(tab, page)
    assert tab.run(warning)
    press_on(tab, "1", 2)
    tab.press("e")
    assert len(json.loads(exported(tmp_path).read_text())["ratings"]) == 1


def test_the_warning_is_hidden_where_ratings_are_kept(tab: Tab, page: Path) -> None:
    begin(tab, page)
    assert not tab.run("document.getElementById('not-kept').checkVisibility()")


def test_start_over_forgets_the_ratings_so_that_another_rater_can_begin(tab: Tab, page: Path) -> None:
    begin(tab, page)
    press_on(tab, "1", 2)
    tab.run("over.click()")
    assert tab.dialogs == ["confirm"]
    assert tab.run("rating.hidden && rater.value === ''")
    tab.send("Input.insertText", text="Ben")
    tab.press("Enter")
    on_clip(tab, 1)
    assert text(tab, "done") == "0 rated, 0 %"
    assert "Rater: Ben." in text(tab, "who")


def test_no_name_no_start_and_keys_typed_into_the_name_rate_nothing(tab: Tab, page: Path) -> None:
    open_page(tab, page)
    tab.press("Enter")
    assert tab.run("rating.hidden")
    tab.press("n", "a", "1", "Enter")
    on_clip(tab, 1)
    assert "Rater: na1." in text(tab, "who")
    assert text(tab, "done") == "0 rated, 0 %"


def test_a_missing_clip_is_named_and_cannot_be_rated(tab: Tab, clips: dict[str, LabelClip], tmp_path: Path) -> None:
    page = build(list(clips.values()), tmp_path / "broken", 0, 0.15)
    (page.parent / "clips" / "0002.png").unlink()
    begin(tab, page)
    tab.press("1")
    tab.until("say.textContent === 'Clip 2 cannot be read: is the folder complete?'")
    tab.press("1")
    assert text(tab, "done") == "1 rated, 16 %"
    press_on(tab, "ArrowRight", 3)


def test_a_phone_shows_everything_in_its_width_and_is_used_by_touch(tab: Tab, page: Path, tmp_path: Path) -> None:
    resize(tab, 390, 844, 3, mobile=True)
    tab.send("Emulation.setTouchEmulationEnabled", enabled=True)
    begin(tab, page)

    def tap(selector: str) -> None:
        box = tab.run(
            f"(({{x, y, width, height}}) => ({{x, y, width, height}}))"
            f"(document.querySelector('{selector}').getBoundingClientRect())"
        )
        assert min(box["x"], 390 - box["x"] - box["width"]) >= 0
        assert box["height"] >= 44
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        tab.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[point])
        tab.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    tap("[data-rating=abnormal]")
    tab.until("!causes.hidden")
    assert tab.run("document.documentElement.scrollWidth") == 390
    tap("[data-cause=through]")
    on_clip(tab, 2)
    tap("[data-rating=normal]")
    on_clip(tab, 3)
    tap("#back")
    on_clip(tab, 2)
    assert pressed(tab) == ["normal"]
    tap("#export")
    value = json.loads(exported(tmp_path).read_text())
    assert [(entry["rating"], entry["cause"]) for entry in value["ratings"]] == [
        ("abnormal", "through"),
        ("normal", None),
    ]


@pytest.mark.parametrize(("width", "height", "mobile"), [(1366, 768, False), (1366, 620, False), (390, 844, True)])
def test_the_clip_and_every_button_for_rating_it_are_on_screen_at_once(
    tab: Tab, page: Path, tmp_path: Path, width: int, height: int, mobile: bool
) -> None:
    resize(tab, width, height, 3 if mobile else 1, mobile)
    tab.send("Emulation.setTouchEmulationEnabled", enabled=mobile)
    begin(tab, page)
    tab.press("2")
    (tmp_path / "page.png").write_bytes(tab.screenshot())
    # Of each, the middle and two opposite corners are what the browser has at these places.
    hidden = tab.run(
        "[...document.querySelectorAll('#clip, #moves button, #choices button, #causes button')].filter((e) => {"
        " const {left, right, top, bottom} = e.getBoundingClientRect();"
        " const points = [[left + 4, top + 4], [(left + right) / 2, (top + bottom) / 2], [right - 4, bottom - 4]];"
        " return !points.every(([x, y]) => e.contains(document.elementFromPoint(x, y)));"
        "}).map((e) => e.textContent)"
    )
    assert hidden == []
    assert tab.run("document.querySelectorAll('#moves button, #choices button, #causes button').length") == 14

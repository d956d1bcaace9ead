"""The page's folder tells nothing but pixels; the key ties each number to its clip."""

import json
import re
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from physlaw.errors import UserError
from physlaw.label.answer_key import read_key
from physlaw.label.build import LabelClip, build, key_path
from physlaw.label.sprite_sheet import encode_sheet, padded, sheet_columns

SECRETS = ("XL-6", "out-of-template", "zebra", "truth", "control", "ground", "model", "scene")


def some_clips(generated: int = 6, controls: int = 6, size: int = 16, frames: int = 5) -> list[LabelClip]:
    """Generated clips of noise, whose files are large, and plain true ones."""
    rng = np.random.default_rng(0)
    made = []
    for k in range(generated):
        group = f"XL-6 {'in' if k % 2 else 'out-of'}-template"
        made.append(LabelClip(rng.integers(0, 256, (frames, size, size, 3), np.uint8), group, f"zebra-{k}", False))
    for k in range(controls):
        plain = np.full((frames, size, size, 3), 5 * k, np.uint8)
        made.append(LabelClip(plain, "ground truth", f"truth-scene-{k}", True))
    return made


def read_sheet(path: Path, count: int, size: int) -> np.ndarray:
    sheet = iio.imread(path)
    columns = sheet_columns(count)
    tiles = sheet.reshape(-1, size, columns, size, 3).swapaxes(1, 2).reshape(-1, size, size, 3)
    return tiles[:count]


def test_each_number_shows_its_clip_without_loss(tmp_path: Path) -> None:
    clips = {clip.id: clip for clip in some_clips()}
    build(list(clips.values()), tmp_path / "page", 3, 0.25)
    key = read_key(key_path(tmp_path / "page"))
    for entry in key.clips:
        shown = read_sheet(tmp_path / "page" / "clips" / f"{entry.number:04d}.png", 5, 16)
        np.testing.assert_array_equal(shown, clips[entry.id].frames)
        assert (entry.group, entry.is_control) == (clips[entry.id].group, clips[entry.id].is_control)


@pytest.mark.parametrize("frames", [1, 2, 4, 5, 31, 32, 33])
def test_sheets_hold_any_number_of_frames_in_about_a_square(tmp_path: Path, frames: int) -> None:
    clip = np.random.default_rng(frames).integers(0, 256, (frames, 16, 16, 3), np.uint8)
    (tmp_path / "a.png").write_bytes(encode_sheet(clip))
    np.testing.assert_array_equal(read_sheet(tmp_path / "a.png", frames, 16), clip)
    height, width, _ = iio.improps(tmp_path / "a.png").shape
    assert 0 <= width - height <= 16


def test_padding_leaves_the_picture_a_valid_png() -> None:
    png = encode_sheet(some_clips()[0].frames)
    for extra in (0, 1, 5000):
        longer = padded(png, len(png) + extra)
        assert len(longer) == len(png) + extra + 12
        np.testing.assert_array_equal(iio.imread(longer), iio.imread(png))
        chunk = longer.index(b"paDd")
        with pytest.raises(OSError, match="can not handle"):  # the reader checks every chunk's checksum
            iio.imread(longer[:chunk] + b"paDe" + longer[chunk + 4 :], plugin="pillow")


def test_the_folder_names_no_group_id_or_control_and_its_files_differ_in_pixels_only(tmp_path: Path) -> None:
    page = build(some_clips(), tmp_path / "page", 0, 0.25)
    files = sorted(path for path in page.parent.rglob("*") if path.is_file())
    assert [str(path.relative_to(page.parent)) for path in files] == [
        *(f"clips/{number:04d}.png" for number in range(1, 9)),
        "index.html",
    ]
    assert len({path.stat().st_size for path in files[:-1]}) == 1
    shapes = set()
    for path in files:
        content = path.read_bytes().lower()
        for secret in SECRETS:
            assert not re.search(rf"\b{secret.lower()}".encode(), content), f"{path.name} says {secret}"
        if path.suffix == ".png":
            known = iio.immeta(path)
            kinds = tuple(dict.fromkeys(re.findall(rb"IHDR|paDd|IDAT|IEND|tEXt|tIME|PLTE", path.read_bytes())))
            shapes.add((known.pop("mode"), known.pop("shape"), tuple(known), kinds))
    assert shapes == {("RGB", (48, 32), (), (b"IHDR", b"paDd", b"IDAT", b"IEND"))}


def test_the_page_asks_nothing_of_the_network(tmp_path: Path) -> None:
    text = build(some_clips(), tmp_path / "page", 0, 0).read_text()
    assert not re.findall(r"https?:|//[a-z]|@import|<script src|<link rel=.stylesheet|fetch\(|XMLHttp", text)


def test_the_order_mixes_sources_and_belongs_to_the_seed_and_ids_alone(tmp_path: Path) -> None:
    clips = some_clips(40, 40)
    first = read_key(key_path(build(clips, tmp_path / "a", 1, 0.5).parent))
    build(clips[::-1], tmp_path / "b", 1, 0.5)
    build(clips, tmp_path / "c", 2, 0.5)
    again, other = read_key(key_path(tmp_path / "b")), read_key(key_path(tmp_path / "c"))
    assert [clip.id for clip in first.clips] == [clip.id for clip in again.clips]
    assert [clip.id for clip in first.clips] != [clip.id for clip in other.clips]
    places = [clip.number for clip in first.clips if clip.is_control]
    assert 30 < np.mean(places) < 51  # of 80, all controls first would be 20.5, last 60.5


def test_the_same_build_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        build(some_clips(), tmp_path / name, 1, 0.25)
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
    assert key_path(tmp_path / "a").read_bytes() == key_path(tmp_path / "b").read_bytes()


def test_controls_are_at_least_the_share_asked_for(tmp_path: Path) -> None:
    for share, controls in ((0, 0), (0.01, 1), (0.25, 2), (0.5, 6)):
        key = read_key(key_path(build(some_clips(), tmp_path / str(share), 0, share).parent))
        assert sum(clip.is_control for clip in key.clips) == controls
        assert len(key.clips) == 6 + controls
    with pytest.raises(UserError, match=r"60% controls beside 6 generated clips are 9, got 6"):
        build(some_clips(), tmp_path / "page", 0, 0.6)
    with pytest.raises(UserError, match="below 1, got 1"):
        build(some_clips(), tmp_path / "page", 0, 1)


def test_the_page_carries_the_keys_digest_and_tables_the_given_order_of_groups(tmp_path: Path) -> None:
    page = build(some_clips(), tmp_path / "page", 0, 0.25)
    key = read_key(key_path(tmp_path / "page"))
    found = re.search(r'<script id="page" type="application/json">(.*?)</script>', page.read_text())
    assert found
    assert json.loads(found[1])["digest"] == key.digest
    assert key.groups == ("XL-6 out-of-template", "XL-6 in-template")


def test_a_changed_key_is_refused(tmp_path: Path) -> None:
    path = key_path(build(some_clips(), tmp_path / "page", 0, 0.25).parent)
    path.write_text(path.read_text().replace("XL-6 in-template", "XL-6 out-of-template"))
    with pytest.raises(UserError, match=r"page\.key\.json: changed since it was written"):
        read_key(path)
    path.write_text('{"digest": 1}')
    with pytest.raises(UserError, match=r"page\.key\.json: not a key"):
        read_key(path)


def test_clips_that_could_be_told_apart_or_confused_are_refused(tmp_path: Path) -> None:
    clips = some_clips()
    longer = replace(clips[1], frames=np.zeros((6, 16, 16, 3), np.uint8))
    grey = replace(clips[1], frames=np.zeros((5, 16, 16), np.uint8))
    floats = replace(clips[1], frames=np.zeros((5, 16, 16, 3)))  # type: ignore[arg-type]
    for wrong, message in (
        (longer, r"differ in shape: 'zebra-0' is \(5, 16, 16, 3\), 'zebra-1' is \(6, 16, 16, 3\)"),
        (grey, r"'zebra-1' is uint8 \(5, 16, 16\)"),
        (floats, r"'zebra-1' is float64"),
        (replace(clips[1], id="zebra-0"), "two clips have the id 'zebra-0'"),
    ):
        with pytest.raises(UserError, match=message):
            build([clips[0], wrong], tmp_path / "page", 0, 0)
    with pytest.raises(UserError, match="no generated clip"):
        build([clip for clip in clips if clip.is_control], tmp_path / "page", 0, 0)
    assert not list(tmp_path.iterdir())


def test_a_page_that_may_have_ratings_is_never_overwritten(tmp_path: Path) -> None:
    build(some_clips(), tmp_path / "page", 0, 0)
    before = key_path(tmp_path / "page").read_bytes()
    with pytest.raises(UserError, match="page is there already"):
        build(some_clips(), tmp_path / "page", 1, 0)
    (tmp_path / "page").rename(tmp_path / "published")
    with pytest.raises(UserError, match=r"page\.key\.json is there already"):
        build(some_clips(), tmp_path / "page", 1, 0)
    assert key_path(tmp_path / "page").read_bytes() == before

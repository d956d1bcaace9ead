"""The digest of the code behind a number: kept by moves and words, changed by what computes."""

from pathlib import Path

import pytest

from physlaw.code_digest import EQUAL, MODULES, NUMBERS, code_digest, representative, source_digest, units_of
from physlaw.files import read_json

CODE = '''"""What it is."""
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

G = 9.8  # m / s^2


@cached
def fall(t: float) -> float:
    """Way, metres."""
    # half of it
    return 0.5 * G * t**2


class Colour:
    """One of two."""

    RED = "#f00"

    def text(self) -> str:
        """As HTML has it."""
        return f"{self.RED} # {G}"
'''
OTHER = "def other() -> int:\n    return 1\n"


def package(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_units_are_statements_without_words() -> None:
    assert list(units_of(CODE)) == [
        "G = 9.8",
        "@cached\ndef fall(t: float) -> float:\n    return 0.5 * G * t**2",
        'class Colour:\n    RED = "#f00"\n    def text(self) -> str:\n        return f"{self.RED} # {G}"',
    ]


def test_moves_words_and_reports_keep_it(tmp_path: Path) -> None:
    """Also where a function's file, its neighbours and its imports change."""
    base = code_digest(package(tmp_path / "a", worlds__laws=CODE, models__dit=OTHER, report__page="X = 1\n"))
    class_start = CODE.index("class Colour")
    moved = {
        "render__new": "from physlaw.worlds import laws\n" + CODE[class_start:],
        "worlds__deep__laws": OTHER + CODE[:class_start].replace("half of it", "a half").replace("Way", "Distance"),
        "report__page": "X = 2\n",
    }
    assert code_digest(package(tmp_path / "b", **moved)) == base
    assert source_digest(tmp_path / "a") != source_digest(tmp_path / "b")


@pytest.mark.parametrize("change", [("0.5", "0.25"), ("#f00", "#00f"), ("# {G}", "# {2 * G}"), ("@cached\n", "")])
def test_what_computes_changes_it(tmp_path: Path, change: tuple[str, str]) -> None:
    base = code_digest(package(tmp_path / "a", worlds__laws=CODE))
    assert CODE.count(change[0]) == 1
    assert code_digest(package(tmp_path / "b", worlds__laws=CODE.replace(*change))) != base


def test_it_covers_what_is_there() -> None:
    root = Path(EQUAL).parent
    assert all((root / name).is_dir() for name in NUMBERS)
    assert all((root / name).is_file() for name in MODULES)
    assert code_digest() != code_digest(root / "report")


def test_digests_that_are_known_to_be_equal_are_one() -> None:
    groups = read_json(EQUAL)["equal"]
    every = [digest for group in groups for digest in group["digests"]]
    assert len(every) == len(set(every))
    assert all(len(digest) == 64 and int(digest, 16) for digest in every)
    for group in groups:
        assert group["why"]
        assert {representative(digest) for digest in group["digests"]} == {group["digests"][-1]}
    assert representative("f" * 64) == "f" * 64


METRIC = 'ERROR = Metric("error", "velocity error", 3, LOWER, MEAN)\nOTHER = (ERROR.of("truth", "floor"), 5)\n'


def test_how_a_metric_is_shown_is_left_out_and_what_it_is_is_not() -> None:
    """Also where it comes to stand on more lines."""
    units = list(units_of(METRIC))
    assert units == ['ERROR = Metric("error", MEAN)', 'OTHER = (ERROR.of("truth"), 5)']
    longer = METRIC.replace('"velocity error", 3, LOWER', '\n    "# the error of velocities",\n    digits=2').replace(
        ", MEAN", ",\n    interval=MEAN,\n"
    )
    assert list(units_of(longer)) == ['ERROR = Metric("error", interval=MEAN)', units[1]]
    assert list(units_of(METRIC.replace('"floor"', '"lowest"'))) == units
    for change in (('"error"', '"errors"'), ("MEAN", "SHARE"), ('"truth"', '"law"'), ("5", "6")):
        assert list(units_of(METRIC.replace(*change))) != units
    shown = 'FAST = replace(ERROR, header="fast", counted=True)\n'
    assert list(units_of(shown)) == ["FAST = replace(ERROR, counted=True)"]
    plain = "SCENE = replace(scene, radius=2)\n"
    assert list(units_of(plain)) == [plain.strip()]

"""The floors of true clips against the release's own measurement (released data section 9.2)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from physlaw.errors import UserError
from physlaw.evaluation.floors import (
    FloorsConfig,
    floors,
    floors_table,
    in_dist_scenes,
    measure_floors,
    objects_table,
)
from physlaw.tracking.object_accuracy import MIN_SHAPE_RESOLUTION
from physlaw.worlds.scenarios import SCENARIOS

# paper_code and its standard error, per-frame x, per-frame y, position error x, y (None: not published)
PUBLISHED = {
    ("uniform", "raw256"): (0.0098, 0.0003, 0.0153, None, None, None),
    ("uniform", "mp4"): (0.0098, 0.0003, 0.0183, None, None, None),
    ("uniform", "raw128"): (0.0098, 0.0003, 0.0387, None, None, None),
    ("uniform", "mp4_128"): (0.0102, 0.0003, 0.0409, None, None, None),
    ("uniform", "bare128"): (0.0197, 0.0005, 0.0404, None, None, None),
    ("collision", "raw256"): (0.0099, 0.0004, 0.0159, None, None, None),
    ("collision", "mp4"): (0.0098, 0.0004, 0.0186, None, None, None),
    ("collision", "raw128"): (0.0119, 0.0007, 0.0310, None, None, None),
    ("collision", "mp4_128"): (0.0120, 0.0006, 0.0339, None, None, None),
    ("collision", "bare128"): (0.0201, 0.0010, 0.0389, None, None, None),
    ("parabola", "raw256"): (0.0097, 0.0003, 0.0168, 0.0188, 0.0208, 0.0213),
    ("parabola", "mp4"): (0.0099, 0.0003, 0.0185, 0.0194, 0.0208, 0.0213),
    ("parabola", "raw128"): (0.0097, 0.0004, 0.0485, 0.0472, 0.0403, 0.0408),
    ("parabola", "mp4_128"): (0.0101, 0.0004, 0.0454, 0.0461, 0.0408, 0.0407),
    ("parabola", "bare128"): (0.0193, 0.0006, 0.0398, 0.0428, 0.0416, 0.0426),
}
COLUMNS = ("paper_code", None, "paper_frame_x", "paper_frame_y", "paper_position_x", "paper_position_y")
SIGMAS = 3.5  # 50 comparisons


def check(table: pd.DataFrame) -> None:
    """Every published number within 3.5 standard errors of the difference; where only ours has one, both have it."""
    rows = table.set_index(["scenario", "frames"])
    for key, published in PUBLISHED.items():
        for column, value in zip(COLUMNS, published, strict=True):
            if column is None or value is None:
                continue
            ours = rows.loc[key]
            theirs_error = published[1] if column == "paper_code" else ours[f"{column}_se"]
            bound = SIGMAS * np.hypot(ours[f"{column}_se"], theirs_error) + 5e-5  # four digits are published
            assert abs(ours[column] - value) <= bound, (key, column, ours[column], value)


@pytest.mark.slow
def test_floors_are_the_published_ones() -> None:
    table = measure_floors(FloorsConfig(clips=48))
    check(table)
    assert len(table) == 15
    assert "| parabola | rendered at 128 x 128 | 48 |" in floors_table(table)


def test_the_committed_floors_are_the_published_ones() -> None:
    folder = Path(__file__).parents[2] / "results" / "floors"
    table = pd.read_csv(folder / "floors.csv")
    check(table)
    assert table["clips"].tolist() == [200] * 5 + [160] * 5 + [115] * 5
    assert floors_table(table) == (folder / "table.md").read_text()


def test_in_dist_classes_have_the_released_sizes() -> None:
    sizes = {name: len(in_dist_scenes(SCENARIOS[name], 0, 10_000)[1]) for name in ("uniform", "parabola", "collision")}
    assert sizes == {"uniform": 3000, "parabola": 160, "collision": 115}


def test_objects_are_told_apart_where_shapes_are_studied() -> None:
    folder = Path(__file__).parents[2] / "results" / "floors"
    table = pd.read_csv(folder / "objects.csv", dtype={"shape": str})
    assert objects_table(table) == (folder / "objects.md").read_text()
    every = table[(table["shape"] == "all") & (table["resolution"] >= MIN_SHAPE_RESOLUTION)]
    assert set(every["resolution"]) == {32, 64, 128}
    assert every["clips"].min() >= 1000
    assert every[["shape_wrong", "colour_wrong"]].to_numpy().max() < 0.01


@pytest.mark.slow
def test_floors_of_objects_are_written(tmp_path: Path) -> None:
    path = floors(FloorsConfig(what="objects", out=str(tmp_path), object_clips=6))
    assert path.read_text().count("| 6 |") == 16  # four sizes, four disturbances
    assert (tmp_path / "objects.json").exists()
    with pytest.raises(UserError, match="unknown what 'all'; valid: velocities, objects"):
        FloorsConfig(what="all")

import numpy as np
import pandas as pd
import pytest

from physlaw.evaluation.bands import band_summary, nearest_in_bands, snap_index

BANDS = ((1.0, 1.25), (3.75, 4.0))


def test_the_nearest_trained_speed_is_a_band_end_or_the_speed_itself() -> None:
    speeds = np.array([0.5, 1.1, 2.0, 3.0, 3.9, 5.0])
    assert nearest_in_bands(speeds, BANDS).tolist() == [1.0, 1.1, 1.25, 3.75, 3.9, 4.0]


def test_the_snap_index_tells_following_from_copying() -> None:
    conditioned = np.array([2.0, 2.0, 2.0, 3.0, 3.0, 1.2, 2.0, 2.0])
    generated = np.array([2.0, 1.25, 1.625, 3.75, 3.9, 1.2, np.nan, 9.0])
    index = snap_index(conditioned, generated, BANDS)
    assert index[:5] == pytest.approx([0.0, 1.0, 0.5, 1.0, 1.2])
    assert np.isnan(index[5:7]).all()  # in a band, and not measured
    assert index[7] == -1.0  # a wild clip counts no more than this


def test_shares_are_of_measured_clips() -> None:
    table = pd.DataFrame({"law_vx1": [1.5, 1.5, 1.5, 1.5], "generated_vx1": [-3.9, 1.5, 3.8, np.nan]})
    table["measured_share"] = [1, 1, 0, 0]
    table[["generated_corrected", "corrected_imputed", "snapper_corrected"]] = [0.5, 1.0, 2.0]
    row = band_summary(((3.75, 4.0),))(table)
    assert row["reversed"] == pytest.approx(1 / 3)
    assert row["in_band"] == pytest.approx(2 / 3)
    assert 0 < row["reversed_low"] < 1 / 3 < row["reversed_high"] < 1
    assert row["snap_clips"] == 3
    assert row["reversed_of_all"] == 0.25
    assert row["vanished"] == 0.5  # the third clip too: its ball is not seen for long enough
    assert (row["edge_ratio"], row["edge_ratio_imputed"]) == (0.25, 0.5)
    empty = band_summary(BANDS)(table.iloc[3:])
    assert np.isnan(empty["reversed"])
    assert np.isnan(empty["snap"])
    assert empty["snap_clips"] == 0

"""A metric's columns: what one writer writes, the reader reads, whatever is missing."""

import math

import numpy as np
import pytest

from physlaw.metric import COUNT, MEAN, OWN, SHARE, Metric, Value, bounds, by_column, notes_of, notes_text, of_sources
from physlaw.studies import NAMES
from physlaw.studies.registry import part, report_of


def test_shares_are_columns_with_their_interval() -> None:
    kept = Metric("kept", "kept", interval=SHARE)
    found = kept.over(np.array([True] * 8 + [False] * 2))
    assert list(found) == list(kept.columns) == ["kept", "kept_low", "kept_high"]
    assert bounds("kept") == ("kept_low", "kept_high")
    assert [round(value, 3) for value in found.values()] == [0.8, 0.490, 0.943]
    assert kept.over(np.array([1.0] * 8 + [0.0] * 2 + [np.nan])) == found
    assert np.isnan(list(kept.over(np.array([], dtype=bool)).values())).all()


def test_means_leave_out_what_is_not_known_and_say_of_how_many_they_are() -> None:
    snap = Metric("snap", "snap index", interval=MEAN, counted=True)
    assert snap.over(np.array([1.0, np.nan, 5.0])) == {"snap": 3.0, "snap_low": 1.0, "snap_high": 5.0, "snap_clips": 2}
    empty = snap.over(np.array([np.nan]))
    assert empty.pop("snap_clips") == 0
    assert all(math.isnan(value) for value in empty.values())
    assert math.isnan(snap.over(np.array([2.0]))["snap_low"])


def test_counts_and_plain_means_have_no_interval() -> None:
    assert Metric("missing", "missing", 0, interval=COUNT).over(np.array([1.0, 3.0, np.nan])) == {"missing": 4}
    assert Metric("error", "error").over(np.array([1.0, 3.0, np.nan])) == {"error": 2.0}
    assert math.isnan(Metric("error", "error").over(np.array([np.nan]))["error"])


@pytest.mark.parametrize("interval", [MEAN, SHARE, COUNT, OWN, None])
@pytest.mark.parametrize("counted", [False, True])
def test_what_is_written_is_read(interval: str | None, counted: bool) -> None:
    metric = Metric("error", "error", interval=interval, counted=counted).of("truth")  # type: ignore[arg-type]
    row = metric.stated(2.0, 1.0, 3.0, 7)
    assert tuple(row) == metric.columns
    assert all(name.startswith("truth_error") for name in row)
    found = metric.read({"clips": 9, **row})
    assert (found.value, found.clips) == (2.0, 7 if counted else 9)
    assert (found.low, found.high) == (1.0, 3.0) or (math.isnan(found.low + found.high) and interval in (COUNT, None))


def test_of_a_table_of_before_what_is_not_there_is_not_known() -> None:
    metric = Metric("share", "share", interval=SHARE)
    assert repr(metric.read({"share": 0.5, "clips": 4})) == repr(Value(0.5, clips=4.0))
    assert repr(metric.read({"clips": 4})) == repr(Value(math.nan))


def test_a_source_is_in_front_of_the_name() -> None:
    error = Metric("error", "error")
    assert [metric.column for metric in of_sources(("a", "b"), (error,))] == ["a_error", "b_error"]
    assert error.of("a", "floor").header == "floor"
    assert by_column([error, error.of("a")]) == {"error": error, "a_error": error.of("a")}
    with pytest.raises(ValueError, match="share a column"):
        by_column([error, Metric("error", "another")])


def test_notes_are_read_as_they_are_written() -> None:
    notes = {"lpips": "no weights (see `x`)", "frechet_latent": "biased: 5 clips; few", "ssim": ""}
    text = notes_text(notes)
    assert text == "lpips: no weights (see `x`); frechet_latent: biased: 5 clips, few"
    assert notes_of({"notes": text}) == {"lpips": notes["lpips"], "frechet_latent": "biased: 5 clips, few"}
    assert notes_of({"notes": math.nan}) == notes_of({}) == {}


def test_every_study_declares_the_metrics_that_it_shows() -> None:
    for study in NAMES:
        score, report = part(study, "score"), report_of(study)
        assert report.metrics == score.METRICS
        assert report.shown
        names = [name for metric in score.METRICS for name in metric.columns]
        assert len(names) == len(set(names)), study
        for metric in score.METRICS:
            settings = {"num_frames": 4, "resolution": 8, "detector_clips": 5}
            assert "{" not in metric.protocol.format(**settings)

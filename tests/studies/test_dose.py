"""Doses: nested, of the size they say, and the reach of what is drawn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from physlaw.studies.dose.reach import reach
from physlaw.studies.dose.sets import SCENARIOS, TRAINED, WITH_FAST, added
from physlaw.studies.dose.study import BEYOND, CONTROL, DOSES, FAST, NONE


def values(name: str) -> np.ndarray:
    points = SCENARIOS[name].training_set("3k")
    return points.values(np.arange(len(points)))


@pytest.mark.parametrize("count", DOSES)
def test_a_dose_and_its_control_have_as_many_clips(count: int) -> None:
    base, dosed, control = values(NONE), values(f"dose_fast_{count}"), values(f"dose_id_{count}")
    assert len(base) == 3000
    assert (FAST[f"dose_fast_{count}"], CONTROL[f"dose_id_{count}"]) == (count, count)
    for found, box in ((dosed, WITH_FAST), (control, TRAINED)):
        assert len(found) == 3000 + count
        assert np.array_equal(found[:3000], base)
        assert box.contains(found[3000:]).all()
    assert SCENARIOS[f"dose_fast_{count}"].trained.contains(dosed).all()


def test_a_smaller_dose_is_part_of_a_larger_one_and_stays_what_it_is() -> None:
    sets = [{tuple(row) for row in added(WITH_FAST, n).values(np.arange(n)).round(9)} for n in DOSES]
    assert all(small < large for small, large in pairwise(sets))
    assert added(WITH_FAST, 1).values(np.array([0]))[0] == pytest.approx(FIRST)


FIRST = [1.378125, 5.01875]  # r, v


def clips(error: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"law_vx1": np.repeat(np.linspace(*BEYOND, 50), 4), "corrected_imputed": np.repeat(error, 4)})


def test_the_reach_is_where_errors_begin() -> None:
    speeds = np.linspace(*BEYOND, 50)
    assert reach(clips(np.zeros(50)))["reach"] == pytest.approx(1.05)
    assert reach(clips(np.ones(50)))["reach"] == 0
    found = reach(clips((speeds > 5.55) * 1.0))
    assert found["reach"] == pytest.approx(0.45)
    assert found["reach_low"] <= found["reach"] <= found["reach_high"]
    assert reach(clips(np.where(speeds < 5.35, 1.0, 0.0)))["reach"] == 0  # a hole ends it
    assert np.isnan(reach(clips(np.zeros(50)).assign(law_vx1=4.0))["reach"])

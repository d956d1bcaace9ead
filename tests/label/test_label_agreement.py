"""Kappas against published and hand-computed values."""

import numpy as np
import pytest

from physlaw.label.agreement import cohen_kappa, fleiss_kappa


def test_cohens_kappa_of_fifty_items_worked_by_hand() -> None:
    # Both yes 20, first alone 5, second alone 10, both no 15: observed .7, expected .5 * .6 + .5 * .4 = .5.
    a = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    b = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    found = cohen_kappa(a, b)
    assert found.items == 50
    assert found.observed == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)


def test_opposite_raters_have_kappa_minus_one() -> None:
    assert cohen_kappa(np.array([0, 1]), np.array([1, 0])).kappa == pytest.approx(-1)


def test_fleiss_kappa_of_ten_items_and_fourteen_raters_as_in_the_textbook_example() -> None:
    counts = [
        *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
        *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
    ]
    found = fleiss_kappa(np.array(counts))
    assert found.observed == pytest.approx(0.378, abs=5e-4)
    assert found.kappa == pytest.approx(0.210, abs=5e-4)


def test_kappa_is_undefined_without_a_warning_when_all_votes_are_one_class(recwarn: pytest.WarningsRecorder) -> None:
    same = np.zeros(7, dtype=np.int64)
    found = cohen_kappa(same, same)
    assert (found.items, found.observed, found.kappa) == (7, 1.0, None)
    assert fleiss_kappa(np.array([[3, 0]] * 7)).kappa is None
    assert not recwarn.list


def test_kappa_of_nothing_is_undefined() -> None:
    empty = np.zeros((0, 2), dtype=np.int64)
    assert cohen_kappa(empty[:, 0], empty[:, 1]).kappa is None
    assert fleiss_kappa(empty).observed is None

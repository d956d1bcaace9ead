"""Which training clips a cell has: drawn once, or anew for every seed; all, or some of them."""

import numpy as np
import pytest

from physlaw.cell.checks import check_scale
from physlaw.cell.data import training_clips
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.data.clips import RenderedClips
from physlaw.errors import UserError


def cell_of(*words: str) -> CellConfig:
    return compose_cell(["size=300", *words])


def scenes_of(*words: str) -> RenderedClips:
    clips = training_clips(cell_of(*words))
    assert isinstance(clips, RenderedClips)
    return clips


def test_a_draw_by_seed_moves_the_starts_and_keeps_the_initial_values() -> None:
    fixed, first, other = (
        scenes_of("seed=1"),
        scenes_of("data.draw=by_seed"),
        scenes_of("data.draw=by_seed", "seed=1"),
    )
    every = np.arange(300)
    assert np.array_equal(fixed.scenes.positions(every), first.scenes.positions(every))
    assert np.array_equal(other.scenes.init(every), fixed.scenes.init(every))
    assert (other.scenes.positions(every) != fixed.scenes.positions(every)).any(axis=(1, 2, 3)).mean() > 0.9
    assert other.digest() != fixed.digest()


@pytest.mark.parametrize("scenario", ["uniform", "gap_125_375"])
def test_some_clips_are_a_random_choice_of_the_set(scenario: str) -> None:
    words = ["study=velocity_gap" if scenario != "uniform" else "study=id_ood", f"scenario={scenario}", "size=3k"]
    whole, some = scenes_of(*words), scenes_of(*words, "data.clips=100")
    other = scenes_of(*words, "data.clips=100", "seed=1", "data.draw=by_seed")
    known = {tuple(row) for row in whole.scenes.init(np.arange(len(whole)))}
    chosen = [tuple(row) for row in some.scenes.init(np.arange(100))]
    assert len(some) == len(other) == len(set(chosen)) == 100
    assert set(chosen) <= known
    assert chosen != sorted(known)[:100]
    assert chosen != [tuple(row) for row in other.scenes.init(np.arange(100))]
    with pytest.raises(UserError, match=f"data.clips=99999 is more than size=3k of scenario={scenario} has, which is"):
        scenes_of(*words, "data.clips=99999")


@pytest.mark.parametrize("word", ["data.draw=by_seed", "data.clips=10"])
def test_neither_goes_with_a_released_order_nor_with_files(word: str) -> None:
    for other in ("data.placement=released", "data.files=somewhere"):
        with pytest.raises(UserError, match=word.replace(".", r"\.")):
            check_scale(cell_of(word, other))
    with pytest.raises(UserError, match=r"needs data\."):
        check_scale(compose_cell(["study=combinatorial", word]))


def test_they_belong_to_the_configuration() -> None:
    digests = {cell_of(*words).digest() for words in ([], ["data.draw=by_seed"], ["data.clips=10"])}
    assert len(digests) == 3

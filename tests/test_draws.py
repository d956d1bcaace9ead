"""What is drawn at random stays what it is: strings that streams are named by, their order and their use.

known_draws.json has a digest of the first draws of every stream. A finished cell was trained and scored on these; what
changes one of them makes other data, and needs another name of its own.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from compositions import composed
from physlaw.config import TokenizerConfig
from physlaw.data.config import EVALUATIONS
from physlaw.data.random_bodies import RandomBodyClips
from physlaw.data.random_objects import RandomObjectClips
from physlaw.diffusion.noise import sample_noise
from physlaw.evaluation.blocks import chosen_scenes
from physlaw.evaluation.floors import in_dist_scenes
from physlaw.evaluation.sweep import random_scenes
from physlaw.intervals import bootstrap
from physlaw.models.text import build_text_encoder
from physlaw.studies import NAMES
from physlaw.studies.combinatorial.abnormal_check import spread_numbers
from physlaw.studies.combinatorial.corruptions import CORRUPTIONS
from physlaw.studies.registry import scenarios, scenarios_of
from physlaw.training.tasks import sample_numbers
from physlaw.worlds.phyre.ambiguity import FAMILIES, AmbiguityScenes
from physlaw.worlds.phyre.scenes import in_template_videos, out_of_template_videos, sample_scene, training_videos
from physlaw.worlds.phyre.templates import TEMPLATES
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import eval_scenes, training_scenes
from physlaw.worlds.streams import permutation, stream_key

KNOWN = Path(__file__).with_name("known_draws.json")
COMPOSITION = tuple(scenarios_of("composition"))
SIZES = {name: sizes for study in NAMES for name, sizes in scenarios_of(study).items()} | scenarios_of("id_ood")
BALLS = scenarios()
FIRST = np.arange(3)


def digest(*arrays: ArrayLike) -> str:
    """Of values to six digits, so that another processor's rounding does not count."""
    found = hashlib.sha256()
    for array in arrays:
        values = np.round(np.asarray(array, dtype=np.float64), 6) + 0.0  # no minus zero
        found.update(str(values.shape).encode() + values.astype("<f8").tobytes())
    return found.hexdigest()[:16]


def scenes_of_balls(name: str) -> Iterator[tuple[str, str]]:
    scenario = BALLS[name]
    for size in SIZES[name]:
        scenes = training_scenes(scenario, size, seed=1)
        index = np.unique(np.minimum(np.array([0, 1, 299]), len(scenes) - 1))
        yield f"{name} train/{size}", digest(scenes.init(index), scenes.positions(index))
    for evaluation in EVALUATIONS if scenario.tests is None else ("released",):
        for block in scenario.eval_blocks(evaluation).values():
            scenes, chosen = eval_scenes(scenario, block.name, seed=1), chosen_scenes(block.name, len(block.grid), 2)
            yield f"{name} eval/{block.name}", digest(chosen, scenes.init(chosen), scenes.positions(chosen))
    yield f"{name} sweep", digest(*random_scenes(scenario, 3, 8, 1, "elastic"))


def other_draws() -> Iterator[tuple[str, str]]:
    for name, scenario in SCENARIOS.items():
        yield f"{name} floors", digest(in_dist_scenes(scenario, 1, 5)[1])
        released = training_scenes(scenario, "300", placement="released")
        yield f"{name} released order", digest(released.init(FIRST), released.start(FIRST))
    for name in COMPOSITION:
        for split in ("train/300", "train/30k", "eval/both"):
            scenes = composed(name, split, 1)
            yield f"{name} {split}", digest(scenes.init(FIRST), scenes.positions(FIRST))
    yield "templates", digest(TEMPLATES)
    for name, videos in (
        ("train 6", training_videos("6", 1)),
        ("in 60", in_template_videos("60", 1)),
        ("out", out_of_template_videos(1)),
    ):
        numbers = spread_numbers(videos, 3, "test", 1)
        yield f"bodies {name}", digest(numbers, *(videos.motion(int(k), 6)[1] for k in numbers))
    yield "bodies scene", digest([body.colour for body in sample_scene(10007, 3, 1).bodies])
    for family in FAMILIES:
        yield f"ambiguous {family}", digest(AmbiguityScenes(family).motion(0, 4)[1])
    videos = training_videos("60")
    for name, corrupt in CORRUPTIONS.items():
        made = (corrupt(*videos.motion(k, 16), 1, k) for k in range(0, 12000, 1000))
        yield f"corruption {name}", digest(*(one.poses for one in made if one is not None))
    yield "random objects", digest(RandomObjectClips(16, 4, seed=1).clips(FIRST))
    yield "random bodies", digest(RandomBodyClips(32, 2, seed=1).clips(FIRST))
    for name in ("diffusion", "vae", "logged clips", "generate id", "generate paper_level1_r1"):
        yield f"noise {name}", digest(sample_noise(name, 1, [0, 5], (2, 3)))
    yield "training order", digest(sample_numbers(3, 8))
    for name in ("label controls", "label order"):
        yield name, digest(permutation(stream_key(name, 1), 10))
    values, mask = build_text_encoder("random", 8, 4, seed=1)(["a red ball"])
    yield "words", digest(values, mask)
    yield "bootstrap", digest(bootstrap(np.arange(20.0) ** 2))
    yield "tokenizer seed", digest([TokenizerConfig().seed])


def known() -> dict[str, str]:
    return dict(json.loads(KNOWN.read_text()))


@pytest.mark.parametrize("name", BALLS)
def test_scenes_of_balls_are_drawn_as_ever(name: str) -> None:
    found = dict(scenes_of_balls(name))
    assert found == {key: value for key, value in known().items() if key.split()[0] == name and key in found}
    assert len(found) > 2


def test_all_else_is_drawn_as_ever() -> None:
    found = dict(other_draws())
    assert found == {key: value for key, value in known().items() if key in found}


if __name__ == "__main__":  # writes the file anew, for draws that are new
    every = {key: value for name in BALLS for key, value in scenes_of_balls(name)} | dict(other_draws())
    KNOWN.write_text(json.dumps(every, indent=1) + "\n")

"""`physlaw simulate`: clips of balls and of other drawn objects to files, in shards of 1000 scenes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from physlaw.data.card import ball_card
from physlaw.data.clip_files import FORMATS, format_of, write_set
from physlaw.data.config import CONTACTS, PLACEMENTS
from physlaw.data.hdf5_reader import BALLS
from physlaw.data.npz import Truth
from physlaw.data.shards import concatenated
from physlaw.fields import MOST_FRAMES, MOST_WORKERS, check, choice, random_seed, ranged
from physlaw.render.config import picture_side
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.released_order import TRAINING_SHARD
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import SceneSet, Trajectory, eval_scenes, training_scenes

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]

SHARD = TRAINING_SHARD


@dataclass
class SimulateConfig:
    """What `physlaw simulate` writes of scenes that the renderer of discs, squares and rings draws."""

    out: str = ""  # a folder (released shards, mp4 files), or a single .hdf5 or .npz file
    format: str | None = choice(None, FORMATS)  # released, npz or mp4; None: npz for a .npz file, else released
    scenario: str = "uniform"
    split: str = "train"  # or an evaluation block: id, level1_r1, ..., paper_id, ...
    size: str = "30k"  # of the training set
    count: int | None = ranged(None, at_least=1)  # None: all from offset on
    offset: int = ranged(0, at_least=0)
    resolution: int = picture_side(256)
    num_frames: int = ranged(32, at_least=1, at_most=MOST_FRAMES)
    contact: str = choice("elastic", CONTACTS)  # or released: inelastic below closing speed 1.0
    placement: str = choice("per_sample", PLACEMENTS)  # or released: the release's order and random numbers
    seed: int = random_seed()
    workers: int | None = ranged(None, at_least=1, at_most=MOST_WORKERS)  # None: every core

    def __post_init__(self) -> None:
        check(self)


def scenes_of(scenario: Scenario, config: SimulateConfig) -> SceneSet:
    """The scene set that is asked for; config.scenario is its name."""
    contact = laws.as_contact(config.contact)
    if config.split == "train":
        scenes = training_scenes(scenario, config.size, config.seed, contact, config.placement)
    else:
        scenes = eval_scenes(scenario, config.split, config.seed, contact, config.placement)
    return replace(scenes, num_frames=config.num_frames)


def simulate(scenario: Scenario, config: SimulateConfig) -> tuple[Path, int]:
    """Write clips of the balls and their card. Returns and raises as write_set."""
    format_of(config)
    return write_set(BallClips(scenes_of(scenario, config)), config)


def shards_of(scenes: SceneSet, index: Index) -> list[tuple[int, Index]]:
    """(shard number, scene numbers) of every shard: 1000 scenes each, or with the release's order its own shards,
    which count the dropped scenes too."""
    if scenes.order is not None and scenes.order.shard == SHARD:
        return _by_shard(scenes.order.position[index] // SHARD, index)
    return _by_shard((index - index[0]) // SHARD, index)


def _by_shard(shard: Index, index: Index) -> list[tuple[int, Index]]:
    starts = np.flatnonzero(np.diff(shard, prepend=-1))
    return [(int(shard[part[0]]), index[part]) for part in np.split(np.arange(len(index)), starts[1:])]


class DrawnScenes(Protocol):
    """Scenes by number with their truth."""

    @property
    def num_frames(self) -> int: ...

    def __len__(self) -> int: ...

    def init(self, index: Index) -> NDArray[np.float64]:
        """(N,) numbers -> (N, K) initial values."""
        ...

    def positions(self, index: Index) -> NDArray[np.float64]:
        """(N,) numbers -> (N, T, objects, 2)."""
        ...

    def trajectory(self, index: Index) -> Trajectory:
        """(N,) numbers -> their trajectories."""
        ...

    def digest(self) -> str:
        """SHA-256 of what the set consists of."""
        ...


S = TypeVar("S", bound=DrawnScenes)


class DrawnClips(Generic[S]):
    """A scene set as a ClipSet; `card` and `described` are its world's."""

    layout = BALLS

    def __init__(self, scenes: S) -> None:
        self.scenes, self.num_frames = scenes, scenes.num_frames

    def __len__(self) -> int:
        return len(self.scenes)

    def digest(self) -> str:
        return self.scenes.digest()

    def card(self, written: int) -> dict[str, Any]:
        raise NotImplementedError

    def shards(self, index: Index) -> list[tuple[int, Index]]:
        return _by_shard((index - index[0]) // SHARD, index)

    def key(self, shard: int) -> str:
        return f"{shard:05d}"

    def released_name(self, shard: int) -> str:
        return str(shard)

    def samples(self, shard: int, index: Index) -> list[str]:
        """<shard>-<local number>, the release's sample names."""
        return [f"{shard:05d}-{local:05d}" for local in range(len(index))]

    def truth(self, index: Index) -> Truth:
        """positions and init."""
        return {"positions": self.scenes.positions(index), "init": self.scenes.init(index)}

    def make(self, index: Index, resolution: int) -> tuple[Frames, Truth]:
        return render_clips(self.scenes.trajectory(index), resolution), self.truth(index)

    def write_truth(self, file: h5py.File, truth: Truth) -> None:
        file["position_streams"], file["init_streams"] = truth["positions"], truth["init"]

    def described(self, truth: Truth) -> dict[str, list[Any]]:
        raise NotImplementedError

    def join(self, shards: list[Truth]) -> Truth:
        return concatenated(shards)


class BallClips(DrawnClips[SceneSet]):
    """A scene set of the balls as a ClipSet."""

    def card(self, written: int) -> dict[str, Any]:
        return ball_card(self.scenes, written)

    def shards(self, index: Index) -> list[tuple[int, Index]]:
        return shards_of(self.scenes, index)

    def truth(self, index: Index) -> Truth:
        """positions, one ball's as (N, T, 2), and init: as released."""
        known = super().truth(index)
        positions = known["positions"]
        return known | {"positions": positions[:, :, 0] if positions.shape[2] == 1 else positions}

    def described(self, truth: Truth) -> dict[str, list[Any]]:
        """The scenario and the initial values by their names."""
        factors = dict(zip(self.scenes.scenario.factors, truth["init"].T.tolist(), strict=True))
        return {"scenario": [self.scenes.scenario.name] * len(truth["init"]), **factors}

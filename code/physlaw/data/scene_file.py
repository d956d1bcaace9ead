"""`physlaw simulate scenario=combinatorial bodies=FILE.npz`: scenes given as bodies, simulated and drawn.

The layout is that of the released samples: for every scene K of the file an array sK_bodies_json, its bodies as JSON
(walls first, red ball last). Written are sK_pose, (50, bodies, 3) px, px, radians in the same order, and
sK_frames_index, (50, 512, 512) palette indices, row 0 at the bottom, as there.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.data.npz import read_arrays
from physlaw.errors import UserError
from physlaw.fields import MOST_FRAMES, check, ranged
from physlaw.files import write_atomic
from physlaw.render.bodies import index_pictures
from physlaw.worlds.bodies import pack, read_bodies
from physlaw.worlds.phyre import WORLD
from physlaw.worlds.phyre.simulate import simulate

_NAME = re.compile(r"s(\d+)_bodies_json")


@dataclass
class SceneFileConfig:
    """Which scenes, and what becomes of them."""

    bodies: str = ""  # the scenes, npz
    out: str = "poses.npz"
    poses: str = ""  # draw these (sK_pose) instead of simulating
    frames: int = ranged(50, at_least=1, at_most=MOST_FRAMES)  # how many stored frames are simulated
    scenario: str = WORLD

    def __post_init__(self) -> None:
        check(self)
        if not self.bodies:
            raise UserError(f"scenario={WORLD} needs bodies=FILE.npz, scenes in the layout of the released samples")
        if not self.out.endswith(".npz"):
            raise UserError(f"out must end in .npz, got {self.out!r}")


def simulate_scene_file(config: SceneFileConfig) -> tuple[Path, int]:
    """Write config.out; returns its path and the number of scenes.

    Raises:
        UserError: a file cannot be read, or a scene's poses are missing or do not fit its bodies (names the scene).
    """
    texts = read_arrays(Path(config.bodies), _NAME)
    given = read_arrays(Path(config.poses), re.compile(r"s\d+_pose")) if config.poses else {}
    out = Path(config.out)

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                scene = name.removesuffix("_bodies_json")
                try:
                    poses, pictures = _play(str(text), given.get(f"{scene}_pose"), config)
                except UserError as error:
                    raise UserError(f"{config.bodies}: scene {scene}: {error}") from None
                for key, array in (("pose", poses), ("frames_index", pictures)):
                    with archive.open(f"{scene}_{key}.npy", "w", force_zip64=True) as stream:
                        np.lib.format.write_array(stream, array, allow_pickle=False)

    write_atomic(out, write)
    return out, len(texts)


def _play(
    text: str, given: NDArray[Any] | None, config: SceneFileConfig
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    bodies, start = read_bodies(text)
    if not config.poses:
        poses = simulate(bodies, start, config.frames)
    elif given is None:
        raise UserError(f"{config.poses} has no poses of it")
    else:
        poses = np.asarray(given, dtype=np.float64)
        if poses.ndim != 3 or poses.shape[1:] != (len(bodies), 3):
            raise UserError(f"poses must be (frames, {len(bodies)} bodies, 3), got {list(poses.shape)}")
    return poses, np.ascontiguousarray(index_pictures(pack(bodies), poses)[:, ::-1])

"""`physlaw simulate`: clips of a scene set to a file, streamed so that memory does not grow with the count."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from physlaw.data.config import CONTACTS, SCENARIO_NAMES
from physlaw.errors import UserError, unknown
from physlaw.files import write_atomic
from physlaw.render.config import check_resolution
from physlaw.render.discs import render_clips
from physlaw.worlds.scenes import SceneSet, eval_scenes, training_scenes

_CHUNK = 32


@dataclass
class SimulateConfig:
    """What `physlaw simulate` writes."""

    out: str = ""  # an .npz file: frames, positions, init
    scenario: str = "uniform"
    split: str = "train"  # or an evaluation block: id, level1_r1, ...
    size: str = "30k"  # of the training set
    count: int | None = None  # None: all from offset on
    offset: int = 0
    resolution: int = 256
    num_frames: int = 32
    contact: str = "elastic"
    seed: int = 0


def scenes_of(config: SimulateConfig) -> SceneSet:
    """The scene set that is asked for."""
    if config.scenario not in SCENARIO_NAMES:
        raise unknown("scenario", config.scenario, SCENARIO_NAMES)
    if config.contact not in CONTACTS:
        raise unknown("contact", config.contact, CONTACTS)
    if config.split == "train":
        scenes = training_scenes(config.scenario, config.size, config.seed)
    else:
        scenes = eval_scenes(config.scenario, config.split, config.seed)
    contact = "elastic" if config.contact == "elastic" else "released"
    return replace(scenes, contact=contact, num_frames=config.num_frames)  # type: ignore[arg-type]


def simulate(config: SimulateConfig) -> tuple[Path, int]:
    """Write the clips; returns the path and how many there are. A stopped or failed write leaves no file.

    Raises:
        UserError: bad names or sizes.
        OSError: the file cannot be written.
    """
    if not config.out.endswith(".npz"):
        raise UserError(f"out must name an .npz file, got {config.out!r}")
    check_resolution(config.resolution)
    scenes = scenes_of(config)
    if not 0 <= config.offset < len(scenes):
        raise UserError(f"offset must be 0 to {len(scenes) - 1}, got {config.offset}")
    count = len(scenes) - config.offset if config.count is None else config.count
    if not 1 <= count <= len(scenes) - config.offset:
        raise UserError(f"count must be 1 to {len(scenes) - config.offset}, got {count}")
    index = np.arange(config.offset, config.offset + count)
    path = Path(config.out)
    write_atomic(path, lambda temporary: _write_npz(temporary, scenes, index, config.resolution))
    return path, count


def _write_npz(path: Path, scenes: SceneSet, index: NDArray[np.int64], resolution: int) -> None:
    positions = scenes.positions(index)
    if positions.shape[2] == 1:
        positions = positions[:, :, 0]  # one ball: (N, T, 2), as released
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, values in (("positions", positions), ("init", scenes.init(index))):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                npy.write_array(stream, np.ascontiguousarray(values))
        shape = (len(index), scenes.num_frames, resolution, resolution, 3)
        with archive.open("frames.npy", "w", force_zip64=True) as stream:
            npy.write_array_header_2_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for start in range(0, len(index), _CHUNK):
                chunk = scenes.trajectory(index[start : start + _CHUNK])
                stream.write(render_clips(chunk, resolution).tobytes())

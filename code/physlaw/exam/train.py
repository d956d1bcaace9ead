"""`physlaw exam train`: training sets in the forms that other people's trainers read.

Every form has metadata.csv in its folder: a line per clip with its file, prompt, split, initial values, start,
velocity, acceleration, and the digest of the exam that belongs to it.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from physlaw.data.clip_files import write_set
from physlaw.data.video import FRAMES_PER_S, many_videos
from physlaw.data.video_folder import FILE_NAME, METADATA
from physlaw.data.write import BallClips
from physlaw.errors import UserError
from physlaw.exam.config import PaperConfig, TrainConfig
from physlaw.exam.paper import Paper
from physlaw.exam.video import encode
from physlaw.files import read_json, visible, write_atomic, write_bytes, write_json, write_text
from physlaw.render.discs import render_clips
from physlaw.worlds import laws
from physlaw.worlds.grids import Chosen
from physlaw.worlds.scenes import SceneSet
from physlaw.worlds.streams import permutation, stream_key

FILE = "training.json"
SHARD = 1000  # clips of a tar file
_AT_ONCE = 16
Say = Callable[[str], None]


def write_training(config: TrainConfig, say: Say) -> Path:
    """Write the sets; returns the path of metadata.csv. Files that are there stay, so that a killed call goes on.

    Raises:
        UserError: no folder named, it holds something else, or a set has not so many clips.
    """
    if not config.out:
        raise UserError("out= is missing: a folder for the training clips")
    out = Path(config.out)
    paper = Paper(
        PaperConfig(
            study=config.study, scenarios=config.scenarios, frames=config.frames, size=config.size, seed=config.seed
        )
    )
    _claim(out, {**vars(config), "out": "", "exam": paper.digest})
    tables = []
    with many_videos():
        for scenario in paper.scenarios:
            scenes = _chosen(paper.training(scenario).scenes, config.count)
            say(f"{scenario}: {len(scenes)} clips")
            tables.append(_described(paper, scenario, scenes, WRITERS[config.format](config, scenario, scenes, out)))
    write_text(out / METADATA, pd.concat(tables, ignore_index=True).to_csv(index=False, float_format="%.9g"))
    return out / METADATA


def _claim(out: Path, key: dict[str, Any]) -> None:
    key = json.loads(json.dumps(key))
    if (out / FILE).exists():
        if read_json(out / FILE) != key:
            raise UserError(f"{out} holds other training sets ({FILE}); choose another out=")
    elif out.exists() and (not out.is_dir() or visible(out, "*")):
        raise UserError(f"{out} holds other files; choose another out=")
    else:
        write_json(out / FILE, key)


def _chosen(scenes: SceneSet, count: int | None) -> SceneSet:
    """A random choice of so many of a set's points, always the same."""
    if count is None:
        return scenes
    if count > len(scenes):
        raise UserError(
            f"count={count} is more than {scenes.split} of {scenes.scenario.name} has, which is {len(scenes)}"
        )
    order = permutation(stream_key("training clips", scenes.scenario.name, scenes.split, scenes.seed), len(scenes))
    return replace(scenes, grid=Chosen(scenes.grid, np.sort(order[:count])))


def _clips(scenes: SceneSet, side: int, numbers: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        yield from zip(some.tolist(), render_clips(scenes.trajectory(some), side), strict=True)


def _write_mp4(config: TrainConfig, scenario: str, scenes: SceneSet, out: Path) -> list[str]:
    """A file per clip: what stands in metadata.csv, per clip."""
    names = [f"{scenario}/{number:08d}.mp4" for number in range(len(scenes))]
    missing = np.array([k for k, name in enumerate(names) if not (out / name).exists()], dtype=np.int64)
    for number, clip in _clips(scenes, config.resolution, missing):
        write_bytes(out / names[number], encode(clip, FRAMES_PER_S))
    return names


def _write_hdf5(config: TrainConfig, scenario: str, scenes: SceneSet, out: Path) -> list[str]:
    """The released layout, in shards of 1000."""
    settings = SimpleNamespace(
        out=str(out / scenario),
        format="released",
        offset=0,
        count=None,
        resolution=config.resolution,
        workers=None,
        scenario=scenario,
        split=scenes.split,
        seed=scenes.seed,
    )
    clips = BallClips(scenes)
    write_set(clips, settings)
    shards = clips.shards(np.arange(len(scenes)))
    return [f"{scenario}/{clips.released_name(shard)}.hdf5" for shard, index in shards for _ in index]


def _write_tars(config: TrainConfig, scenario: str, scenes: SceneSet, out: Path) -> list[str]:
    """WebDataset: <number>.mp4, .txt (prompt) and .json (initial values) of each clip, in tar files of 1000."""
    names = []
    for shard, start in enumerate(range(0, len(scenes), SHARD)):
        numbers = np.arange(start, min(start + SHARD, len(scenes)))
        name = f"{scenario}-{shard:06d}.tar"
        names += [name] * len(numbers)
        if not (out / name).exists():
            write_atomic(out / name, partial(_tar, config, scenario, scenes, numbers))
    return names


def _tar(config: TrainConfig, scenario: str, scenes: SceneSet, numbers: np.ndarray, path: Path) -> None:
    from physlaw.exam.prompts import prompt_of

    prompt = prompt_of(scenes.scenario).encode()
    with tarfile.TarFile(path, "w") as archive:
        for number, clip in _clips(scenes, config.resolution, numbers):
            values = dict(zip(scenes.scenario.factors, scenes.init(np.array([number]))[0].tolist(), strict=True))
            parts = {"mp4": encode(clip, FRAMES_PER_S), "txt": prompt, "json": json.dumps(values).encode()}
            for suffix, content in parts.items():
                entry = tarfile.TarInfo(f"{scenario}-{number:08d}.{suffix}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))


WRITERS: dict[str, Callable[[TrainConfig, str, SceneSet, Path], list[str]]] = {
    "mp4": _write_mp4,
    "hdf5": _write_hdf5,
    "webdataset": _write_tars,
}


def _described(paper: Paper, scenario: str, scenes: SceneSet, names: list[str]) -> pd.DataFrame:
    """A row per clip; velocities at the start and accelerations in world units and seconds, y up."""
    known, numbers = scenes.scenario, np.arange(len(scenes))
    init = scenes.init(numbers)
    table = pd.DataFrame({FILE_NAME: names, "number": numbers, "scenario": scenario, "split": "train"})
    table["prompt"] = paper.prompt(scenario)
    for column, factor in enumerate(known.factors):
        table[factor] = init[:, column]
    start, velocities = scenes.start(numbers), known.velocities(init)
    falls = -laws.GRAVITY if known.error_axes == 2 else 0.0
    for ball in range(known.num_balls):
        for axis, name in enumerate("xy"):
            table[f"{name}{ball + 1}"] = start[:, ball, axis]
        table[f"vx{ball + 1}"], table[f"ax{ball + 1}"] = velocities[:, ball], 0.0
        table[f"vy{ball + 1}"], table[f"ay{ball + 1}"] = 0.0, falls
    table["exam_digest"] = paper.digest
    return table

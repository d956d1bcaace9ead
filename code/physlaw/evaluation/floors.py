"""What the evaluator measures on true clips: the floor under every model's error, by how the frames were made.

The in-dist class of the release's evaluation set, as its own evaluator groups it (released data section 9.2). Frames
are rendered at 256 pixels, then possibly stored as mp4, then possibly averaged to 128; or rendered at 128 directly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.data.mp4 import decode_mp4, encode_mp4
from physlaw.data.records import ClipCounts, Frames, Index
from physlaw.evaluation.score import classify, concatenate
from physlaw.evaluation.velocity import ERROR_NAMES, VelocityErrors, velocity_errors
from physlaw.fields import check, choice, random_seed, ranged
from physlaw.files import write_json, write_text
from physlaw.provenance import provenance
from physlaw.render.averaging import NATIVE, area_average
from physlaw.render.discs import render_clips
from physlaw.tracking.object_accuracy import DISTURBANCES, confusion
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import SceneSet, eval_scenes
from physlaw.worlds.streams import permutation, stream_key

SMALL = 128
SOURCES = {
    "raw256": "256 x 256",
    "mp4": "256 x 256 through mp4",
    "raw128": "256 x 256 averaged to 128 x 128",
    "mp4_128": "256 x 256 through mp4, averaged to 128 x 128",
    "bare128": "rendered at 128 x 128",
}
SHOWN = ("paper_code", "paper_frame_x", "paper_frame_y", "paper_position_x", "paper_position_y", "corrected")
MEASURED = ("velocities", "objects")
OBJECT_SIDES = (16, 32, 64, 128)
_CHUNK = 8


@dataclass
class FloorsConfig:
    """What `physlaw floors` measures."""

    # or objects: how surely colour, shape, size and speed of one object are told
    what: str = choice("velocities", MEASURED)
    out: str = "results/floors"
    # velocities: per scenario at most; the release's measurement had 200, 115 and 160
    clips: int = ranged(200, at_least=1)
    object_clips: int = ranged(1008, at_least=1)  # objects: per resolution and disturbance, colours and shapes in turn
    seed: int = random_seed()  # of the start positions

    def __post_init__(self) -> None:
        check(self)


def in_dist_scenes(scenario: Scenario, seed: int, limit: int | None) -> tuple[SceneSet, Index]:
    """The scenes of the in-dist class: the id block less what the release's filter drops; in a fixed random order."""
    scenes = eval_scenes(scenario, "id", seed, "released")
    index = permutation(stream_key("floors", scenario.name), len(scenes))
    return scenes, index[classify(scenario, scenes.init(index)) == "in"][:limit]


def floors_counts(config: FloorsConfig) -> dict[str, dict[str, int]]:
    """What became of every scenario's clips: the classes but "in" are left out, and all are averaged to SMALL too."""
    counts = {}
    for name, scenario in SCENARIOS.items():
        scenes, index = in_dist_scenes(scenario, config.seed, config.clips)
        inside = len(in_dist_scenes(scenario, config.seed, None)[1])
        counts[name] = vars(ClipCounts(len(scenes), len(scenes) - inside, len(index)))
    return counts


def frames_by_source(scenes: SceneSet, index: Index) -> Iterator[tuple[str, Frames]]:
    """(N,) scene numbers -> (N, T, W, W, 3) frames, made in every way of SOURCES and in its order; each is rendered
    and coded once."""
    trajectory = scenes.trajectory(index)
    raw = render_clips(trajectory, NATIVE)
    coded = np.stack([decode_mp4(encode_mp4(clip), "mp4") for clip in raw])
    yield "raw256", raw
    yield "mp4", coded
    yield "raw128", area_average(raw, SMALL)
    yield "mp4_128", area_average(coded, SMALL)
    yield "bare128", render_clips(trajectory, SMALL, "bare")


def measure_floors(config: FloorsConfig) -> pd.DataFrame:
    """One row per scenario and source: the number of clips, every error's mean, and its standard error <name>_se."""
    rows = []
    for name, scenario in SCENARIOS.items():
        scenes, index = in_dist_scenes(scenario, config.seed, config.clips)
        parts: dict[str, list[VelocityErrors]] = {source: [] for source in SOURCES}
        for start in range(0, len(index), _CHUNK):
            some = index[start : start + _CHUNK]
            init, positions = scenes.init(some), scenes.positions(some)
            for source, frames in frames_by_source(scenes, some):
                method = "bare" if source == "bare128" else "area"
                parts[source].append(velocity_errors(scenario, init, positions, frames, method=method))
        for source, measured in parts.items():
            errors = concatenate(measured)
            row: dict[str, object] = {"scenario": name, "frames": source, "clips": len(index)}
            for error in ERROR_NAMES:
                row[error], row[f"{error}_se"] = _mean_and_error(getattr(errors, error))
            rows.append(row)
    return pd.DataFrame(rows)


def _mean_and_error(values: NDArray[np.float64]) -> tuple[float, float]:
    found = values[np.isfinite(values)]
    if len(found) < 2:
        return float("nan"), float("nan")
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(len(found)))


def floors_table(table: pd.DataFrame) -> str:
    """The floors as Markdown, standard errors of the velocity error beside it."""
    lines = [
        "Errors that the evaluator measures on true clips, in-dist class, mean over clips (+- standard error).",
        "",
        "| scenario | frames | clips | " + " | ".join(SHOWN) + " |",
        "|---" * (3 + len(SHOWN)) + "|",
    ]
    for _, row in table.iterrows():
        cells = [f"{row[name]:.4f}" if np.isfinite(row[name]) else "-" for name in SHOWN]
        cells[0] += f" +- {row['paper_code_se']:.4f}"
        lines.append(f"| {row['scenario']} | {SOURCES[row['frames']]} | {row['clips']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def objects_table(table: pd.DataFrame) -> str:
    """Wrong and missing answers about true objects as Markdown, shares of clips; the rows of all shapes together."""
    lines = [
        "What the evaluator says of true clips with one object: shares of clips with a wrong and with no answer, "
        "median error (95 % quantile).",
        "",
        "| pixels | disturbance | clips | shape wrong | shape unknown | colour wrong | radius, relative | speed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table[table["shape"] == "all"].to_dict("records"):
        errors = [f"{row[f'{name}_error']:.4f} ({row[f'{name}_error_95']:.4f})" for name in ("radius", "velocity")]
        shares = [f"{row[name]:.4f}" for name in ("shape_wrong", "shape_unknown", "colour_wrong")]
        names = [f"{row['resolution']} x {row['resolution']}", row["disturbance"], str(row["clips"])]
        lines.append(f"| {' | '.join([*names, *shares, *errors])} |")
    return "\n".join(lines) + "\n"


def floors(config: FloorsConfig) -> Path:
    """Measure, and write floors.csv, table.md and provenance.json, or objects.csv, objects.md and objects.json; returns
    the path of the Markdown file."""
    folder, card = Path(config.out), {"config": vars(config), "clips": {}, **provenance()}
    if config.what == "objects":
        parts = [confusion(width, config.object_clips, config.seed, d) for width in OBJECT_SIDES for d in DISTURBANCES]
        table, names, text = pd.concat(parts), ("objects.csv", "objects.md", "objects.json"), objects_table
        card["clips"] = vars(ClipCounts(int(table.loc[table["shape"] == "all", "clips"].sum())))
    else:
        table, names, text = measure_floors(config), ("floors.csv", "table.md", "provenance.json"), floors_table
        card["clips"] = floors_counts(config)
    write_text(folder / names[0], table.to_csv(index=False, float_format="%.6g"))
    write_text(folder / names[1], text(table))
    write_json(folder / names[2], card)
    return folder / names[1]

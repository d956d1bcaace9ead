"""The exam's questions: which scenes of a study, under which names, and the pictures that a model may see of them.

Items are <scenario>-<block>-<number>. An exam is a function of its settings; its digest covers them and the scenes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw import studies
from physlaw.compose import compose_cell
from physlaw.config import CellConfig, digest_of
from physlaw.data.clips import RenderedClips
from physlaw.errors import UserError, unknown
from physlaw.evaluation.blocks import chosen_scenes
from physlaw.exam.config import SMALLEST_SIDE, PaperConfig
from physlaw.exam.prompts import prompt_of
from physlaw.render.averaging import NATIVE
from physlaw.render.config import MAX_RESOLUTION
from physlaw.render.discs import render_clips
from physlaw.schema import SCHEMA, read_record
from physlaw.studies import registry
from physlaw.words import build
from physlaw.worlds import laws
from physlaw.worlds.scenario import Scenario
from physlaw.worlds.scenes import SceneSet, eval_scenes, training_scenes

Frames = NDArray[np.uint8]
Index = NDArray[np.int64]
FILE = "exam.json"
KIND = "exam paper"
BATCH_BYTES = 24 << 20  # of clips that are measured together, of each source; above 32 MiB memory is fresh each time


@dataclass(frozen=True)
class Part:
    """Some scenes of one block, all of its items or a batch of them."""

    scenario: str
    block: str
    numbers: Index

    @property
    def items(self) -> list[str]:
        return item_names(self.scenario, self.block, self.numbers)


def item_names(scenario: str, block: str, numbers: Index) -> list[str]:
    """The names of a block's items."""
    return [f"{scenario}-{block}-{number}" for number in numbers.tolist()]


@dataclass(frozen=True)
class Paper:
    """An exam, from its settings.

    Raises:
        UserError: the study has no exam, or no such scenario or training set, or the pictures cannot be judged.
    """

    config: PaperConfig

    def __post_init__(self) -> None:
        study = self.config.study
        known = registry.scenarios_of(study)
        drawn = registry.scenarios()
        if not set(known) <= set(drawn):
            valid = [name for name in studies.NAMES if set(registry.scenarios_of(name)) <= set(drawn)]
            raise UserError(f"study={study} has no exam yet; valid: {', '.join(valid)}")
        if self.config.resolution // self._enlarged < SMALLEST_SIDE:
            raise UserError(
                f"resolution={self.config.resolution} is no multiple of a side of {SMALLEST_SIDE} to {MAX_RESOLUTION} "
                "pixels, at which pictures are drawn"
            )
        for scenario in self.config.scenarios:
            if scenario not in known:
                raise unknown(f"scenario of study {study}", scenario, known)
        for scenario in self.scenarios:
            if self.config.size is not None and self.config.size not in known[scenario]:
                raise unknown(f"size of scenario {scenario}", self.config.size, known[scenario])
            checked = self.scenario(scenario).check_resolution
            if checked is not None:
                checked(self.judged_side)

    @property
    def scenarios(self) -> tuple[str, ...]:
        return self.config.scenarios or tuple(registry.scenarios_of(self.config.study))

    @property
    def judged_side(self) -> int:
        """The side in pixels at which clips are measured: larger pictures are averaged to the released size."""
        return min(self.config.resolution, NATIVE)

    @property
    def _enlarged(self) -> int:
        """How many times the pictures are enlarged that the renderer draws: it has a largest side."""
        side = self.config.resolution
        return next(k for k in range(1, side + 1) if not side % k and side // k <= MAX_RESOLUTION)

    def scenario(self, name: str) -> Scenario:
        return registry.part(self.config.study, "sets").SCENARIOS[name]  # type: ignore[no-any-return]

    def size(self, scenario: str) -> str:
        """The training set whose nearest case is looked up."""
        return self.config.size or registry.scenarios_of(self.config.study)[scenario][0]

    def cell(self, scenario: str, runs: Path, model: str, seed: int = 0) -> CellConfig:
        """The cell of the study that a model's answers are scored as."""
        config = self.config
        count = "null" if config.count is None else str(config.count)
        words = {
            "study": config.study,
            "profile": "agents",
            "scenario": scenario,
            "size": self.size(scenario),
            "seed": str(seed),
            "runs": str(runs),
            "data.resolution": str(self.judged_side),
            "data.num_frames": str(config.frames),
            "data.num_cond_frames": str(config.cond_frames),
            "data.seed": str(config.seed),
            "eval.id_clips": count,
            "eval.ood_clips": count,
            "eval.shown_clips": "1",
            "eval.batch_size": str(max(1, min(64, (BATCH_BYTES // (3 * config.frames * self.judged_side**2))))),
        }
        cell = compose_cell([f"{key}={value}" for key, value in words.items()])
        return replace(cell, model=replace(cell.model, name=model))

    def scenes(self, scenario: str, block: str) -> SceneSet:
        """A block's scenes, as they are scored."""
        data = self.cells[scenario].data
        found = eval_scenes(self.scenario(scenario), block, data.seed, laws.as_contact(data.contact), data.placement)
        return replace(found, num_frames=data.num_frames)

    def training(self, scenario: str) -> RenderedClips[SceneSet]:
        """The training set that scores look up nearest cases in."""
        data = self.cells[scenario].data
        scenes = training_scenes(
            self.scenario(scenario), self.size(scenario), data.seed, laws.as_contact(data.contact), data.placement
        )
        return RenderedClips(replace(scenes, num_frames=data.num_frames), data.resolution, data.method)

    @cached_property
    def cells(self) -> dict[str, CellConfig]:
        """A cell per scenario, for its settings."""
        return {name: self.cell(name, Path("runs"), "exam") for name in self.scenarios}

    @cached_property
    def parts(self) -> list[Part]:
        """All items, block by block in the order of scoring."""
        found = []
        for name in self.scenarios:
            cell = self.cells[name]
            for block in self.scenario(name).eval_blocks(cell.eval.blocks).values():
                limit = cell.eval.ood_clips if block.level else cell.eval.id_clips
                numbers = chosen_scenes(block.name, len(block.grid), limit)
                if len(numbers):
                    found.append(Part(name, block.name, numbers))
        return found

    @cached_property
    def items(self) -> tuple[str, ...]:
        return tuple(item for part in self.parts for item in part.items)

    def batches(self, size: int) -> Iterator[Part]:
        """All items in parts of at most `size`, none of two blocks."""
        for part in self.parts:
            for start in range(0, len(part.numbers), size):
                yield replace(part, numbers=part.numbers[start : start + size])

    def shown(self, part: Part) -> Frames:
        """(N, c, W, W, 3) uint8: the condition frames of some items."""
        trajectory = self.scenes(part.scenario, part.block).trajectory(part.numbers, self.config.cond_frames)
        method = self.cells[part.scenario].data.method
        side = self.config.resolution
        factor = self._enlarged
        frames = render_clips(trajectory, side // factor, method)
        return frames if factor == 1 else frames.repeat(factor, axis=2).repeat(factor, axis=3)

    def prompt(self, scenario: str) -> str:
        return prompt_of(self.scenario(scenario))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the settings, the items and the scenes behind them."""
        scenes = {
            f"{part.scenario}-{part.block}": self.scenes(part.scenario, part.block).digest() for part in self.parts
        }
        settings = {key: value for key, value in asdict(self.config).items() if key != "scenarios"}
        return digest_of([settings, self.scenarios, self.items, scenes])

    def record(self) -> dict[str, Any]:
        """What exam.json says."""
        config = self.config
        return {
            "kind": KIND,
            "schema": SCHEMA,
            "digest": self.digest,
            "settings": asdict(config) | {"scenarios": list(self.scenarios)},
            "answer": {
                "frames": config.frames,
                "frames_without_condition": config.frames - config.cond_frames,
                "seconds_between_frames": laws.FRAME_S,
                "files": "<item>.mp4 or <item>.npz each, or one .npz or .hdf5 with items and frames",
            },
            "items": [
                {"item": item, "prompt": self.prompt(part.scenario)} for part in self.parts for item in part.items
            ],
        }


def read_paper(folder: Path) -> Paper:
    """The exam that was exported to a folder.

    Raises:
        UserError: it is none, or of a version whose scenes were others.
    """
    path = folder if folder.name == FILE else folder / FILE
    if not path.is_file():
        raise UserError(f"{path}: no such file; exam= is the folder that `physlaw exam export` wrote")
    known = read_record(path, "kind", "digest", "settings")
    if known["kind"] != KIND:
        raise UserError(f"{path}: not an exam but a {known['kind']!r:.40}")
    paper = Paper(build(PaperConfig, known["settings"], "settings."))
    if paper.digest != known["digest"]:
        raise UserError(
            f"{path} is of other scenes (digest {known['digest']!r:.12}, its settings make {paper.digest[:10]}): it "
            "was edited, or exported by another version; export it again"
        )
    return paper

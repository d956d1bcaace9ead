"""Score a trained cell on the combinatorial world: in-template, out-of-template and ambiguous videos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from physlaw.config import CellConfig, digest_of
from physlaw.evaluation.blocks import Evaluation
from physlaw.evaluation.codec import Codec
from physlaw.evaluation.config import EvalConfig
from physlaw.files import write_text
from physlaw.metric import of_sources
from physlaw.studies.combinatorial.ambiguity import ACCURACY, COUNTS, EDGES, accuracy_by_margin, outcomes_from_frames
from physlaw.studies.combinatorial.detector import Detector, prepare_detector
from physlaw.studies.combinatorial.generated import GeneratedSet, VideoSet, chosen_numbers
from physlaw.studies.combinatorial.measures import METRICS as OF_SETS
from physlaw.studies.combinatorial.measures import SOURCES, Measured, Networks, measure_set, set_row
from physlaw.studies.combinatorial.nearest import nearest_identity, nearest_measured
from physlaw.studies.combinatorial.stored import kept
from physlaw.studies.combinatorial.study import (
    COMMON,
    IN_TEMPLATE,
    OUT_OF_TEMPLATE,
    PAPER_CLIPS,
    TEMPLATES,
    common_name,
)
from physlaw.worlds.phyre.ambiguity import FAMILIES
from physlaw.worlds.phyre.margin_scenes import MarginScenes
from physlaw.worlds.phyre.scenes import PhyreScenes, in_template_videos, out_of_template_videos
from physlaw.worlds.phyre.templates import template_set

AMBIGUITY = "ambiguity"
DECIDED_FRAMES = 32  # in shorter clips the ball is still on its way
METRICS = (*OF_SETS, *of_sources(SOURCES, (ACCURACY, *COUNTS)))


def template_sets(cell: CellConfig) -> dict[str, VideoSet]:
    """The in-template and out-of-template videos that a cell is scored on, by name."""
    seed = cell.data.seed
    videos = {IN_TEMPLATE: in_template_videos(cell.size, seed), OUT_OF_TEMPLATE: out_of_template_videos(seed)}
    limits = {IN_TEMPLATE: cell.eval.id_clips, OUT_OF_TEMPLATE: cell.eval.ood_clips}
    return {
        name: VideoSet(name, known, chosen_numbers(len(known), limits[name] or PAPER_CLIPS[name]))
        for name, known in videos.items()
    }


def common_templates(size: str) -> frozenset[int]:
    """Of the templates of the smallest training set those that this one has too: in-template clips of both."""
    return frozenset(template_set(TEMPLATES[0])) & frozenset(template_set(size))


def scored_sets(cell: CellConfig) -> dict[str, VideoSet]:
    """template_sets, and COMMON: of the smallest training set's in-template videos, those of common_templates; of the
    smallest set itself IN_TEMPLATE has them."""
    known = template_sets(cell)
    if cell.size == TEMPLATES[0]:
        return known
    videos, shared = in_template_videos(TEMPLATES[0], cell.data.seed), common_templates(cell.size)
    numbers = chosen_numbers(len(videos), cell.eval.id_clips or PAPER_CLIPS[IN_TEMPLATE])
    chosen = [number for number in numbers.tolist() if videos.address(number).template in shared]
    return {**known, COMMON: VideoSet(COMMON, videos, np.array(chosen, dtype=np.int64))}


def ambiguity_sets(cell: CellConfig) -> dict[str, VideoSet]:
    """The scenes of each family of ambiguous scenes, by the family's name; none for clips too short."""
    if cell.data.num_frames < DECIDED_FRAMES:
        return {}
    plain = cell.tokenizer.kind == "pixels"
    return {
        family: VideoSet(f"{AMBIGUITY} {family}", scenes, np.array(scenes.distinct()), plain)
        for family, scenes in ((family, MarginScenes(family, cell.data.resolution)) for family in FAMILIES)
    }


def generated_set(cell: CellConfig, name: str, videos: VideoSet) -> GeneratedSet:
    """Where a set's clips are: <run folder>/eval/<name>/."""
    data = cell.data
    return GeneratedSet(videos, data.num_frames, data.resolution, cell.eval.batch_size, cell.folder / "eval" / name)


def metric_networks(config: EvalConfig, codec: Codec) -> Networks:
    """The networks whose weights eval.* names.

    Raises:
        UserError: a file is missing, or another one.
    """
    device, lpips, logits = codec.device, None, None
    if config.lpips_file:
        from physlaw.models.lpips import LPIPS  # torch, which all other measures do without

        lpips = LPIPS(Path(config.lpips_file), config.lpips_sha256).to(device)
    if config.i3d_file:
        from physlaw.models.i3d import load_i3d

        logits = load_i3d(Path(config.i3d_file), config.i3d_sha256).to(device).logits_of
    return Networks(codec.latents, lpips, logits, device)


def score(evaluation: Evaluation) -> pd.DataFrame:
    """A row per group of clips, with the columns of METRICS that it has, and notes; generated clips, per-clip tables
    and features stay in the eval folder. Groups: of kind SET the sets of videos, of kind DETECTOR simulated clips, of
    kind AMBIGUITY a family's scenes of a range of margins, "<family> <low> to <high> px".
    """
    cell, codec = evaluation.cell, evaluation.codec
    networks = metric_networks(cell.eval, codec)
    detector = prepare_detector(evaluation)
    rows = detector.rows()
    for name, videos in scored_sets(cell).items():
        made = generated_set(cell, name, videos)
        made.make(codec, evaluation.say)
        measured = _measured(evaluation, made, networks, detector)
        rows.append(set_row(common_name(cell.size) if name == COMMON else name, measured))
        if name == IN_TEMPLATE and cell.size == TEMPLATES[0]:
            rows += [_common_row(measured, size) for size in TEMPLATES[1:]]
    for family, videos in ambiguity_sets(cell).items():
        generated_set(cell, family, videos).make(codec, evaluation.say)
    columns = ["kind", "group", "clips", *(name for metric in METRICS for name in metric.columns), "notes"]
    return pd.DataFrame(rows + ambiguity_rows(cell), columns=columns)


def _common_row(measured: Measured, size: str) -> dict[str, Any]:
    """Of the smallest set's in-template clips, the row of those that another training set has in common with it."""
    shared = measured.table["template"].isin(common_templates(size)).to_numpy()
    return set_row(common_name(size), measured.of(shared))


def _measured(evaluation: Evaluation, made: GeneratedSet, networks: Networks, detector: Detector) -> Measured:
    """measure_set with the videos' addresses, and out of template with the nearest case beside the model; kept beside
    the clips until its networks, its detector or the cases change."""
    copied = made.videos.name == OUT_OF_TEMPLATE
    cases = nearest_identity(evaluation, made.videos, detector) if copied else ""

    def measure() -> Measured:
        evaluation.say(f"{made.folder.name}: measuring")
        measured = measure_set(made, networks, detector.objects(made.videos, made.frames))
        addresses = _addresses(made.videos, measured.table["number"].to_numpy())
        measured = replace(measured, table=pd.concat([addresses, measured.table], axis=1))
        if copied:
            measured = measured.beside(nearest_measured(evaluation, made.videos, networks, detector))
        return measured

    basis = [evaluation.config.networks(), detector.identity, *([cases] if copied else [])]
    return kept(made.folder, digest_of(basis), measure)


def _addresses(videos: VideoSet, numbers: NDArray[np.int64]) -> pd.DataFrame:
    known = videos.videos
    assert isinstance(known, PhyreScenes)
    addresses = [known.address(int(number)) for number in numbers]
    return pd.DataFrame(addresses, columns=["template", "scene", "trial"])


def ambiguity_table(cell: CellConfig) -> pd.DataFrame:
    """What became of the red ball in every ambiguous clip: family, number, margin in pixels of the picture, the true
    outcome, and the one found in each source."""
    tables = [pd.DataFrame(columns=["family", "number", "margin", "true", *SOURCES])]
    for family, videos in ambiguity_sets(cell).items():
        scenes = videos.videos
        assert isinstance(scenes, MarginScenes)
        for part in generated_set(cell, family, videos):
            numbers = part.numbers.tolist()
            columns: dict[str, Any] = {"family": family, "number": numbers}
            columns["margin"] = [scenes.margin(number, cell.data.resolution) for number in numbers]
            columns["true"] = [scenes.outcome(number, cell.data.num_frames) for number in numbers]
            for source in SOURCES:
                columns[source] = outcomes_from_frames(part.of(source), scenes, numbers)
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def ambiguity_rows(cell: CellConfig) -> list[dict[str, Any]]:
    """Rows of kind AMBIGUITY, for every family and all of them, by ranges of margins that have clips.

    Writes eval/ambiguity.csv.
    """
    table = ambiguity_table(cell)
    write_text(cell.folder / "eval" / f"{AMBIGUITY}.csv", table.to_csv(index=False, float_format="%.9g"))
    true, margins, families = (table[name].tolist() for name in ("true", "margin", "family"))
    rows: dict[str, dict[str, Any]] = {}
    for source in SOURCES:
        for edges in (EDGES, (0.0, 1.0, np.inf)):
            for found in accuracy_by_margin(true, table[source].tolist(), margins, edges, families):
                if found.accuracy is None or found.accuracy_low is None or found.accuracy_high is None:
                    continue  # no clips
                name = f"{found.family} {found.low:g} to {found.high:g} px"
                row = rows.setdefault(name, {"kind": AMBIGUITY, "group": name, "clips": found.clips})
                row |= ACCURACY.of(source).stated(found.accuracy, found.accuracy_low, found.accuracy_high)
                for count in COUNTS:
                    row |= count.of(source).stated(getattr(found, count.name))
    return list(rows.values())

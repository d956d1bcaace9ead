"""Clips of finished cells of the combinatorial study for the page on which people judge them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physlaw.config import CellConfig
from physlaw.errors import UserError
from physlaw.label.build import LabelClip
from physlaw.studies.combinatorial.generated import GENERATED, RECONSTRUCTION, chosen_numbers
from physlaw.studies.combinatorial.score import generated_set, template_sets


def rating_clips(cells: list[CellConfig], count: int) -> list[LabelClip]:
    """`count` clips of every finished cell and set, evenly spread, and as controls the true clips that belong to them,
    as the tokenizer reconstructs them: otherwise their sharpness would tell.

    A clip's id is <cell>/<set>/<number>, as in the study's automatic.csv.

    Raises:
        UserError: none of the cells has finished.
    """
    finished = [cell for cell in cells if (cell.folder / "rows.csv").exists()]
    if not finished:
        raise UserError(f"none of the {len(cells)} cells has finished; first: {cells[0].folder}")
    shown: list[LabelClip] = []
    controls: dict[str, LabelClip] = {}
    for cell in finished:
        for clip in _cell_clips(cell, count):
            if clip.is_control:
                controls.setdefault(clip.id, clip)
            else:
                shown.append(clip)
    return [*shown, *controls.values()]


def _cell_clips(cell: CellConfig, count: int) -> Iterator[LabelClip]:
    for name, videos in template_sets(cell).items():
        wanted = set(videos.numbers[chosen_numbers(len(videos.numbers), count)].tolist())
        group = f"{cell.model.row} {cell.size} {name}"
        for part in generated_set(cell, name, videos):
            for row in np.flatnonzero(np.isin(part.numbers, list(wanted))).tolist():
                number = int(part.numbers[row])
                yield LabelClip(part.of(GENERATED)[row], group, f"{cell.name}/{name}/{number}", False)
                key = "-".join(map(str, videos.address(number)))  # cells of other templates share no in-template clip
                yield LabelClip(part.of(RECONSTRUCTION)[row], "truth", f"truth/{key}", True)

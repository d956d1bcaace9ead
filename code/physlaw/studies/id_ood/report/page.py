"""The study's page: its sections, and the clips to look at. Numbers come from metrics.csv and tokenizer.csv only."""

from __future__ import annotations

from functools import partial

from physlaw.files import visible
from physlaw.report.acceptance import CAPTION as TOKENIZER_CAPTION
from physlaw.report.acceptance import acceptance, acceptance_rows
from physlaw.report.page import animations
from physlaw.report.scaling import METHOD
from physlaw.report.sections import Clips, Figure, Results, Section, Shown, TablePart
from physlaw.studies.id_ood import study
from physlaw.studies.id_ood.report.figures import error_curves, speed_scatter
from physlaw.studies.id_ood.report.fits import fit_table, paper_table, scenario_fits
from physlaw.studies.id_ood.report.tables import ERROR, grid_table, group_row, table_rows

CAPTION = (
    "Velocity error in (ID) and out of distribution (OOD), mean over clips, in world units per second. Study {study}, "
    "profile {profile}, recipe {recipe}; commit {commit:.10}."
)
GRID = (
    "In (ID) and out of distribution (OOD), by size of the training set; with several seeds mean ± standard deviation "
    "(number of seeds). Every cell:"
)
_LEVELS = "; ".join(
    f"{name} {', '.join(f'L{level}: {what}' for level, what in known.items())}" for name, known in study.LEVELS.items()
)
CELLS = (
    "World units per second; the corrected time-mean error, mean over clips, with its 95 % bootstrap interval over "
    "clips. Floors and retrieval: in-dist / OOD. GT floor: the error of parsing true clips. Tokenizer floor: of true "
    "clips after encoding and decoding. Retrieval: of the nearest training clip, copied. Nearer to case: share of "
    "generated OOD clips whose velocity is nearer to that training case than to the law. Missing: frames in which a "
    "ball should be wholly in view and none was found. OOD levels name the initial values outside the training range: "
    f"{_LEVELS}."
)
SPEEDS = (
    "Each dot is a clip. A model that knows the law lies on y = x everywhere; one that copies cases bends towards the "
    "trained band. Collision: velocities of both balls after the contact."
)
CURVES = (
    "Dots: the mean of a cell; dotted: the error of parsing true clips; dashed: the power laws below, in distribution "
    "on top of the dotted line."
)
FITS = (
    "Slopes of the logarithm of the error on those of training clips (data) and parameters, fitted jointly per "
    f"scenario; 95 % {METHOD}. Excess: error minus that of parsing true clips. The last of each scenario's rows is the "
    "second minus the first. A run whose excess is not positive has no logarithm and is in none of them."
)
PAPER = (
    "Its section 3, Figure 3, by number of training clips, at its own scale: partly given as numbers, otherwise read "
    "off the plot to .005 (ID) and .01 (OOD)."
)


def _tokenizer(results: Results) -> Shown:
    return Shown(acceptance_rows(acceptance(results.folder, results.metrics)), TOKENIZER_CAPTION)


LAYOUT = (
    Section(
        "Velocity errors",
        (
            TablePart("grid", lambda results: Shown(grid_table(results.metrics))),
            GRID,
            TablePart("cells", lambda results: Shown(table_rows(results.metrics))),
            CELLS,
        ),
    ),
    Section("What the tokenizer costs", (TablePart("tokenizer", _tokenizer),)),
    Section("Generated against true speed", (Figure("speeds", SPEEDS, speed_scatter),)),
    Section(
        "Error against data and model size",
        (
            Figure("error_against_data", "", partial(error_curves, "training_clips")),
            Figure("error_against_model", CURVES, partial(error_curves, "parameters")),
            TablePart("fits", lambda results: Shown(fit_table(scenario_fits(results.metrics)), FITS), in_file=False),
            TablePart(
                "paper", lambda results: Shown(paper_table(), PAPER), in_file=False, folded="The paper's own errors"
            ),
        ),
    ),
)


def shown_clips(results: Results) -> list[Clips]:
    """One entry per cell that has clips here: its shown blocks' animations, with the mean error of the block."""
    found, metrics = [], results.metrics
    there = {path.name.split(".")[0] for path in visible(results.folder / "clips", "*.npz")}
    cells = metrics.loc[metrics["cell"].isin(there), ["cell", "scenario"]].drop_duplicates()
    for cell, scenario in cells.itertuples(index=False):
        clips = []
        for block in study.SHOWN_BLOCKS[scenario]:
            path = results.folder / "clips" / f"{cell}.{block}.npz"
            if path.is_file():
                row = group_row(metrics, cell, block)
                error = "" if row is None else f" (mean error of the block {row[ERROR]:.3f})"
                clips += [(f"{block}{error}", animation) for animation in animations(path)]
        found.append(Clips(cell, clips))
    return found

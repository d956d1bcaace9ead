"""The study's page: its sections, and the clips to look at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from physlaw.csv_file import COLLECT
from physlaw.data.npz import read_arrays
from physlaw.report.page import animations
from physlaw.report.sections import Clips, Figure, Results, Section, Shown, TablePart
from physlaw.report.study_report import finished_rows as finished
from physlaw.report.tables import Table
from physlaw.report.verdicts import verdict_table
from physlaw.studies.combinatorial.abnormal import CAUSES
from physlaw.studies.combinatorial.report import figures
from physlaw.studies.combinatorial.report.paired import paired_table
from physlaw.studies.combinatorial.report.rows import reasons
from physlaw.studies.combinatorial.report.tables import (
    ambiguity_table,
    cause_table,
    detector_table,
    headline,
    object_table,
    protocols,
    value_table,
)
from physlaw.studies.combinatorial.report.verdicts import verdicts
from physlaw.studies.combinatorial.study import SETS

CAPTION = (
    "Quality in / out of template, by model and number of training templates. Study {study}, profile {profile}, recipe "
    "{recipe}; commit {commit:.10}. Rows of the paper are its Table 2, at its own scale."
)
HEADLINE = (
    "Quality in template / out of template, by model and number of training templates (the paper's Table 2); with "
    "several seeds mean ± standard deviation (number of seeds). FVD, Fréchet, LPIPS, abnormal: less is better; SSIM, "
    "PSNR: more. “n/a”: no value, with the reason below; “—”: not finished. Abnormal: the share of clips that the "
    "automatic judgement calls abnormal; the paper's is by people. “Tokenizer alone”: true clips after encoding and "
    "decoding, the floor of every model behind it. Rows “the paper's” are its figures, at its own scale, beside our "
    "model of the same role; none of them enters a number of ours."
)
OBJECTS = (
    "The objects, tracked: mean distance of tracked objects from where they are in truth, in pixels of the 512-pixel "
    "scene, and the share of objects that could be matched."
)
CAUSES_CAPTION = "Clips by cause of abnormality; one clip may have several."
DETECTOR_CAPTION = (
    "How far the automatic judgement can be trusted: on unseen simulated clips, after the tokenizer, the share called "
    "abnormal though nothing is wrong (false positives), and the share of clips with a known corruption that is found."
)
AMBIGUITY_CAPTION = (
    "Ambiguous scenes: the share of clips in which the red ball ends as the simulator has it, by how clear the first "
    "frame makes it, the margin, in pixels of the picture; 95 % Wilson interval, number of clips."
)
PAIRED = (
    "The same scenes continued by two cells, clip by clip: mean of the second minus the first, 95 % interval over the "
    "clips in common, first seed each. Of one seed alone they decide nothing."
)
VALUES = "Every measure of every cell with its 95 % interval over clips, number of clips and protocol, by its number:"
ABOUT_VERDICTS = (
    "A difference: by how much the second cell is better than the first on the same clips, below 0 where it is worse, "
    "with its 95 % interval; “beyond the nearest case”: less what copies of training clips gain."
)
ABOUT_CLIPS = "Of each template the worst and the median clip by SSIM."
BARS = "Bars: 95 % intervals over clips; with several seeds their range. Measures without a value have no panel."
FRAMES = "Mean over clips against the frame's index; the first frame is given. Standard deviations are in frames.csv."
STACKS = (
    "Shares of generated clips with each cause, stacked; black: the share of abnormal clips, less than the stack where "
    "clips have several causes."
)
GREY = "Right of the grey line the margin is a pixel of the picture or more."


def _headline(results: Results) -> Shown:
    absent = (f"No value: {reason}" for reason in reasons(results.metrics))
    return Shown(headline(results.metrics), HEADLINE, "\n\n".join(absent))


def _values(results: Results) -> Shown:
    numbered = (f"{number}. {text}" for text, number in protocols(results.metrics, results.settings).items())
    return Shown(value_table(results.metrics, results.settings), VALUES, "\n".join(numbered))


def _plain(name: str, make: Callable[[pd.DataFrame], Table], caption: str) -> TablePart:
    return TablePart(name, lambda results: Shown(make(results.metrics), caption))


LAYOUT = (
    Section(
        "Quality in and out of template",
        (
            TablePart("headline", _headline),
            TablePart(
                "verdicts",
                lambda results: Shown(verdict_table(verdicts(results.metrics)), "Verdicts on the paper's claims."),
                on_page=False,
            ),
        ),
    ),
    Section(
        "Measures against the number of templates", (Figure("measures", BARS, figures.measures_against_templates),)
    ),
    Section("Quality by frame", (Figure("frames", FRAMES, figures.quality_by_frame, "frames.csv"),)),
    Section("Objects", (_plain("objects", object_table, OBJECTS),)),
    Section(
        "Why clips are abnormal",
        (
            Figure("causes", STACKS, figures.cause_bars),
            _plain("causes", cause_table, CAUSES_CAPTION),
            _plain("detector", detector_table, DETECTOR_CAPTION),
        ),
    ),
    Section(
        "Ambiguous scenes",
        (
            Figure("ambiguity", GREY, figures.accuracy_against_margin),
            _plain("ambiguity", ambiguity_table, AMBIGUITY_CAPTION),
        ),
    ),
    Section(
        "Clip by clip",
        (TablePart("paired", lambda results: Shown(paired_table(results.metrics, results.clips), PAIRED)),),
    ),
    Section("Every number", (TablePart("values", _values, folded="Every measure of every cell"),)),
)


def shown_clips(results: Results) -> list[Clips]:
    """One entry per finished cell and set that has clips here: animations with what is known of each, and how many
    templates are left out."""
    found, clips = [], results.clips
    for cell in finished(results.metrics)["cell"].unique():
        for name in SETS:
            path = results.folder / "clips" / f"{cell}.{name}.npz"
            if not path.is_file():
                continue
            measured = clips[(clips["cell"] == cell) & (clips["set"] == name)]
            entries = read_arrays(path, ("template", "rank", "number"), COLLECT)
            captions = [
                f"template {template}, {rank}: {_clip_words(measured[measured['number'] == number])}"
                for template, rank, number in zip(*(entry.tolist() for entry in entries.values()), strict=True)
            ]
            shown = len(np.unique(entries["template"]))
            there = measured["template"].nunique()
            left_out = f"{shown} of {there} templates, evenly spread" if there > shown else f"all {there} templates"
            pictures = list(zip(captions, animations(path), strict=True))
            found.append(Clips(f"{cell}, {name.replace('_', ' ')}", pictures, left_out))
    return found


def _clip_words(rows: pd.DataFrame) -> str:
    """SSIM and verdict of one clip."""
    if rows.empty:
        return ""
    row = rows.iloc[0]
    named = [cause for cause in CAUSES if row.get(f"generated_{cause}") == 1]
    verdict = f"; abnormal ({', '.join(named)})" if row.get("generated_abnormal") == 1 else ""
    return f"SSIM {row['generated_ssim']:.3f}{verdict}"

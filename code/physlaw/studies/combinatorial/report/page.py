"""The study's tables, verdicts, figures and page, from a results folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from physlaw.csv_file import COLLECT, read_csv
from physlaw.data.npz import read_arrays
from physlaw.files import write_text
from physlaw.report import verdicts as verdict_files
from physlaw.report.page import MAX_ROWS, animations, first_finished, write_page
from physlaw.report.tables import Table, latex, markdown
from physlaw.studies.combinatorial import study as combinatorial
from physlaw.studies.combinatorial.report.figures import draw_all
from physlaw.studies.combinatorial.report.paired import paired_table
from physlaw.studies.combinatorial.report.rows import finished, reasons
from physlaw.studies.combinatorial.report.tables import (
    ambiguity_table,
    cause_names,
    cause_table,
    detector_table,
    headline,
    object_table,
    protocols,
    value_table,
)
from physlaw.studies.combinatorial.report.verdicts import verdicts

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
CAUSES = "Clips by cause of abnormality; one clip may have several."
DETECTOR = (
    "How far the automatic judgement can be trusted: on unseen simulated clips, after the tokenizer, the share called "
    "abnormal though nothing is wrong (false positives), and the share of clips with a known corruption that is found."
)
AMBIGUITY = (
    "Ambiguous scenes: the share of clips in which the red ball ends as the simulator has it, by how clear the first "
    "frame makes it, the margin, in pixels of the picture; 95 % Wilson interval, number of clips."
)
PAIRED = (
    "The same scenes continued by two cells, clip by clip: mean of the second minus the first, 95 % interval over the "
    "clips in common, first seed each. For information; the verdicts do not use it."
)
VALUES = "Every measure of every cell with its 95 % interval over clips, number of clips and protocol, by its number:"


def write(folder: Path, metrics: pd.DataFrame, notes: str) -> Path:
    """Draw the figures and write verdicts.csv, table.md, table.tex and report.html; returns the page's path."""
    clips = read_csv(folder / "clips.csv", COLLECT)
    decided, table = verdicts(metrics), headline(metrics)
    write_text(folder / verdict_files.FILE, verdict_files.verdict_csv(decided))
    parts: dict[str, tuple[str, Table]] = {
        "headline": (HEADLINE, table),
        "verdicts": ("Verdicts on the paper's claims.", verdict_files.verdict_table(decided)),
        "objects": (OBJECTS, object_table(metrics)),
        "causes": (CAUSES, cause_table(metrics)),
        "detector": (DETECTOR, detector_table(metrics)),
        "ambiguity": (AMBIGUITY, ambiguity_table(metrics)),
        "paired": (PAIRED, paired_table(metrics, clips)),
        "values": (VALUES, value_table(metrics)),
    }
    absent, how = reasons(metrics), [f"{number}. {text}" for text, number in protocols(metrics).items()]
    text = {name: f"{caption}\n\n{markdown(*rows)}" for name, (caption, rows) in parts.items()}
    text["headline"] += "".join(f"\nNo value: {reason}\n" for reason in absent)
    text["values"] += "".join(f"\n{line}" for line in how) + "\n"
    write_text(folder / "table.md", "\n".join(text.values()))
    write_text(folder / "table.tex", latex(*table, CAPTION.format(**first_finished(metrics))))
    return write_page(
        Path(__file__).with_name("page.html"),
        folder,
        metrics,
        notes,
        draw_all(folder, metrics),
        title=combinatorial.TITLE,
        question=combinatorial.QUESTION,
        parts={name: (caption, (rows[0], rows[1][:MAX_ROWS])) for name, (caption, rows) in parts.items()},
        left_out={name: max(0, len(rows[1]) - MAX_ROWS) for name, (_, rows) in parts.items()},
        verdicts=decided,
        absent=absent,
        protocols=how,
        cells=_videos(folder, metrics, clips),
    )


def _videos(folder: Path, metrics: pd.DataFrame, clips: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry per finished cell and set that has clips here: animations with what is known of each, and how many
    templates are left out."""
    found, causes = [], cause_names(metrics)
    for cell in finished(metrics)["cell"].unique():
        for name in combinatorial.SETS:
            path = folder / "clips" / f"{cell}.{name}.npz"
            if not path.is_file():
                continue
            measured = clips[(clips["cell"] == cell) & (clips["set"] == name)]
            entries = read_arrays(path, ("template", "rank", "number"), COLLECT)
            captions = [
                f"template {template}, {rank}: {_clip_words(measured[measured['number'] == number], causes)}"
                for template, rank, number in zip(*(entry.tolist() for entry in entries.values()), strict=True)
            ]
            shown = len(np.unique(entries["template"]))
            there = measured["template"].nunique()
            left_out = f"{shown} of {there} templates, evenly spread" if there > shown else f"all {there} templates"
            found.append(
                {"cell": cell, "set": name.replace("_", " "), "shown": left_out}
                | {"clips": list(zip(captions, animations(path, panel_px=1), strict=True))}
            )
    return found


def _clip_words(rows: pd.DataFrame, causes: list[str]) -> str:
    """SSIM and verdict of one clip."""
    if rows.empty:
        return ""
    row = rows.iloc[0]
    named = [cause for cause in causes if row.get(f"generated_{cause}") == 1]
    verdict = f"; abnormal ({', '.join(named)})" if row.get("generated_abnormal") == 1 else ""
    return f"SSIM {row['generated_ssim']:.3f}{verdict}"

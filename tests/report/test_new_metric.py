"""The recipe for a metric, followed: one file with what it is and how it is computed, and one entry."""

import shutil
import subprocess
import sys
from pathlib import Path

import physlaw

FILE = '''"""Contrast: how far a clip's lightest pixel is from its darkest, beside the true clip's."""

import numpy as np

from physlaw.metric import LOWER, MEAN, Metric

CONTRAST = Metric("contrast", "contrast lost", 2, LOWER, MEAN, "of 255; {num_frames} frames")


def contrast_lost(truth, frames, networks):
    spans = [np.ptp(clips.astype(float), axis=(2, 3, 4)) for clips in (truth, frames)]
    return (spans[0] - spans[1],)
'''
ENTRY = "    (contrast.CONTRAST,): contrast.contrast_lost,\n"
USED = """
import numpy as np
import pandas as pd
from physlaw.report.tables import markdown
from physlaw.studies.combinatorial.generated import Part
from physlaw.studies.combinatorial.measures import Networks, measure_set, set_row
from physlaw.studies.combinatorial.report import REPORT
from physlaw.studies.combinatorial.report.folders import BY_FRAME
from physlaw.studies.combinatorial.report.paired import MEASURES
from physlaw.studies.combinatorial.report.tables import value_table

truth = np.zeros((3, 4, 16, 16, 3), np.uint8)
truth[..., 0] = 200
made = [Part(np.arange(3), truth, truth, truth // 2)]
measured = measure_set(made, Networks(None), lambda frames, part: pd.DataFrame(index=range(len(frames))))
names = {"cell": "c", "model": "m", "size": "6", "seed": 0, "parameters": 1}
metrics = pd.DataFrame([names | set_row("in_template", measured), names | set_row("out_of_template", measured)])
settings = {"num_frames": 4, "resolution": 16, "detector_clips": 5}
print(metrics.loc[0, "generated_contrast"], "contrast" in BY_FRAME, "contrast" in MEASURES)
print(markdown(*value_table(metrics, settings)))
there = metrics.assign(generated_contrast=1.0)
print(*(one.name for one in REPORT.compare(metrics.assign(kind="set"), there.assign(kind="set"), 0.1) if not one.agree))
"""


def test_a_metric_takes_one_file_and_one_entry(tmp_path: Path) -> None:
    """Of clips' frames: it is then in rows, the table of every number, frames.csv, pairs of cells and comparison."""
    package = tmp_path / "physlaw"
    shutil.copytree(Path(physlaw.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "evaluation" / "contrast.py").write_text(FILE)
    entries = package / "studies" / "combinatorial" / "measures.py"
    text, marks = entries.read_text(), ("    (LPIPS,): _lpips_values,\n", "from physlaw.evaluation.frechet import")
    assert all(text.count(mark) == 1 for mark in marks)
    text = text.replace(marks[0], marks[0] + ENTRY).replace(
        marks[1], f"from physlaw.evaluation import contrast\n{marks[1]}"
    )
    entries.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", USED], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=300,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "100.0 True True"
    assert any("contrast lost" in line and "100.00 [100.00, 100.00]" in line for line in lines)
    assert lines[-1] == "in_template generated_contrast out_of_template generated_contrast"

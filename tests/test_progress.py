"""How long a study still takes is read from its run folders."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from physlaw import cell_verbs
from physlaw.config import CellConfig
from physlaw.errors import UserError
from physlaw.launch.cells import study_cells
from physlaw.results import progress
from physlaw.results.hours import hours_left
from physlaw.results.progress import CellProgress, Progress, look, seconds_left, stage_minutes
from physlaw.terminal import PLAIN


def cells(folder: Path) -> list[CellConfig]:
    return study_cells(["profile=smoke", f"runs={folder}", "train.steps=100"])


def at_step(cell: CellConfig, step: int, rate: float) -> None:
    cell.folder.mkdir(parents=True, exist_ok=True)
    with (cell.folder / "train.jsonl").open("a") as log:
        print(json.dumps({"step": step, "steps_per_s": rate}), file=log)
        log.write('{"step": 9')  # a kill's


def test_a_cell_is_where_its_folder_says(tmp_path: Path) -> None:
    cell = cells(tmp_path)[0]
    assert (look(cell).state, look(cell).done) == ("waiting", 0)
    at_step(cell, 50, 2.0)
    found = look(cell)
    assert (found.state, found.done) == ("training", 0.5 / 1.15)
    assert seconds_left([found], 1) == pytest.approx((1 - found.done) * 1.15 * 100 / 2)
    (cell.folder / "provenance.json").write_text('{"train_seconds": 90}')
    assert look(cell).state == "evaluating"
    (cell.folder / "evaluation.json").write_text('{"seconds": 30}')
    assert (look(cell).state, look(cell).done) == ("finished", 1)
    assert seconds_left([look(cell)], 1) == 0
    assert stage_minutes([cell]) == [f"{cell.name}: training 1.5, evaluation 0.5"]


def test_the_rest_is_shared_by_the_workers_longest_first() -> None:
    running = CellProgress("a", "training", 0.0, 1.0, 100.0)
    waiting = CellProgress("b", "waiting", 0.0, None, 60.0)  # at the others' pace
    assert seconds_left([waiting], 2) is None
    assert seconds_left([running, waiting, waiting], 2) == pytest.approx(1.15 * 120)
    assert seconds_left([running, waiting, waiting], 1) == pytest.approx(1.15 * 220)


def test_people_are_told_without_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "POLL_S", 0.01)
    monkeypatch.setattr(progress, "LINE_S", 0.05)
    monkeypatch.delenv(PLAIN, raising=False)
    every = cells(tmp_path)
    with Progress(every, 2):
        assert os.environ[PLAIN] == "quiet"
        at_step(every[0], 50, 0.1)
        time.sleep(0.5)
    assert PLAIN not in os.environ
    said = capsys.readouterr().err.splitlines()
    assert len(said) > 3
    assert any(line.startswith("physlaw: about") and line.endswith("min here") for line in said)
    assert f"{every[0].name} 43 %" in said[-1]
    assert "min left" in said[-1]


def test_hours_of_several_studies_go_by_what_has_run_here_or_else_by_what_is_committed(tmp_path: Path) -> None:
    mine = cells(tmp_path)
    (line,) = hours_left([mine], 2)
    assert re.fullmatch(
        r"physlaw: id_ood: 3 of 3 cells to run, about \d+\.\d h at the committed results' pace, 2 at a time", line
    )
    at_step(mine[0], 50, 2.0)
    for name in ("provenance.json", "evaluation.json"):
        (mine[0].folder / name).write_text("{}")
    flops = [look(cell).flops for cell in mine]
    hours = 1.15 * 50 * sum(flops[1:]) / flops[0] / 3600
    (line,) = hours_left([mine], 1)
    assert line == f"physlaw: id_ood: 2 of 3 cells to run, about {hours:.1f} h at this machine's pace, 1 at a time"


def test_a_stack_goes_at_the_pace_of_all_its_cells(tmp_path: Path) -> None:
    cell = cells(tmp_path)[0]
    at_step(cell, 50, 2.0)
    alone = look(cell).second_per_flop
    with (cell.folder / "train.jsonl").open("w") as log:
        print(json.dumps({"step": 50, "steps_per_s": 2.0, "stacked": 5}), file=log)
    assert alone is not None
    assert look(cell).second_per_flop == pytest.approx(alone / 5)


def test_all_studies_have_no_one_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="out= is a folder of one study"):
        cell_verbs.reproduce(["study=all", "profile=smoke", f"runs={tmp_path}", f"out={tmp_path / 'out'}"])

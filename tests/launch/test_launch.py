"""Launching without SLURM: plans, estimates, states, snapshots; the same words as on a cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from physlaw.__main__ import main
from physlaw.compose import compose_cell
from physlaw.errors import UserError
from physlaw.files import write_json
from physlaw.launch.config import ClusterConfig
from physlaw.launch.estimate import gpu_hours, tokens_per_clip, training_flops
from physlaw.launch.job import CellFailed, CellJob
from physlaw.launch.launch import launch
from physlaw.launch.plan import plan_of
from physlaw.launch.snapshot import snapshot
from physlaw.launch.status import cell_states, status


def test_the_paper_plan_names_every_cell_and_its_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch(["study=id_ood", "profile=paper", "cluster=slurm", "dry_run=true", f"runs={tmp_path}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 30
    assert lines[0].startswith("uniform-dit_s-n30k-seed0: to run; 1 GPUs, 64 GB, 1440 min a segment")
    sizes = "3 tasks, 3 tasks, 4 tasks, " + ", ".join(["3 tasks"] * 6)  # those of one set of latents each
    assert lines[-2] == f"cells: 28, 28 to run, 1 seed(s); arrays: 9 ({sizes})"
    assert "assumption" in lines[-1]
    assert not list(tmp_path.iterdir())


def test_arrays_are_split_by_shape_and_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["profile=paper", "cluster=slurm", "dry_run=true", "seeds=3", "cluster.max_array_size=5",
             "scenario=uniform", "size=3m", "cluster.per_model={dit_xl: {mem_gb: 128}}",
             f"runs={tmp_path}"]  # fmt: skip
    launch(words)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "cells: 12, 12 to run, 3 seed(s); arrays: 3 (5 tasks, 4 tasks, 3 tasks)"
    assert sum("128 GB" in line for line in lines) == 3


def test_flops_are_the_published_formula() -> None:
    """24 L d^2 N + 4 L N^2 d per clip forward, thrice that to train; 512 tokens at 128 x 128."""
    published = {"dit_s": 0.080, "dit_b": 0.290, "dit_l": 1.005, "dit_xl": 1.471}  # TFLOP per clip
    for model, teraflops in published.items():
        cell = compose_cell(["profile=paper", f"model={model}"])
        assert tokens_per_clip(cell) == 512
        per_clip = training_flops(cell) / cell.train.steps / cell.train.batch_size
        assert per_clip / 1e12 == pytest.approx(teraflops, rel=0.01)
    xl = compose_cell(["profile=paper", "model=dit_xl"])
    assert gpu_hours(xl, ClusterConfig(mfu=0.4)) == pytest.approx(26.4, rel=0.02)


def test_the_papers_grid_fits_its_budget_at_the_assumed_utilisation() -> None:
    plan = plan_of(["profile=paper", "cluster=slurm"])
    hours = {size: sum(gpu_hours(c, plan.launch.cluster) for c in plan.cells if (c.model.name == "dit_xl") == size)
             for size in (False, True)}  # fmt: skip
    assert len(plan.cells) == 28
    assert hours[False] <= 232
    assert hours[True] <= 24


@pytest.mark.parametrize(
    ("words", "message"),
    [(["cluster=mine"], "unknown cluster 'mine'; valid: debug, example_constraint, "), (["seeds=0"], "1 to 100000"),
     (["cluster.gpu=2"], "unknown key 'cluster.gpu'"), (["cluster.mfu=2"], "at most 1"), (["size=5k"], "unknown size"),
     (["cluster.kind=pbs"], "slurm, local, debug"), (["cluster.mem_gb=0"], "at least 1")],
)  # fmt: skip
def test_bad_words_are_named(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        plan_of(words)


def test_without_slurm_launching_there_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="squeue cannot be asked"):
        launch(["cluster=slurm_cpu", f"runs={tmp_path}"])


def test_jobs_run_from_a_copy_that_later_edits_do_not_change(tmp_path: Path) -> None:
    copy = snapshot(tmp_path)
    assert snapshot(tmp_path) == copy
    assert (copy / "code" / "physlaw" / "cell" / "run.py").is_file()
    assert (copy / "configs" / "profile" / "id_ood" / "paper.yaml").is_file()
    assert set(json.loads((copy / "commit.json").read_text())) == {"commit", "dirty"}
    environment = os.environ | {"PYTHONPATH": str(copy / "code"), "PHYSLAW_CONFIGS": str(copy / "configs")}
    code = "import physlaw, physlaw.profiles as p; print(physlaw.__file__, p.configs_folder())"
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.count(str(copy)) == 2


def test_a_supervisor_keeps_the_childs_log_and_reports_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "cell" / "log.txt"
    CellJob(["sh", "-c", "echo fine; echo $WORD"], str(log), {"WORD": "given"})()
    assert log.read_text().splitlines()[1:] == ["fine", "given"]
    with pytest.raises(CellFailed, match="exit status 2"):
        CellJob(["sh", "-c", "echo the reason; exit 2"], str(log))()
    assert "the reason" in log.read_text()
    assert log.read_text().count("--- ") == 2


def test_states_without_a_cluster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["profile=smoke", f"runs={tmp_path}"]
    assert status(words) == 0
    assert "3 not launched" in capsys.readouterr().out
    plan = plan_of(words)
    known = {
        cell.name: {"job": f"7_{k}", "log": str(cell.folder / "log.txt"), "after": []}
        for k, cell in enumerate(plan.cells)
    }
    write_json(plan.folder / "manifest.json", {"cells": known, "prepare": {}})
    queue = {"7_0": ("running", "None"), "7_1": ("pending", "Priority")}
    monkeypatch.setattr("physlaw.launch.status.jobs_in_queue", lambda: queue)
    first = plan.cells[0].folder
    first.mkdir(parents=True)
    (first / "log.txt").write_text("--- job 7_0\n--- job 7_0\n")
    (first / "train.jsonl").write_text('{"step": 500, "steps_per_s": 10.0}\n{"step": 1000, "steps_per_s": 10.0}\n{"st')
    states = {cell.name: (state, text) for cell, state, text in cell_states(words)}
    assert states[plan.cells[0].name][0] == "running"
    assert "step 1000 of 3000, 10 steps/s, 3 min left" in states[plan.cells[0].name][1]
    assert "went back to the queue 1 times" in states[plan.cells[0].name][1]
    assert states[plan.cells[1].name] == ("pending", "Priority")
    assert states[plan.cells[2].name] == ("failed", "its job left the queue before it started")


def test_why_a_cell_failed_is_said_with_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From what SLURM knows, from submitit's log, and from the queue."""
    words = ["profile=smoke", "seeds=3", f"runs={tmp_path}"]
    plan = plan_of(words)
    known = {
        cell.name: {"job": f"7_{k}", "log": str(cell.folder / "log.txt"), "after": []}
        for k, cell in enumerate(plan.cells)
    }
    known[plan.cells[8].name]["after"] = ["6"]  # SLURM cancels it when job 6 fails
    prepare = {"tokenizer vae": {"job": "6", "log": str(tmp_path / "vae.txt"), "after": []}}
    (tmp_path / "vae.txt").write_text("the loss is not finite\n")
    write_json(plan.folder / "manifest.json", {"cells": known, "prepare": prepare})
    monkeypatch.setattr(
        "physlaw.launch.status.jobs_in_queue", lambda: {"7_5": ("pending", "launch failed requeued held")}
    )
    ended = {"7_0": "OUT_OF_MEMORY", "7_6": "FAILED", "7_8": "CANCELLED"}
    monkeypatch.setattr("physlaw.launch.status.states_of_ended", lambda jobs: ended)
    logs = {
        1: "slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-01-01 DUE TO TIME LIMIT ***",
        2: "physlaw.launch.job.CellFailed: exit status -9; log ends with:",
        3: "physlaw.launch.job.CellFailed: exit status 2; log ends with:",
        4: "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.0",
    }
    (plan.folder / "jobs").mkdir()
    for k, text in logs.items():
        (plan.folder / "jobs" / f"7_{k}_0_log.out").write_text(f"{text}\n")
    said = {
        0: "out of memory", 1: "its time was up", 2: "killed by SIGKILL", 3: "exit status 2", 4: "out of memory",
        5: "launch failed requeued held; it waits for: scontrol release 7_5", 6: "failed", 7: "left the queue before",
        8: "it waited for tokenizer vae (job 6)",
    }  # fmt: skip
    assert main(["status", *words, "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["counts"] == {"failed": 8, "held": 1}
    found = {cell["job"]: cell for cell in shown["cells"]}
    for k, text in said.items():
        assert text in found[f"7_{k}"]["why"].splitlines()[0], k
        assert (f"7_{k}_0_log.out" in found[f"7_{k}"]["why"]) == (k in logs)
    assert status(words) == 9
    assert capsys.readouterr().out.splitlines()[0] == "8 failed, 1 held"

"""The grid on a real SLURM: arrays, going back to the queue, failure, collection. Run by `make test-cluster`."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from processes import physlaw

from conftest import Site  # isort: skip

MODEL = ["model.depth=1", "model.hidden_size=48", "model.num_heads=2", "diffusion.denoise_steps=2",
         "train.batch_size=2", "train.log_every=20", "train.checkpoint_every=50", "eval.id_clips=4", "eval.ood_clips=2",
         "size=300", "grid.sizes=[300]"]  # fmt: skip
SHORT, LONG = [*MODEL, "train.steps=40"], [*MODEL, "train.steps=1500", "scenario=uniform"]
SITE = ["cluster=slurm_cpu", f"cluster.python={sys.executable}", "cluster.mem_gb=2"]
LONG_NAME = "uniform-dit_xxs-n300-seed0"


def manifest(site: Site) -> dict[str, dict[str, str]]:
    return json.loads((site.runs / "id_ood" / "smoke" / "launch" / "manifest.json").read_text())["cells"]


def steps_logged(site: Site, name: str = LONG_NAME) -> int:
    path = site.runs / "id_ood" / "smoke" / name / "train.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return json.loads(lines[-1])["step"] if lines and lines[-1].endswith("}") else 0


def child_of(site: Site, word: str = "") -> int:
    """The process that trains the cell that was asked for with this word."""
    found = subprocess.run(
        ["pgrep", "-f", f"^{sys.executable} -m physlaw run {word}.*{site.runs}"], capture_output=True, text=True
    )
    return int(found.stdout.split()[0])


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Weights and metrics of the long cell, run in one go outside SLURM."""
    runs = tmp_path_factory.mktemp("undisturbed")
    assert physlaw("run", *LONG, f"runs={runs}", folder=runs).returncode == 0
    return outcome(runs)


def outcome(runs: Path) -> tuple[str, str]:
    folder = runs / "id_ood" / "smoke" / LONG_NAME
    return json.loads((folder / "provenance.json").read_text())["weights_sha256"], (folder / "rows.csv").read_text()


def test_a_grid_finishes_and_collects_and_a_second_launch_submits_nothing(site: Site) -> None:
    words = [*SHORT, *SITE]
    dry = site.physlaw("launch", *words, "dry_run=true").stdout
    assert not site.runs.exists()
    assert [line.split("-")[0] for line in dry.splitlines()[:3]] == ["uniform", "parabola", "collision"]
    first = site.start("launch", *words)
    second = site.physlaw("launch", *words).stdout  # two launches at once
    both = first.communicate()[0] + second
    assert sorted([both.count("3 to run"), both.count("0 to run")]) == [1, 1]
    assert len({known["job"] for known in manifest(site).values()}) == 3
    assert len({known["job"].split("_")[0] for known in manifest(site).values()}) == 1  # one array
    site.wait(site.idle, "the grid")
    assert "3 finished" in site.physlaw("status", *words).stdout
    assert "0 to run" in site.physlaw("launch", *words).stdout
    assert site.idle()
    site.physlaw("collect", *SHORT, f"out={site.folder / 'results'}")
    metrics = pd.read_csv(site.folder / "results" / "metrics.csv")
    assert sorted(metrics["scenario"].unique()) == ["collision", "parabola", "uniform"]
    assert "missing" not in set(metrics["kind"])


def test_a_failing_cell_shows_its_reason_while_the_others_finish(site: Site) -> None:
    bad = site.runs / "id_ood" / "smoke" / "parabola-dit_xxs-n300-seed0"
    bad.mkdir(parents=True)
    (bad / "config.json").write_text('{"digest": "of another run"}')
    (bad / "provenance.json").write_text("{}")
    words = [*SHORT, *SITE]
    site.physlaw("launch", *words)
    site.wait(site.idle, "the grid")
    shown = site.physlaw("status", *words, check=False)
    assert shown.returncode == 1
    assert "2 finished" in shown.stdout
    assert "1 failed" in shown.stdout
    assert "holds a run of another configuration" in shown.stdout
    site.physlaw("collect", *SHORT, f"out={site.folder / 'results'}")
    table = (site.folder / "results" / "table.md").read_text()
    assert "missing" in table


def test_a_requeued_cell_ends_as_an_undisturbed_one(site: Site, undisturbed: tuple[str, str]) -> None:
    site.physlaw("launch", *LONG, *SITE)
    site.wait(lambda: steps_logged(site) >= 200, "progress")
    assert "running: step" in site.physlaw("status", *LONG, *SITE).stdout
    job = manifest(site)[LONG_NAME]["job"]
    site.slurm.run("scontrol", "requeue", job)
    site.wait(site.idle, "the requeued cell")
    assert outcome(site.runs) == undisturbed
    log = (site.runs / "id_ood" / "smoke" / LONG_NAME / "log.txt").read_text()
    assert log.count("--- ") == 2
    assert "went back to the queue 1 times" in site.physlaw("status", *LONG, *SITE).stdout


def test_a_preempted_cell_ends_as_an_undisturbed_one(site: Site, undisturbed: tuple[str, str]) -> None:
    site.physlaw("launch", *LONG, *SITE)
    site.wait(lambda: steps_logged(site) >= 200, "progress")
    cores = len(os.sched_getaffinity(0))
    site.slurm.run("sbatch", "--partition=high", f"--ntasks={cores}", "--mem=100M", "--output=/dev/null",
                   "--wrap=sleep 20")  # fmt: skip
    site.wait(lambda: "went back" in site.physlaw("status", *LONG, *SITE).stdout, "preemption")
    site.wait(site.idle, "the preempted cell")
    assert outcome(site.runs) == undisturbed


def test_a_cell_that_meets_its_time_limit_twice_ends_as_an_undisturbed_one(
    site: Site, undisturbed: tuple[str, str]
) -> None:
    """SLURM's own warning, at its own time: 15 to 45 s into a limit of one minute. Two of them are in 90 s of steps."""
    python = site.folder / "python"
    slow = shlex.join([sys.executable, str(Path(__file__).parent / "slow_steps.py"), "0.06"])
    supervisor = f'case "$*" in *submitit*) exec {sys.executable} "$@";; esac'
    python.write_text(f'#!/bin/sh\n{supervisor}\nexec {slow} "$@"\n')
    python.chmod(0o755)
    words = [*LONG, "train.checkpoint_every=100000", *SITE, f"cluster.python={python}"]
    site.physlaw("launch", *words, "cluster.time_min=1", "cluster.signal_delay_s=45")
    site.wait(site.idle, "the cell", 600)
    log = (site.runs / "id_ood" / "smoke" / LONG_NAME / "log.txt").read_text()
    stops = [int(line.rsplit("stopped at step ")[1].split(";")[0]) for line in log.splitlines() if "stopped at" in line]
    assert len(stops) >= 2
    assert max(stops) < 1500  # saved on the warning; the period never came
    assert outcome(site.runs) == undisturbed


def test_a_cancelled_cell_stays_cancelled(site: Site) -> None:
    site.physlaw("launch", *LONG, *SITE)
    site.wait(lambda: steps_logged(site) >= 100, "progress")
    site.slurm.run("scancel", manifest(site)[LONG_NAME]["job"])
    site.wait(site.idle, "the job's end")
    assert site.stays(site.idle, seconds=5)
    log = (site.runs / "id_ood" / "smoke" / LONG_NAME / "log.txt").read_text()
    assert log.count("--- ") == 1
    assert "stopped at step" in log  # nothing is lost


def test_a_cell_with_two_processes_is_requeued_and_ends_as_if_it_was_not(site: Site) -> None:
    cell = [*LONG, "train.optimizer=adamw", "train.steps=1000", "train.precision=float32"]
    words = [*cell, *SITE, "cluster.tasks=2"]
    site.physlaw("launch", *words)
    site.wait(lambda: steps_logged(site) >= 100, "progress")
    site.slurm.run("scancel", "--signal=USR2", manifest(site)[LONG_NAME]["job"])
    site.wait(site.idle, "the cell")
    folder = site.runs / "id_ood" / "smoke" / LONG_NAME
    log = (folder / "log.txt").read_text()
    assert log.count("--- ") == 2
    assert "stopped at step" in log
    assert json.loads((folder / "provenance.json").read_text())["processes"] == 2
    assert "1 finished" in site.physlaw("status", *words).stdout
    alone = site.folder / "alone"
    assert physlaw("run", *cell, f"runs={alone}", folder=site.folder).returncode == 0
    first = [json.loads(((runs / "id_ood" / "smoke" / LONG_NAME) / "train.jsonl").read_text().splitlines()[k])["loss"]
             for runs in (site.runs, alone) for k in (0, -1)]  # fmt: skip
    assert first[0] == pytest.approx(first[2], rel=1e-5)
    assert first[1] == pytest.approx(first[3], rel=1e-2)


def test_a_killed_cell_shows_as_failed_and_launching_again_ends_as_an_undisturbed_one(
    site: Site, undisturbed: tuple[str, str]
) -> None:
    site.physlaw("launch", *LONG, *SITE)
    site.wait(lambda: steps_logged(site) >= 200, "progress")
    os.kill(child_of(site), signal.SIGKILL)
    site.wait(site.idle, "the job's end")
    assert "1 failed" in site.physlaw("status", *LONG, *SITE, check=False).stdout
    assert "1 to run" in site.physlaw("launch", *LONG, *SITE).stdout
    site.wait(site.idle, "the cell")
    assert outcome(site.runs) == undisturbed


VAE = ["profile=smoke_faithful", "size=300", "grid.sizes=[300]", "tokenizer.steps=4", "tokenizer.batch_size=2",
       "train.steps=6", "train.batch_size=2", "train.log_every=2", "eval.id_clips=2", "eval.ood_clips=1",
       "diffusion.denoise_steps=2"]  # fmt: skip


def test_cells_wait_for_a_shared_vae_and_its_latents_that_jobs_of_their_own_make(site: Site) -> None:
    words = [*VAE, *SITE, "seeds=2"]
    site.physlaw("launch", *words)
    known = json.loads((site.runs / "id_ood" / "smoke_faithful" / "launch" / "manifest.json").read_text())
    assert [key.split()[0] for key in known["prepare"]] == ["tokenizer", "latents"]
    latents = known["prepare"][list(known["prepare"])[1]]["job"]
    assert all(cell["after"] == [latents] for cell in known["cells"].values())
    assert "2 pending" in site.physlaw("status", *words).stdout
    site.wait(site.idle, "the cells")
    assert "2 finished" in site.physlaw("status", *words).stdout
    assert len(list((site.runs / "tokenizers").glob("*/card.json"))) == 1
    for cell in known["cells"].values():
        assert "training tokenizer" not in Path(cell["log"]).read_text()
        assert "encoded" not in Path(cell["log"]).read_text()


def test_a_vae_that_fails_is_named_as_the_cause(site: Site) -> None:
    words = [*VAE, *SITE, "tokenizer.learning_rate=1e30", "tokenizer.steps=200"]
    site.physlaw("launch", *words)
    site.wait(site.idle, "the end of all jobs")
    shown = site.physlaw("status", *words, check=False)
    assert shown.returncode == 1
    assert "failed: it waited for tokenizer" in shown.stdout
    assert "gradient norm" in shown.stdout


def sbatch(site: Site, *words: str) -> str:
    """A job of slurm/*.sbatch, run by this Python instead of an image."""
    (site.folder / "slurm").exists() or (site.folder / "slurm").symlink_to(Path(__file__).parents[2] / "slurm")
    here = ["--gpus-per-node=0", "--cpus-per-task=1", "--mem=2G", "--parsable"]
    environment = site.environment | {"PHYSLAW": f"{sys.executable} -m physlaw"}
    done = subprocess.run(
        ["sbatch", *here, *words], env=environment, cwd=site.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_sbatch_alone_runs_a_grid_survives_the_warning_and_shares_folders_with_launch(
    site: Site, undisturbed: tuple[str, str]
) -> None:
    other = "uniform-dit_xxs-n300-seed1"
    words = [*LONG, f"runs={site.runs}", "grid.seeds=[0,1]"]
    array = sbatch(site, "--array=0-1", "slurm/grid.sbatch", *words)
    site.wait(lambda: steps_logged(site) >= 200 and steps_logged(site, other) >= 200, "progress")
    assert "running: step" in site.physlaw("status", *words, *SITE).stdout
    assert "0 to run" in site.physlaw("launch", *words, *SITE).stdout  # they are worked on
    site.slurm.run("scancel", "--signal=USR2", "--batch", f"{array}_0")
    os.kill(child_of(site, "number=1"), signal.SIGKILL)
    site.wait(site.idle, "the array")
    log = (site.folder / f"physlaw-{array}_0.out").read_text()
    assert "goes back to the queue" in log
    assert "stopped at step" in log
    assert outcome(site.runs) == undisturbed
    shown = site.physlaw("status", *words, *SITE, check=False).stdout
    assert f"{other}: stopped: step" in shown
    assert "1 to run" in site.physlaw("launch", *words, *SITE).stdout  # the killed one goes on from where it was
    site.wait(site.idle, "the other cell")
    assert "2 finished" in site.physlaw("status", *words, *SITE).stdout
    sbatch(site, "slurm/collect.sbatch", *words, f"out={site.folder / 'results'}")
    site.wait(site.idle, "the collection")
    assert (site.folder / "results" / "report.html").exists()


def test_scripts_run_one_cell_and_name_what_is_wrong(site: Site) -> None:
    good = sbatch(site, "slurm/cell.sbatch", "run", *SHORT, f"runs={site.runs}")
    bad = sbatch(site, "--array=7", "slurm/grid.sbatch", *SHORT, f"runs={site.runs}")
    no_gpu = sbatch(site, "--export=ALL,PHYSLAW_EXPECT_GPUS=1", "slurm/cell.sbatch", "run", *SHORT, "scenario=parabola",
                    f"runs={site.runs}")  # fmt: skip
    site.wait(site.idle, "the jobs")
    assert (site.runs / "id_ood" / "smoke" / "uniform-dit_xxs-n300-seed0" / "rows.csv").exists(), good
    assert "number must be 0 to 2, got 7" in (site.folder / f"physlaw-{bad}_7.out").read_text()
    log = (site.folder / f"physlaw-{no_gpu}.out").read_text()
    assert "asked for 1 GPU(s), but torch" in log
    shown = site.physlaw("status", *SHORT, check=False).stdout
    assert "parabola-dit_xxs-n300-seed0: failed: UserError: this job asked for 1 GPU(s)" in shown

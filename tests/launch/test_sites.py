"""What sites differ in: memory, GPUs, nodes, limits; and an example file for every kind of site."""

from pathlib import Path

import pytest
from fake_slurm import FakeSlurm

from physlaw.__main__ import main
from physlaw.launch.config import ClusterConfig
from physlaw.launch.limits import Limits, limits_of
from physlaw.launch.plan import plan_of, read_manifest

ONE = ["profile=paper", "scenario=uniform", "model=dit_s", "size=30k", "recipe=fast"]
EXAMPLES = sorted(path.stem for path in (Path(__file__).parents[2] / "configs" / "cluster").glob("example_*.yaml"))
# What a kind of site takes, of the options that differ; None: it refuses the option.
ASKED = {
    "example_no_memory": {"mem": None, "gpus-per-node": None, "gres": None, "exclusive": "", "partition": "gpu-a100"},
    "example_gres": {"gres": "gpu:a100:1", "mem-per-cpu": "4000M", "mem": None, "gpus-per-node": None},
    "example_constraint": {"gpus": "1", "mem-per-gpu": "60G", "constraint": "[a100|h100]", "mem": None, "gres": None},
    "example_preemptible": {"partition": "preempt", "qos": "preemptible", "requeue": "", "signal": "URG@60"},
    "example_two_hours": {"time": "120", "gpus-per-node": "1", "mem": "48GB", "signal": "URG@180"},
}


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    fake = FakeSlurm(tmp_path / "fake")
    for name, value in {**fake.environment, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return fake


@pytest.mark.parametrize("site", EXAMPLES)
def test_an_example_of_every_kind_of_site_launches(
    slurm: FakeSlurm, capsys: pytest.CaptureFixture[str], site: str
) -> None:
    """Dry, and as the options that its sbatch takes."""
    assert main(["launch", f"cluster={site}", "profile=paper", "dry_run=true"]) == 0
    assert "cells: 28, 28 to run" in capsys.readouterr().out
    assert not slurm.scripts()
    assert main(["launch", f"cluster={site}", *ONE]) == 0
    options = slurm.options()
    assert {name: options.get(name) for name in ASKED[site]} == ASKED[site]


def test_a_cell_may_have_several_nodes_and_memory_of_its_own(slurm: FakeSlurm) -> None:
    cluster = ["cluster=example_constraint", "cluster.per_model={dit_s: {nodes: 2, gpus: 4, mem_gb: 200}}"]
    assert main(["launch", *cluster, *ONE]) == 0
    options = slurm.options()
    wanted = {"nodes": "2", "ntasks-per-node": "4", "gpus": "8", "mem": "200GB", "mem-per-gpu": None}
    assert {name: options.get(name) for name in wanted} == wanted


def test_limits_are_what_slurm_answers_and_a_site_says_otherwise(slurm: FakeSlurm) -> None:
    assert limits_of(ClusterConfig()) == Limits(1000, None)  # nothing answers
    (slurm.folder / "scontrol_config").write_text("MaxArraySize            = 251\nMaxJobCount = 10000\n")
    (slurm.folder / "scontrol_partition").write_text(
        "PartitionName=a Default=NO QoS=tight\nPartitionName=b Default=YES QoS=N/A\n"
    )
    # default account, account, partition, MaxSubmitJobs, GrpSubmitJobs, default QOS
    (slurm.folder / "sacctmgr_user").write_text("me|me||200||usual\nme|other||7||usual\nme|me|x|3||usual\n")
    (slurm.folder / "sacctmgr_qos").write_text("usual|150||\ntight|5||\nother|1||\n")
    assert limits_of(ClusterConfig()) == Limits(251, 150)
    assert limits_of(ClusterConfig(account="other")) == Limits(251, 7)
    assert limits_of(ClusterConfig(partition="a")) == Limits(251, 5)
    assert limits_of(ClusterConfig(max_array_size=10, max_submit=9)) == Limits(10, 9)


def test_what_is_over_the_submit_limit_goes_with_the_next_launch(
    slurm: FakeSlurm, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = ["launch", "cluster=slurm", "profile=smoke", "cluster.max_submit=4"]
    queue = slurm.folder / "queue"
    queue.write_text("7|RUNNING|None\n8|RUNNING|None\n")  # somebody's other jobs count too
    assert main(grid) == 0
    shown = capsys.readouterr()
    assert "arrays: 1 (2 tasks)" in shown.out
    assert "1 of them are over the limit of 4 jobs in the queue; the next launch submits them" in shown.out
    assert "submitted 2 cells" in shown.err
    queue.write_text("101_0|RUNNING|None\n101_1|RUNNING|None\n")
    assert main(grid) == 0
    assert "submitted 1 cells" in capsys.readouterr().err
    assert len(read_manifest(Path("runs/id_ood/smoke/launch"))["cells"]) == 3
    queue.write_text("".join(f"{k}|PENDING|Priority\n" for k in range(1, 5)))
    Path("runs/id_ood/smoke/launch/manifest.json").unlink()
    assert main([*grid, "dry_run=true"]) == 0


def test_a_cell_waits_for_its_own_latents_alone(slurm: FakeSlurm) -> None:
    """One array for each set of latents; one tokenizer for all."""
    words = ["cluster=slurm", "profile=paper", "model=dit_s", "scenario=uniform"]
    assert main(["launch", *words]) == 0
    known = read_manifest(plan_of(words).folder)
    prepared = {job["job"]: key for key, job in known["prepare"].items()}
    assert [key.split()[0] for key in prepared.values()].count("tokenizer") == 1
    assert len(known["cells"]) == 3
    for name, cell in known["cells"].items():
        (after,) = cell["after"]
        assert prepared[after].endswith(f"-uniform-{name.split('-')[2]}")


@pytest.mark.parametrize("error", [KeyError("uid not found: 1234"), OSError("No username set")])
def test_a_user_without_a_name_has_the_limits_of_the_site(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", nameless)
    assert limits_of(ClusterConfig(max_array_size=7)) == Limits(7)

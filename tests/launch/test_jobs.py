"""What reaches SLURM and the nodes: words and paths as they were typed, or one line that says why not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_slurm import FakeSlurm

from physlaw.__main__ import main
from physlaw.compose import compose_cell
from physlaw.launch.config import ClusterConfig
from physlaw.launch.executor import shell_word
from physlaw.launch.plan import read_manifest

ONE = ["profile=smoke", "scenario=uniform"]
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """Fake commands on the path; the current folder and the home are new ones."""
    fake = FakeSlurm(tmp_path / "fake")
    for name, value in {**fake.environment, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return fake


def only_job(folder: str) -> list[str]:
    """The words of the one job that was launched for a cell."""
    (path,) = Path(folder).glob("id_ood/smoke/launch/jobs/*.json")
    return list(json.loads(path.read_text()))


def launch(*words: str) -> int:
    return main(["launch", "cluster=slurm", *ONE, *words])


@pytest.mark.parametrize("folder", ["exp=3/r", "ré su/it's $HOME `a` [x] {y}", "12:00/50%j \\ a\nb"])
def test_a_job_reads_the_words_that_were_typed(slurm: FakeSlurm, tmp_path: Path, folder: str) -> None:
    """In whatever folder: launched, run by the supervisor, and read by the command."""
    node = tmp_path / "node python"
    code = "import json, sys; from physlaw.command_line import with_files; print(json.dumps(with_files(sys.argv[4:])))"
    supervisor = f'case "$3" in submitit*) exec {sys.executable} -S "$@";; esac'  # without packages
    node.write_text(f'#!/bin/sh\n{supervisor}\nexec {sys.executable} -c "{code}" "$@"\n')
    node.chmod(0o755)
    words = [f"cluster.python={node}", f"runs={folder}", "data.files=${x}/[a]: #b", "cluster.scratch=$TMP/{bind}"]
    assert launch(*words) == 0
    (script,) = slurm.scripts()
    slurm.run(script)
    cell = tmp_path / folder / "id_ood/smoke/uniform-dit_xxs-n30k-seed0"
    seen = json.loads((cell / "log.txt").read_text().splitlines()[1])
    assert seen == only_job(folder)
    read = compose_cell(seen)
    assert (read.runs, read.data.files) == (str((tmp_path / folder).resolve()), "${x}/[a]: #b")
    assert read.scratch == "$TMP/{bind}"


def test_a_site_is_read_as_its_words_are(slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same from a file and from words: text as typed, times and constraints as SLURM writes them."""
    configs = tmp_path / "configs"
    subprocess.run(["cp", "-r", str(REPOSITORY / "configs"), str(configs)], check=True)
    monkeypatch.setenv("PHYSLAW_CONFIGS", str(configs))
    settings = {"account": "0123456", "partition": "on", "qos": "1e3", "constraint": "[a100|h100]",
                "time_min": "2:00:00", "gres": "gpu:a100:{gpus}", "gpus": "2"}  # fmt: skip
    (configs / "cluster" / "mine.yaml").write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
    assert main(["launch", "cluster=mine", *ONE, "runs=a"]) == 0
    from_file = slurm.options()
    assert launch("runs=b", *(f"cluster.{key}={value}" for key, value in settings.items())) == 0
    from_words = slurm.options()
    wanted = {**settings, "time": "120", "gres": "gpu:a100:2"}
    for key in ("account", "partition", "qos", "constraint", "time", "gres"):
        assert from_file[key] == from_words[key] == wanted[key]


@pytest.mark.parametrize(
    ("text", "said"),
    [("partition: *gpu", "undefined alias"), ("partition: %x", "%"), ("gpus: [1]", "must be a whole number"),
     ("- a", "not key: value lines"), ("gpus: 1\ngpus: 2", "twice"), ("a: &b [*b]", "mine.yaml"),
     ("gpuz: 1", "gpuz"),
     ("partition: {a: b}", "is text"), ("\x00", "mine.yaml"), ("time_min: 1 day", "a time as SLURM writes it")],
)  # fmt: skip
def test_a_damaged_site_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (tmp_path / "cluster").mkdir()
    for path in (REPOSITORY / "configs").iterdir():
        if path.name != "cluster":
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "cluster" / "mine.yaml").write_text(text)
    monkeypatch.setenv("PHYSLAW_CONFIGS", str(tmp_path))
    assert main(["launch", "cluster=mine", "dry_run=true"]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_a_sites_python_is_expanded_on_the_node_and_nothing_else_is() -> None:
    written = {"~/my env/python": "/h/my env/python", "${HOME}/$X/p": "/h/x/p", "$(ls)/`a`\\'\"": "$(ls)/`a`\\'\""}
    for program, path in written.items():
        command = ["sh", "-c", f"printf %s {shell_word(program)}"]
        shown = subprocess.run(command, env={**os.environ, "HOME": "/h", "X": "x"}, capture_output=True, text=True)
        assert shown.stdout == path


@pytest.mark.parametrize("words", ["sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job failed",
                                   "sbatch: error: Socket timed out on send/recv operation", ""])  # fmt: skip
def test_a_refusal_is_one_line_and_what_was_accepted_stays_known(
    slurm: FakeSlurm, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    slurm.refuse(1, words)
    grid = ["launch", "cluster=slurm", "profile=smoke", "cluster.max_array_size=1"]
    assert main(grid) == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert " ".join(words.split()) in shown
    assert ("may have taken" in shown) == ("timed out" in words)
    known = read_manifest(Path("runs/id_ood/smoke/launch"))["cells"]
    assert [cell["job"] for cell in known.values()] == ["101"]
    slurm.refuse(9, "")
    (slurm.folder / "queue").write_text("101|PENDING|Priority\n")
    assert main(grid) == 0
    assert len(slurm.scripts()) == 3
    assert "submitted 2 cells" in capsys.readouterr().err


def test_an_answer_that_is_none_is_one_line(slurm: FakeSlurm, capsys: pytest.CaptureFixture[str]) -> None:
    (slurm.folder / "sbatch").write_text("#!/bin/sh\necho hello\n")
    assert launch() == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_containers_are_files_or_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    for given, image in (("docker://org/x:latest", "docker://org/x:latest"), ("~/p.sif", "/home/me/p.sif"),
                         ("my images/p.sif", f"{tmp_path}/my images/p.sif"), ("oci-archive:x.tar", "oci-archive:x.tar"),
                         ("a:b.sif", f"{tmp_path}/a:b.sif"), ("/data/my p.sif", "/data/my p.sif")):  # fmt: skip
        assert ClusterConfig(container=given).image() == image


def test_a_job_in_a_container_is_given_whole_paths(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Bind and image with spaces, quotes, $ and braces reach the container's command as one word each."""
    (tmp_path / "box").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "box").chmod(0o755)
    image = "my images/{bind} $HOME's.sif"
    words = [
        f"cluster.python={sys.executable}",
        f"container={image}",
        "cluster.container_command=$HOME/box 'an option' --bind {bind} {image}",
        "runs=a 'r'",
    ]
    assert launch(*words) == 0
    slurm.run(slurm.scripts()[0])
    log = tmp_path / "a 'r'/id_ood/smoke/uniform-dit_xxs-n30k-seed0/log.txt"
    seen = log.read_text().splitlines()[1:]
    file = tmp_path / "a 'r'/id_ood/smoke/launch/jobs/uniform-dit_xxs-n30k-seed0.json"
    bound = ["an option", "--bind", f"{tmp_path}/a 'r'", f"{tmp_path}/{image}"]
    assert seen == [*bound, "physlaw", "run", f"words={file}"]


@pytest.mark.parametrize("runs", ["a,b", "a:b"])
def test_a_path_that_bind_would_split_is_refused(
    slurm: FakeSlurm, capsys: pytest.CaptureFixture[str], runs: str
) -> None:
    assert launch("container=x.sif", f"runs={runs}") == 2
    assert f"/{runs}" in capsys.readouterr().err
    assert not slurm.scripts()


@pytest.mark.parametrize(
    ("variables", "command"),
    [({"PHYSLAW": "{folder}/my env/bin/physlaw"}, ["{folder}/my env/bin/physlaw"]),
     ({"PHYSLAW": "python3 -m  physlaw"}, ["python3", "-m", "physlaw"]),
     ({"PHYSLAW": "{folder}/my\\ env/bin/physlaw -x"}, ["{folder}/my env/bin/physlaw", "-x"]),
     ({"PHYSLAW_SIF": "my image.sif", "PHYSLAW_RUN": "--bind /my\\ data"},
      ["apptainer", "run", "--nv", "--bind", "{folder}", "--bind", "/my data", "my image.sif"])],
)  # fmt: skip
def test_the_scripts_hand_on_what_they_are_given(
    slurm: FakeSlurm, tmp_path: Path, variables: dict[str, str], command: list[str]
) -> None:
    """Paths with spaces in PHYSLAW and words with anything in them, as one word each."""
    program = tmp_path / "my env/bin/physlaw"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    (slurm.folder / "srun").write_text('#!/bin/sh\nshift\nprintf "%s\\0" "$@"\n')
    given = {name: value.format(folder=tmp_path) for name, value in variables.items()}
    words = ["profile=smoke", "runs=a b/$HOME*", ""]
    environment = {**os.environ, **given, "SLURM_SUBMIT_DIR": str(REPOSITORY), "SLURM_JOB_ID": "7"}
    script = ["bash", str(REPOSITORY / "slurm/cell.sbatch"), "run", *words]
    done = subprocess.run(script, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\0")[:-1] == [*(word.format(folder=tmp_path) for word in command), "run", *words]


def test_the_scripts_refuse_a_folder_that_bind_would_split(slurm: FakeSlurm, tmp_path: Path) -> None:
    folder = tmp_path / "a,b"
    folder.mkdir()
    environment = {**os.environ, "SLURM_SUBMIT_DIR": str(REPOSITORY), "SLURM_JOB_ID": "7"}
    script = ["bash", str(REPOSITORY / "slurm/cell.sbatch"), "run"]
    done = subprocess.run(script, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"{folder}" in done.stderr


def test_a_studys_jobs_are_cancelled_after_saying_how_many(
    slurm: FakeSlurm, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = ["cluster=slurm", "profile=smoke"]
    assert main(["launch", *grid]) == 0
    (slurm.folder / "queue").write_text("101_0|RUNNING|None\n101_2|PENDING|Priority\n55|RUNNING|None\n")
    capsys.readouterr()
    assert main(["cancel", *grid]) == 0
    assert capsys.readouterr().out == "id_ood smoke: 2 jobs to cancel, 1 running, 1 pending\n"
    assert (slurm.folder / "cancelled").read_text() == "101_0 101_2\n"  # and nobody else's
    assert main(["cancel", *grid, "collision-dit_xxs-n30k-seed0"]) == 0
    assert (slurm.folder / "cancelled").read_text().splitlines()[1:] == ["101_2"]
    assert main(["cancel", *grid, "collision"]) == 2
    assert "unknown cell 'collision'; valid: uniform-dit_xxs-n30k-seed0, " in capsys.readouterr().err


def test_logs_are_shown_and_followed_until_the_job_has_gone(
    slurm: FakeSlurm, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "uniform-dit_xxs-n30k-seed0"
    assert main(["launch", "cluster=slurm", "profile=smoke"]) == 0
    capsys.readouterr()
    assert main(["logs", "profile=smoke", name]) == 2
    assert "has no log yet" in capsys.readouterr().err
    other = Path("runs/id_ood/smoke/launch/jobs/101_0_0_log.out")
    other.write_text("srun: error: no such program\n")  # SLURM's words, before the cell has any
    assert main(["logs", "profile=smoke", name]) == 0
    assert "no such program" in capsys.readouterr().out
    log = Path("runs/id_ood/smoke") / name / "log.txt"
    log.parent.mkdir()
    log.write_text("--- started\nfirst\n")
    assert main(["logs", "profile=smoke"]) == 0
    assert f"{name}: first" in capsys.readouterr().out
    monkeypatch.setattr("physlaw.launch.jobs.POLL_S", 0.01)
    monkeypatch.setattr("physlaw.launch.jobs.QUEUE_POLL_S", 0.0)
    queue = slurm.folder / "queue"
    queue.write_text("101_0|RUNNING|None\n")
    (slurm.folder / "squeue").write_text(
        f'#!/bin/sh\ncat "{queue}"; printf "second\\nthi" >> "{log.resolve()}"; : > "{queue}"\n'
    )
    assert main(["logs", "profile=smoke", name, "follow=true"]) == 0
    assert capsys.readouterr().out == "--- started\nfirst\nsecond\nthisecond\n"

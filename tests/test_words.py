"""What a user types is what is read: every kind of key, every verb, site files and the words of jobs."""

from __future__ import annotations

import contextlib
import json
import os
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any, get_args

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from physlaw import verbs
from physlaw.__main__ import main
from physlaw.bench.command import BENCHMARKS
from physlaw.cell.folder import claim_folder
from physlaw.command_line import paths_of, with_files
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.data.phyre_write import PhyreSimulateConfig
from physlaw.data.scene_file import SceneFileConfig
from physlaw.data.write import SimulateConfig
from physlaw.errors import UserError
from physlaw.evaluation.config import AcceptanceConfig, ScoreConfig, SweepConfig
from physlaw.evaluation.floors import FloorsConfig
from physlaw.fields import Range, ranged
from physlaw.label.command import LabelConfig
from physlaw.launch.config import ClusterConfig, LaunchConfig, slurm_minutes
from physlaw.launch.launch import _job
from physlaw.launch.plan import Plan
from physlaw.launch.site import read_site
from physlaw.training.ranks import find_rank
from physlaw.words import _hints, build, from_environment, read

KINDS = [CellConfig, LaunchConfig, SimulateConfig, PhyreSimulateConfig, SceneFileConfig, ScoreConfig, SweepConfig,
         AcceptanceConfig, FloorsConfig, LabelConfig, *(b.load()[1] for b in BENCHMARKS.values()),
         *(kind for kind in vars(verbs).values() if is_dataclass(kind))]  # fmt: skip
# What YAML, hydra's grammar, shells and printf read as something else than text.
ODD = ["007", "0x1f", "1e3", "1_000", "12:30:00", "true", "no", "on", "~", "null", ".inf", "%x", "*gpu", "&a b", "!tag",
       "#c", "a #b", "a: b", "- a", "[a|b]", "{a}", "${x}", "$HOME", "a,b", "lr=1e-4/runs", "résultats", "a\\b", "'",
       '"', "`a`", " a ", "a\nb", "\t", "\u2028", "\udcff", "{gpus}", "@", "|", ">", "?", "=", "==", "++a", "../a",
       "--", "x" * 300]  # fmt: skip
PIECES = st.sampled_from([*ODD, *string.punctuation, "\0", "\x1b"])


def can_be_typed(text: str) -> bool:
    """A process can be given it: bytes that are no UTF-8 arrive as single low surrogates, and no others do."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == text
    except UnicodeEncodeError:
        return False


HOSTILE = st.one_of(st.text(st.characters(), max_size=20), st.lists(PIECES, max_size=4).map("".join), PIECES).filter(
    can_be_typed
)


def settings_of(kind: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(key, declared type, field) of every setting."""
    for item in fields(kind):
        hint, key = _hints(kind)[item.name], prefix + item.name
        if is_dataclass(hint):
            yield from settings_of(hint, f"{key}.")
        else:
            yield key, hint, item


def scalars(hint: Any) -> set[Any]:
    """The plain types in a declared type."""
    return set().union(*map(scalars, get_args(hint))) if get_args(hint) else {hint}


def outcome(call: Callable[[], Any]) -> tuple[Any, str]:
    """What a call returns, and what it refuses with ("": it does not), which must be one line."""
    value, said = None, ""
    try:
        value = call()
    except UserError as error:
        said = str(error)
    assert len(said.splitlines()) == bool(said), repr(said)
    return value, said


def refusal(call: Callable[[], Any]) -> str:
    return outcome(call)[1]


@dataclass
class Example:
    """A key of each kind."""

    text: str = ""
    maybe: str | None = None
    whole: int = ranged(0, at_least=0, at_most=10**6)
    real: float = ranged(0.0, above=-1e6)
    flag: bool = False
    names: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ranged((), at_least=1)
    table: dict[str, dict[str, str]] = field(default_factory=dict)
    minutes: int = ranged(1, at_least=1, reader=slurm_minutes)


def example(key: str, text: str) -> tuple[Any, str]:
    return outcome(lambda: getattr(read(Example, [f"{key}={text}"]), key))


def many(text: str, seed: int) -> Iterator[str]:
    """The text, and 24 that are put together at random."""
    yield text
    rng = random.Random(seed)
    for _ in range(24):
        pieces = [
            rng.choice(ODD) if rng.random() < 0.7 else chr(rng.randrange(0xD800)) for _ in range(rng.randint(1, 4))
        ]
        yield "".join(pieces)


@settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(HOSTILE, st.integers(0, 2**32))
def test_hostile_texts_come_back_unchanged_or_are_refused(text: str, seed: int) -> None:
    """10,000 of them, each for every kind of key."""
    for hostile in many(text, seed):
        check_every_kind(hostile)


def check_every_kind(text: str) -> None:
    whole = "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)  # UTF-8, no NUL
    allowed = bool(text) and whole
    assert example("text", text)[0] == (text if allowed else None)
    assert example("maybe", text)[0] == (text if allowed and text != "null" else None)
    for key, of in (("whole", int), ("real", float)):
        found, said = example(key, text)
        assert said or found == of(text)
    found, said = example("minutes", text)
    assert said or found >= 1
    assert example("flag", text)[0] == {"true": True, "false": False}.get(text)
    found, said = example("sizes", text)
    assert said or all(isinstance(size, int) and size >= 1 for size in found)
    example("table", text)
    quoted = json.dumps(text)
    assert example("names", f"[{quoted}, b ,{quoted}]")[0] == ((text, "b", text) if whole else None)
    if whole:
        assert example("table", f"{{{quoted}: {{a: {quoted}}}}}")[0] == {text: {"a": text}}
    if allowed and not set(text) & set(',[]{}"') and text == text.strip():
        assert example("names", f"[{text}]")[0] == (text,)
    if allowed and text != "--" and "=" not in text:
        assert paths_of([text]) == ([text], [])


@settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(text=HOSTILE, data=st.data())
def test_no_key_of_any_verb_changes_a_text_or_ends_in_anything_but_one_line(text: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    key, hint, _ = data.draw(st.sampled_from(list(settings_of(kind))))
    found, said = outcome(lambda: read(kind, [f"{key}={text}"]))
    if not said and hint in (str, str | None):
        value = reduce(getattr, key.split("."), found)
        assert value == text or (value is None and text == "null")


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(text=HOSTILE)
@hypothesis.example(text="\x85")
def test_a_sites_file_gives_its_texts_unchanged_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "site.yaml"
    quoted = json.dumps(text, ensure_ascii=False)
    for written in (text, quoted, f"'{text}'"):
        path.write_text(f"python: {written}\n", encoding="utf-8", errors="surrogatepass")
        found, said = outcome(lambda: build(ClusterConfig, read_site(path)))
        assert said or written != quoted or found.python == text


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(text=HOSTILE.filter(lambda text: text and not refusal(partial(read, Example, [f"text={text}"]))))
def test_texts_reach_config_json_and_a_jobs_file_unchanged(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    name = text.encode("utf-8", "surrogatepass").hex()[:8] if "/" in text or text in (".", "..") else text[:40]
    runs = str(tmp_path_factory.getbasetemp() / "words" / name.encode().decode("latin-1")[:80])
    words = [f"runs={runs}", f"data.files={text}"]
    cell = compose_cell(words)
    assert (cell.runs, cell.data.files) == (runs, text)
    with contextlib.ExitStack() as undo:
        cell.folder.mkdir(parents=True, exist_ok=True)
        undo.callback((cell.folder / "config.json").unlink)
        claim_folder(cell)
        known = json.loads((cell.folder / "config.json").read_text())
        assert (known["runs"], known["data"]["files"]) == (runs, text)
        job = _job(Plan(LaunchConfig(), [words], [cell]), ["run"], cell, words, "job", Path("code"))
        verb, *read_there = with_files(job.words)
        there = compose_cell(read_there)
        assert (verb, there.runs, there.data.files) == ("run", os.path.realpath(runs), text)
        assert there.digest() == cell.digest()


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_declares_its_range_and_keeps_to_it(kind: Any) -> None:
    for key, hint, item in settings_of(kind):
        if scalars(hint) & {int, float}:
            assert isinstance(item.metadata.get("rule"), Range), key
        if hint in (int, float, int | None, float | None):
            for text in ("nan", "inf", "-inf", "1e999", "9" * 30, "-" + "9" * 400, "1,5", "0x10", "x", "٣", "1 000"):
                if hint in (float, float | None) and text == "9" * 30:
                    continue
                assert refusal(partial(read, kind, [f"{key}={text}"])), (key, text)


@pytest.mark.parametrize("text", [text for text in ODD if text.isprintable() and len(text) < 300])
def test_text_stays_text(text: str) -> None:
    assert read(SimulateConfig, [f"out={text}"]).out == text
    assert compose_cell([f"runs={text}", f"scratch={text}"]).runs == text
    if "\\" not in text and text != "null":
        assert read(LaunchConfig, [f"cluster.account={text}"]).cluster.account == text


@pytest.mark.parametrize("name", ["1e3", "007", "true", "no", "a-b", "null"])
def test_names_of_cells_are_what_a_cells_name_allows(name: str) -> None:
    assert compose_cell([f"model.name={name}"]).name == f"uniform-{name}-n30k-seed0"
    for wrong in (f"{name}/", f"{name}-", "A", "é", f"../{name}"):
        assert "not a cell name" in str(refusal(partial(compose_cell, [f"model.name={wrong}"])))
        assert "not a cell name" in str(refusal(partial(compose_cell, [f"tokenizer.name={wrong}"])))


def test_a_word_that_names_a_file_or_follows_two_dashes_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths_of(["./a=b", "/a=b", "../a=b", "a", "c=d", "--", "e=f", "--"]) == (
        ["./a=b", "/a=b", "../a=b", "a", "e=f", "--"], ["c=d"],
    )  # fmt: skip
    Path("lr=1e-4").mkdir()
    Path("lr=1e-4/clips.npz").touch()
    assert paths_of(["lr=1e-4/clips.npz"]) == (["lr=1e-4/clips.npz"], [])
    assert main(["score", "lr=1e-4/clips.npz"]) == 2
    assert capsys.readouterr().err.startswith("physlaw: error: lr=1e-4/clips.npz: ")
    for words in (["score", "--", "seed=1"], ["score", "./seed=1"]):
        assert main(words) == 2
        assert "seed=1: no such file" in capsys.readouterr().err
    assert main(["score", "seed=1"]) == 2
    assert "unknown key 'seed'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), ("90:00", 90), ("0:01", 1), ("2:00:00", 120), ("1:00:01", 61), ("1-12", 2160), ("1-0:30", 1470),
     ("0-0:0:59", 1)],
)  # fmt: skip
def test_times_are_what_slurm_means_by_them(text: str, minutes: int) -> None:
    config = read(LaunchConfig, [f"cluster.time_min={text}", f"cluster.per_model={{dit_l: {{time_min: {text}}}}}"])
    assert config.cluster.time_min == config.cluster.per_model["dit_l"]["time_min"] == minutes


@pytest.mark.parametrize("text", ["2h", "1-", "-1", "1:2:3:4", "1-2:3:4:5", "INFINITE", "1.5", "0", " 1", "1 day"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    assert "cluster.time_min must be" in str(refusal(partial(read, LaunchConfig, [f"cluster.time_min={text}"])))


def test_environment_variables_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("a", "-1", "1.5", "9" * 50):
        monkeypatch.setenv("PHYSLAW_EXPECT_GPUS", text)
        assert "PHYSLAW_EXPECT_GPUS must be" in str(refusal(partial(from_environment, "PHYSLAW_EXPECT_GPUS")))
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_PORT"):
        good = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_PORT": "1", "MASTER_ADDR": "a"}
        assert find_rank(good).rank == 1
        assert f"{name} must be a whole number" in str(refusal(partial(find_rank, {**good, name: "two"})))
    assert "0 to 1" in str(refusal(partial(find_rank, {**good, "RANK": "2"})))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "seed=99999999999999999999"], "seed must be 0 to 9223372036854775807, got 99999999999999999999"),
        (["run", "train.learning_rate=nan"], "train.learning_rate must be a finite number, got 'nan'"),
        (["launch", "cluster.gres=gpu:{n}"], "cluster.gres takes {gpus} alone in braces, got '{n}'"),
        (["launch", "cluster.mem_per_cpu=4 G"], "cluster.mem_per_cpu must be memory as SLURM writes it"),
        (["launch", "cluster.per_model={dit_s: {mem_per_gpu: x}}"], "cluster.per_model.dit_s.mem_per_gpu must be"),
        (["launch", "cluster.mem_per_cpu=4G", "cluster.mem_per_gpu=4G"], "exclude each other"),
        (["launch", "cluster.ask_gpus=gres"], "valid: gpus-per-node, gpus, nothing"),
        (["launch", "cluster.container_command=a 'b"], "No closing quotation"),
        (["launch", "cluster.account=a\nb", "dry_run=true"], "control characters"),
        (
            ["launch", "cluster.per_model={dit_s: {gpus: -1}}"],
            "cluster.per_model.dit_s.gpus must be at least 0, got -1",
        ),
        (["launch", "cluster.per_model={dit_s: {gpux: 1}}"], "unknown key 'cluster.per_model.dit_s.gpux'"),
        (["launch", "cluster.additional={a b: c}"], "got 'a b'"),
        (["launch", "dry_run=True"], "dry_run must be true or false, got 'True'"),
        (["launch", "dry_run=true", "grid.seeds=[]"], "a list of grid.* is empty"),
        (["run", "grid.extra=[a]"], "scenario:model:size:seed, got 'a'"),
        (["run", "train.betas=[0.9]"], "train.betas must be 2 values"),
        (["run", "model.patch_size=[1,2"], "not a list [a, b]"),
        (["run", "model.patch_size=[[[[[[1]]]]]]"], "nested too deeply"),
        (["simulate", "out=a.npz", "count="], "count= has no value"),
        (["simulate", "out="], "out= has no value"),
        (["simulate", "out=a.npz", "resolution=8"], "resolution must be 16 to 512, got 8"),
        (["run", "runs="], "runs= has no value"),
        (["claims", "results="], "results= has no value"),
        (["score", ""], "a path cannot be empty or hold"),
        (["report", ""], "a path cannot be empty"),
        (["label", "score", ""], "a path cannot be empty"),
        (["run", "number=9"], "number must be 0 to 2, got 9"),
        (["run", "number=-1"], "number must be at least 0, got -1"),
        (["prepare", "stage=x"], "unknown stage 'x'; valid: tokenizer, latents"),
        (["collect", "mixed_code=yes"], "mixed_code must be true or false, got 'yes'"),
        (["run", "words=absent"], "absent: no such file of words"),
        (["run", "--", "seed=1"], "not key=value: '--'"),
        (["run", "+seed=1"], "unknown key '+seed'"),
        (["bench", "train", "steps=1"], "steps must be at least 2, got 1"),
        (["sweep_sampler", "steps=[]"], "steps must be at least one number"),
        (["weights", "convert"], "usage: physlaw weights"),
    ],
)
def test_every_mistake_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_files_of_words_are_lists_of_texts(tmp_path: Path) -> None:
    path = tmp_path / "words=.json"
    path.write_text(json.dumps(["a=b", "words=c", "--"]))
    assert with_files(["x", f"words={path}", "y"]) == ["x", "a=b", "words=c", "--", "y"]
    assert with_files(["--", f"words={path}"]) == ["--", f"words={path}"]
    for text in ("{}", '"a"', "[1]", "[", "\xff"):
        path.write_text(text, encoding="latin-1")
        assert str(path) in str(refusal(partial(with_files, [f"words={path}"])))

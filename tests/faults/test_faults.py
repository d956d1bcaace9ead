"""Runs that cannot be killed: SIGKILL at random times, damaged files, full disks. Run by `make test-faults`."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from physlaw.training.state import TrainState, load_newest, save_checkpoint
from processes import Verb

CELL = ["scenario=uniform", "size=300", "train.batch_size=2", "train.log_every=10", "train.checkpoint_every=10",
        "train.steps=1000", "eval.id_clips=2", "eval.ood_clips=2", "model.depth=1", "model.hidden_size=48",
        "model.num_heads=2", "diffusion.denoise_steps=2"]  # fmt: skip
NAME = Path("runs/id_ood/smoke/uniform-dit_xxs-n300-seed0")


def state_of(value: float, step: int) -> TrainState:
    """A small training state that is full of one number."""
    model = torch.nn.Linear(160, 160)
    torch.nn.init.constant_(model.weight, value)
    torch.nn.init.constant_(model.bias, value)
    optimizer = torch.optim.AdamW(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, value)
    optimizer.step()
    torch.nn.init.constant_(model.weight, value)
    torch.nn.init.constant_(model.bias, value)
    return TrainState(model, {n: torch.full_like(p, value) for n, p in model.named_parameters()}, [optimizer], step)


def is_whole(state: TrainState) -> bool:
    """What was loaded is one of the states that were saved, not a mixture."""
    weights = [*state.model.state_dict().values(), *state.ema.values()]
    return all(bool((w == float(state.step)).all()) for w in weights)


def in_child(work: Callable[[], None]) -> int:
    """A process that has imported everything; it dies with this one."""
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        try:
            work()
        finally:
            os._exit(0)
    return pid


def test_a_save_may_be_killed_anywhere(tmp_path: Path, times: int) -> None:
    """500 times or more: a state loads, at most one interval is lost, nothing is left lying about."""
    torch.set_num_threads(1)
    generator, step = random.Random(0), 0
    states = [state_of(float(k), k) for k in range(2)]
    progress = tmp_path / "progress"

    def save_for_ever(first: int) -> None:
        state = states[0]
        for number in range(first, first + 100_000):
            for tensor in [*state.model.state_dict().values(), *state.ema.values()]:
                tensor.fill_(float(number))
            state.step = number
            save_checkpoint(tmp_path / "checkpoints", state, "run")
            with progress.open("w") as stream:
                stream.write(str(number))

    for kill in range(5000 * times):
        if kill >= 500 * times and step > 100:  # a busy machine needs more kills to get there
            break
        progress.unlink(missing_ok=True)
        first = step + 1
        pid = in_child(lambda first=first: save_for_ever(first))  # type: ignore[misc]
        time.sleep(generator.uniform(0.0, 0.04))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        text = progress.read_text() if progress.exists() else ""
        known = int(text) if text else step  # saved for certain
        state = states[1]
        state.step = 0
        found = load_newest(tmp_path / "checkpoints", state, "run")
        if not found:
            assert step == 0
            continue
        assert is_whole(state)
        assert state.step >= known, "a finished save was lost"
        step = state.step
        names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
        assert len(names) in (2, 4), names
        assert all(name.endswith((".json", ".safetensors")) for name in names)
    assert step > 100


def test_damage_is_always_found_and_the_previous_checkpoint_taken(tmp_path: Path, times: int) -> None:
    """1,000 flipped bits and cut files, in states and in manifests."""
    generator, good = random.Random(1), tmp_path / "good"
    for step in (1, 2):
        save_checkpoint(good, state_of(float(step), step), "run")
    state = state_of(0.0, 0)
    for number in range(1000 * times):
        folder = tmp_path / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        victim = folder / ("00000002.json" if number % 3 == 0 else "00000002.safetensors")
        before = victim.read_bytes()
        content = bytearray(before)
        if number % 2:
            content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        else:
            del content[generator.randrange(len(content)) :]
        victim.write_bytes(bytes(content))
        same = victim.suffix == ".json" and same_json(bytes(content), before)
        assert load_newest(folder, state, "run")
        assert is_whole(state)
        assert state.step == (2 if same else 1), (number, victim.name)


def same_json(damaged: bytes, before: bytes) -> bool:
    """A flipped bit may turn one kind of white space into another; a cut may take the last line's end alone."""
    try:
        return bool(json.loads(damaged.decode()) == json.loads(before))
    except (UnicodeDecodeError, json.JSONDecodeError):
        return False


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of one and a half megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", folder]).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_that_fills_up_keeps_the_last_checkpoint(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("physlaw.files.SPARE_BYTES", 0)
    folder, saved = small_disk / "checkpoints", []

    def fill() -> None:
        for step in range(1, 100):
            save_checkpoint(folder, state_of(float(step), step), "run", keep=100)
            saved.append(step)

    with pytest.raises(OSError, match="bytes") as raised:
        fill()
    assert raised.value.errno == errno.ENOSPC
    assert str(folder) in str(raised.value)
    state = state_of(0.0, 0)
    assert load_newest(folder, state, "run")
    assert state.step == saved[-1]
    assert is_whole(state)


def test_a_write_that_fails_anywhere_keeps_the_last_checkpoint(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under a quota: the room cannot be asked for beforehand, the write itself fails."""
    monkeypatch.setattr("physlaw.training.state.check_room", lambda folder, needed: None)
    folder, filler = small_disk / "checkpoints", small_disk / "filler"
    save_checkpoint(folder, state_of(1.0, 1), "run")
    free = shutil.disk_usage(folder).free
    size = (folder / "00000001.safetensors").stat().st_size
    failed = 0
    for room in range(0, size + 40_000, 4096):
        filler.write_bytes(bytes(max(0, free - room)))
        try:
            save_checkpoint(folder, state_of(2.0, 2), "run")
            number = 0
        except OSError as error:
            number = error.errno or -1
        if number:
            failed += 1
            state = state_of(0.0, 0)
            assert number == errno.ENOSPC
            assert load_newest(folder, state, "run")
            assert state.step == 1
            assert is_whole(state)
            assert sorted(p.name for p in folder.iterdir()) == ["00000001.json", "00000001.safetensors"]
        for path in folder.glob("00000002*"):
            path.unlink()
        if not (folder / "00000001.json").exists():  # the last save went through
            break
    assert failed > 50


def test_a_cell_killed_twenty_times_ends_as_if_it_was_not(tmp_path: Path, times: int) -> None:
    """Weights, moving average, optimiser and evaluation: no bit differs."""
    for name in ("killed", "left"):
        (tmp_path / name).mkdir()
    left, generator, kills = Verb("run", *CELL, folder=tmp_path / "left"), random.Random(2), 0
    log = tmp_path / "killed" / NAME / "train.jsonl"

    def lines() -> int:
        return log.read_text().count("\n") if log.exists() else 0

    while kills < 20 * times:
        process, before = Verb("run", *CELL, folder=tmp_path / "killed"), lines()
        wanted = before + generator.randint(1, 4)  # some progress, so that it comes to an end
        while process.poll() is None and lines() < wanted:
            time.sleep(0.01)
        time.sleep(generator.uniform(0, 0.1))
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
    assert kills == 20 * times
    assert Verb("run", *CELL, folder=tmp_path / "killed").wait() == 0
    assert left.wait() == 0
    one, two = (tmp_path / name / NAME for name in ("killed", "left"))
    newest = sorted(path.name for path in (two / "checkpoints").glob("*.safetensors"))[-1]
    for file in ("model.safetensors", f"checkpoints/{newest}"):
        here, there = load_file(one / file), load_file(two / file)
        assert here.keys() == there.keys()
        assert all(torch.equal(here[name], value) for name, value in there.items()), file
    assert (one / "rows.csv").read_bytes() == (two / "rows.csv").read_bytes()
    assert not list(one.rglob("*.tmp"))

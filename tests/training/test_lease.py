"""One process at a time on a folder: races, deaths, other machines, stopped holders."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from physlaw import lease
from physlaw.errors import UserError
from physlaw.lease import STALE_S, holder, leased

RACER = """
import sys, time
from pathlib import Path
from physlaw.errors import UserError
from physlaw.lease import leased
folder, start = Path(sys.argv[1]), float(sys.argv[2])
time.sleep(max(0.0, start - time.time()))
try:
    with leased(folder, "the folder", patience_s=0.0):
        with (folder / "work").open("x"):
            time.sleep(float(sys.argv[3]))
        (folder / "work").unlink()
        print("held")
except UserError:
    print("refused")
"""


def of_another_machine(folder: Path, renewed: float, number: int = 0) -> Path:
    """A lease as a process elsewhere leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".lease-{number}"
    path.write_text(json.dumps({"pid": 1, "started": "1", "boot": "other", "node": "node7"}))
    os.utime(path, (renewed, renewed))
    return path


def racers(folder: Path, count: int, seconds: float) -> list[str]:
    start = str(time.time() + 2)
    command = [sys.executable, "-c", RACER, str(folder), start, str(seconds)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return [process.communicate()[0].strip() for process in started]


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    in_use = pytest.raises(UserError, match=f"cell x is in use by another process .pid {os.getpid()} on")
    with leased(tmp_path, "cell x"), in_use, leased(tmp_path, "cell x", patience_s=0.2):
        pass
    assert holder(tmp_path) is None
    with leased(tmp_path, "cell x"):
        assert holder(tmp_path) is not None
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
def test_of_a_hundred_racing_starts_one_works(tmp_path: Path) -> None:
    assert sorted(racers(tmp_path, 100, 20.0)) == ["held"] + ["refused"] * 99


@pytest.mark.slow
def test_racing_starts_never_work_at_the_same_time(tmp_path: Path) -> None:
    of_another_machine(tmp_path, 1000.0)  # stale: all want to take it over
    found = racers(tmp_path, 30, 0.0)  # an overlap ends with a traceback
    assert set(found) <= {"held", "refused"}
    assert "held" in found


def test_a_killed_holder_is_followed_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RACER, str(tmp_path), "0", "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    while not (tmp_path / "work").exists():
        time.sleep(0.02)
    assert holder(tmp_path).pid == process.pid  # type: ignore[union-attr]
    process.kill()
    started = time.monotonic()
    with leased(tmp_path, "the folder"):
        assert time.monotonic() - started < 2
    process.wait()


def test_a_silent_holder_elsewhere_is_waited_for_until_it_is_stale(tmp_path: Path) -> None:
    of_another_machine(tmp_path, time.time() - STALE_S + 1)
    assert str(holder(tmp_path)) == "pid 1 on node7"
    started = time.monotonic()
    with leased(tmp_path, "the folder", patience_s=0.0):
        assert 0.5 < time.monotonic() - started < 10


def test_a_living_holder_elsewhere_is_left_alone(tmp_path: Path) -> None:
    path = of_another_machine(tmp_path, time.time() - 5)

    def beat(text: str) -> None:
        os.utime(path)

    with pytest.raises(UserError, match="node7"), leased(tmp_path, "it", patience_s=3.5, say=beat):
        pass


@pytest.mark.parametrize("may_touch", [True, False])
def test_a_time_in_the_future_counts_from_when_it_was_first_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may_touch: bool
) -> None:
    """A dead holder whose node's clock was an hour ahead; `status` looks, then another process wants the folder."""
    monkeypatch.setattr(lease, "STALE_S", 1.0)
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.5)
    path = of_another_machine(tmp_path, time.time() + 3600)
    if not may_touch:  # a lease of another user

        def refuse(*arguments: object) -> None:
            raise PermissionError

        monkeypatch.setattr(lease.os, "utime", refuse)
    assert holder(tmp_path) is not None
    assert (path.stat().st_mtime < time.time() + 1) == may_touch
    started = time.monotonic()
    with leased(tmp_path, "the folder", patience_s=60.0):
        assert 0.5 < time.monotonic() - started < 10
    assert not path.exists()


def test_a_living_holder_whose_clock_is_ahead_is_left_alone(tmp_path: Path) -> None:
    path = of_another_machine(tmp_path, time.time() + 3600)
    beat = threading.Timer(0.3, lambda: os.utime(path, (time.time() + 7200,) * 2))
    beat.start()
    with pytest.raises(UserError, match="node7"), leased(tmp_path, "it", patience_s=1.0):
        pass


def test_a_folder_that_its_holder_has_removed_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    of_another_machine(folder, time.time())
    finish = threading.Timer(0.3, lambda: shutil.rmtree(folder))
    finish.start()
    with leased(folder, "it", patience_s=60.0):
        assert holder(folder) is not None


@pytest.mark.parametrize("content", ["", "{", '{"pid": 3}', "[1]", "\x00\x00\x00", "\udcff"])
def test_a_lease_that_was_cut_off_counts_until_it_is_stale(tmp_path: Path, content: str) -> None:
    path = of_another_machine(tmp_path, time.time())
    path.write_bytes(os.fsencode(content))
    assert holder(tmp_path) is not None
    os.utime(path, (1000, 1000))
    assert holder(tmp_path) is None


def test_a_holder_that_was_stopped_for_long_finds_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.05)
    lost: list[Path] = []
    with leased(tmp_path, "it", on_lost=lost.append):
        renewed = holder(tmp_path).renewed  # type: ignore[union-attr]
        time.sleep(0.3)
        assert holder(tmp_path).renewed > renewed  # type: ignore[union-attr]
        assert not lost
        of_another_machine(tmp_path, time.time(), number=1)
        time.sleep(0.3)
        assert lost == [tmp_path]
    assert holder(tmp_path) is not None  # the other one's is left as it is


def test_losing_the_lease_ends_the_process(tmp_path: Path) -> None:
    code = RACER.replace("import sys, time", "import sys, time\nimport physlaw.lease\nphyslaw.lease.HEARTBEAT_S = 0.1")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), "0", "60"], stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "work").exists():
        time.sleep(0.02)
    of_another_machine(tmp_path, time.time(), number=1)
    assert "another process has taken over" in process.communicate()[1]
    assert process.returncode == 3

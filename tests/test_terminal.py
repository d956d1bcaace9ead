"""The command beside closed, broken, full and old-fashioned terminals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from physlaw import terminal
from physlaw.profiles import REPOSITORY

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
COMMAND = f"{sys.executable} -m physlaw"
# Another encoding for what is read, and for what is printed.
OLD = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONIOENCODING": "iso-8859-1:strict"}


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = ["bash", "-c", f"set -o pipefail; {line}"]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT | environment, capture_output=True, check=False)


def test_a_result_that_cannot_be_printed_is_a_failure(tmp_path: Path) -> None:
    closed = shell(f"{COMMAND} --version >&-", tmp_path)
    assert closed.returncode == 2
    assert closed.stderr == b"physlaw: error: [Errno 9] Bad file descriptor: 'standard output'\n"
    full = shell(f"{COMMAND} --version > /dev/full", tmp_path)
    assert full.returncode == 75
    assert full.stderr.startswith(b"physlaw: error: [Errno 28] No space left on device: 'standard output'")
    assert full.stderr.count(b"\n") == 1


def test_a_reader_that_has_had_enough_is_no_error(tmp_path: Path) -> None:
    for line in ("--help | true", "launch dry_run=true profile=paper | head -1"):
        for unbuffered in ("", "1"):
            done = shell(f"{COMMAND} {line}", tmp_path, PYTHONUNBUFFERED=unbuffered)
            assert done.stderr == b"", line
            assert done.returncode in (0, terminal.CLOSED_PIPE)


def test_without_standard_error_nothing_changes(tmp_path: Path) -> None:
    """Nor does a file get its number, into which everything would be said."""
    code = (
        "import sys, os; from physlaw import terminal; terminal.prepare(); "
        "print('progress', file=sys.stderr, flush=True); "
        "stream = open('file', 'w', encoding='utf-8'); print(stream.fileno() > 2, terminal.show_bar()); "
        "os.system('echo said by a child >&2')"
    )
    for where in ("2>&-", "2>/dev/full", "<&- 2>&-"):
        done = shell(f'{sys.executable} -c "{code}" {where}', tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"True False\n", b"")
        assert (tmp_path / "file").read_bytes() == b""
    assert shell(f"{COMMAND} jump 2>&-", tmp_path).returncode == 2


def test_progress_bars_need_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (None, sys.__stdout__):
        monkeypatch.setattr(sys, "stderr", stream)
        assert not terminal.show_bar()


def test_what_an_encoding_has_not_is_replaced(tmp_path: Path) -> None:
    results = REPOSITORY / "results"
    done = shell(f"{COMMAND} claims results={results} out=.", tmp_path, **OLD)
    assert done.returncode == 0, done.stderr
    assert "—" in (tmp_path / "CLAIMS.md").read_text(encoding="utf-8")
    assert b"| ?  " in done.stdout
    assert done.stdout.endswith(b"CLAIMS.md\n")
    assert (tmp_path / "CLAIMS.md").read_bytes() == (REPOSITORY / "CLAIMS.md").read_bytes()


def test_a_name_that_is_no_text_comes_out_as_it_is() -> None:
    assert "r\udce9s".encode("utf-8", "physlaw") == b"r\xe9s"
    assert "r\udce9s — Ж".encode("iso-8859-1", "physlaw") == b"r\xe9s ? ?"

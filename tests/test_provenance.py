"""Where numbers come from: the commit, or one line that it is unknown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from physlaw import provenance
from physlaw.schema import SCHEMA, UNKNOWN


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, taken for this one."""
    if not shutil.which("git"):
        pytest.skip("no git here")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "file").write_text("a")
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "a"], check=True)
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    provenance._say_unknown.cache_clear()
    return tmp_path


def test_the_commit_and_whether_something_has_changed(checkout: Path) -> None:
    known = provenance.commit()
    assert re.fullmatch("[0-9a-f]{40}", known["commit"])
    assert known["dirty"] is False
    (checkout / "file").write_text("b")
    assert provenance.commit() == known | {"dirty": True}
    assert provenance.provenance()["schema"] == SCHEMA


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a checkout to somebody else needs root")
def test_a_checkout_of_somebody_else_has_its_commit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = provenance.commit()
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 65534, 65534)
    monkeypatch.setenv("SUDO_UID", "1")
    plain = subprocess.run(["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True)
    assert "dubious ownership" in plain.stderr
    assert provenance.commit() == known
    assert capsys.readouterr().err == ""


def test_variables_of_a_hook_name_another_repository(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = provenance.commit()
    monkeypatch.setenv("GIT_DIR", str(checkout / "elsewhere"))
    assert provenance.commit() == known


def test_an_unknown_commit_is_one_line(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(checkout / ".git")
    for stamp in (None, '{"commit": "$Format:%H$", "dirty": false}', '{"commit": null}', '{"commit": "unknown"}'):
        if stamp is not None:
            (checkout / provenance.STAMP).write_text(stamp)
        assert provenance.commit() == {"commit": UNKNOWN, "dirty": None}
    said = capsys.readouterr().err
    assert said == f"physlaw: the commit is unknown, and results will say so ({checkout} is no git checkout)\n"
    (checkout / provenance.STAMP).write_text('{"commit": "abc", "dirty": "False"}')
    assert provenance.commit() == {"commit": "abc", "dirty": "False"}


def test_a_repository_without_a_commit_says_why(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(checkout / ".git")
    subprocess.run(["git", "init", "-q", str(checkout)], check=True)
    assert provenance.commit() == {"commit": UNKNOWN, "dirty": None}
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "fatal:" in said

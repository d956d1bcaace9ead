"""Where compiled code is kept, and that damage to it costs time alone."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numba.core import caching

from physlaw import jit

SOURCE = "from physlaw.jit import jit\n\n@jit(cache=True)\ndef twice(x):\n    return 2 * x\n"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Gives the compiled function of a module, anew at every call, as another process would have it."""
    monkeypatch.setattr(caching.config, "CACHE_DIR", "")  # an image has one
    path = tmp_path / "twice.py"
    path.write_text(SOURCE)

    def load() -> Any:
        spec = importlib.util.spec_from_file_location("twice", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.twice(3) == 6
        return module.twice

    return load


def hits(function: Any) -> int:
    return sum(function.stats.cache_hits.values())


def test_damaged_code_is_compiled_again_and_kept(load: Callable[[], Any], tmp_path: Path) -> None:
    assert hits(load()) == 0
    assert hits(load()) == 1
    index, code = ("nbi", "nbc")
    for kind, damage in (
        (index, lambda content: content[:20]),
        (index, lambda content: b""),
        (code, lambda content: content[:-100]),
        (code, lambda content: b""),
        (code, lambda content: bytes(len(content))),
        (code, lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:]),
    ):
        (kept,) = (tmp_path / "__pycache__").glob(f"*.{kind}")
        kept.write_bytes(damage(kept.read_bytes()))
        assert hits(load()) == 0
        assert hits(load()) == 1


def test_without_a_folder_to_write_to_a_temporary_one_is_used_or_none(
    load: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (caching.InTreeCacheLocator, jit._UserWide):
        monkeypatch.setattr(place, "from_function", classmethod(lambda cls, py_func, py_file: None))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    load()
    assert hits(load()) == 1
    own = tmp_path / f"physlaw-numba-{os.getuid()}"
    assert own.stat().st_mode & 0o777 == 0o700
    assert list(own.glob("*/*.nbc"))
    own.chmod(0o777)  # anybody could put code there
    assert hits(load()) == 0
    own.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", "/proc")
    assert hits(load()) == 0


def test_no_folder_is_made_where_there_is_no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.chdir(tmp_path)
    assert jit._UserWide.from_function(test_no_folder_is_made_where_there_is_no_home, __file__) is None
    assert not list(tmp_path.iterdir())

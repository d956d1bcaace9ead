"""numba as this project uses it, and where it keeps compiled code between runs.

That is beside the source, else in the user's cache, else in a folder of the user's own below the temporary one. What is
damaged is compiled again; where nothing can be kept, every run compiles.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import caching


def jit(function: Callable[..., Any] | None = None, *, cache: bool = False, **options: Any) -> Any:
    """A decorator: compile without the interpreter's lock and with NumPy's division.

    Args:
        cache: keep the code for the next run.
        options: further ones of numba.njit.
    """
    if function is None:
        return partial(jit, cache=cache, **options)
    compiled = njit(nogil=True, error_model="numpy", **options)(function)
    if cache:
        with suppress(RuntimeError):  # no place to keep it
            compiled._cache = _Kept(function)
    return compiled


class _UserWide(caching.UserWideCacheLocator):
    """Not where the user has no home: numba would make a folder named ~."""

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        return None if os.path.expanduser("~") == "~" else super().from_function(py_func, py_file)


class _Temporary(caching.UserWideCacheLocator):
    """A folder that nobody else can write to: what is kept there will be run."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)
        own = Path(tempfile.gettempdir()) / f"physlaw-numba-{os.getuid()}"
        self._cache_path = str(own / self.get_suitable_cache_subpath(py_file))

    def ensure_cache_path(self) -> None:
        own = Path(self._cache_path).parent
        with suppress(FileExistsError):
            own.mkdir(mode=0o700)
        known = own.lstat()
        if not stat.S_ISDIR(known.st_mode) or known.st_uid != os.getuid() or known.st_mode & 0o022:
            raise OSError(f"{own} is not this user's alone")
        super().ensure_cache_path()


class _Places(caching.CompileResultCacheImpl):
    _locator_classes = [  # noqa: RUF012  as numba has it
        caching.UserProvidedCacheLocator,
        caching.InTreeCacheLocator,
        _UserWide,
        _Temporary,
    ]


class _Files(caching.IndexDataCacheFile):
    """Compiled code, and after it its SHA-256, which numba passes over."""

    def _save_data(self, name: str, data: Any) -> None:
        content = self._dump(data)
        with self._open_for_write(self._data_path(name)) as stream:
            stream.write(content + hashlib.sha256(content).digest())

    def _load_data(self, name: str) -> Any:
        content = Path(self._data_path(name)).read_bytes()
        if hashlib.sha256(content[:-32]).digest() != content[-32:]:
            raise ValueError(f"{name} is damaged")
        return super()._load_data(name)


class _Kept(caching.FunctionCache):
    """numba's cache, whose failures cost time and nothing else."""

    _impl_class = _Places

    def __init__(self, py_func: Any) -> None:
        super().__init__(py_func)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a damaged file leads to
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(Exception):  # a full disk, a folder that has become read-only
            super().save_overload(sig, data)

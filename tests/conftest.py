"""Shared fixtures. Samples of the released data are found through PHYSLAW_FIXTURES; without it the tests that need
them are skipped and the last line of the run says how many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from processes import close_all

# Before torch: its compiler would start a process for every core, each of which imports torch, to run g++ a few times.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")

RELEASED = ("uniform", "parabola", "collision")
_absent: list[str] = []


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Under `--dist loadgroup` a module whose tests share a fixture is one process's; it would be made in each."""
    for item in items:
        module = item.nodeid.partition("::")[0]
        fixtures = [known[-1] for known in item._fixtureinfo.name2fixturedefs.values()]  # type: ignore[attr-defined]
        shared = any(fixture.scope != "function" and fixture.baseid == module for fixture in fixtures)
        if shared and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(module))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Some versions of pytest-xdist pass over groups without a word; then every process makes everything."""
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if session.config.getoption("loadgroup", False) and not all("@" in item.nodeid for item in grouped):
        raise pytest.UsageError(
            "this pytest-xdist groups no tests under this pytest; see the versions in requirements/"
        )


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Several test processes share the cores; torch's threads would fight over them."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Verbs that a test started and did not wait for end with it."""
    yield
    close_all()


@pytest.fixture(params=RELEASED)
def released(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """(scenario, arrays) of each file of released samples."""
    folder = os.environ.get("PHYSLAW_FIXTURES")
    path = Path(folder or "") / f"released_{request.param}.npz"
    if not folder or not path.is_file():
        _absent.append(request.node.nodeid)
        pytest.skip(f"released samples absent: set PHYSLAW_FIXTURES to the folder of {path.name}")
    with np.load(path, allow_pickle=False) as archive:
        yield request.param, {name: archive[name] for name in archive.files}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if "PHYSLAW_FIXTURES" in str(r.longrepr)]
    if skipped:
        terminalreporter.write_line(
            f"NOT CHECKED against released samples: {len(skipped)} tests (PHYSLAW_FIXTURES names no folder with them)"
        )

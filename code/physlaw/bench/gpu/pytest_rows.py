"""A pytest plugin (-p physlaw.bench.gpu.pytest_rows): a JSON line per test as soon as it has ended."""

from __future__ import annotations

import json
import os
from typing import Any

from physlaw.bench.gpu.stages import ROWS


def _write(test: str, outcome: str, seconds: float, why: str) -> None:
    path = os.environ.get(ROWS)
    if path and not os.environ.get("PYTEST_XDIST_WORKER"):  # the process that collects them writes
        row = {"test": test, "outcome": outcome, "seconds": round(seconds, 1), "why": why}
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")


def _reason(report: Any) -> str:
    """One line: why a test failed, or was skipped."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr or "")
    return (text.strip().splitlines() or [""])[0][:200]


def pytest_runtest_logreport(report: Any) -> None:
    """The call of a test, or the part before or after it where that failed or skipped it."""
    if report.when == "call" or report.outcome != "passed":
        _write(report.nodeid, report.outcome, report.duration, "" if report.outcome == "passed" else _reason(report))


def pytest_collectreport(report: Any) -> None:
    """A file that cannot be read as tests."""
    if report.outcome == "failed":
        _write(report.nodeid, "failed", 0.0, _reason(report))

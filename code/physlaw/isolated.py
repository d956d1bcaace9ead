"""Processes of this package that import nothing from the current folder: what lies there is data, not code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CODE = Path(__file__).resolve().parents[1]  # the folder of the package


def module_command(module: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment that run a module of this package in a process of its own."""
    kept = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    path = os.pathsep.join([str(CODE), *(entry for entry in kept if entry != os.getcwd())])
    return [sys.executable, "-P", "-m", module], os.environ | {"PYTHONPATH": path}

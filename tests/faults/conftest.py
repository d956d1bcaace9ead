from __future__ import annotations

import os
from pathlib import Path

import pytest

SWITCH = "PHYSLAW_FAULTS"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests run by `make test-faults` only: they kill hundreds of processes."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not os.environ.get(SWITCH):
            item.add_marker(pytest.mark.skip(reason=f"runs by make test-faults ({SWITCH}=1; a larger number: longer)"))


@pytest.fixture
def times() -> int:
    """How often everything is repeated: 1, or more for a night."""
    return int(os.environ.get(SWITCH, "1"))

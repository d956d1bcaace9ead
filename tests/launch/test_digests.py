"""What identifies the cells of every profile stays as it is: run folders and results are found by it."""

import json
from pathlib import Path

import pytest

from physlaw.config import STUDIES, choices
from physlaw.launch.cells import study_cells

# {study/profile: {cell: [first digits of its configuration's digest, and of its tokenizer's]}}. A wanted change of
# what identifies a cell changes this file; anything else that does would make all finished work count for nothing.
KNOWN = json.loads((Path(__file__).parent / "digests.json").read_text())


def digests(study: str, profile: str) -> dict[str, list[str]]:
    cells = study_cells([f"study={study}", f"profile={profile}"])
    return {cell.name: [cell.digest()[:16], cell.tokenizer_run()[0][:16]] for cell in cells}


@pytest.mark.parametrize("study", STUDIES)
def test_cells_are_identified_as_ever(study: str) -> None:
    for profile in choices("profile", study):
        assert digests(study, profile) == KNOWN[f"{study}/{profile}"], profile

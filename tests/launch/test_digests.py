"""What identifies the cells of every profile stays as it is: run folders and results are found by it."""

import json
from pathlib import Path

import pytest

from physlaw.launch.cells import study_cells
from physlaw.profiles import choices
from physlaw.studies import NAMES
from physlaw.studies.registry import scenarios_of

# {study/profile: {cell: [first digits of its configuration's digest, and of its tokenizer's]}}. A wanted change of
# what identifies a cell changes this file; anything else that does would make all finished work count for nothing.
KNOWN = json.loads((Path(__file__).parent / "digests.json").read_text())


PROFILES = [(study, name) for study in NAMES for name in choices("profile", study)]


@pytest.mark.slow
@pytest.mark.parametrize(("study", "profile"), PROFILES)
def test_a_profiles_cells_are_its_studys_and_identified_as_ever(study: str, profile: str) -> None:
    cells = study_cells([f"study={study}", f"profile={profile}"])
    found = {cell.name: [cell.digest()[:16], cell.tokenizer_run()[0][:16]] for cell in cells}
    assert found == KNOWN[f"{study}/{profile}"]
    assert len(found) == len(cells)
    assert {(cell.study, cell.profile) for cell in cells} == {(study, profile)}
    assert all(cell.grid.notes for cell in cells)
    scenarios = {cell.scenario for cell in cells}
    assert scenarios <= set(scenarios_of(study))
    if profile == "paper":
        assert {cell.train.steps for cell in cells} <= {50_000, 100_000, 300_000, 1_000_000}

"""Damaged files by the thousand lead to the named error or to clips, and to nothing else. Run by `make test-faults`."""

from pathlib import Path

import pytest

from mutants import MUTANTS, PARTS, check_mutants, good_files


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(1, PARTS))
def test_damaged_files_lead_to_the_named_error_and_to_nothing_else(tmp_path: Path, part: int, times: int) -> None:
    check_mutants(tmp_path, good_files(tmp_path), range(part, MUTANTS * times, PARTS))

"""errata.yaml: shown in CLAIMS.md; missing it is no section, damaged one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from physlaw.__main__ import main
from physlaw.errors import UserError
from physlaw.profiles import REPOSITORY
from physlaw.results.errata import FILE, errata_markdown, read_errata

ENTRY = "- about: C8\n  said: It is so.\n  correct: >-\n    It is\n    not.\n  when: 2026-11-26\n"


def test_entries_are_shown_and_without_them_there_is_no_section(tmp_path: Path) -> None:
    assert errata_markdown(tmp_path) == ""
    (tmp_path / FILE).write_text("[]\n")
    assert errata_markdown(tmp_path) == ""
    (tmp_path / FILE).write_text(ENTRY)
    text = errata_markdown(tmp_path)
    assert text.startswith("## Errata\n")
    assert "- C8 (2026-11-26). Said: It is so. Correct: It is not.\n" in text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("- about: [", "not readable as YAML"),
        ("about: C8\n", "not a list"),
        ("", "not a list"),
        (ENTRY + "- C9\n", "entry 2 is not one"),
        (ENTRY.replace("said", "claimed"), "entry 1 is not one of this file; valid: about, said, correct, when"),
        ("- !!python/object/apply:os.getcwd []\n", "not readable as YAML"),
    ],
)
def test_a_damaged_file_is_one_line_with_its_name(text: str, wrong: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UserError, match=rf"errata\.yaml: {wrong}") as error:
        read_errata(tmp_path)
    assert "\n" not in str(error.value)


def test_the_verb_says_it_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FILE).write_text("about: C8\n")
    assert main(["claims", f"results={tmp_path}", f"out={tmp_path / 'out'}"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_committed_entries_are_in_the_committed_claims() -> None:
    text = errata_markdown(REPOSITORY / "results")
    assert all(word in text for word in ("C2", "C8", "C10", "C11", "hardly", "Vanished", "one seed", "Recipe"))
    assert text in (REPOSITORY / "CLAIMS.md").read_text()

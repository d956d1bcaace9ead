"""Results and run folders of older, newer and damaged kinds: read, or refused by name. The verbs share the reader."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.cell.folder import claim_folder
from physlaw.compose import compose_cell
from physlaw.config import CellConfig
from physlaw.errors import UserError
from physlaw.files import read_json, write_json
from physlaw.launch.plan import is_finished
from physlaw.profiles import REPOSITORY
from physlaw.report.metrics import read_metrics
from physlaw.results.collect import collect
from physlaw.results.reproduce import redraw
from physlaw.schema import SCHEMA, UNKNOWN
from physlaw.studies import registry

SMOKE = REPOSITORY / "results/id_ood/smoke"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of committed results, <tmp>/results/id_ood/smoke."""
    return Path(shutil.copytree(SMOKE, tmp_path / "results" / "id_ood" / "smoke"))


def without(column: str) -> Callable[[str], str]:
    def cut(text: str) -> str:
        rows = [line.split(",") for line in text.splitlines()]
        at = rows[0].index(column)
        return "\n".join(",".join(row[:at] + row[at + 1 :]) for row in rows) + "\n"

    return cut


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: "", "metrics.csv: not a readable metrics.csv"),
        (lambda text: text[:2000], "metrics.csv: cut off in its last line"),
        (without("accelerator"), "metrics.csv: not a metrics.csv of this project, it has no column accelerator"),
        (without("study"), "it has no column study"),
        (without("generated_corrected"), "has not what"),
        (lambda text: text.replace(",0,id,", ",x,id,"), "column seed has words or blanks"),
    ],
    ids=["empty", "cut", "column", "study", "measure", "words"],
)
def test_every_verb_names_a_damaged_table(
    folder: Path, damage: Callable[[str], str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "metrics.csv"
    path.write_text(damage(path.read_text()))
    results = folder.parents[1]
    for words in (
        ["report", str(folder)],
        ["claims", f"results={results}", f"out={results.parent}"],
        ["index", f"results={results}"],
    ):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert said.startswith("physlaw: error: ")
        assert said.count("\n") == 1
        assert message in said
        assert "id_ood/smoke" in said


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("clips.csv", "", "clips.csv: not a readable clips.csv"),
        ("clips.csv", "a,b\n1,2\n", "has not what tables, figures and page need"),
        ("clips.csv", None, "clips.csv is missing"),
        ("notes.json", "[]", "notes.json has not what the page's notes need"),
        ("notes.json", "{", "notes.json: not readable JSON"),
    ],
)
def test_what_lies_beside_the_table_is_named_too(folder: Path, name: str, content: str | None, message: str) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(UserError, match=message):
        redraw(folder)


def test_a_table_of_which_nothing_has_finished_has_nothing_to_draw(folder: Path) -> None:
    path = folder / "metrics.csv"
    table = pd.read_csv(path, dtype=str).assign(kind="missing")
    table.to_csv(path, index=False)
    with pytest.raises(UserError, match="none of its cells has finished"):
        redraw(folder)


def test_a_commit_that_nobody_knew_is_unknown_for_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Older results have a blank there."""
    path = folder / "metrics.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table["commit"], table["dirty"] = "", ""
    table.to_csv(path, index=False)
    assert set(read_metrics(folder)["commit"]) == {UNKNOWN}
    results = folder.parents[1]
    assert main(["claims", f"results={results}", f"out={results.parent}"]) == 0
    assert main(["index", f"results={results}"]) == 0
    table["commit"] = UNKNOWN
    table.to_csv(path, index=False)
    assert set(read_metrics(folder)["commit"]) == {UNKNOWN}


def test_what_a_spreadsheet_has_saved_is_read(folder: Path) -> None:
    path, known = folder / "metrics.csv", read_metrics(folder)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    pd.testing.assert_frame_equal(read_metrics(folder), known)


@pytest.mark.parametrize(
    ("schema", "is_known"), [("0", True), (str(SCHEMA), True), (str(SCHEMA + 1), False), ("x", False)]
)
def test_a_table_of_a_newer_schema_is_refused(folder: Path, schema: object, is_known: bool) -> None:
    path = folder / "metrics.csv"
    lines = [line.partition(",")[2] for line in path.read_text().splitlines()]  # without the schema that it has
    path.write_text("\n".join(["schema," + lines[0], *(f"{schema},{line}" for line in lines[1:])]) + "\n")
    if is_known:
        found, known = (read_metrics(place).drop(columns="schema") for place in (folder, SMOKE))
        pd.testing.assert_frame_equal(found, known)
        return
    with pytest.raises(
        UserError, match=rf"metrics\.csv: unknown schema .*; this physlaw reads 0 to {SCHEMA}, use a newer one"
    ):
        read_metrics(folder)


# ---- run folders


def finished(runs: Path, **changes: Any) -> CellConfig:
    """A run folder with all that `collect` reads, as this version writes it but for `changes` of provenance.json."""
    cell = compose_cell([f"runs={runs}", "scenario=uniform"])
    hardware = {"processor": "p", "cores": 2}
    written = {"schema": SCHEMA, "commit": "c" * 40, "dirty": False, "code_digest": "d", "hardware": hardware}
    trained = {"config_digest": cell.digest(), "weights_sha256": "w", "parameters": 1, "training_clips": 3, "steps": 4}
    trained |= {"train_seconds": 1.0, "compiled": False, "data_digest": "e", "tokenizer": {"digest": "t", "seconds": 0}}
    known = {name: value for name, value in (trained | written | changes).items() if value is not None}
    write_json(cell.folder / "provenance.json", known)
    write_json(cell.folder / "evaluation.json", {"weights_sha256": "w", "seconds": 1.0} | written)
    (cell.folder / "rows.csv").write_text("group,kind,level,clips\nid,block,0,8\n")
    return cell


@pytest.fixture
def no_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the cells' eval folders nothing is asked."""
    monkeypatch.setattr(registry, "report_of", lambda study: SimpleNamespace(gather=lambda cells, out: None))


@pytest.mark.usefixtures("no_gathering")
def test_run_folders_of_this_schema_and_of_before_are_collected(tmp_path: Path) -> None:
    for name, changes in (("new", {}), ("old", {"schema": None}), ("unknown", {"commit": None, "dirty": None})):
        cell = finished(tmp_path / name, **changes)
        if name == "unknown":  # as before there was a schema
            card = read_json(cell.folder / "provenance.json")
            write_json(cell.folder / "provenance.json", card | {"commit": None, "dirty": None})
        assert is_finished(cell)
        metrics, _ = collect([cell], tmp_path / name / "out")
        assert list(metrics["schema"]) == [SCHEMA]
        assert list(metrics["commit"]) == [UNKNOWN if name == "unknown" else "c" * 40]
        gathered = read_json(tmp_path / name / "out" / "provenance.json")
        assert gathered["schema"] == SCHEMA
        assert gathered[cell.name]["training"]["config_digest"] == cell.digest()
        assert str(tmp_path) not in (tmp_path / name / "out" / "provenance.json").read_text()


def test_no_committed_result_names_a_folder_of_a_machine() -> None:
    for path in (REPOSITORY / "results").rglob("*.json"):
        assert not re.findall(r'": "/[^"]*"', path.read_text()), path


def test_run_folders_of_a_newer_schema_or_without_what_is_needed_are_named(tmp_path: Path) -> None:
    newer = finished(tmp_path / "newer", schema=SCHEMA + 1)
    for read in (is_finished, lambda cell: collect([cell], tmp_path / "out")):
        with pytest.raises(UserError, match=rf"seed0/provenance\.json: unknown schema {SCHEMA + 1}"):
            read(newer)
    lacking = finished(tmp_path / "lacking", compiled=None)
    with pytest.raises(UserError, match=r"seed0: provenance\.json or evaluation\.json has no 'compiled'"):
        collect([lacking], tmp_path / "out")
    (lacking.folder / "provenance.json").write_text("[1]")
    with pytest.raises(UserError, match=r"provenance\.json: not a JSON object but \[1\]"):
        collect([lacking], tmp_path / "out")


def test_a_run_folder_s_configuration_says_its_schema(tmp_path: Path) -> None:
    cell = compose_cell([f"runs={tmp_path}", "scenario=uniform"])
    cell.folder.mkdir(parents=True)
    claim_folder(cell)
    path = cell.folder / "config.json"
    written = json.loads(path.read_text())
    assert written["schema"] == SCHEMA
    assert written["digest"] == cell.digest()
    del written["schema"]  # of before: goes on as it is
    write_json(path, written)
    claim_folder(cell)
    assert read_json(path) == written
    write_json(path, written | {"schema": SCHEMA + 1})
    with pytest.raises(UserError, match=rf"config\.json: unknown schema {SCHEMA + 1}"):
        claim_folder(cell)

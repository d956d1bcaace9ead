"""`physlaw claims`: a row per claim and scale, from every metrics.csv and nothing else; damaged files are named."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from physlaw.__main__ import main
from physlaw.errors import UserError
from physlaw.profiles import REPOSITORY
from physlaw.report.verdicts import NOT_RUN, SUPPORTED, Verdict
from physlaw.results.claims import Row, claim_rows, claims_csv, claims_markdown, overview, write_claims
from physlaw.results.scales import read_results, seeds_text, time_text
from physlaw.studies import registry
from physlaw.studies.registry import deciding_studies

SMOKE = REPOSITORY / "results/id_ood/smoke/metrics.csv"


def put(results: Path, study: str = "id_ood", table: str = "smoke", text: str | None = None) -> Path:
    """A metrics.csv in its place; without a text the committed one of id_ood's smoke run, renamed."""
    path = results / study / table / "metrics.csv"
    path.parent.mkdir(parents=True)
    known = SMOKE.read_text().replace("id_ood,smoke,", f"{study},{table},")
    path.write_text(known if text is None else text)
    return path


def rows_of(results: Path) -> dict[tuple[str, str], Row]:
    return {(row.claim, row.scale): row for row in claim_rows(read_results(results))}


def test_every_claim_has_a_row_at_every_scale(tmp_path: Path) -> None:
    put(tmp_path)
    rows = claim_rows(read_results(tmp_path))
    assert registry.paper_claims() == [f"C{k}" for k in range(1, 17)]
    assert list(deciding_studies()) == [*registry.paper_claims(), *registry.further_claims()]
    assert len(rows) == 3 * len(deciding_studies())
    assert [row.scale for row in rows[:3]] == ["smoke", "mini", "paper"]
    known = {(row.claim, row.scale): row for row in rows}
    found = known["C2", "smoke"]
    assert (found.verdict, found.seeds, found.study) == ("inconclusive", "1", "id_ood")
    assert found.value.startswith("uniform: 6.5 [5.3, 7.9]")
    assert found.reason.startswith("fails where trained: collision dit_xxs: speed error 0.2")
    assert found.power.startswith("uniform ")
    assert found.command == "physlaw reproduce study=id_ood profile=smoke recipe=fast"
    assert found.hardware == "AMD EPYC, 2 cores, no accelerator"
    runs = pd.read_csv(SMOKE).drop_duplicates("cell")
    minutes = (runs["train_seconds"] + runs["evaluation_seconds"]).sum() / 60
    assert found.time == f"{minutes:.0f} min"
    absent = known["C2", "mini"]
    assert (absent.verdict, absent.seeds, absent.hardware, absent.time) == (NOT_RUN, "0", "", "")
    assert absent.value == "no results of id_ood at this scale"
    assert absent.command == "physlaw reproduce study=id_ood profile=mini"
    assert absent.threshold == found.threshold
    assert absent.check == found.check
    assert "study=attributes" in known["C12", "smoke"].command


def test_a_variant_has_rows_of_its_own_only_where_it_is_there(tmp_path: Path) -> None:
    put(tmp_path)
    assert ("C2", "short") not in rows_of(tmp_path)
    put(tmp_path, table="short")
    known = rows_of(tmp_path)
    assert [claim for claim, scale in known if scale == "short"] == ["C1", "C2", "C3", "C4"]
    header, rows = overview(list(known.values()), list(deciding_studies()))
    assert header[-1] == "short"
    assert rows[4][-1] == "—"  # C5 is of another study


def test_a_table_of_another_recipe_is_a_scale_of_its_own(tmp_path: Path) -> None:
    text = SMOKE.read_text().replace("id_ood,smoke,fast,", "id_ood,smoke,faithful,")
    put(tmp_path, table="smoke-faithful", text=text)
    assert ("C1", "smoke-faithful") in rows_of(tmp_path)


def test_without_any_results_nothing_has_run(tmp_path: Path) -> None:
    assert {row.verdict for row in rows_of(tmp_path).values()} == {NOT_RUN}
    with pytest.raises(UserError, match="no such folder"):
        read_results(tmp_path / "none")


SECONDS = pd.read_csv(SMOKE)["train_seconds"][0]
DAMAGE = {
    "": "not a readable metrics.csv",
    "a,b\n1,2\n": "no column study, profile",
    SMOKE.read_text().split("\n")[0] + "\n": "no rows",
    SMOKE.read_text()[:-7]: "cut off in its last line",
    SMOKE.read_text()[:-200].rsplit(",", 1)[0] + "\n": "column .* has words or blanks",
    SMOKE.read_text().replace(
        f",{pd.read_csv(SMOKE)['train_seconds'][0]},", ",many,"
    ): "column train_seconds has words or blanks",
    SMOKE.read_text() + "1,2,3" + ",4" * 80 + "\n": "not a readable metrics.csv",
    SMOKE.read_text().replace("id_ood,smoke,", "id_ood,mini,"): "which belong in id_ood/mini",
    SMOKE.read_text().replace("generated_corrected", "generated_other"): "has not what the verdicts of id_ood need",
}


@pytest.mark.parametrize("text", DAMAGE, ids=lambda text: DAMAGE[text][:30])
def test_a_damaged_file_is_named(text: str, tmp_path: Path) -> None:
    put(tmp_path, text=text)
    with pytest.raises(UserError, match=f"id_ood/smoke/metrics.csv.*{DAMAGE[text]}"):
        claim_rows(read_results(tmp_path))


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    put(tmp_path).write_bytes(b"\xff\xfe\x00\x81" * 40 + b"\n")
    with pytest.raises(UserError, match=r"id_ood/smoke/metrics\.csv: not a readable metrics\.csv"):
        read_results(tmp_path)


def test_an_unknown_study_is_named(tmp_path: Path) -> None:
    put(tmp_path, study="guesses")
    with pytest.raises(UserError, match=r"guesses/smoke/metrics\.csv: unknown study 'guesses'; valid: id_ood"):
        read_results(tmp_path)


def fake(claims: tuple[str, ...], seen: dict[str, object]) -> SimpleNamespace:
    """A study's report whose verdicts note what they were given."""

    def verdicts(metrics: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> list[Verdict]:
        seen["study"], seen["others"] = set(metrics["study"]), others
        return [Verdict(claim, SUPPORTED, "check", "1.0 [0.9, 1.1]", "> 0", "", "none", "command") for claim in claims]

    return SimpleNamespace(verdicts=verdicts)


def use(monkeypatch: pytest.MonkeyPatch, **reports: SimpleNamespace) -> None:
    """Studies with these reports instead of their own."""
    known = registry.report_of
    monkeypatch.setattr(registry, "report_of", lambda study: reports.get(study) or known(study))


def test_a_study_is_picked_up_with_its_report_and_sees_the_others_of_its_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, object] = {}
    use(monkeypatch, ring=fake(("C12",), seen))
    put(tmp_path)
    put(tmp_path, study="ring")
    put(tmp_path, table="mini")
    known = rows_of(tmp_path)
    assert known["C12", "smoke"].verdict == SUPPORTED
    assert seen["study"] == {"ring"}
    others = seen["others"]
    assert isinstance(others, Mapping)
    assert set(others) == {"id_ood"}
    assert set(others["id_ood"]["profile"]) == {"smoke"}
    with pytest.raises(TypeError):
        others["id_ood"] = None  # type: ignore[index]
    assert known["C12", "mini"].verdict == NOT_RUN


def test_time_and_hardware_are_of_every_study_that_a_claim_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, ring=fake(("C12",), {}), attributes=fake(("C11",), {}))
    put(tmp_path, study="ring")
    alone = rows_of(tmp_path)["C12", "smoke"].time
    put(tmp_path, study="attributes")
    runs = pd.read_csv(SMOKE).drop_duplicates("cell")
    assert alone == time_text([runs])
    assert rows_of(tmp_path)["C12", "smoke"].time == time_text([runs, runs]) != alone


def test_a_report_that_leaves_out_its_claim_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, attributes=fake((), {}))
    put(tmp_path, study="attributes")
    with pytest.raises(UserError, match="report of attributes gives no verdict on C11"):
        claim_rows(read_results(tmp_path))


def test_seeds_and_hours() -> None:
    runs = pd.DataFrame(
        {"cell": ["a-seed0", "a-seed1", "b-seed0", "c-seed0"], "seed": [0, 1, 0, 0], "kind": ["x", "x", "x", "missing"]}
    )
    assert seeds_text(runs) == "1 to 2"
    assert seeds_text(runs[runs["cell"].str.startswith("a")]) == "2"
    assert seeds_text(runs[runs["kind"] == "missing"]) == "0"
    timed = runs.assign(train_seconds=3000.0, evaluation_seconds=600.0)
    assert time_text([timed]) == "3.0 h"
    assert time_text([timed[:0]]) == "0 min"


def test_the_files_are_the_same_bytes_again(tmp_path: Path) -> None:
    for path in sorted((REPOSITORY / "results").glob("*/*/metrics.csv")):
        put(tmp_path / "results", path.parent.parent.name, path.parent.name, path.read_text())
    texts = []
    for name in ("a", "b"):
        write_claims(tmp_path / "results", tmp_path / name)
        texts.append([(tmp_path / name / file).read_bytes() for file in ("CLAIMS.md", "results/claims.csv")])
    assert texts[0] == texts[1]
    table = pd.read_csv(io.BytesIO(texts[0][1]), keep_default_na=False)
    rows = claim_rows(read_results(tmp_path / "results"))
    assert len(table) == len(rows)
    assert list(table["verdict"]) == [row.verdict for row in rows]
    text = texts[0][0].decode()
    for row in rows:
        assert f"| {row.scale} | **{row.verdict}** |" in text
    assert text.count("\n## C") == 16
    assert "nan" not in claims_csv(rows)


def test_long_cells_keep_the_table_whole(tmp_path: Path) -> None:
    put(tmp_path)
    rows = claim_rows(read_results(tmp_path))
    odd = Row(**(vars(rows[0]) | {"value": "a | b; c\nd"}))
    line = next(line for line in claims_markdown([odd, *rows[1:]]).splitlines() if "a \\|" in line)
    assert r"| a \| b<br>c d |" in line


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path / "results")
    assert main(["claims", f"results={tmp_path / 'results'}", f"out={tmp_path}"]) == 0
    shown = capsys.readouterr().out
    assert "| C16   |" in shown
    assert (tmp_path / "CLAIMS.md").is_file()
    assert (tmp_path / "results" / "claims.csv").is_file()
    assert main(["claims", "out_=x"]) == 2
    assert "unknown key 'out_'; valid: results, out" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["claims", "index"])
def test_the_verbs_need_no_torch(verb: str, tmp_path: Path) -> None:
    put(tmp_path / "results")
    words = [verb, f"results={tmp_path / 'results'}", *([f"out={tmp_path}"] if verb == "claims" else [])]
    code = f"import sys; sys.modules['torch'] = None; from physlaw.__main__ import main; sys.exit(main({words!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_committed_results_can_be_judged(tmp_path: Path) -> None:
    copy = tmp_path / "results"
    for path in (REPOSITORY / "results").glob("*/*/metrics.csv"):
        there = copy / path.relative_to(REPOSITORY / "results")
        there.parent.mkdir(parents=True)
        shutil.copy(path, there)
    known = rows_of(copy)
    assert known["C15", "smoke"].hardware
    assert known["C4", "smoke"].value == "the pixel tokenizer is lossless; no VAE at this scale"


def test_the_committed_claims_follow_from_the_committed_results(tmp_path: Path) -> None:
    write_claims(REPOSITORY / "results", tmp_path)
    for name in ("CLAIMS.md", "results/claims.csv"):
        assert (tmp_path / name).read_text() == (REPOSITORY / name).read_text(), f"{name}: run `physlaw claims` again"


def test_programs_get_the_rows_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["claims", "--json", f"results={REPOSITORY / 'results'}", f"out={tmp_path}"]) == 0
    rows = {(row["claim"], row["scale"]): row for row in json.loads(capsys.readouterr().out)}
    gap = rows["C8", "mini"]
    assert gap["low"] < gap["number"] < gap["high"]
    assert gap["bound"] == 0.5
    assert rows["C2", "paper"]["number"] is None
    assert list(tmp_path.iterdir()) == []

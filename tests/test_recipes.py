"""CONTRIBUTING.md's recipes, followed to the letter: a scenario, a study, a metric, a model and a reference agent, from
their own files, to table, page, claims and index."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from physlaw import studies
from physlaw.__main__ import main
from physlaw.launch.cells import study_cells
from physlaw.profiles import REPOSITORY
from physlaw.report.checks import NOT_SUPPORTED, SUPPORTED
from physlaw.results.reproduce import collect_and_report
from physlaw.studies import registry

CODE, NAME = "code/physlaw/studies", "slow_only"
TINY = ["train.steps=2", "train.batch_size=2", "diffusion.denoise_steps=2", "eval.id_clips=4", "eval.ood_clips=12",
        "eval.batch_size=12", "machine.compile=off"]  # fmt: skip


def recipes() -> dict[str, str]:
    """The page's files: where each belongs, and its text."""
    page = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^```\w+\n# ((?:code|configs)/\S+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the recipes' files in their places beside the project's, and the study's name in NAMES."""
    shutil.copytree(REPOSITORY / "configs", tmp_path / "configs")
    for place, text in recipes().items():
        path = tmp_path / place
        assert not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / CODE / NAME / "__init__.py").touch()
    monkeypatch.setenv("PHYSLAW_CONFIGS", str(tmp_path / "configs"))
    monkeypatch.setattr(studies, "NAMES", (*studies.NAMES, NAME))
    monkeypatch.setattr(studies, "__path__", [*studies.__path__, str(tmp_path / CODE)])
    yield tmp_path
    for module in [name for name in sys.modules if name.startswith(f"{studies.__name__}.{NAME}")]:
        del sys.modules[module]
    if hasattr(studies, NAME):
        delattr(studies, NAME)


def test_a_study_takes_a_folder_a_name_and_a_profile() -> None:
    places = sorted(recipes())
    own = [f"{CODE}/{NAME}/{part}.py" for part in ("agents", "report", "score", "sets", "slowed", "study")]
    assert places == [*own, "configs/model/dit_mine.yaml", f"configs/profile/{NAME}/smoke.yaml"]
    assert {*registry.PARTS, "agents"} <= {Path(place).stem for place in own}


@pytest.mark.slow
def test_the_recipes_run_to_table_page_claims_and_index(followed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["where", f"scenario={NAME}", "r=1", "v=3.5"]) == 0
    assert "block=fast" in capsys.readouterr().out
    clips = followed / "clips.npz"
    assert main(["simulate", f"scenario={NAME}", "size=300", "count=2", "resolution=32", f"out={clips}"]) == 0

    from physlaw.cell.run import run_cell

    words = [f"study={NAME}", "profile=smoke", *TINY, f"runs={followed / 'runs'}"]
    cells = study_cells(words)
    assert [cell.model.row for cell in cells] == ["dit_mine", "agent_law", "agent_clamp", "agent_half_speed"]
    for cell in cells:
        run_cell(cell)
    out = followed / "results" / NAME / "smoke"
    page = collect_and_report(cells, out)

    metrics = pd.read_csv(out / "metrics.csv", dtype={"size": str})
    fast = metrics[metrics["group"] == "fast"].set_index("model")
    assert fast.loc["agent_law", "slowed"] == 0
    assert fast.loc["agent_clamp", "slowed"] == fast.loc["agent_half_speed", "slowed"] == 1
    assert fast.loc["agent_law", "slowed_high"] < 0.5 < fast.loc["agent_clamp", "slowed_low"]
    claim = registry.claim_of("E5")
    for agents, expected in ((claim.must_fail, NOT_SUPPORTED), (claim.must_pass, SUPPORTED)):
        for agent in agents:
            (found,) = registry.report_of(NAME).verdicts(metrics[metrics["model"] == f"agent_{agent}"], {})
            assert found.verdict == expected

    assert "slowed down" in (out / "table.md").read_text()
    for text in ("Slow balls only", "E5", "slowed down", "image/png", "What this scale is worth"):
        assert text in page.read_text()
    assert main(["claims", f"results={followed / 'results'}", f"out={followed}"]) == 0
    text = (followed / "CLAIMS.md").read_text()
    assert text.index("\n## C16: ") < text.index("\n## Beyond the paper\n") < text.index(f"\n## E5: {claim.words}\n")
    assert f"| {claim.words} " in text[text.index("\n## Beyond the paper\n") :]  # its overview
    assert "dit_mine, 300" in (followed / "results" / "claims.csv").read_text()
    assert main(["index", f"results={followed / 'results'}"]) == 0
    index = (followed / "results" / "index.html").read_text()
    assert f"{NAME}/smoke/report.html" in index
    places = [index.index(text) for text in ("<h2>The paper's claims", "<h2>Beyond the paper", "<td>E5</td>")]
    assert places == sorted(places)

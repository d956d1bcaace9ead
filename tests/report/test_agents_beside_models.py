"""Reference agents stand beside models in tables and figures; claims and fits are about trained models."""

from pathlib import Path

import pandas as pd
import pytest

from physlaw.report.compared import one_model, trained
from physlaw.studies.combinatorial.report.rows import counterparts, main_model
from physlaw.studies.id_ood.report.figures import error_curves
from physlaw.studies.id_ood.report.fits import scenario_fits
from physlaw.studies.id_ood.report.verdicts import verdicts


def rows(model: str, parameters: float, size: str, clips: int, error: float) -> list[dict[str, object]]:
    names = {"study": "id_ood", "profile": "mini", "recipe": "fast", "scenario": "uniform", "model": model}
    names |= {"cell": f"uniform-{model}-n{size}-seed0", "size": size, "seed": 0, "kind": "block"}
    return [
        {**names, "group": group, "parameters": parameters, "training_clips": clips, "tokenizer": "pixels"}
        | {"generated_corrected": value, "generated_corrected_low": 0.9 * value, "truth_corrected": 0.003}
        | {"generated_corrected_high": 1.1 * value}
        for group, value in (("id", error), ("ood", 10 * error))
    ]


@pytest.fixture
def metrics() -> pd.DataFrame:
    known = [
        row
        for model, parameters in (("dit_xxs", 5e5), ("dit_xs", 1e6))
        for size, clips in (("3k", 3000), ("30k", 30000))
        for row in rows(model, parameters, size, clips, 40 * clips**-0.5 * parameters**-0.2)
    ]
    for agent, error in (("law", 0.003), ("clamp", 0.003), ("noisy_law", 0.1)):
        for size, clips in (("3k", 3000), ("30k", 30000)):
            known += rows(f"agent_{agent}", 0, size, clips, error)
    return pd.DataFrame(known)


def test_claims_and_fits_choose_trained_models(metrics: pd.DataFrame, tmp_path: Path) -> None:
    models = trained(metrics)
    assert set(models["model"]) == {"dit_xxs", "dit_xs"}
    assert one_model(metrics)[0] == one_model(models)[0]
    (with_agents,), (alone,) = scenario_fits(metrics), scenario_fits(models)
    assert with_agents.inside == alone.inside
    assert with_agents.outside == alone.outside
    assert verdicts(metrics) == verdicts(models)
    for axis in ("training_clips", "parameters"):
        error_curves(axis, metrics, pd.DataFrame(), tmp_path / f"{axis}.svg")
        assert (tmp_path / f"{axis}.svg").stat().st_size > 1000


def test_agents_alone_are_drawn(metrics: pd.DataFrame, tmp_path: Path) -> None:
    agents = metrics[metrics["model"].str.startswith("agent_")]
    assert len(trained(agents)) == len(agents)
    error_curves("training_clips", agents, pd.DataFrame(), tmp_path / "data.svg")
    assert (tmp_path / "data.svg").is_file()


def test_no_agent_is_the_larger_or_the_smaller_model() -> None:
    models = {"dit_xs_bodies": 1e6, "dit_xxs_bodies": 5e5, "agent_law": 0, "agent_fade_unequal_xl": 4e8}
    metrics = pd.DataFrame(
        [
            {"model": model, "size": size, "parameters": parameters}
            for model, parameters in models.items()
            for size in ("6", "30", "60")
        ]
    )
    assert main_model(metrics) == "dit_xs_bodies"
    assert counterparts(metrics) == {"dit_xs_bodies": "dit_xl", "dit_xxs_bodies": "dit_b"}

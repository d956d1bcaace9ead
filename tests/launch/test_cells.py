"""Configuration and the list of cells."""

import pytest

from physlaw.compose import compose_cell, describe_cell
from physlaw.errors import UserError
from physlaw.evaluation.config import ScoreConfig
from physlaw.launch.cells import each_study, study_cells
from physlaw.profiles import choices, profile_recipe
from physlaw.studies import NAMES, RUN_ORDER
from physlaw.words import read


def test_the_paper_has_its_28_cells() -> None:
    cells = study_cells(["profile=paper"])
    assert len(cells) == 28
    assert len({cell.name for cell in cells}) == 28
    assert sum(cell.model.name == "dit_xl" for cell in cells) == 1
    assert {cell.train.steps for cell in cells} == {100_000}
    assert {cell.train.batch_size for cell in cells} == {256}
    assert {cell.recipe for cell in cells} == {"faithful"}
    assert cells[0].diffusion.objective == "v_prediction"
    assert cells[0].diffusion.times == "uniform"


PROFILES = [(study, name) for study in NAMES for name in choices("profile", study)]


@pytest.mark.slow
@pytest.mark.parametrize(("study", "profile"), PROFILES)
def test_every_profile_composes_with_the_other_recipe_too(study: str, profile: str) -> None:
    """With its own: test_digests."""
    (recipe,) = set(choices("recipe")) - {profile_recipe(study, profile)}
    for cell in study_cells([f"study={study}", f"profile={profile}", f"recipe={recipe}"]):
        assert (cell.study, cell.profile) == (study, profile)
        assert cell.recipe == recipe
        assert cell.grid.notes


def test_the_papers_combinatorial_cells() -> None:
    cells = study_cells(["study=combinatorial", "profile=paper"])
    found = [(cell.model.name, cell.size) for cell in cells]
    assert found == [("dit_xl", "6"), ("dit_xl", "30"), ("dit_xl", "60"), ("dit_b", "60")]
    assert {(cell.train.steps, cell.train.batch_size) for cell in cells} == {(1_000_000, 256)}
    assert {cell.data.resolution for cell in cells} == {256}
    assert {(cell.data.num_cond_frames, cell.eval.id_clips, cell.eval.ood_clips) for cell in cells} == {(1, 600, 500)}
    assert {cell.data.condition for cell in cells} == {"zeros"}


def test_smoke_is_one_cell_per_scenario() -> None:
    assert [cell.scenario for cell in study_cells([])] == ["uniform", "parabola", "collision"]


def test_a_profile_may_set_keys_per_scenario_and_words_win() -> None:
    steps = {cell.scenario: cell.train.steps for cell in study_cells([])}
    assert steps["collision"] > steps["uniform"]
    assert compose_cell(["scenario=collision"]).train.steps == steps["collision"]
    assert compose_cell(["scenario=collision", "train.steps=5"]).train.steps == 5


def test_words_on_an_axis_choose_cells_and_others_change_all() -> None:
    (cell,) = study_cells(["scenario=parabola", "train.steps=7"])
    assert (cell.scenario, cell.train.steps) == ("parabola", 7)
    with pytest.raises(UserError, match="has no cell with model=dit_xl; it has scenarios"):
        study_cells(["model=dit_xl"])


def test_a_cell_is_named_by_what_differs() -> None:
    cell = compose_cell(["scenario=uniform", "model=dit_s", "size=30k", "seed=3", "runs=/tmp/x"])
    assert cell.name == "uniform-dit_s-n30k-seed3"
    assert str(cell.folder) == "/tmp/x/id_ood/smoke/uniform-dit_s-n30k-seed3"
    assert compose_cell(["recipe=faithful"]).table == "smoke-faithful"  # never in one table with the profile's own


def test_digest_follows_what_changes_a_result() -> None:
    base = compose_cell([]).digest()
    assert compose_cell(["runs=elsewhere"]).digest() == base
    assert compose_cell(["grid.tolerance=0.9"]).digest() == base
    words = ["batch_per_device=8", "compile=off", "deterministic=true", "activation_checkpointing=true"]
    for word in (*words, "attention=flash", "fused_update=true"):
        assert compose_cell([f"machine.{word}"]).digest() == base  # how a machine does it; runs go on across these
    for word in ("seed=1", "train.steps=3", "data.resolution=32", "recipe=faithful"):
        assert compose_cell([word]).digest() != base


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["scenario=uni"], "unknown scenario of study id_ood 'uni'; valid: uniform, parabola, collision"),
        (["size=5k"], "unknown size of scenario uniform '5k'; valid: 300, 3k, 30k, 300k, 3m"),
        (["model=dit_huge"], "unknown model 'dit_huge'; valid: dit_b, "),
        (["profile=tiny"], "unknown profile of study id_ood 'tiny'; valid: agents, mini, paper, short, smoke"),
        (
            ["study=combinatorial", "profile=short"],
            "study combinatorial 'short'; valid: agents, mini, paper, smoke",
        ),
        (["recipe=slow"], "unknown recipe 'slow'; valid: faithful, fast"),
        (["study=gap"], "unknown study 'gap'; valid: id_ood, combinatorial"),
        (["colour=red"], "unknown key 'colour'; valid: model, tokenizer, "),
        (["train.stepz=1"], "unknown key 'train.stepz'; valid: train.steps, "),
        (["train.steps=many"], "train.steps must be a whole number, got 'many'"),
        (["train.steps=0"], "train.steps must be positive, got 0"),
        (["data.num_frames=0"], "data.num_frames must be 1 to 10000, got 0"),
        (["data.num_cond_frames=32"], "data.num_cond_frames must be 1 to num_frames - 1 = 31, got 32"),
        (["data.resolution=8"], "data.resolution must be 16 to 512, got 8"),
        (["data.contact=soft"], "unknown data.contact 'soft'; valid: elastic, released"),
        (["eval.id_clips=0"], "eval.id_clips must be at least 1, got 0"),
        (["model.name=../x"], "not a cell name"),
        (["seed"], "not key=value: 'seed'"),
        (["seed=[1"], "seed must be a whole number, got '[1'"),
    ],
)
def test_bad_words_are_one_line_with_the_valid_choices(words: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        compose_cell(words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_verbs_parse_their_own_words() -> None:
    assert read(ScoreConfig, ["resize=128", "keep_last=true"]) == ScoreConfig(None, 128, True)
    with pytest.raises(UserError, match="scenario, resize, keep_last"):
        read(ScoreConfig, ["size=3"])


def test_help_lists_every_key_and_choice() -> None:
    text = describe_cell()
    assert "model=dit_b|dit_b_numbers|dit_b_text|dit_l|dit_s" in text
    assert "train.muon_learning_rate=0.02" in text


def test_all_studies_are_the_words_of_each_that_has_the_profile() -> None:
    words = ["profile=mini", "study=all", "runs=somewhere"]
    each = each_study(words)
    assert [own[0] for own in each] == [f"study={name}" for name in RUN_ORDER]
    assert all(own[1:] == ["profile=mini", "runs=somewhere"] for own in each)
    assert [own[0] for own in each_study(["study=all", "profile=short"])] == ["study=id_ood"]  # nothing else has it
    assert each_study(["study=ring"]) == [["study=ring"]]
    assert set(RUN_ORDER) == set(NAMES)
    with pytest.raises(UserError, match=r"unknown profile 'nowhere'; valid: .*mini"):
        each_study(["study=all", "profile=nowhere"])

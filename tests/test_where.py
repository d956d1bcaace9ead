"""`physlaw where`: in or out of distribution, and of which evaluation block."""

import json

import pytest

from physlaw.__main__ import main


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["where", *words]) == 0
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("scenario=uniform r=1.2 v=5", "out block=xl_level2_v1 block=paper_level2_v1"),
        ("scenario=uniform r=1.2 v=2", "in block=id block=paper_id"),
        ("r=0.69999999 v=4.0000001", "in block=id block=paper_id"),  # rims, as float32 has them
        ("r=0.65 v=2", "out"),  # between the training range and the blocks beyond it
        ("scenario=parabola r=0.5 v=5", "out block=cross_level6_r1_r2_v1_v2 block=paper_level3_r1_r2"),
        ("scenario=collision r1=1 r2=1 v1=2 v2=2", "in block=id block=paper_id"),
        ("scenario=gap_150_350 r=1 v=2.5", "out block=gap"),
        ("scenario=gap_150_350 r=1 v=1.2", "in block=bands"),
        ("scenario=gap_150_350 r=1 v=1.5", "out block=gap"),
        ("scenario=gap_one_island r=1 v=2.375", "in block=bands"),
        ("scenario=fast_flipped r=1 v=2", "out block=slow"),
        ("scenario=hole_all_but_rim r1=1 r2=1 v1=2 v2=2", "out block=inside"),
        ("scenario=hole_all_but_rim r1=1 r2=1 v1=3 v2=3", "out block=outside_in_range"),
        ("scenario=hole_mass r1=1 r2=1 v1=2 v2=2", "out block=inside"),
        ("scenario=colour_velocity r=1 v=1.5 colour=blue shape=circle", "out block=blue_slow"),
        ("scenario=colour_velocity_red r=1 v=3 colour=1 shape=0", "out block=blue_fast"),
        ("scenario=size_velocity r=1.05 v=2.5 colour=red shape=circle", "in block=small_slow"),
        ("scenario=colour_ring_noflip r=1 v=2 colour=blue shape=ring", "in block=blue_ring"),
        ("scenario=uniform_fine r=1 v=2", "in block=id block=paper_id"),
    ],
)
def test_a_scene_is_placed(capsys: pytest.CaptureFixture[str], words: str, expected: str) -> None:
    assert answer(capsys, *words.split()) == expected.split()
    for asked in ("--json", "json=true"):
        known = json.loads(" ".join(answer(capsys, *words.split(), asked)))
        lines = ["in" if known["in_dist"] else "out", *(f"block={name}" for name in known["blocks"])]
        assert lines == expected.split()
        assert list(known) == ["in_dist", "blocks"]


def test_older_training_sets_have_room_for_more(capsys: pytest.CaptureFixture[str]) -> None:
    """8 frames before the contact do not fit here, 4 do: only the older sets, which no block shares, have the scene."""
    values = ["scenario=collision", "r1=1.4", "r2=1.4", "v1=3.5", "v2=3.5"]
    assert answer(capsys, *values, "size=10k") == ["in"]
    assert main(["where", *values]) == 2
    assert "it does not fit into picture and time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("scenario=gravity r=1 v=1", "unknown scenario 'gravity'; valid: uniform, parabola, collision"),
        ("r=1", "scenario=uniform needs every initial value (r, v); missing: v"),
        ("r=1 v=2 m=3", "unknown initial value of scenario uniform 'm'; valid: r, v"),
        ("scenario=collision r=1 v=2", "unknown initial value of scenario collision 'r'; valid: r1, r2, v1, v2"),
        ("r=one v=2", "'one'"),
        ("r=3 v=2", "impossible uniform scene 0: r=3, v=2; valid: radii > 0, r < 2.5"),
        ("size=7k r=1 v=2", "unknown training size of scenario uniform '7k'; valid: 300, 3k"),
        ("scenario=colour_size r=1 v=2 shape=circle colour=green", "unknown colour 'green'; valid: red, blue"),
        (
            "scenario=composition_spatial red_x=1",
            "unknown scenario with ranges of initial values 'composition_spatial'",
        ),
        ("r=1 v", "not key=value: 'v'"),
    ],
)
def test_what_cannot_be_placed_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    assert main(["where", *words.split()]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not printed.out


def test_help_names_every_scenarios_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["where", "--help"]) == 0
    printed = capsys.readouterr().out
    assert "r1= r2= v1= v2= of scenario=collision|hole_200_300" in printed
    assert "r= v= colour= shape= of scenario=colour_size" in printed

"""The human ratio from exported ratings, worked out by hand; every wrong file is named."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from physlaw.errors import UserError
from physlaw.intervals import wilson
from physlaw.label.answer_key import Key, KeyClip, make_key, write_key
from physlaw.label.score import score
from physlaw.label.table import score_text

# Numbers 1-4 are group A, 5-6 group B, 7-8 controls.
GROUPS = ["A", "A", "A", "A", "B", "B", "truth", "truth"]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    clips = [KeyClip(k, f"clip-{k}", group, group == "truth", "0" * 64) for k, group in enumerate(GROUPS, 1)]
    write_key(tmp_path / "page.key.json", make_key(0, 10, (5, 16, 16), ["A", "B"], clips))
    return tmp_path / "page.key.json"


def digest(key: Path) -> str:
    found: str = Key(**json.loads(key.read_text())).digest
    return found


def rated(key: Path, rater: str, votes: str, /, **changes: Any) -> Path:
    """A ratings file; votes has one letter per clip: n, a, u, or - for not rated."""
    names = {"n": "normal", "a": "abnormal", "u": "unsure"}
    entries = [
        {"number": number, "rating": names[vote], "cause": "shape" if vote == "a" else None, "seconds": number / 2}
        for number, vote in enumerate(votes, 1)
        if vote != "-"
    ]
    value = {"digest": digest(key), "rater": rater, "started": "2025-01-01T10:00:00Z", "finished": None}
    path = key.with_name(f"{rater.strip()}.json")
    path.write_text(json.dumps(value | {"ratings": entries} | changes))
    return path


def test_one_rater_gives_the_plain_ratio_per_group_and_of_the_controls(key: Path) -> None:
    found = score(key, [rated(key, "Ada", "aannnuan")])
    a, b = found.groups
    assert (a.group, a.shown, a.unrated, a.undecided, a.abnormal) == ("A", 4, 0, 0, wilson(2, 4))
    assert (b.undecided, b.abnormal) == (1, wilson(0, 1))
    assert found.controls.abnormal == wilson(1, 2)
    assert a.causes == {"shape": 2}
    assert found.raters_agree is None
    (ada,) = found.raters
    assert (ada.rated, ada.normal, ada.abnormal, ada.unsure, ada.seconds) == (8, 4, 3, 1, 2.25)


def test_the_majority_decides_and_a_tie_is_undecided(key: Path) -> None:
    files = [rated(key, "Ada", "aaannnnn"), rated(key, "Ben", "aannnnnn"), rated(key, "Cleo", "anunnnna")]
    found = score(key, files)
    # Clip 1 aaa, 2 aan, 3 an (a tie, the third is unsure), 4 nnn.
    assert (found.groups[0].abnormal, found.groups[0].undecided) == (wilson(2, 3), 1)
    assert found.controls.abnormal == wilson(0, 2)
    assert [rater.controls.count for rater in found.raters] == [0, 0, 1]


def test_two_raters_agree_by_cohens_kappa_over_clips_that_both_decided(key: Path) -> None:
    # Decided by both: 1 to 6 and 8. Both abnormal 2, Ada alone 1, both normal 4: observed 6/7; expected
    # 3/7 * 2/7 + 4/7 * 5/7 = 26/49; kappa (42 - 26) / (49 - 26).
    found = score(key, [rated(key, "Ada", "aaannnun"), rated(key, "Ben", "aannnnnn")])
    assert found.raters_agree is not None
    assert found.raters_agree.items == 7
    assert found.raters_agree.observed == pytest.approx(6 / 7)
    assert found.raters_agree.kappa == pytest.approx(16 / 23)
    assert "Cohen's kappa 0.696, on 7 clips that everyone calls normal or abnormal" in score_text(found)


def test_three_raters_agree_by_fleiss_kappa(key: Path) -> None:
    # Abnormal votes 3, 2, 0 x 6: observed (7 + 1/3) / 8; expected (5/24)^2 + (19/24)^2 = 386/576.
    files = [rated(key, "Ada", "aannnnnn"), rated(key, "Ben", "aannnnnn"), rated(key, "Cleo", "annnnnnn")]
    found = score(key, files).raters_agree
    assert found is not None
    assert found.kappa == pytest.approx((11 / 12 - 386 / 576) / (1 - 386 / 576))


def test_raters_who_agree_on_one_class_have_no_kappa_and_the_table_says_so(key: Path) -> None:
    found = score(key, [rated(key, "Ada", "nnnnnnnn"), rated(key, "Ben", "nnnnnnnn")])
    assert found.raters_agree is not None
    assert (found.raters_agree.observed, found.raters_agree.kappa) == (1.0, None)
    text = score_text(found)
    assert "kappa not defined (all votes are one class), on 8 clips" in text
    assert "nan" not in text.lower()
    json.dumps(asdict(found), allow_nan=False)


def test_incomplete_ratings_count_as_far_as_they_go(key: Path) -> None:
    found = score(key, [rated(key, "Ada", "an------"), rated(key, "Ben", "a-n-----")])
    assert (found.groups[0].unrated, found.groups[0].abnormal) == (1, wilson(1, 3))
    assert (found.groups[1].unrated, found.groups[1].abnormal.share) == (2, None)
    assert [rater.rated for rater in found.raters] == [2, 2]
    text = score_text(found)
    assert "2 of 8" in text
    assert "| B                       | 2     | 2       | 0         | 0 of 0   | —" in text
    assert "—" in score_text(score(key, [rated(key, "Eve", "--------")]))


def test_the_automatic_verdicts_are_compared_on_decided_generated_clips(key: Path, tmp_path: Path) -> None:
    verdicts = tmp_path / "automatic.csv"
    verdicts.write_text(
        "clip,abnormal,why\nclip-1,1,x\nclip-2,0,\nclip-3,1,x\nclip-4,0,\nclip-5,0,\nclip-7,1,x\nelse,1,\n"
    )
    found = score(key, [rated(key, "Ada", "aannunnn")], verdicts)
    # Compared: 1 to 4 (5 is unsure, 6 has no verdict). People a a n n, automatic a n a n.
    auto = found.automatic
    assert auto is not None
    assert (auto.agree, auto.human_only, auto.automatic_only, auto.missing) == (wilson(2, 4), 1, 1, 1)
    assert auto.agreement.kappa == pytest.approx(0)
    assert found.groups[0].automatic == wilson(2, 4)
    assert found.controls.automatic == wilson(1, 1)
    text = score_text(found)
    assert "Agreement with the automatic verdicts, on 4 decided clips without the controls: 50.0%" in text
    assert "automatic, same clips" in text


def test_the_table_states_the_rule_and_every_count(key: Path) -> None:
    text = score_text(score(key, [rated(key, "Ada", "aannnuan")]))
    assert "| A                       | 4     | 0       | 0         | 2 of 4   | 50.0% [15.0%, 85.0%] |" in text
    assert "| ground truth (controls) | 2     | 0       | 0         | 1 of 2   | 50.0% [9.5%, 90.5%]  |" in text
    assert "Unsure is no vote" in text
    assert "Causes named, A: shape 2." in text
    assert "not known from one rater" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"digest": "f" * 64}, "rates another page"),
        ({"digest": None}, "rates another page"),
        ({"rater": "  "}, "rater must be a name, got '  '"),
        ({"rater": 7}, "rater must be a name, got 7"),
        ({"started": 3}, "started must be a time or null, got 3"),
        ({"ratings": {"1": "normal"}}, "ratings must be a list"),
        ({"ratings": [3]}, "a rating has number, rating, cause and seconds, got 3"),
    ],
)
def test_a_wrong_file_is_named_with_its_value(key: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"Ada\.json: .*{message}"):
        score(key, [rated(key, "Ada", "nnnnnnnn", **changes)])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"number": 9}, "unknown number 9; the page has 1 to 8"),
        ({"number": 0}, "unknown number 0"),
        ({"number": True}, "unknown number True"),
        ({"number": 2.0}, "unknown number 2.0"),
        ({"rating": "fine"}, "number 2: unknown rating 'fine'; valid: normal, abnormal, unsure"),
        ({"rating": []}, "number 2: unknown rating"),
        ({"cause": "shape"}, "number 2: unknown cause 'shape' of 'normal'"),
        ({"rating": "abnormal", "cause": "ghost"}, "number 2: unknown cause 'ghost'"),
        ({"rating": "abnormal", "cause": []}, "number 2: unknown cause"),
        ({"seconds": "3"}, "number 2: seconds must be a number from 0, got '3'"),
        ({"seconds": -1}, "seconds must be"),
        ({"seconds": float("nan")}, "seconds must be"),
        ({"seconds": 10**400}, "seconds must be"),
        ({"number": 1}, "number 1 is rated twice"),
    ],
)
def test_a_wrong_rating_is_named_with_its_value(key: Path, entry: dict[str, Any], message: str) -> None:
    good = {"number": 1, "rating": "normal", "cause": None, "seconds": 1}
    with pytest.raises(UserError, match=rf"Ada\.json: .*{message}"):
        score(key, [rated(key, "Ada", "", ratings=[good, good | {"number": 2} | entry])])


def test_missing_fields_and_files_that_are_no_json_are_named(key: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for content, message in (
        (b"{", "not readable JSON"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"[]", "not a ratings file"),
        (b'{"digest": "0"}', "not a ratings file: 'rater' is missing"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=rf"x\.json: {message}"):
            score(key, [path])
    with pytest.raises(UserError, match="no ratings file given"):
        score(key, [])


def test_one_rater_counts_once(key: Path) -> None:
    first = rated(key, "Ada", "nnnnnnnn")
    second = rated(key, " ada", "aaaaaaaa")
    with pytest.raises(UserError, match=r"ada\.json: rater 'ada' has rated already, in .*Ada\.json"):
        score(key, [first, second])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,bad\nclip-1,1\n", "without the columns clip and abnormal"),
        ("clip,abnormal\nclip-1\n", "without the columns clip and abnormal"),
        ("clip,abnormal\nclip-1,yes\n", "clip 'clip-1': abnormal must be 0 or 1, got 'yes'"),
        ("clip,abnormal\nclip-1,1\nclip-1,1\n", "two rows for clip 'clip-1'"),
        ("clip,abnormal\nother,1\n", "none of its 1 clips is in"),
        ("", "none of its 0 clips is in"),
        ("\x00\xff", "auto"),
    ],
)
def test_a_wrong_verdict_file_is_named_with_its_value(key: Path, tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "auto.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=rf"auto\.csv: .*{message}" if message != "auto" else r"auto\.csv: "):
        score(key, [rated(key, "Ada", "nnnnnnnn")], path)

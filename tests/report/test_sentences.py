"""Verdicts as sentences: every claim has words for what it may say, they fill, and say no more than the number."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from string import Formatter

import pandas as pd
import pytest

from physlaw.profiles import REPOSITORY
from physlaw.report.checks import INCONCLUSIVE, NOT_APPLICABLE, NOT_RUN, NOT_SUPPORTED, SUPPORTED, WEAKENED
from physlaw.report.sentences import REASONS, sentence
from physlaw.report.verdicts import Verdict
from physlaw.studies import registry

CLAIMS = list(registry.deciding_studies())
FIELDS = {"scale", "part", "value", "low", "high", "seeds"}
# What no number shows, and the field's own words.
TOO_MUCH = "always|never does|proves?|clearly|hardly|obviously|cannot|all models|understand|learns? the law"
JARGON = "OOD error|in-dist|excess|snapper|imputed|logit|p-value"


def verdict(word: str, reason: str = "", **numbers: float) -> Verdict:
    known = {"value": 0.7, "low": 0.6, "high": 0.8} | numbers
    return Verdict("C1", word, "check", "found", "> 0", "", "none", "", reason, part="a part", seeds=3, **known)


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_says_what_its_number_is(claim: str) -> None:
    says = registry.claim_of(claim).says
    assert {"whether", SUPPORTED, NOT_SUPPORTED} <= set(says) <= {"whether", SUPPORTED, NOT_SUPPORTED, WEAKENED}
    assert not re.search(rf"[{{}}]|{JARGON}", says["whether"])
    for word in set(says) - {"whether"}:
        template = says[word]
        fields = [name for _, name, _, _ in Formatter().parse(template) if name]
        assert set(fields) <= FIELDS
        assert {"scale", "part", "value", "low", "high"} <= set(fields), "the number stands with its interval"
        text = sentence(verdict(word), says, "mini")
        assert text.startswith("In small runs, ")
        assert re.search(r"(0\.7|70)[^,;]*\[", text), text
        assert text.endswith(".")
        assert not re.search(r"\. [A-Z]", text), "one sentence"
        assert not re.search(TOO_MUCH, text), text
        assert not re.search(JARGON, text), text
        if word != SUPPORTED:
            assert re.search(r"\b(not|less than|more than|helps|lowers)\b", text), text
    assert "0.5" not in says[SUPPORTED] or claim == "C8"  # limits are those of the check


def test_a_verdict_without_an_interval_claims_nothing() -> None:
    says = registry.claim_of("C1").says
    text = sentence(verdict(SUPPORTED, low=math.nan), says, "mini")
    assert text == f"In small runs, supported that {says['whether']}: found."
    assert sentence(verdict(INCONCLUSIVE, "crosses: x", low=math.nan), says, "mini").endswith("no interval yet.")


def test_why_nothing_is_decided() -> None:
    says = registry.claim_of("C2").says
    for reason, words in (
        ("fails where trained: uniform: speed error 0.3 (<= 0.15)", "does badly what it was trained on"),
        ("1 seed: open; crosses: x", "1 of at least 3 random starts, and the numbers so far point neither way"),
        ("2 seeds: against; x 1.0", "2 of at least 3 random starts, so far against the claim"),
        ("crosses: x", "a part, 0.7 [0.6, 0.8], has its limit within the interval"),
        ("something new; and more", "something new, and more"),
    ):
        assert words in sentence(verdict(INCONCLUSIVE, reason), says, "paper")
    text = sentence(verdict(NOT_APPLICABLE, "no VAE"), says, "x")
    assert text == f"In the runs x, it cannot be asked whether {says['whether']}: no VAE."
    seeds = sentence(verdict(INCONCLUSIVE, "1 seed: for; x"), says, "mini")
    assert seeds.endswith("so far for the claim (least in favour so far is a part: 0.7 [0.6, 0.8]).")
    empty = replace(verdict(NOT_RUN), found="no results of id_ood at this scale")
    assert sentence(empty, says, "smoke").endswith(": nobody has run it.")


def test_all_committed_reasons_are_said_in_words() -> None:
    table = pd.read_csv(REPOSITORY / "results/claims.csv", keep_default_na=False)
    open_ = table[table["verdict"].isin([INCONCLUSIVE, NOT_RUN])]
    for reason, value in zip(open_["reason"], open_["value"], strict=True):
        assert any(re.match(pattern, reason or value) for pattern, _ in REASONS), reason or value
    assert table["sentence"].str.endswith(".").all()
    assert not table["sentence"].str.contains("nan|_", regex=True).any()

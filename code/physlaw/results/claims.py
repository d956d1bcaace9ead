"""`physlaw claims`: every claim's verdict at every scale, from results/*/*/metrics.csv alone; what agents get and what
an earlier edition said wrongly below them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from physlaw.errors import UserError
from physlaw.files import write_text
from physlaw.profiles import choices
from physlaw.report.checks import INCONCLUSIVE, NOT_APPLICABLE, NOT_RUN, NOT_SUPPORTED, SUPPORTED, WEAKENED
from physlaw.report.metrics import needed
from physlaw.report.sentences import sentence
from physlaw.report.tables import MISSING, Table, markdown
from physlaw.report.verdicts import Verdict
from physlaw.results.agent_verdicts import agents_table, read_agents
from physlaw.results.errata import errata_markdown
from physlaw.results.scales import SCALES, Metrics, hardware_text, read_results, seeds_text, time_text
from physlaw.studies import registry

INTRO = f"""\
# Claims

Written by `physlaw claims` from results/*/*/metrics.csv, agents.csv and errata.yaml; results/claims.csv has the same
verdicts. First under each claim stands what every scale says, in plain words. Intervals are 95 %. **{SUPPORTED}**:
every part of the check lies wholly beyond its bound. **{NOT_SUPPORTED}**: some part lies wholly on the other side, or
excludes the smallest effect that counts; **{WEAKENED}**: what was claimed is weaker, not gone. **{INCONCLUSIVE}**: an
interval crosses its bound, fewer than three seeds, or the model fails where it was trained. **{NOT_APPLICABLE}**: the
check says nothing at this scale. **{NOT_RUN}**: what the claim needs is not there.
Power: the smallest effect beyond each bound that would have been found in four of five such runs. Scales:
`smoke`, `mini` (several seeds), `paper` (the paper's own); others are variants of a study. Only `paper` has the paper's
sizes: a verdict at another scale is one on small models and pictures. Time: training and evaluation of all cells behind
the verdict, added up.
"""
FURTHER = """\
## Beyond the paper

What the paper does not ask: why models fail, and what cures it. The checks are made as those above; hypotheses, budgets
and thresholds stood in the study's files before its cells ran.
"""


@dataclass(frozen=True)
class Row:
    """One claim at one scale. All text."""

    claim: str
    scale: str
    study: str
    check: str
    value: str  # what was found, with intervals; parts end with "; "
    seeds: str
    threshold: str
    verdict: str
    intervals: str  # what they are taken over
    paper: str
    command: str
    hardware: str
    time: str
    reason: str = ""  # why the verdict is what it is
    power: str = ""  # by part: the smallest effect that would have been found in four of five such runs
    sentence: str = ""  # the verdict in plain words
    figure: str = ""  # the number that decided, with its interval; empty without any
    part: str = ""  # what that number is
    number: str = ""  # it alone, the ends of its interval, what it was held to, and the paper's
    low: str = ""
    high: str = ""
    bound: str = ""
    paper_number: str = ""


def claim_rows(results: Mapping[str, Metrics]) -> list[Row]:
    """A row per claim and scale, by claim, then scale: SCALES, and further tables for the claims of their studies.

    Args:
        results: scale -> study -> metrics, as read_results gives them.
    Raises:
        UserError: a study's metrics.csv has not what its verdicts need.
    """
    scales = [*SCALES, *(scale for scale in results if scale not in SCALES)]
    decided = {
        (scale, study): _decide(study, metrics, scale) for scale, metrics in results.items() for study in metrics
    }
    rows = []
    for claim, study in registry.deciding_studies().items():
        thresholds = [decided[key][claim].threshold for key in decided if key[1] == study]
        threshold = thresholds[0] if thresholds else registry.claim_of(claim).threshold
        for scale in scales:
            if (scale, study) in decided:
                rows.append(_found(claim, scale, decided[scale, study], results[scale]))
            elif scale in SCALES:
                rows.append(_not_run(claim, scale, threshold))
    return rows


def _decide(study: str, metrics: Metrics, scale: str) -> dict[str, Verdict]:
    """A study's verdicts by claim; every claim that it decides has one."""
    others = MappingProxyType({name: rows for name, rows in metrics.items() if name != study})
    with needed(f"{study}/{scale}/metrics.csv", f"the verdicts of {study}"):
        found = {one.claim: one for one in registry.report_of(study).verdicts(metrics[study], others)}
    absent = [claim for claim in registry.claims_of(study) if claim not in found]
    if absent:
        raise UserError(f"the report of {study} gives no verdict on {', '.join(absent)}, which it decides")
    return found


def _found(claim: str, scale: str, verdicts: dict[str, Verdict], metrics: Metrics) -> Row:
    study, one = registry.deciding_studies()[claim], verdicts[claim]
    used = [metrics[name] for name in (study, *registry.claim_of(claim).also) if name in metrics]
    rest = (seeds_text(metrics[study]), one.threshold, one.verdict, one.intervals, one.paper, one.command)
    end = (hardware_text(used), time_text(used), one.reason, one.power, one.sentence, _figure(one))
    paper = registry.claim_of(claim).paper_numbers.get(one.part, math.nan)
    numbers = map(_number, (one.value, one.low, one.high, one.bound, paper))
    return Row(claim, scale, study, one.check, one.found, *rest, *end, one.part, *numbers)


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def _figure(one: Verdict) -> str:
    if not math.isfinite(one.value):
        return ""
    interval = f" [{one.low:.3g}, {one.high:.3g}]" if math.isfinite(one.low + one.high) else ""
    return f"{one.part + ' ' if one.part else ''}{one.value:.3g}{interval}"


def _not_run(claim: str, scale: str, threshold: str) -> Row:
    study, known = registry.deciding_studies()[claim], registry.claim_of(claim)
    there = scale in choices("profile", study)
    value = f"no results of {study} at this scale" if there else f"{study} has no profile {scale}"
    commands = (f"physlaw reproduce study={name} profile={scale}" for name in (study, *known.also))
    command = " && ".join(commands) if there else ""
    absent = Verdict(claim, NOT_RUN, known.check, value, threshold, "", known.paper, command)
    rest = ("0", threshold, NOT_RUN, "", known.paper, command, "", "", "", "", sentence(absent, known.says, scale))
    return Row(claim, scale, study, known.check, value, *rest)


def claims_csv(rows: list[Row]) -> str:
    """The rows as CSV, columns as in Row."""
    header = [item.name for item in fields(Row)]
    return pd.DataFrame([astuple(row) for row in rows], columns=header).to_csv(index=False, lineterminator="\n")


def claims_json(results: Path) -> str:
    """The rows as a JSON list of objects with Row's fields; numbers as numbers, null where there is none."""
    numbers = ("number", "low", "high", "bound", "paper_number")
    rows = [asdict(row) for row in claim_rows(read_results(results))]
    for row in rows:
        row.update({name: float(row[name]) if row[name] else None for name in numbers})
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def overview(rows: list[Row], claims: Sequence[str]) -> Table:
    """Claims down, scales across: the verdicts. MISSING: a variant that has nothing to say about the claim."""
    scales = list(dict.fromkeys([*SCALES, *(row.scale for row in rows)]))
    known = {(row.claim, row.scale): row.verdict for row in rows}
    header = ["claim", "in words", *scales]
    return header, [
        [claim, registry.claim_of(claim).words, *(known.get((claim, scale), MISSING) for scale in scales)]
        for claim in claims
    ]


def claims_markdown(rows: list[Row]) -> str:
    """CLAIMS.md: the paper's claims, then those beyond it: the overview, then every claim with its rows."""
    parts = []
    for head, claims in ((INTRO, registry.paper_claims()), (FURTHER, registry.further_claims())):
        if claims:
            parts += [head, markdown(*overview(rows, claims)), *_sections(rows, claims)]
    return "\n".join(parts)


def _sections(rows: list[Row], claims: Sequence[str]) -> list[str]:
    parts = []
    for claim in claims:
        of_claim = [row for row in rows if row.claim == claim]
        best = next((row for row in of_claim if row.hardware), of_claim[0])
        said = "\n".join(f"- {row.scale}: {row.sentence}" for row in of_claim)
        parts.append(
            f"## {claim}: {registry.claim_of(claim).words}\n\n{said}\n\n"
            f"Check: {best.check}. Threshold: {best.threshold}.\n\nThe paper: {best.paper}.\n"
        )
        header = ["scale", "verdict", "why", "found", "power", "seeds", "intervals", "hardware", "time", "command"]
        body = [
            [
                r.scale,
                f"**{r.verdict}**",
                r.reason,
                r.value,
                r.power,
                r.seeds,
                r.intervals,
                r.hardware,
                r.time,
                _code(r.command),
            ]
            for r in of_claim
        ]
        parts.append(_plain_table(header, body))
    return parts


def _code(command: str) -> str:
    return f"`{command}`" if command else ""


def _plain_table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table without padding, for long cells; parts of a cell on lines of their own."""

    def line(cells: list[str]) -> str:
        texts = [cell.replace("|", r"\|").replace("\n", " ").replace("; ", "<br>") or MISSING for cell in cells]
        return "| " + " | ".join(texts) + " |"

    return "\n".join([line(header), "|" + "---|" * len(header), *map(line, rows)]) + "\n"


def _agents_markdown(results: Path) -> str:
    rows = read_agents(results)
    if not rows:
        return ""
    head = (
        "## Reference agents\n\nFunctions that draw what is said of them, through the same pipeline (`physlaw agents`)."
    )
    return f"{head} A check that misjudges one is wrong.\n\n{markdown(*agents_table(rows))}"


def write_claims(results: Path, out: Path) -> Path:
    """Write out/CLAIMS.md, out/results/claims.csv and the front pages (results.front), print the overview; returns the
    path of CLAIMS.md."""
    from physlaw.results.front import write_front  # which is made of these rows

    known = read_results(results)
    rows = claim_rows(known)
    parts = [claims_markdown(rows), _agents_markdown(results), errata_markdown(results)]
    write_text(out / "results" / "claims.csv", claims_csv(rows))
    write_text(out / "CLAIMS.md", "\n".join(part for part in parts if part))
    write_front(results, out, known, rows)
    print(markdown(*overview(rows, list(registry.deciding_studies()))))
    return out / "CLAIMS.md"

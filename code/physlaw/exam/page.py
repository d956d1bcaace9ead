"""report.html of an exam, and what is printed: rows, verdicts, which answers were bent or refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from physlaw.exam.card import FILE, card_of, decided
from physlaw.exam.score import Scored
from physlaw.exam.table import exam_table
from physlaw.files import visible, write_json, write_text
from physlaw.report.page import Film, animations, template
from physlaw.report.tables import markdown
from physlaw.studies import registry

PAGE = Path(__file__).parents[1] / "report" / "templates" / "exam.html"
TRUST = (
    "The exam trusts its taker: whoever has this package can compute what happens next in every clip. What a card says "
    "is worth what its maker's word is."
)
RULES = (
    "Velocity error: mean over clips of the time-mean velocity's error, world units / s, with its 95 % interval. "
    "Measured: share of clips in which every ball is seen in three quarters of the frames; the error is of those, and "
    "in the next column of all, a vanished ball counting as standing still. Follow: 1 for the law, 0 for holding to "
    "the trained range. Committed models and the paper were scored on clips of their own size."
)
SHOWN = ("truth", "generated")
NAMED = 20  # items, by name


def finish(scored: Scored, out: Path) -> str:
    """Write card.json and report.html; returns what is printed."""
    verdicts = decided(scored)
    table = exam_table(scored)
    write_json(out / FILE, card_of(scored, verdicts))
    html = template(PAGE).render(
        name=scored.name,
        study=scored.paper.config.study,
        title=registry.part(scored.paper.config.study, "study").TITLE,
        digest=scored.paper.digest,
        answers=scored.answers_sha256,
        settings=", ".join(f"{key} {value}" for key, value in vars(scored.paper.config).items() if key != "study"),
        trust=TRUST,
        rules=RULES,
        table=table,
        verdicts=verdicts,
        notes=notes_of(scored),
        cells=_clips(scored),
    )
    write_text(out / "report.html", html)
    lines = [markdown(*table)]
    lines += [f"{one.claim} {one.verdict}: {one.found}. {one.reason}\n" for one in verdicts]
    lines += [f"{line}\n" for line in notes_of(scored)]
    return "\n".join(lines) + f"\n{out / 'report.html'}\n{out / FILE}\n"


def notes_of(scored: Scored) -> list[str]:
    """What was done to answers, how often and to which; the rest stands in answers.json."""
    said = Counter(note for notes in scored.notes.values() for note in notes)
    lines = []
    for note, count in said.most_common(NAMED):
        items = [item for item, notes in scored.notes.items() if note in notes]
        named = ", ".join(items[:3]) + (", ..." if count > 3 else "")
        lines.append(f"{count} of {len(scored.clips)} items: {note} ({named})")
    if len(said) > NAMED:
        lines.append(f"and {len(said) - NAMED} further remarks, in answers.json")
    if scored.extra:
        lines.append(f"{len(scored.extra)} not asked for, left alone: {', '.join(map(ascii, scored.extra[:3]))}")
    return lines


def _clips(scored: Scored) -> list[tuple[str, list[tuple[str, Film]]]]:
    """Scenario -> (block, animation: truth, answer), of the first seed."""
    found: dict[str, list[tuple[str, Film]]] = {}
    words = registry.part(scored.paper.config.study, "study")
    for cell in scored.cells:
        if cell.scenario in found:
            continue
        blocks = getattr(words, "SHOWN_BLOCKS", {}).get(cell.scenario)
        paths = visible(cell.folder / "eval", "*.npz")
        chosen = [path for path in paths if blocks is None or path.stem in blocks][:6]
        found[cell.scenario] = [(path.stem, one) for path in chosen for one in animations(path, shown=SHOWN)]
    return list(found.items())

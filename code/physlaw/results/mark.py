"""A claim's small figure: the number that decided it with its interval, what it was held to, and the paper's value."""

from __future__ import annotations

import math

from markupsafe import Markup

from physlaw.results.claims import Row

WIDTH, HEIGHT, EDGE, MIDDLE = 200, 46, 12, 20


def mark(row: Row) -> Markup:
    """An SVG in the page's colours; empty where no number decided. Its <title> says all of it in words."""
    value, low, high, bound, paper = map(_float, (row.number, row.low, row.high, row.bound, row.paper_number))
    known = [one for one in (value, low, high, bound, paper) if math.isfinite(one)]
    if not math.isfinite(value) or len(known) < 2:
        return Markup("")
    ends = (min(known), max(known))

    def at(x: float) -> float:
        span = ends[1] - ends[0] or 1.0
        return round(EDGE + (WIDTH - 2 * EDGE) * (x - ends[0]) / span, 1)

    parts, said = [f'<path class="axis" d="M0 {MIDDLE}H{WIDTH}"/>'], [f"here {_short(value)}"]
    if math.isfinite(low + high):
        parts.append(f'<path class="ours" d="M{at(low)} {MIDDLE}H{at(high)}"/>')
        said[0] += f", 95 % interval {_short(low)} to {_short(high)}"
    if math.isfinite(bound):
        parts.append(f'<path class="bound" d="M{at(bound)} 6V{MIDDLE + 14}"/>')
        said.append(f"bound {_short(bound)}")
    if math.isfinite(paper):
        x = at(paper)
        parts.append(f'<path class="paper" d="M{x} {MIDDLE - 6}l6 6l-6 6l-6 -6z"/>')
        said.append(f"the paper {_short(paper)}")
    parts.append(f'<circle class="ours" cx="{at(value)}" cy="{MIDDLE}" r="4.5"/>')
    parts.append(_label(at(value), 9, _short(value)))
    if math.isfinite(bound):
        parts.append(_label(at(bound), HEIGHT - 1, f"bound {_short(bound)}"))
    title = f"{row.part}: {'; '.join(said)}" if row.part else "; ".join(said)
    return Markup('<svg class="mark" viewBox="0 0 {} {}" role="img"><title>{}</title>{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("".join(parts))
    )


def _float(text: str) -> float:
    return float(text) if text else math.nan


def _short(value: float) -> str:
    return f"{value:.3g}"


def _label(x: float, y: float, text: str) -> str:
    """Centred at x, but never cut at an edge."""
    anchor = "start" if x < 45 else "end" if x > WIDTH - 45 else "middle"
    place = max(x - 6, 0) if anchor == "start" else min(x + 6, WIDTH) if anchor == "end" else x
    return f'<text x="{place:.1f}" y="{y}" text-anchor="{anchor}">{text}</text>'

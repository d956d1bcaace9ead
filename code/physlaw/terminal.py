"""How progress is shown: a bar on a terminal, lines in a log, nothing in a worker whose parent reports."""

from __future__ import annotations

import os
import sys

PLAIN = "PHYSLAW_PLAIN_PROGRESS"  # set: no bars; "quiet": no lines either
LINE_S = 30.0  # without a terminal, never silent for longer


def show_bar() -> bool:
    """Progress bars only on a terminal, and only when this process has it for itself."""
    return sys.stderr.isatty() and not os.environ.get(PLAIN)


def quiet() -> bool:
    """Somebody else reports how far this process is."""
    return os.environ.get(PLAIN) == "quiet"

"""Rigid bodies of known shapes, read from the pixels of a clip: poses, and what about them is impossible.

colours takes pixels apart; shapes and drawing say what a body covers; fit moves bodies onto a picture; residuals says
what that leaves unexplained; search finds bodies that are astray; tracking follows them through a clip; geometry and
contacts judge their poses; measure does it all.
"""

from typing import Any

from physlaw.jit import jit as compiled

jit: Any = compiled(cache=True)  # of every compiled function here: a minute's work is kept for the next run

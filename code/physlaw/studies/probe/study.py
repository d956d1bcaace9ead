"""Beyond the paper: does a model know a speed that it was not trained on, and discard it?

Cells: uniform motion x seed, trained as in other studies. A linear read-out of the ball's speed from the hidden
tokens, by layer and denoising step, is fitted in distribution and tested out of it, beside the speed that is drawn,
frame by frame. Decides E4. No torch, no numpy.

Fixed before a cell was run. Hypothesis: misread from the first frame. At the first denoising step, where nothing is
drawn yet, the read-out goes less than half of the way from the edge of the trained speeds to the speed asked for; so
do the first drawn frames; and the last frames are no nearer to the edge than the first by a quarter of that way.
Budget at mini: three cells of 8,000 steps of 16 clips, 11 core-minutes each, and as much for sampling and read-outs.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "What a model knows of the speed"
QUESTION = "Asked for a speed beyond training, does a model misread it, or know it and discard it while it draws?"
SCENARIOS = {"uniform": ("300", "3k", "30k", "300k", "3m")}
CLAIMS = {
    "E4": Claim(
        words="A speed beyond training is misread from the first frame on; it is not known and then discarded",
        plain="Models misread a speed beyond training at once; they do not know it and then give it up",
        check=(
            "Follow, 0 at the nearest trained speed and 1 at the asked one, out of distribution in speed: of a linear "
            "read-out from the hidden tokens of all frames at the first denoising step, fitted in distribution, from "
            "the layer behind a block that reads held-out trained speeds best; of the speed drawn in the first four "
            "frames; and by how much that of the first four is above that of the last four in view"
        ),
        threshold="upper bounds: read-out < 0.5, first frames < 0.5, first minus last frames < 0.25",
        paper="not asked",
        says={
            "whether": "models misread a speed beyond training at once, or know it and then discard it",
            "supported": (
                "{scale}, a speed beyond training is misread from the first frame on: neither the hidden tokens nor "
                "the first frames drawn go half of the way to it, and motion does not drift to the trained speeds "
                "later; least certain is {part}: {value:.2f} [{low:.2f}, {high:.2f}] ({seeds})."
            ),
            "not supported": (
                "{scale}, it does not hold that a speed beyond training is misread from the first frame on: {part} "
                "is {value:.2f} [{low:.2f}, {high:.2f}] (read-out and first frames below 0.5, first minus last frames "
                "below 0.25 were needed; {seeds})."
            ),
        },
        must_fail=("law", "discarder", "drifter"),
        must_pass=("clamp",),
    ),
}
HALF = 0.5  # of the way from the nearest trained speed to the asked one
DRIFT = 0.25  # of that way, lost between the first and the last frames
READABLE = 0.9  # share of held-out trained speeds' variance that the read-out must explain, or it says nothing
SPAN = 4  # frames that a drawn speed is taken over
SPEED_LEVEL = 2  # of evaluation blocks: the speed alone is out of distribution
BIN = 0.5  # width of the map's speeds, world units / s
KINDS = ("fast", "slow")
MISREAD, DRIFTS, NEITHER = "misread from the first frame", "drifts to the trained range", "neither"
NAMES = {"uniform": "uniform motion"}
# Reference agents that apply here; agents.py says what they draw, and what their hidden tokens say.
AGENTS = ("law", "clamp", "discarder", "drifter")
PAPER = "not asked"

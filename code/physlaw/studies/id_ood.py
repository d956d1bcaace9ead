"""Section 3 of the paper: does error fall in distribution, and does it fall out of distribution?

Cells: model size x training-set size x scenario x seed. Scored by the `corrected` velocity error (time mean) on the
in-dist block and, out of distribution, per level: which initial values lie outside the training range. No torch.
"""

from __future__ import annotations

TITLE = "In distribution against out of distribution"
QUESTION = "Does a video diffusion model learn the law of motion, or does it copy the nearest training case?"

# What an OOD level means, by scenario (the release's numbering; one-ball cross blocks count as level 3).
LEVELS = {
    "uniform": {1: "r", 2: "v", 3: "r, v"},
    "parabola": {1: "r", 2: "v", 3: "r, v"},
    "collision": {1: "r1", 2: "v1", 3: "r1, r2", 4: "v1, v2", 5: "r1, v1", 6: "all four"},
}

# Blocks whose clips a reader should look at first: in-dist, too slow, too fast.
SHOWN_BLOCKS = {
    "uniform": ("id", "level2_v1", "xl_level2_v1"),
    "parabola": ("id", "level2_v1", "xl_level2_v1"),
    "collision": ("id", "level4_v1_v2", "xl_level2_v1"),
}

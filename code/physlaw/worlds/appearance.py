"""How objects look: colours and shapes of the balls' worlds, and the palette of the bodies'."""

from __future__ import annotations

import numpy as np

CIRCLE, SQUARE, RING = 0, 1, 2  # codes of the factor shape
IS_RED, IS_BLUE = 0, 1  # codes of the factor colour
COLOUR_NAMES, SHAPE_NAMES = ("red", "blue"), ("circle", "square", "ring")  # by code
RED, BLUE = (255, 0, 0), (0, 0, 255)  # RGB
COLOURS = np.array([RED, BLUE], dtype=np.uint8)  # by code

PALETTE = np.array(  # RGB of the bodies' colours, by their codes in worlds.bodies
    [
        (255, 255, 255),  # white
        (243, 79, 70),  # red
        (107, 206, 187),  # green
        (24, 119, 242),  # blue
        (75, 74, 164),  # purple
        (185, 202, 210),  # gray
        (0, 0, 0),  # black
        (252, 223, 227),  # light red
    ],
    dtype=np.uint8,
)

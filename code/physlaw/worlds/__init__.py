"""State and laws of the 2D worlds: regions of initial values, grids, placement, motion. No pixels, no torch."""

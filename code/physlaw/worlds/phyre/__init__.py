"""The combinatorial world: templates of four object types, scenes, red balls and their simulation."""

WORLD = "combinatorial"  # its name, in cards and in digests

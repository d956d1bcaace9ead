"""The combinatorial world: templates of four object types, scenes, red balls and their simulation."""

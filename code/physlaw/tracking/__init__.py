"""Frames to state: where balls, the one object of a clip and rigid bodies are, how they look, read from the pixels."""

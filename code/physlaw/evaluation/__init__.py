"""Clips, and what tracking reads from them, to numbers: velocity errors, floors, baselines. Never imports training."""

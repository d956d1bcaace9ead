"""As attribute pairs."""

from physlaw.studies.attributes.score import CLIP_COLUMNS, METRICS, score

__all__ = ["CLIP_COLUMNS", "METRICS", "score"]

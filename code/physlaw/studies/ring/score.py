"""As attribute pairs."""

from physlaw.studies.attributes.score import score

__all__ = ["score"]

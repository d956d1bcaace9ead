"""What the renderer accepts: plain data, no numpy, so that a launcher can check it on a bare machine."""

from typing import Any

from physlaw.errors import UserError
from physlaw.fields import ranged

METHODS = ("area", "bare")
MIN_RESOLUTION, MAX_RESOLUTION = 16, 512


def picture_side(default: int) -> Any:
    """A field that holds the side of a picture in pixels."""
    return ranged(default, at_least=MIN_RESOLUTION, at_most=MAX_RESOLUTION)


def check_resolution(resolution: int) -> None:
    """Raises UserError for a side outside 16 to 512 pixels."""
    if not MIN_RESOLUTION <= resolution <= MAX_RESOLUTION:
        raise UserError(f"resolution must be {MIN_RESOLUTION} to {MAX_RESOLUTION} pixels, got {resolution}")

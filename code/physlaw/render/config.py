"""What the renderer accepts: plain data, no numpy, so that a launcher can check it on a bare machine."""

from physlaw.errors import UserError

METHODS = ("area", "bare")
MIN_RESOLUTION, MAX_RESOLUTION = 16, 512


def check_resolution(resolution: int) -> None:
    """Raises UserError for a side outside 16 to 512 pixels."""
    if not MIN_RESOLUTION <= resolution <= MAX_RESOLUTION:
        raise UserError(f"resolution must be {MIN_RESOLUTION} to {MAX_RESOLUTION} pixels, got {resolution}")

"""One clip as one picture: all its frames side by side in a PNG, which the page's canvas plays.

Paper: people watched H.264 files. Here: PNG, for every browser shows exactly the model's pixels (GIF has 256 colours
and each browser its own slowest frame; lossless H.264 and AV1 do not play everywhere; lossy WebP smears bars that are
two pixels wide), any frame rate and pausing are the page's own, and drawing needs no server.
"""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from physlaw.data.video import encode_png

Frames = NDArray[np.uint8]

_HEADER = 33  # bytes before a PNG's second chunk: signature and IHDR
_CHUNK = 12  # bytes of a chunk around its content
_PADDING = b"paDd"  # an ancillary, private chunk: decoders skip it


def sheet_columns(num_frames: int) -> int:
    """Frames per row of the sheet: nearly as many as rows, so that neither side passes a phone's limits."""
    return math.isqrt(num_frames - 1) + 1


def encode_sheet(frames: Frames) -> bytes:
    """(T, H, W, 3) uint8 -> a PNG with the frames row by row; unused places are black."""
    count, height, width, _ = frames.shape
    columns = sheet_columns(count)
    rows = -(-count // columns)
    sheet = np.zeros((rows * columns, height, width, 3), np.uint8)
    sheet[:count] = frames
    sheet = sheet.reshape(rows, columns, height, width, 3).swapaxes(1, 2)
    return encode_png(sheet.reshape(rows * height, columns * width, 3))


def padded(png: bytes, size: int) -> bytes:
    """The same picture in a file of size + 12 bytes: a sharp true clip must not be known by its small file."""
    assert len(png) <= size
    body = _PADDING + bytes(size - len(png))
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    assert len(chunk) == size - len(png) + _CHUNK
    return png[:_HEADER] + chunk + png[_HEADER:]

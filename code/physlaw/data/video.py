"""Videos, animations and pictures that people see: frames to files by imageio, and files that people give to frames.

The videos inside the released HDF5 are data/mp4.py's.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physlaw.data.mp4 import MAX_SIDE_PX
from physlaw.data.records import MAX_FRAMES
from physlaw.errors import UserError

# imageio is imported where it is used: a machine that only trains may lack it, and PyAV, its plugin for video. PyAV is
# imported beside it, for imageio would not say as a missing module which one it lacks.

Frames = NDArray[np.uint8]

PANEL_PX = 32  # a page enlarges what is smaller
FRAMES_PER_S = 10
GAP_PX, GAP_GREY = 4, 160
FILM_COLOURS = 64
GIF_BITS = 5  # 32 colours a frame: a clip's few, and the greys of their rims


def side_by_side(clips: list[Frames], panel_px: int = PANEL_PX) -> Frames:
    """Clips (T, W, W, 3) -> one (T, H, H n + gaps, 3), each enlarged to about panel_px pixels without smoothing."""
    panels: list[Frames] = []
    for clip in clips:
        factor = max(1, panel_px // clip.shape[1])
        panel = clip.repeat(factor, axis=1).repeat(factor, axis=2)
        panels += [panel, np.full((*panel.shape[:2], GAP_PX, 3), GAP_GREY, np.uint8)]
    return np.concatenate(panels[:-1], axis=2)


def encode_png(picture: Frames) -> bytes:
    """(H, W, 3) uint8 -> a PNG."""
    import imageio.v3 as iio

    _check(picture[None])
    return iio.imwrite("<bytes>", picture, extension=".png", plugin="pillow")


def encode_film(frames: Frames) -> bytes:
    """(T, H, W, 3) uint8 -> a PNG with all frames in one row, of at most FILM_COLOURS colours.

    Raises:
        UserError: no frames, or no pixels.
    """
    import io

    from PIL import Image

    _check(frames)
    row = np.ascontiguousarray(frames.swapaxes(0, 1).reshape(frames.shape[1], -1, 3))
    stream = io.BytesIO()
    Image.fromarray(row).quantize(FILM_COLOURS, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def encode_gif(frames: Frames) -> bytes:
    """(T, H, W, 3) uint8 -> an endless animation at 10 frames per second; equal frames in a row are one that lasts.

    Raises:
        UserError: no frames, or no pixels.
    """
    import imageio.v3 as iio

    _check(frames)
    return iio.imwrite(
        "<bytes>",
        frames,
        extension=".gif",
        plugin="pillow",
        is_batch=True,
        bits=GIF_BITS,
        duration=1000 // FRAMES_PER_S,
        loop=0,
    )


def encode_video(frames: Frames) -> bytes:
    """(T, H, W, 3) uint8 -> an mp4 that every browser plays: H.264, yuv420p, 10 frames per second.

    An odd side gets its last row or column once more, for yuv420p has even ones. The bytes, not what they show, depend
    on the machine's cores: x264 cuts pictures into slices for its threads.

    Raises:
        UserError: no frames, or no pixels.
    """
    import av  # noqa: F401
    import imageio.v3 as iio

    _check(frames)
    odd = [(0, side % 2) for side in frames.shape[1:3]]
    return iio.imwrite(
        "<bytes>",
        np.pad(frames, [(0, 0), *odd, (0, 0)], mode="edge"),
        extension=".mp4",
        plugin="pyav",
        codec="libx264",
        fps=FRAMES_PER_S,
        out_pixel_format="yuv420p",
        is_batch=True,
    )


@contextmanager
def many_videos() -> Iterator[None]:
    """Inside, encode_video is five times as fast: imageio collects garbage after each video, and what lives already is
    not looked through again."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def read_video(path: Path) -> Frames:
    """A file of any format that FFmpeg reads -> (T, H, W, 3) uint8, every frame once however long it is shown.

    Raises:
        UserError: not there, no video, cut off, or of more than 1024 frames or 1024 x 1024 pixels; names the file.
    """
    import av  # noqa: F401
    import imageio.v3 as iio
    from av.error import FFmpegError

    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with iio.imopen(path, "r", plugin="pyav") as file:
            said, height, width, _ = file.properties().shape
            if not (0 < height <= MAX_SIDE_PX and 0 < width <= MAX_SIDE_PX):
                raise UserError(f"{path}: {width} x {height} pixels; valid: up to {MAX_SIDE_PX} x {MAX_SIDE_PX}")
            frames = list(islice(file.iter(), MAX_FRAMES + 1))
    except (OSError, ValueError, IndexError, FFmpegError) as error:  # IndexError: sound alone
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: not a readable video ({error})") from None
    if not frames or len(frames) > MAX_FRAMES:
        raise UserError(f"{path}: {'more than 1024' if frames else 'no'} frames; valid: 1 to {MAX_FRAMES}")
    if len(frames) < said:  # formats that do not say how many say 0
        raise UserError(f"{path}: not a readable video (cut off: {len(frames)} of {said} frames)")
    return np.stack(frames)


def _check(frames: Frames) -> None:
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or not all(frames.shape):
        shape = " x ".join(map(str, frames.shape))
        raise UserError(
            f"a clip to be shown is uint8 frames x height x width x 3, none of them 0; got {frames.dtype} {shape}"
        )

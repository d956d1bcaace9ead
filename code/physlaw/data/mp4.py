"""Clips as mp4 files in memory, as the released HDF5 has them inside: H.264, yuv420p, 10 frames per second, CRF 23.

The settings are those of the release's writer (imageio with ffmpeg's defaults): its mean file sizes over the first
training scenes (6,494 / 9,281 / 7,047 bytes) are met at CRF 23 within 0.5 % and missed by 12 % at CRF 25. Decoded
frames equal those of the ffmpeg command byte for byte. One thread per clip: more would cut pictures into slices, and
the bytes would depend on the machine.

PyAV's encoder and decoder are called directly, not through imageio as for what people see (data/video.py): imageio
offers no options for the encoder (CRF, threads, no macroblock tree), and none for a decoder that stops at the first
error and at a limit of pixels.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.data.records import MAX_FRAMES
from physlaw.errors import UserError

Frames = NDArray[np.uint8]

FRAMES_PER_S = 10
CRF = 23
BLOCK_PX = 16  # sides must be multiples of it: the release's writer would rescale others
SMALL_PX = 128  # below, x264's macroblock tree makes the bytes differ from call to call; it is switched off there
MAX_SIDE_PX = 1024  # a damaged header must not ask for more memory than this


def encode_mp4(frames: Frames) -> bytes:
    """(T, H, W, 3) uint8 -> one complete mp4 file. Lossy: about 0.15 of 255 on average, up to 180 at rims.

    Raises:
        UserError: a side is not a multiple of 16.
    """
    import av  # here, not above: a machine that only trains may lack it
    from av.video.reformatter import Interpolation, VideoReformatter

    _, height, width, _ = frames.shape
    if height % BLOCK_PX or width % BLOCK_PX:
        raise UserError(f"mp4 clips need sides that are multiples of {BLOCK_PX} pixels, got {width} x {height}")
    stream = io.BytesIO()
    reformatter = VideoReformatter()
    with av.open(stream, "w", format="mp4") as container:
        options = {"crf": str(CRF)}
        if min(height, width) < SMALL_PX:
            options["x264-params"] = "mbtree=0"
        video: Any = container.add_stream("libx264", rate=FRAMES_PER_S, options=options)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.thread_count = 1
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame = reformatter.reformat(frame, format="yuv420p", interpolation=Interpolation.BICUBIC, threads=1)
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_S)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return stream.getvalue()


def decode_mp4(data: NDArray[np.uint8] | bytes, where: str) -> Frames:
    """One complete mp4 file in memory -> (T, H, W, 3) uint8.

    Args:
        where: names the clip in errors.
    Raises:
        UserError: not a whole, undamaged H.264 mp4 of at most 1024 frames and 1024 x 1024 pixels.
    """
    import av
    from av.error import FFmpegError

    content = bytes(data)
    try:
        with av.open(io.BytesIO(content), "r", format="mp4", metadata_errors="ignore") as container:
            frames = _decode(container, fragmented=_is_fragmented(content))
    except (FFmpegError, UnicodeDecodeError, _Damaged) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{where}: not a readable mp4 ({reason})") from None
    return frames


class _Damaged(Exception):
    """What is wrong with a file that the library itself accepts."""


def _is_fragmented(content: bytes) -> bool:
    """Whether frames come in fragments (boxes "moof"), as what is written while it is recorded; then no box says how
    many there are, so none may be cut."""
    start, fragmented = 0, False
    while start + 8 <= len(content):
        size, kind = int.from_bytes(content[start : start + 4], "big"), content[start + 4 : start + 8]
        if size == 1:  # 64 bits of it follow
            size = int.from_bytes(content[start + 8 : start + 16], "big")
        size = len(content) - start if size == 0 else size  # the last one, to the end
        if size < 8:
            return False
        fragmented |= kind == b"moof"
        start += size
    if fragmented and start != len(content):
        raise _Damaged("cut off")
    return fragmented


def _decode(container: Any, fragmented: bool) -> Frames:
    from av.video.reformatter import Interpolation, VideoReformatter

    if len(container.streams) != 1 or len(container.streams.video) != 1:
        raise _Damaged("not one video stream")
    video = container.streams.video[0]
    codec = video.codec_context
    if (
        codec is None
        or codec.name != "h264"
        or not (0 < codec.width <= MAX_SIDE_PX and 0 < codec.height <= MAX_SIDE_PX)
    ):
        raise _Damaged("not H.264, or larger than 1024 pixels")
    said = None if fragmented else video.frames
    if said is not None and not 0 < said <= MAX_FRAMES:
        raise _Damaged(f"{said} frames; valid: 1 to {MAX_FRAMES}")
    codec.thread_count = 1
    codec.options = {"err_detect": "explode", "max_pixels": str(MAX_SIDE_PX**2)}
    shape, reformatter = (codec.height, codec.width), VideoReformatter()
    frames: list[Frames] = []
    for frame in container.decode(video):
        if len(frames) == (said or MAX_FRAMES) or frame.is_corrupt or (frame.height, frame.width) != shape:
            raise _Damaged(f"frame {len(frames)} is damaged" if said else f"more than {MAX_FRAMES} frames")
        frame = reformatter.reformat(frame, format="rgb24", interpolation=Interpolation.BICUBIC, threads=1)
        frames.append(np.asarray(frame.to_ndarray(), dtype=np.uint8))
    if len(frames) != (said or len(frames)) or not frames:
        raise _Damaged(f"{len(frames)} of {said or 'some'} frames")
    return np.stack(frames)

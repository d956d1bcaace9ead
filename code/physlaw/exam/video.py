"""Videos of exams: written at any frame rate, and read as what strangers send.

A file is read as the container that its name says, never as what its content claims: a playlist could name other files.
Frames come one by one and are made small at once, so that memory stays the same however large they are.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.errors import UserError

# PyAV directly, not through imageio: only it takes a container's name, and says the rate.
Frames = NDArray[np.uint8]
CONTAINERS = {
    **dict.fromkeys((".mp4", ".mov", ".m4v"), "mov"),
    **dict.fromkeys((".webm", ".mkv"), "matroska"),
    ".avi": "avi",
    ".gif": "gif",
}
MAX_SIDE_PX, MAX_FRAMES = 4096, 1024


def encode(frames: Frames, fps: float) -> bytes:
    """(T, H, W, 3) uint8 -> an mp4: H.264, yuv420p, x264's own quality. An odd side gets its last row or column once
    more. One thread: more would cut pictures into slices, and the bytes would depend on the machine."""
    import av

    odd = [(0, side % 2) for side in frames.shape[1:3]]
    padded = np.pad(frames, [(0, 0), *odd, (0, 0)], mode="edge")
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        options = {"x264-params": "mbtree=0"}  # else the bytes of small clips differ from call to call
        video: Any = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=options)
        video.height, video.width, video.pix_fmt = *padded.shape[1:3], "yuv420p"
        video.codec_context.thread_count = 1
        for picture in padded:
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(video.encode(None))
    return stream.getvalue()


def read_video(
    path: Path, small: Callable[[Frames], Frames], content: bytes | None = None
) -> tuple[Frames, float | None, tuple[int, int]]:
    """Every frame of a video once, through `small`: (T, W, W, 3), its frames a second where it says them, and the
    height and width that it had.

    Args:
        content: the file's bytes, of one that is not on disk; `path` then names it.

    Raises:
        UserError: no video of that container, cut off, damaged, or of more than 1024 frames or 4096 pixels a side.
    """
    import av
    from av.error import FFmpegError

    try:
        source = str(path) if content is None else io.BytesIO(content)
        with av.open(source, "r", format=CONTAINERS[path.suffix.lower()], metadata_errors="ignore") as container:
            if len(container.streams.video) != 1:
                raise UserError(f"{path.name}: {len(container.streams.video)} video streams; valid: 1")
            stream: Any = container.streams.video[0]
            codec = stream.codec_context
            if codec is None or not (0 < codec.width <= MAX_SIDE_PX and 0 < codec.height <= MAX_SIDE_PX):
                found = "no known codec" if codec is None else f"{codec.width} x {codec.height} pixels"
                raise UserError(f"{path.name}: {found}; valid: up to {MAX_SIDE_PX} x {MAX_SIDE_PX}")
            codec.options = {"max_pixels": str(MAX_SIDE_PX**2)}
            said, rate, shape = stream.frames, stream.average_rate, (codec.height, codec.width)
            if said > MAX_FRAMES:
                raise UserError(f"{path.name}: {said} frames; valid: 1 to {MAX_FRAMES}")
            frames: list[Frames] = []
            for frame in container.decode(stream):
                if frame.is_corrupt or (frame.height, frame.width) != shape:
                    raise UserError(f"{path.name}: frame {len(frames)} is damaged")
                if len(frames) == MAX_FRAMES:
                    raise UserError(f"{path.name}: more than {MAX_FRAMES} frames")
                frames.append(small(frame.to_ndarray(format="rgb24")[None])[0])
    except (OSError, ValueError, IndexError, FFmpegError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path.name}: not a readable video ({getattr(error, 'strerror', None) or error})") from None
    if not frames or len(frames) < said:
        raise UserError(f"{path.name}: cut off, {len(frames)} of {said or 'some'} frames")
    return np.stack(frames), None if rate is None else float(rate), shape

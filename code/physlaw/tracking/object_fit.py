"""What one frame shows of a single object: its place, area and colour, and how well each shape explains it.

Coverage of a pixel is 255 less its green, of 255: red and blue both lack green, so it does not ask the colour. Each
shape is tried as the renderer itself draws it at the measured centre and area, blurred by what fits best: a generated
picture is often soft, and softness is no shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlaw.jit import jit
from physlaw.render.dense import RIM, RING_HOLE
from physlaw.render.discs import render_clips
from physlaw.tracking.balls import MIN_RADIUS_WORLD, MIN_SHARE, THRESHOLD, Frames, pixel_centres
from physlaw.worlds.appearance import CIRCLE, RED, RING, SQUARE
from physlaw.worlds.scenes import Trajectory

Array = NDArray[np.float64]

SHAPES = (CIRCLE, SQUARE, RING)
BLURS_PX = (0.0, 0.5, 0.7, 1.0, 1.4, 2.0)  # standard deviations; between two of them, the pictures are mixed
# Area of each shape of radius (or half side) 1. The soft rim takes half of its 3 % from a disc, and from a ring's hole.
UNIT_AREAS = np.array([np.pi * (1 - RIM / 2), 4.0, np.pi * (1 - RIM / 2) * (1 - RING_HOLE**2)])
MIN_ROUND = 0.9  # the last sliver of an object that leaves covers little of the border too, but is long and thin
MIN_COLOUR = 0.25  # of the coverage: less red and blue than that is grey or black, no colour
MIN_PIXELS = 2.0  # of coverage: a speck of less has no shape, or any
MIN_KEPT = 0.5  # of a blurred template's area above the noise threshold; a very small object may lose all of it
_CHUNK_BYTES = 1 << 24  # of rendered templates held at once


@dataclass(frozen=True)
class FrameLooks:
    """Single frames, world units; images are flattened to M.

    positions: (M, 2) centroid, NaN where the object is absent. area: (M,) world units^2, 0 where absent. blue: (M,)
    share of blue in the colour, NaN where there is none. in_view: (M,) wholly: no border pixel is half covered or more,
    and an object at the border is as wide as it is high.
    misfit: (M, 3) sum of squared differences of coverage to each shape's picture, pixels; gaps: (M, 3, 3) the same
    between two shapes' pictures; energy: (M,) sum of squared coverage; radii: (M, 3) the radius if it is that shape.
    These four are NaN where the object is not wholly in view, or covers less than MIN_PIXELS.
    """

    positions: Array
    area: Array
    blue: Array
    in_view: NDArray[np.bool_]
    misfit: Array
    gaps: Array
    energy: Array
    radii: Array


_jit: Any = jit(cache=True)


@_jit
def _measure(images, least, sums, windows):  # type: ignore[no-untyped-def]
    """Every image's object.

    images: (M, W, W, 3). least: coverage, pixels, of the smallest object. sums: (M, 8) coverage, its sums of columns
    and of rows from the bottom, red, blue, the largest coverage on the border, and the coverage's sums of squared
    columns and rows. windows: (M, 4) rows and columns around the bulk of the object, where all of that is summed: stray
    specks must not count. Nothing there: all 0.
    """
    width = images.shape[1]
    for image in range(images.shape[0]):
        total = bulk = column = line = 0.0
        for row in range(width):
            for col in range(width):
                cover = 255 - np.int64(images[image, row, col, 1])
                if cover >= MIN_SHARE:
                    square = float(cover * cover)
                    total += cover
                    bulk += square
                    column += square * col
                    line += square * row
        if total / 255 < least:
            continue
        column, line = column / bulk, line / bulk
        reach = 1.3 * np.sqrt(total / 255 / np.pi) + 2  # as the tracker's; a square's corner is at 1.25
        top, bottom = max(int(np.ceil(line - reach)), 0), min(int(np.floor(line + reach)) + 1, width)
        left, right = max(int(np.ceil(column - reach)), 0), min(int(np.floor(column + reach)) + 1, width)
        s = sums[image]
        for row in range(top, bottom):
            for col in range(left, right):
                red, green, blue = images[image, row, col]
                cover = 255 - np.int64(green)
                if cover < MIN_SHARE:
                    continue
                s[0] += cover / 255
                s[1] += cover / 255 * col
                s[2] += cover / 255 * (width - 1 - row)
                redness, blueness = np.int64(red) - np.int64(green), np.int64(blue) - np.int64(green)
                s[3] += redness / 255 if redness > 0 else 0.0
                s[4] += blueness / 255 if blueness > 0 else 0.0
                s[6] += cover / 255 * col * col
                s[7] += cover / 255 * (width - 1 - row) ** 2
                if row == 0 or col == 0 or row == width - 1 or col == width - 1:
                    s[5] = max(s[5], cover)
        if s[0] < least:
            s[:] = 0
            continue
        windows[image, 0], windows[image, 1], windows[image, 2], windows[image, 3] = top, bottom, left, right


@_jit
def _blurred(picture, kernel, scratch, out):  # type: ignore[no-untyped-def]
    """picture (H, W) convolved with kernel (K,) along both axes; nothing lies beyond its edges."""
    height, width, half = picture.shape[0], picture.shape[1], len(kernel) // 2
    for row in range(height):
        for col in range(width):
            total = 0.0
            for k in range(max(-half, -col), min(half, width - 1 - col) + 1):
                total += kernel[k + half] * picture[row, col + k]
            scratch[row, col] = total
    for row in range(height):
        for col in range(width):
            out[row, col] = 0.0
        for k in range(max(-half, -row), min(half, height - 1 - row) + 1):
            for col in range(width):
                out[row, col] += kernel[k + half] * scratch[row + k, col]


@_jit
def _mix(low, high, share, picture, threshold, out):  # type: ignore[no-untyped-def]
    """out = low + share (high - low), 0 below the threshold; returns its squared distance to picture, and its sum."""
    error = total = 0.0
    for row in range(picture.shape[0]):
        for col in range(picture.shape[1]):
            cover = low[row, col] + share * (high[row, col] - low[row, col])
            cover = cover if cover >= threshold else 0.0
            out[row, col] = cover
            total += cover
            error += (cover - picture[row, col]) ** 2
    return error, total


@_jit
def _best_blur(blurs, picture, threshold, out):  # type: ignore[no-untyped-def]
    """The mixture of two neighbours of blurs (B, H, W) that is nearest to picture, into out; a template blurred by an
    amount between theirs is very nearly one. Returns its squared distance to picture, and its sum."""
    least, best = np.inf, 0
    for blur in range(len(blurs)):
        error, _ = _mix(blurs[blur], blurs[blur], 0.0, picture, threshold, out)
        if error < least:
            least, best = error, blur
    pair, weight = best, 0.0
    for low in range(max(best - 1, 0), min(best + 1, len(blurs) - 1)):
        along = across = 0.0
        for row in range(picture.shape[0]):
            for col in range(picture.shape[1]):
                step = blurs[low + 1, row, col] - blurs[low, row, col]
                along += step * (picture[row, col] - blurs[low, row, col])
                across += step * step
        share = min(max(along / across, 0.0), 1.0) if across > 0 else 0.0
        error, _ = _mix(blurs[low], blurs[low + 1], share, picture, threshold, out)
        if error < least:
            least, pair, weight = error, low, share
    return _mix(blurs[pair], blurs[min(pair + 1, len(blurs) - 1)], weight, picture, threshold, out)


# numba takes arrays and named tuples one by one, and what it fills is allocated by the caller: many arguments.
@_jit
def _compare(images, windows, templates, kernels, halves, misfit, gaps, energy, kept):  # type: ignore[no-untyped-def]
    """Fit every image with the three shapes' pictures.

    templates: (3, M, W, W, 3). kernels: (B, K), of which 2 halves[b] + 1 in the middle are not 0. misfit, gaps and
    energy as in FrameLooks; kept: (M, 3) how much of the template's area is left above the noise threshold.
    """
    threshold, middle = MIN_SHARE / 255, kernels.shape[1] // 2
    for image in range(images.shape[0]):
        top, bottom, left, right = windows[image]
        height, width = bottom - top, right - left
        picture = np.empty((height, width))
        for row in range(height):
            for col in range(width):
                cover = (255 - np.int64(images[image, top + row, left + col, 1])) / 255
                picture[row, col] = cover if cover >= threshold else 0.0
        energy[image] = (picture * picture).sum()
        best, drawn = np.zeros((3, height, width)), np.empty((height, width))
        blurs, scratch = np.empty((len(halves), height, width)), np.empty((height, width))
        for shape in range(3):
            for row in range(height):
                for col in range(width):
                    drawn[row, col] = (255 - np.int64(templates[shape, image, top + row, left + col, 1])) / 255
            for blur in range(len(halves)):
                kernel = kernels[blur, middle - halves[blur] : middle + halves[blur] + 1]
                _blurred(drawn, kernel, scratch, blurs[blur])
            misfit[image, shape], left_over = _best_blur(blurs, picture, threshold, best[shape])
            area = drawn.sum()
            kept[image, shape] = max(left_over / area, MIN_KEPT) if area > 0 else 1.0
        for a in range(3):
            for b in range(3):
                gaps[image, a, b] = ((best[a] - best[b]) ** 2).sum()


def gaussian_kernel(blur_px: float) -> Array:
    """(2 K + 1,) a Gaussian of that standard deviation, to three of them, summing to 1; (1,) of none."""
    half = int(np.ceil(3 * blur_px))
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / max(blur_px, 1e-9)) ** 2)
    return np.asarray(kernel / kernel.sum())


def _kernels() -> tuple[Array, NDArray[np.int64]]:
    """(B, K) Gaussian kernels of BLURS_PX, each in the middle of its row; (B,) half widths."""
    halves = np.array([len(gaussian_kernel(blur)) // 2 for blur in BLURS_PX])
    kernels = np.zeros((len(BLURS_PX), 2 * halves.max() + 1))
    for number, (blur, half) in enumerate(zip(BLURS_PX, halves, strict=True)):
        kernels[number, halves.max() - half : halves.max() + half + 1] = gaussian_kernel(blur)
    return kernels, halves


def _draw(positions: Array, radii: Array, width: int, method: str) -> NDArray[np.uint8]:
    """(M, 2), (M, 3) -> (3, M, W, W, 3) the renderer's pictures of the three shapes."""
    count = len(positions)
    colours = np.broadcast_to(np.array(RED, np.uint8), (count, 1, 3))
    drawn = [
        render_clips(
            Trajectory(positions[:, None, None], radii[:, [shape]], colours, np.full((count, 1), shape, np.uint8)),
            width,
            method,
        )[:, 0]
        for shape in SHAPES
    ]
    return np.stack(drawn)


def _roundness(sums: Array) -> Array:
    """(M, 8) -> (M,) the smaller of the variances of columns and rows over the larger: 1 of all three shapes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[:, :3] / sums[:, :1]
        variances = sums[:, 6:] / sums[:, :1] - mean[:, 1:] ** 2
        return variances.min(axis=1) / variances.max(axis=1)


def look_at_frames(frames: Frames, method: str, fit: NDArray[np.bool_]) -> FrameLooks:
    """Measure every frame on its own.

    Args:
        frames: (M, W, W, 3) uint8. method: how they were made at that size, "area" or "bare".
        fit: (M,) the frames whose shape is asked; only of these, where wholly in view, are the shapes tried.
    """
    count, width = frames.shape[:2]
    sums, windows = np.zeros((count, 8)), np.zeros((count, 4), np.int64)
    centres = pixel_centres(width, method)
    step = (centres[-1] - centres[0]) / (width - 1)
    _measure(frames, np.pi * (MIN_RADIUS_WORLD / step) ** 2, sums, windows)
    covered, colour = sums[:, 0], sums[:, 3] + sums[:, 4]
    with np.errstate(invalid="ignore", divide="ignore"):
        positions = centres[0] + step * (sums[:, 1:3] / covered[:, None])
        blue = np.where(colour >= MIN_COLOUR * covered, sums[:, 4] / colour, np.nan)
    area = covered * step**2
    in_view = (covered > 0) & (sums[:, 5] <= THRESHOLD) & ((sums[:, 5] < MIN_SHARE) | (_roundness(sums) >= MIN_ROUND))
    misfit, radii, energy = np.full((count, 3), np.nan), np.full((count, 3), np.nan), np.full(count, np.nan)
    gaps, (kernels, halves) = np.full((count, 3, 3), np.nan), _kernels()
    chosen = np.flatnonzero(in_view & fit & (covered >= MIN_PIXELS))
    chunk = max(_CHUNK_BYTES // (9 * width * width), 1)
    for start in range(0, len(chosen), chunk):
        part = chosen[start : start + chunk]
        nominal = np.sqrt(area[part, None] / UNIT_AREAS)
        found = np.empty((len(part), 3)), np.empty((len(part), 3, 3)), np.empty(len(part))
        kept = np.ones((len(part), 3))
        for _ in range(2):
            # The threshold takes the seam from a blurred picture: as much as it takes from the template is given back.
            templates = _draw(positions[part], nominal / np.sqrt(kept), width, method)
            _compare(frames[part], windows[part], templates, kernels, halves, *found, kept)
        misfit[part], gaps[part], energy[part] = found
        radii[part] = nominal / np.sqrt(kept)
    return FrameLooks(positions, area, blue, in_view, misfit, gaps, energy, radii)

"""Poses of known rigid shapes in one picture, by least squares between its coverage and the shapes' own.

Pictures are (2 or more, H, H) coverage, of red and of gray first, H = width + 2 PAD, zero outside the scene. Coverages
of one colour add up, less what two bodies share. Sums of squares are in pixels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlaw.tracking.bodies import jit
from physlaw.tracking.bodies.drawing import PAD, draw_body, draw_shared, patch_side, place_corners
from physlaw.tracking.bodies.shapes import Shapes
from physlaw.worlds.bodies import SIDE

ITERATIONS = 12
_MOST_CORNERS = 80  # of two polygons' intersection
_LARGEST_STEP = 1.5  # pixels in one iteration

Array = NDArray[np.float64]


class Scratch(NamedTuple):
    """Room for fits of D bodies in pictures of one width; boxes, model and patches show the poses drawn last.

    patches: (D + 1, 4, S, S) as draw_body, one more to draw in. boxes: (D, 4). model: (2, H, H). The rest is of the
    normal equations, 3 D unknowns, and (D, 3) poses on trial.
    """

    patches: Array
    boxes: NDArray[np.int64]
    model: Array
    matrix: Array
    vector: Array
    factor: Array
    step: Array
    trial: Array


def new_scratch(shapes: Shapes, width: int) -> Scratch:
    """Room for fits of these bodies in pictures of a width."""
    count, side, size = len(shapes.owners), patch_side(shapes, width), width + 2 * PAD
    return Scratch(
        patches=np.zeros((count + 1, 4, side, side)),
        boxes=np.zeros((count, 4), dtype=np.int64),
        model=np.zeros((2, size, size)),
        matrix=np.zeros((3 * count, 3 * count)),
        vector=np.zeros(3 * count),
        factor=np.zeros((3 * count, 3 * count)),
        step=np.zeros(3 * count),
        trial=np.zeros((count, 3)),
    )


@jit
def add_patch(patch, box, sign, picture):  # type: ignore[no-untyped-def]
    """Add a drawn body's coverage times sign to a padded picture (H, H)."""
    row0, column0, rows, columns = box
    size = picture.shape[0]
    for row in range(max(0, -row0), min(rows, size - row0)):
        for column in range(max(0, -column0), min(columns, size - column0)):
            picture[row0 + row, column0 + column] += sign * patch[0, row, column]


@jit
def draw_all(poses, active, union, kit, scratch):  # type: ignore[no-untyped-def]
    """Draw the active bodies one by one, and into the scratch's model their sum; or their union, as far as only two
    share an area."""
    model, patches, boxes = scratch.model, scratch.patches, scratch.boxes
    model[:] = 0.0
    width, count = model.shape[1] - 2 * PAD, len(poses)
    world, work = np.empty_like(kit.vertices), np.empty((2, _MOST_CORNERS, 2))
    for d in range(count):
        if not active[d]:
            boxes[d, 2] = boxes[d, 3] = 0
            continue
        picture = model[kit.channels[d]]
        draw_body(d, poses[d], kit, width, patches[d], boxes[d])
        add_patch(patches[d], boxes[d], 1.0, picture)
        place_corners(d, poses[d], kit, world)
        for other in range(d if union else 0):
            if not active[other] or kit.channels[other] != kit.channels[d]:
                continue
            apart = math.hypot(poses[d, 0] - poses[other, 0], poses[d, 1] - poses[other, 1])
            if apart < kit.reaches[d] + kit.reaches[other]:
                draw_shared(d, other, kit, world, width, patches[count], work, picture)


@jit
def _squares(observed, model):  # type: ignore[no-untyped-def]
    total = 0.0
    for channel in range(2):
        for row in range(observed.shape[1]):
            for column in range(observed.shape[2]):
                gap = observed[channel, row, column] - model[channel, row, column]
                total += gap * gap
    return total


@jit
def _own_terms(i, observed, kit, scratch):  # type: ignore[no-untyped-def]
    """Body i's part of the normal equations."""
    patch, model, matrix, vector = scratch.patches[i], scratch.model, scratch.matrix, scratch.vector
    row0, column0, rows, columns = scratch.boxes[i]
    turn = 1 / kit.reaches[i] if kit.periods[i] > 0 else 0.0
    size, channel = observed.shape[1], kit.channels[i]
    for row in range(max(0, -row0), min(rows, size - row0)):
        for column in range(max(0, -column0), min(columns, size - column0)):
            a, b, c = patch[1, row, column], patch[2, row, column], patch[3, row, column] * turn
            if a == 0.0 and b == 0.0 and c == 0.0:
                continue
            gap = observed[channel, row0 + row, column0 + column] - model[channel, row0 + row, column0 + column]
            vector[3 * i] += a * gap
            vector[3 * i + 1] += b * gap
            vector[3 * i + 2] += c * gap
            matrix[3 * i, 3 * i] += a * a
            matrix[3 * i + 1, 3 * i] += a * b
            matrix[3 * i + 2, 3 * i] += a * c
            matrix[3 * i + 1, 3 * i + 1] += b * b
            matrix[3 * i + 2, 3 * i + 1] += b * c
            matrix[3 * i + 2, 3 * i + 2] += c * c


@jit
def _shared_terms(i, j, size, kit, scratch):  # type: ignore[no-untyped-def]
    """The normal equations' terms of two bodies whose edges meet in a pixel, i > j."""
    first, second, matrix = scratch.patches[i], scratch.patches[j], scratch.matrix
    row_i, column_i, rows_i, columns_i = scratch.boxes[i]
    row_j, column_j, rows_j, columns_j = scratch.boxes[j]
    turn_i = 1 / kit.reaches[i] if kit.periods[i] > 0 else 0.0
    turn_j = 1 / kit.reaches[j] if kit.periods[j] > 0 else 0.0
    for row in range(max(row_i, row_j, 0), min(row_i + rows_i, row_j + rows_j, size)):
        for column in range(max(column_i, column_j, 0), min(column_i + columns_i, column_j + columns_j, size)):
            for m in range(3):
                mine = first[1 + m, row - row_i, column - column_i] * (turn_i if m == 2 else 1.0)
                if mine == 0.0:
                    continue
                for n in range(3):
                    other = second[1 + n, row - row_j, column - column_j] * (turn_j if n == 2 else 1.0)
                    matrix[3 * i + m, 3 * j + n] += mine * other


@jit
def _normal_equations(observed, kit, scratch):  # type: ignore[no-untyped-def]
    """Gauss-Newton's matrix (lower half) and right side; three unknowns a body, in px: x, y, angle times reach."""
    scratch.matrix[:] = 0.0
    scratch.vector[:] = 0.0
    for i in range(len(kit.channels)):
        _own_terms(i, observed, kit, scratch)
        for j in range(i):
            if kit.channels[i] == kit.channels[j]:
                _shared_terms(i, j, observed.shape[1], kit, scratch)


@jit
def _solve(matrix, vector, damping, factor, out):  # type: ignore[no-untyped-def]
    """(matrix + damping times its diagonal) out = vector, by Cholesky's method."""
    n = len(vector)
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            if i == j:
                total += damping * matrix[i, i] + 1e-6
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            factor[i, j] = math.sqrt(max(total, 1e-9)) if i == j else total / factor[j, j]
    for i in range(n):
        total = vector[i]
        for k in range(i):
            total -= factor[i, k] * out[k]
        out[i] = total / factor[i, i]
    for i in range(n - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, n):
            total -= factor[k, i] * out[k]
        out[i] = total / factor[i, i]


@jit
def _try_step(poses, limit, kit, scratch):  # type: ignore[no-untyped-def]
    """Write the poses a step on into the scratch's trial, no body farther than limit (px); returns the farthest."""
    step, trial = scratch.step, scratch.trial
    farthest = 0.0
    for d in range(len(poses)):
        longest = max(abs(step[3 * d]), abs(step[3 * d + 1]), abs(step[3 * d + 2]))
        share = limit / longest if longest > limit else 1.0
        farthest = max(farthest, min(longest, limit))
        trial[d, 0] = min(max(poses[d, 0] + share * step[3 * d], 0.0), SIDE)
        trial[d, 1] = min(max(poses[d, 1] + share * step[3 * d + 1], 0.0), SIDE)
        trial[d, 2] = poses[d, 2] + (share * step[3 * d + 2] / kit.reaches[d] if kit.periods[d] > 0 else 0.0)
    return farthest


@jit
def fit(observed, poses, active, union, kit, scratch):  # type: ignore[no-untyped-def]
    """Move the active bodies' poses (in place) to a least sum of squares, which is returned.

    Levenberg-Marquardt's method; the rates of change leave out that two bodies may share an area. union: as draw_all,
    whose result for the poses is left in the scratch.
    """
    pixel = SIDE / (observed.shape[1] - 2 * PAD)
    draw_all(poses, active, union, kit, scratch)
    cost = _squares(observed, scratch.model)
    damping = 1e-3
    for _ in range(ITERATIONS):
        _normal_equations(observed, kit, scratch)
        better, change, trial_cost = False, 0.0, cost
        for _ in range(4):
            _solve(scratch.matrix, scratch.vector, damping, scratch.factor, scratch.step)
            change = _try_step(poses, _LARGEST_STEP * pixel, kit, scratch)
            draw_all(scratch.trial, active, union, kit, scratch)
            trial_cost = _squares(observed, scratch.model)
            better = trial_cost < cost
            if better:
                break
            damping = max(damping * 8, 1e-2)
        if not better:
            draw_all(poses, active, union, kit, scratch)
            break
        gain = cost - trial_cost
        cost = trial_cost
        damping = max(damping / 4, 1e-4)
        poses[:] = scratch.trial
        if change < 0.02 * pixel or gain < 1e-4 * cost:
            break
    return cost


@jit
def refit(observed, poses, active, kit, scratch):  # type: ignore[no-untyped-def]
    """fit, first so that bodies which share an area drive each other apart."""
    fit(observed, poses, active, False, kit, scratch)
    return fit(observed, poses, active, True, kit, scratch)


@jit
def gain_of(d, pose, residual, kit, patch, box):  # type: ignore[no-untyped-def]
    """By how much body d at a pose lowers the sum of squares of a residual (H, H); draws it into patch and box."""
    size = residual.shape[0]
    draw_body(d, pose, kit, size - 2 * PAD, patch, box)
    total = 0.0
    row0, column0, rows, columns = box
    for row in range(rows):
        for column in range(columns):
            mine = patch[0, row, column]
            at_row, at_column = row0 + row, column0 + column
            inside = 0 <= at_row < size and 0 <= at_column < size
            total += mine * ((2 * residual[at_row, at_column] if inside else 0.0) - mine)
    return total

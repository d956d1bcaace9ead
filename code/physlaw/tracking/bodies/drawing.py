"""Rigid shapes as pixel coverage: exact areas, and how they change as a body moves.

Coverage is the share of a pixel's area that a body covers. It differs from the renderer's, which asks at the centres of
the 512 px picture's pixels only, by up to 3/4 px of 512 along an upright or level edge.
"""

from __future__ import annotations

import math

from physlaw.tracking.bodies import jit
from physlaw.tracking.bodies.shapes import Shapes
from physlaw.worlds.bodies import SIDE

PAD = 4  # pixels around a picture in which bodies that stick out are still seen


def patch_side(shapes: Shapes, width: int) -> int:
    """Pixels of a square patch that holds any of the bodies in a picture of that width."""
    largest = float(shapes.reaches.max()) if len(shapes.reaches) else 0.0
    return math.ceil(2 * largest * width / SIDE) + 5


@jit
def _add_segment(patch, sign, ax, ay, bx, by, cx, cy):  # type: ignore[no-untyped-def]
    """Add an edge, from (ax, ay) to (bx, by) in pixels of the patch, to the running sums; it is cut at pixel borders.

    A closed outline's plane 0 becomes the coverage when summed along the rows; planes 1 to 3 are the coverage's rates
    of change as the body moves right, down, and turns counter-clockwise about (cx, cy).
    """
    dx, dy = bx - ax, by - ay
    column, row = math.floor(ax), math.floor(ay)
    # On a border, the pixel that the edge runs into.
    if dx < 0 and column == ax:
        column -= 1
    if dy < 0 and row == ay:
        row -= 1
    step_column, step_row = (1 if dx > 0 else -1), (1 if dy > 0 else -1)
    next_x = ((column + (dx > 0)) - ax) / dx if dx != 0 else 2.0
    next_y = ((row + (dy > 0)) - ay) / dy if dy != 0 else 2.0
    each_x = abs(1 / dx) if dx != 0 else 2.0
    each_y = abs(1 / dy) if dy != 0 else 2.0
    begin = 0.0
    while True:
        end = min(next_x, next_y, 1.0)
        along_x, along_y = sign * (end - begin) * dx, sign * (end - begin) * dy
        middle = (begin + end) / 2
        x, y = ax + middle * dx, ay + middle * dy
        right = along_y * (x - column)
        patch[0, row, column] += along_y - right
        patch[0, row, column + 1] += right
        patch[1, row, column] -= along_y
        patch[2, row, column] += along_x
        patch[3, row, column] -= along_y * (y - cy) + along_x * (x - cx)
        if end >= 1.0:
            return
        begin = end
        if next_x <= next_y:
            column += step_column
            next_x += each_x
        else:
            row += step_row
            next_y += each_y


@jit
def draw_body(d, pose, kit, width, patch, box):  # type: ignore[no-untyped-def]
    """Coverage of body d with its centre of mass at a pose (3,) in a picture of some width, and its rates of change.

    patch: (4, S, S) scratch; planes 0 to 3 become coverage and its rates per px right, per px
    up and per radian. box: (4,) first row and column in the padded picture (first pixel: -PAD), rows and columns of
    the patch that count; none where the body is outside the padded picture.
    """
    starts, corners, signs, vertices = kit.starts, kit.corners, kit.signs, kit.vertices
    side, scale = patch.shape[1], width / SIDE
    cos, sin = math.cos(pose[2]), math.sin(pose[2])
    cx, cy = pose[0] * scale, width - pose[1] * scale
    left, right, top, bottom = cx, cx, cy, cy
    for k in range(corners[starts[d]], corners[starts[d + 1]]):
        px = cx + (cos * vertices[k, 0] - sin * vertices[k, 1]) * scale
        py = cy - (sin * vertices[k, 0] + cos * vertices[k, 1]) * scale
        left, right, top, bottom = min(left, px), max(right, px), min(top, py), max(bottom, py)
    if right < -PAD or left > width + PAD or bottom < -PAD or top > width + PAD:
        box[0] = box[1] = box[2] = box[3] = 0
        return
    column0, row0 = math.floor(left) - 1, math.floor(top) - 1  # rounding may leave an edge's end one pixel off
    columns, rows = math.floor(right) - column0 + 2, math.floor(bottom) - row0 + 2
    columns, rows = min(columns, side), min(rows, side)
    for plane in range(4):
        for row in range(rows):
            for column in range(columns):
                patch[plane, row, column] = 0.0
    x0, y0 = cx - column0, cy - row0
    for polygon in range(starts[d], starts[d + 1]):
        first, last = corners[polygon], corners[polygon + 1]
        ax = x0 + (cos * vertices[last - 1, 0] - sin * vertices[last - 1, 1]) * scale
        ay = y0 - (sin * vertices[last - 1, 0] + cos * vertices[last - 1, 1]) * scale
        for k in range(first, last):
            bx = x0 + (cos * vertices[k, 0] - sin * vertices[k, 1]) * scale
            by = y0 - (sin * vertices[k, 0] + cos * vertices[k, 1]) * scale
            _add_segment(patch, signs[polygon], ax, ay, bx, by, x0, y0)
            ax, ay = bx, by
    for row in range(rows):
        total = 0.0
        for column in range(columns):
            total += patch[0, row, column]
            patch[0, row, column] = total
            patch[1, row, column] *= scale
            patch[2, row, column] *= -scale
    box[0], box[1], box[2], box[3] = row0 + PAD, column0 + PAD, rows, columns


@jit
def _cut(corners, count, ax, ay, bx, by, out):  # type: ignore[no-untyped-def]
    """out: what of a convex polygon, `count` rows of corners, lies left of the line from a to b; returns its count."""
    kept = 0
    px, py = corners[count - 1]
    far = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    for k in range(count):
        x, y = corners[k]
        side = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        if (side > 0) != (far > 0):
            share = far / (far - side)
            out[kept, 0], out[kept, 1] = px + share * (x - px), py + share * (y - py)
            kept += 1
        if side > 0:
            out[kept, 0], out[kept, 1] = x, y
            kept += 1
        px, py, far = x, y, side
    return kept


@jit
def _draw_polygon(corners, count, sign, scale, width, patch, model):  # type: ignore[no-untyped-def]
    """Add a polygon's coverage times sign to model (H, H); corners: px of the scene, the first `count` rows."""
    left = right = corners[0, 0] * scale
    top = bottom = width - corners[0, 1] * scale
    for k in range(1, count):
        x, y = corners[k, 0] * scale, width - corners[k, 1] * scale
        left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
    column0, row0 = math.floor(left) - 1, math.floor(top) - 1
    columns = min(math.floor(right) - column0 + 2, patch.shape[2])
    rows = min(math.floor(bottom) - row0 + 2, patch.shape[1])
    patch[0, :rows, :columns] = 0.0
    ax, ay = corners[count - 1, 0] * scale - column0, width - corners[count - 1, 1] * scale - row0
    for k in range(count):
        bx, by = corners[k, 0] * scale - column0, width - corners[k, 1] * scale - row0
        _add_segment(patch, sign, ax, ay, bx, by, 0.0, 0.0)
        ax, ay = bx, by
    row0, column0 = row0 + PAD, column0 + PAD
    for row in range(rows):
        total = 0.0
        for column in range(columns):
            total += patch[0, row, column]
            if 0 <= row0 + row < model.shape[0] and 0 <= column0 + column < model.shape[1]:
                model[row0 + row, column0 + column] += total


@jit
def place_corners(d, pose, kit, world):  # type: ignore[no-untyped-def]
    """Write body d's corners at a pose of its centre of mass into world (V, 2)."""
    cos, sin, vertices = math.cos(pose[2]), math.sin(pose[2]), kit.vertices
    for k in range(kit.corners[kit.starts[d]], kit.corners[kit.starts[d + 1]]):
        world[k, 0] = pose[0] + cos * vertices[k, 0] - sin * vertices[k, 1]
        world[k, 1] = pose[1] + sin * vertices[k, 0] + cos * vertices[k, 1]


@jit
def draw_shared(a, b, kit, world, width, patch, work, model):  # type: ignore[no-untyped-def]
    """Take the area that bodies a and b share from model (H, H), where their coverages were added.

    world: (V, 2) as place_corners. patch: scratch as draw_body's. work: (2, K, 2) scratch for polygons of K corners."""
    starts, corners, signs = kit.starts, kit.corners, kit.signs
    for one in range(starts[a], starts[a + 1]):
        for two in range(starts[b], starts[b + 1]):
            count, now = 0, 0
            for k in range(corners[one], corners[one + 1]):
                work[0, count] = world[k]
                count += 1
            last = corners[two + 1] - 1
            for k in range(corners[two], corners[two + 1]):
                count = _cut(work[now], count, world[last, 0], world[last, 1], world[k, 0], world[k, 1], work[1 - now])
                now, last = 1 - now, k
                if count < 3:
                    break
            if count >= 3:
                _draw_polygon(work[now], count, -signs[one] * signs[two], width / SIDE, width, patch, model)

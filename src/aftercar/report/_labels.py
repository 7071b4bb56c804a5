"""Small labels beside points, placed so that they cover neither one another nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, hypot, pi, sin

_RADIUS = 5.5  # of a point
_LETTER, _HEIGHT = 7.0, 12.0  # of bold text of 11 pixels
_REACHES = (15.0, 21.0, 29.0, 38.0, 50.0, 64.0)
_DIRECTIONS = 12
Point = tuple[float, float]


def place_labels(points: Sequence[Point], labels: Sequence[str], *, size: float) -> list[Point]:
    """Return the middle of each label, in the pixels of the points.

    Each label takes the nearest free place around its point inside the square of `size`; where none is free, the one
    that covers least.
    """
    taken: list[tuple[float, float, float]] = []  # middle and half width of the labels so far
    placed = []
    for number, (point, label) in enumerate(zip(points, labels, strict=True)):
        half = _LETTER * max(len(label), 1) / 2 + 1
        best, least = point, float("inf")
        for x, y in _candidates(point, size, half):
            others = [other for k, other in enumerate(points) if k != number]
            cost = _covered(x, y, half, taken, others) + 0.01 * hypot(x - point[0], y - point[1])
            if cost < least:
                best, least = (x, y), cost
        taken.append((*best, half))
        placed.append(best)
    return placed


def _candidates(point: Point, size: float, half: float) -> list[Point]:
    found = []
    for reach in _REACHES:
        for k in range(_DIRECTIONS):
            angle = 2 * pi * (k + 0.5) / _DIRECTIONS
            x, y = point[0] + reach * cos(angle), point[1] - reach * sin(angle)
            if half <= x <= size - half and _HEIGHT / 2 <= y <= size - _HEIGHT / 2:
                found.append((x, y))
    return found


def _covered(
    x: float, y: float, half: float, labels: Sequence[tuple[float, float, float]], points: Sequence[Point]
) -> float:
    """Return how many labels (heavy) and points a label at this place would cover."""
    on_labels = sum(abs(x - a) < half + b + 2 and abs(y - c) < _HEIGHT + 2 for a, c, b in labels)
    on_points = sum(abs(x - a) < half + _RADIUS and abs(y - c) < _HEIGHT / 2 + _RADIUS for a, c in points)
    return 10.0 * on_labels + 3.0 * on_points

"""Plain SVG: boxes, curves between their sides, arrow heads, numbers in circles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

COLOURS = {"kill": "#b3261e", "suppress": "#b06000", "stimulate": "#2b7a3d", "produce": "#3a5a98"}
_NEAR = 110.0  # how far two boxes of a column may stand apart to be joined by a straight line
Point = tuple[float, float]
Port = tuple[float, float, str]
"""A place on the side of a box: x, y, side."""

_ARROW = '<path d="M0,0 L8,4 L0,8 z" fill="{}"/>'
_BAR = '<path d="M6,0 V8" stroke="{}" stroke-width="2.4"/>'
# A bar ends what suppresses, an open head what stimulates: the kinds differ in shape as well as in colour.
_OPEN = '<path d="M0.5,0.5 L7.5,4 L0.5,7.5" fill="none" stroke="{}" stroke-width="1.5"/>'
HEADS = "<defs>" + "".join(
    f'<marker id="head-{kind}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="9" markerHeight="9" '
    f'markerUnits="userSpaceOnUse" orient="auto-start-reverse">{shape.format(COLOURS[kind])}</marker>'
    for kind, shape in (("kill", _ARROW), ("suppress", _BAR), ("stimulate", _OPEN), ("produce", _ARROW))
) + "</defs>"  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> Point:
        """Its centre."""
        return self.x + self.width / 2, self.y + self.height / 2


def ports(pairs: Sequence[tuple[str, str]], boxes: Mapping[str, Box]) -> list[tuple[Port, Port]]:
    """Return where the line of each pair leaves and arrives, spread over the sides so that lines keep apart."""
    ends: dict[tuple[str, str], list[tuple[float, int, int]]] = {}
    for k, (a, b) in enumerate(pairs):
        for which, (here, there) in enumerate(((boxes[a], boxes[b]), (boxes[b], boxes[a]))):
            side = _side(here, there)
            along = there.middle[1] if side in {"left", "right"} else there.middle[0]
            ends.setdefault(((a, b)[which], side), []).append((along, k, which))
    found: dict[tuple[int, int], Port] = {}
    for (name, side), lines in ends.items():
        for position, (_, k, which) in enumerate(sorted(lines)):
            found[k, which] = _place(boxes[name], side, (position + 1) / (len(lines) + 1))
    return [(found[k, 0], found[k, 1]) for k in range(len(pairs))]


def _side(here: Box, there: Box) -> str:
    """Return the side of a box that faces another."""
    if there.x > here.x + here.width:
        return "right"
    if there.x + there.width < here.x:
        return "left"
    if abs(there.middle[1] - here.middle[1]) - (here.height + there.height) / 2 > _NEAR:
        return "left"  # around whatever stands between
    return "bottom" if there.middle[1] > here.middle[1] else "top"


def _place(box: Box, side: str, share: float) -> Port:
    if side in {"left", "right"}:
        return box.x + (box.width if side == "right" else 0.0), box.y + share * box.height, side
    return box.x + share * box.width, box.y + (box.height if side == "bottom" else 0.0), side


def curve(start: Port, end: Port) -> tuple[str, Point]:
    """Return a smooth path between two ports and its middle."""
    reach = 0.4 * max(abs(end[0] - start[0]), abs(end[1] - start[1]), 30.0)
    reach = min(reach, 60.0) if start[2] == end[2] == "left" else reach
    a, b = _ahead(start, reach), _ahead(end, reach)
    middle = (
        (start[0] + 3 * a[0] + 3 * b[0] + end[0]) / 8,
        (start[1] + 3 * a[1] + 3 * b[1] + end[1]) / 8,
    )
    path = f"M{start[0]:.1f},{start[1]:.1f} C{a[0]:.1f},{a[1]:.1f} {b[0]:.1f},{b[1]:.1f} {end[0]:.1f},{end[1]:.1f}"
    return path, middle


def _ahead(port: Port, reach: float) -> Point:
    x, y, side = port
    dx, dy = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}[side]
    return x + dx * reach, y + dy * reach


def badge(number: int, x: float, y: float) -> str:
    """Return a number in a circle."""
    return (
        f'<g class="mechanism"><circle cx="{x:.1f}" cy="{y:.1f}" r="8.5" fill="#26323d"/><text x="{x:.1f}" '
        f'y="{y + 3.6:.1f}" font-size="10" font-weight="600" fill="#ffffff" text-anchor="middle">{number}</text></g>'
    )


def text_lines(words: str, x: float, y: float, *, anchor: str = "middle", size: int = 13, weight: str = "400") -> str:
    """Return text of one or more lines, its middle at y."""
    lines = words.split("\n")
    top = y - (len(lines) - 1) * size * 0.6 + size * 0.35
    spans = "".join(
        f'<tspan x="{x:g}" y="{top + k * size * 1.2:.1f}">{escape(line)}</tspan>' for k, line in enumerate(lines)
    )
    return f'<text text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="#1c252d">{spans}</text>'

"""Where in a TOML file a field stands: so that a fault can name its line."""

from __future__ import annotations

import re


def find_line(text: str, place: tuple[str | int, ...]) -> int | None:
    """Return the line (from 1) of a field of a plan, or of the table that should hold it.

    `place`: keys and positions, e.g. ``("arms", 1, "treatments", 0, "therapy")``.
    """
    lines = text.splitlines()
    first, last = 0, len(lines)
    depth: list[str] = []
    for key in place:
        if isinstance(key, str):
            depth.append(key)
            continue
        header = re.compile(rf"^\s*\[\[\s*{re.escape('.'.join(depth))}\s*\]\]")
        found = [k for k in range(first, last) if header.match(lines[k])]
        if key >= len(found):
            break  # written within one line, or nowhere
        first = found[key]
        last = found[key + 1] if key + 1 < len(found) else last
    field = next((key for key in reversed(place) if isinstance(key, str)), "")
    own = re.compile(rf"(^|[\s{{,]){re.escape(field)}\s*=")
    exact = [k for k in range(first, last) if own.search(lines[k])]
    if exact:
        return exact[0] + 1
    return first + 1 if lines else None

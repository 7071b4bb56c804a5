"""Arithmetic of printed percentages: which counts could stand behind them."""

from __future__ import annotations

import re
from decimal import Decimal


def parse_counts(text: str) -> tuple[tuple[int, int], ...]:
    """Return the (events, total) pairs of a cell such as ``2/3;4/6``. Raises ValueError on anything else."""
    pairs = []
    for part in (piece.strip() for piece in text.split(";")):
        if not part:
            continue
        match = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", part)  # the bound of counts in every table
        if match is None:
            raise ValueError(f"'{part}' is not a pair such as 2/3")
        events, total = int(match[1]), int(match[2])
        if total < 1 or events > total:
            raise ValueError(f"{events}/{total} is no proportion")
        pairs.append((events, total))
    return tuple(pairs)


def prints_as(events: int, total: int, percent: float) -> bool:
    """Say whether events/total prints as `percent` at the number of decimals that it shows.

    Half units count as printing either way, because papers round halves both ways.

    Examples
    --------
    >>> prints_as(33, 76, 43.4), prints_as(34, 79, 43.4), prints_as(5, 8, 62), prints_as(5, 8, 63)
    (True, False, True, True)
    """
    decimals = max(0, -int(Decimal(repr(percent)).normalize().as_tuple().exponent))
    return abs(100 * events / total - percent) <= 0.5 * 10.0**-decimals + 1e-9

"""The order of elimination for a sparse matrix whose pattern is known: found once, unrolled for ever.

Pivots stay on the diagonal, in the order that makes least fill-in (Markowitz). That is safe here because the matrix
is I/(h*gamma) - J: a smaller step makes the diagonal dominant. The kernel measures the loss of digits in each pivot
and has the step repeated with a smaller h where it is too large.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Elimination:
    """A symbolic LU factorisation.

    `order` is the sequence of pivots; `entries` the positions that are non-zero after fill-in; `below[k]` the rows
    still to be eliminated in column k; `right[k]` the columns right of the pivot in row k.
    """

    order: tuple[int, ...]
    entries: frozenset[tuple[int, int]]
    below: dict[int, tuple[int, ...]]
    right: dict[int, tuple[int, ...]]

    @property
    def fill_in(self) -> int:
        """Number of entries."""
        return len(self.entries)


def find_elimination(n: int, pattern: Iterable[tuple[int, int]]) -> Elimination:
    """Return the elimination of an n x n matrix with the given non-zero positions (the diagonal is added)."""
    entries = set(pattern) | {(i, i) for i in range(n)}
    rows = {i: {j for r, j in entries if r == i} for i in range(n)}
    columns: dict[int, set[int]] = {j: set() for j in range(n)}
    for i, j in entries:
        columns[j].add(i)
    left = set(range(n))
    order: list[int] = []
    below: dict[int, tuple[int, ...]] = {}
    right: dict[int, tuple[int, ...]] = {}
    while left:
        pivot = min(left, key=lambda k: ((len(rows[k] & left) - 1) * (len(columns[k] & left) - 1), k))
        left.discard(pivot)
        order.append(pivot)
        below[pivot] = tuple(sorted(columns[pivot] & left))
        right[pivot] = tuple(sorted(rows[pivot] & left))
        for i in below[pivot]:
            for j in right[pivot]:
                entries.add((i, j))
                rows[i].add(j)
                columns[j].add(i)
    return Elimination(tuple(order), frozenset(entries), below, right)

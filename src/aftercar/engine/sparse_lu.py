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
    rows: list[set[int]] = [set() for _ in range(n)]  # off the diagonal, of what is left to eliminate
    columns: list[set[int]] = [set() for _ in range(n)]
    for i, j in entries:
        if i != j:
            rows[i].add(j)
            columns[j].add(i)
    left = set(range(n))
    order: list[int] = []
    below: dict[int, tuple[int, ...]] = {}
    right: dict[int, tuple[int, ...]] = {}
    while left:
        pivot = min(left, key=lambda k: (len(rows[k]) * len(columns[k]), k))
        left.discard(pivot)
        order.append(pivot)
        below[pivot], right[pivot] = tuple(sorted(columns[pivot])), tuple(sorted(rows[pivot]))
        for i in below[pivot]:
            entries.update((i, j) for j in right[pivot])
            rows[i].discard(pivot)
            rows[i].update(j for j in right[pivot] if j != i)
        for j in right[pivot]:
            columns[j].discard(pivot)
            columns[j].update(i for i in below[pivot] if i != j)
    return Elimination(tuple(order), frozenset(entries), below, right)

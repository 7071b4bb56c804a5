"""The linear system that every stage of a step solves, as a pattern: what is stored, what is known beforehand.

Unknowns are the changes of the states and of the shared values (`shared_values.py`):

    (J - I/(h*gamma)) dx + B dz = right-hand side,      C dx + (D - I) dz = 0

A shared value has -1 on the diagonal and no right-hand side, so that most of its work needs no arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aftercar.engine.sparse_lu import Elimination, find_elimination
from aftercar.engine.tape import Level, Node, Tape

Place = tuple[int, int]


@dataclass(frozen=True)
class LinearSystem:
    """Pattern and order of elimination.

    Attributes
    ----------
    n_states
        Unknowns before this are states, the others shared values.
    matrix
        Derivatives by place, without the diagonal's own terms.
    plan
        The order of elimination.
    touched
        Places that the elimination changes.
    units
        Shared values whose pivot is still exactly -1 when its turn comes.
    fixed
        Places that keep a number or a value of the patient throughout, so that nothing is stored.
    slots
        Position in memory of every other place that is used.
    """

    n_states: int
    matrix: Mapping[Place, Node]
    plan: Elimination
    touched: frozenset[Place]
    units: frozenset[int]
    fixed: frozenset[Place]
    slots: Mapping[Place, int]


def arrange_system(tape: Tape, n_states: int, n_shared: int, matrix: Mapping[Place, Node]) -> LinearSystem:
    """Find the order of elimination and what need not be stored."""
    plan = find_elimination(n_states + n_shared, matrix)
    rank = {k: position for position, k in enumerate(plan.order)}
    touched = frozenset((i, j) for k in plan.order for i in plan.below[k] for j in plan.right[k])
    units = frozenset(k for k in range(n_states, n_states + n_shared) if (k, k) not in touched)

    def is_fixed(i: int, j: int) -> bool:
        if i == j or (i, j) in touched or tape.levels[matrix[i, j]] == Level.MOMENT:
            return False
        return rank[i] < rank[j] or j in units  # others are multiplied by the inverse of their pivot

    fixed = frozenset(place for place in plan.entries if is_fixed(*place))
    stored = (place for place in sorted(plan.entries - fixed) if place[0] != place[1] or place[0] not in units)
    slots = {place: slot for slot, place in enumerate(stored)}
    return LinearSystem(n_states, matrix, plan, touched, units, fixed, slots)

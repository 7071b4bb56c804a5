"""Which intermediate values stay unknowns beside the states when the linear system of a step is solved.

Many rates often feel the states through a few shared values: seventeen clones through the killing rate at a site, two
dozen states through the suppression. Multiplied out, each pair of a rate and a state becomes an entry of the Jacobian,
to be computed, factorised and read again in eight solves a step. Kept apart, the shared value z with dz = sum dz/dx dx
is one unknown more, and the entries are as few as the equations have links.

The choice is made on the graph of derivatives alone. Every intermediate value begins as an unknown. One after another
is eliminated, those first that save most entries (to eliminate a value joins each of its arguments to each of its
uses). The elimination goes on until nothing is left, which is the plain Jacobian, and the stage is taken at which the
whole work of a step was least.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence

from aftercar.engine.rodas5p import STAGES
from aftercar.engine.sparse_lu import find_elimination
from aftercar.engine.tape import Node, Tape

# Only the last values to be eliminated are worth asking about: before, each saves entries.
_MOST_KEPT = 40


def choose_unknowns(tape: Tape, rates: Sequence[Node], states: Sequence[Node]) -> tuple[Node, ...]:
    """Return the intermediate values to keep as unknowns, in the order of the tape; often none."""
    graph = _Graph(tape, rates, states)
    best, least = frozenset[Node](), float("inf")
    while True:
        if len(graph.inner) <= _MOST_KEPT:
            work = graph.work()
            if work <= least:  # of equals the one with fewest unknowns
                best, least = frozenset(graph.inner), work
        if not graph.eliminate_next():
            return tuple(sorted(best))


class _Graph:
    """Who depends on whom: intermediate values and rates on their arguments. Rates are negative numbers, -1 first."""

    def __init__(self, tape: Tape, rates: Sequence[Node], states: Sequence[Node]) -> None:
        self.n_states = len(states)
        self.position = {node: j for j, node in enumerate(states)}
        self.arguments: dict[Node, set[Node]] = {}
        self.uses: dict[Node, set[Node]] = {node: set() for node in states}
        for node in tape.reachable(rates):
            if node not in self.position and (found := self._dependent(tape.differentiable(node))):
                self._add(node, found)
        self.inner = set(self.arguments)
        for i, rate in enumerate(rates):
            self._add(-1 - i, self._dependent([rate]))
        self.products = 0
        self._queue = [(self._gain(node), node) for node in self.inner]
        heapq.heapify(self._queue)

    def _dependent(self, nodes: Collection[Node]) -> set[Node]:
        return {node for node in nodes if node in self.uses}

    def _add(self, node: Node, arguments: set[Node]) -> None:
        self.arguments[node] = arguments
        self.uses.setdefault(node, set())
        for argument in arguments:
            self.uses[argument].add(node)

    def _gain(self, node: Node) -> int:
        """By how many entries the matrix grows when a value is eliminated; mostly it shrinks."""
        arguments, uses = self.arguments[node], self.uses[node]
        return sum(len(arguments - self.arguments[use]) for use in uses) - len(arguments) - len(uses)

    def eliminate_next(self) -> bool:
        """Eliminate the value that costs least; return False when none is left."""
        while self._queue:
            supposed, node = heapq.heappop(self._queue)
            if node not in self.inner:
                continue
            if (now := self._gain(node)) > supposed:
                heapq.heappush(self._queue, (now, node))
                continue
            self._eliminate(node)
            return True
        return False

    def _eliminate(self, node: Node) -> None:
        self.inner.discard(node)
        arguments, uses = self.arguments.pop(node), self.uses.pop(node)
        self.products += len(arguments) * len(uses)
        for argument in arguments:
            self.uses[argument].discard(node)
            self.uses[argument] |= uses
        for use in uses:
            self.arguments[use].discard(node)
            self.arguments[use] |= arguments
        for near in (arguments | uses) & self.inner:
            heapq.heappush(self._queue, (self._gain(near), near))

    def work(self) -> int:
        """Operations of a step that depend on the choice: Jacobian, factorisation and triangular solves."""
        kept = {node: self.n_states + k for k, node in enumerate(sorted(self.inner))}
        columns = self.position | kept
        rows = {node: -1 - node if node < 0 else kept[node] for node in self.arguments}
        pattern = ((rows[node], columns[x]) for node, found in self.arguments.items() for x in found)
        plan = find_elimination(self.n_states + len(kept), pattern)
        updates = sum(len(plan.below[k]) * len(plan.right[k]) for k in plan.order)
        return self.products + 2 * updates + 2 * STAGES * plan.fill_in

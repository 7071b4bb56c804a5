"""A network on a tape, with its derivatives and the linear system of a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aftercar.engine.from_sympy import Writer
from aftercar.engine.layout import Layout
from aftercar.engine.linear_system import LinearSystem, arrange_system
from aftercar.engine.network import TIME, Network, symbol
from aftercar.engine.shared_values import choose_unknowns
from aftercar.engine.tape import Level, Node, Tape


@dataclass(frozen=True)
class Equations:
    """What the code of a network is written from.

    Attributes
    ----------
    shared
        Intermediate values that are unknowns of the linear system, behind the states.
    linear
        The linear system of a step, with the derivatives of rates and shared values by states and shared values.
    turnover
        Birth, death and arrival of each counted state.
    slope_in_time
        Derivatives of the rates by time, shared values multiplied out.
    constants
        What is computed once per patient and then read.
    """

    network: Network
    tape: Tape
    leaves: dict[Node, int]
    states: tuple[Node, ...]
    rates: tuple[Node, ...]
    shared: tuple[Node, ...]
    turnover: tuple[Node, ...]
    slope_in_time: tuple[Node, ...]
    constants: tuple[Node, ...]
    linear: LinearSystem
    layout: Layout


def write_equations(network: Network, *, shared: Sequence[Node] | None = None) -> Equations:
    """Put a network on a tape and differentiate it; `shared` overrides the choice of unknowns.

    With none, `linear.matrix` is the Jacobian.
    """
    writer = Writer(network)
    tape = writer.tape
    writer.note_shared([s.rate for s in network.states])
    states = tuple(writer.write(symbol(s.id)) for s in network.states)
    time = writer.write(TIME)
    parameters = tuple(writer.write(symbol(p.id)) for p in network.parameters)
    rates = tuple(writer.write_number(s.rate) for s in network.states)
    kept = choose_unknowns(tape, rates, states) if shared is None else tuple(shared)
    position = {node: j for j, node in enumerate([*states, *kept])}
    rows = tape.derivatives(rates, states, kept=kept)
    matrix = {(i, position[x]): d for i, row in enumerate(rows) for x, d in row.items()}
    in_time = tuple(row.get(time, tape.zero) for row in tape.derivatives(rates, [time]))
    linear = arrange_system(tape, len(states), len(kept), matrix)
    counted = [s.counted for s in network.states if s.counted is not None]
    turnover = tuple(writer.write_number(x) for c in counted for x in (c.birth, c.death, c.arrival))
    constants = _per_patient(tape, [*rates, *matrix.values(), *in_time, *turnover])
    leaves = {node: k for k, node in enumerate([time, *states, *parameters])}
    layout = Layout(len(states), len(constants), len(linear.slots), len(counted))
    return Equations(network, tape, leaves, states, rates, kept, turnover, in_time, constants, linear, layout)


def _per_patient(tape: Tape, outputs: Sequence[Node]) -> tuple[Node, ...]:
    """Return the nodes that are computed once per patient and then read at every evaluation."""
    found: dict[Node, None] = {}
    for node in tape.reachable(outputs):
        if tape.levels[node] == Level.MOMENT:
            found.update({a: None for a in tape.args[node] if tape.levels[a] == Level.PATIENT})
    found.update({node: None for node in outputs if tape.levels[node] == Level.PATIENT})
    return tuple(sorted(found))

"""A schedule written into the model as events, so that an exported file holds the treatment too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import sympy as sp

from aftercar.engine.network import TIME, Event, EventAssignment, Network, Parameter, Rule, inflow_name, symbol
from aftercar.engine.schedule import Administration, Infusion, check_schedule, infused_states
from aftercar.foundation import Fault, InputError

START, CLOCK = "start_time", "clock"


def with_schedule(network: Network, schedule: Sequence[Administration], *, start: float = 0.0) -> Network:
    """Return the network in which events give the doses.

    Files of other formats begin at time 0. `start` is the time of the schedule at which the file begins; the model
    reads time from the rule ``clock`` = time + ``start_time``, so that its equations count as they did.

    Raises
    ------
    InputError
        The schedule is wrong, has doses before `start`, or times or amounts that differ between patients.
    """
    check_schedule(schedule, network, 1)
    tuples = [k for k, a in enumerate(schedule) if isinstance(a.time, tuple) or isinstance(a.amount, tuple)]
    early = [k for k, a in enumerate(schedule) if not isinstance(a.time, tuple) and a.time < start]
    faults = [Fault(f"dose {k + 1}", "it differs between patients.", "Export one patient.") for k in tuples]
    faults += [Fault(f"dose {k + 1}", f"it comes before {start:g}.", "Begin earlier.") for k in early]
    if faults:
        raise InputError(faults)
    network = _with_clock(_with_inflows(network, infused_states(schedule)), start)
    return replace(network, events=(*network.events, *_events(schedule, start)))


def _with_inflows(network: Network, targets: Iterable[str]) -> Network:
    """Return the network with an inflow into each target, in the target's unit over time."""
    wanted = {inflow_name(target): network.units[target] for target in targets}
    network = network.with_inputs(targets)
    parameters = tuple(
        replace(q, unit=f"{wanted[q.id]}/{network.time_unit}" if network.time_unit else "") if wanted.get(q.id) else q
        for q in network.parameters
    )
    return replace(network, parameters=parameters)


def _with_clock(network: Network, start: float) -> Network:
    """Return the network whose equations read the rule `clock` where they read time."""
    moved = {TIME: symbol(CLOCK)}
    states = tuple(replace(s, rate=s.rate.xreplace(moved), counted=None) for s in network.states)
    rules = tuple(replace(r, value=r.value.xreplace(moved)) for r in network.rules)
    unit = network.time_unit
    return replace(
        network,
        states=states,
        rules=(Rule(CLOCK, TIME + symbol(START), unit), *rules),
        parameters=(*network.parameters, Parameter(START, float(start), unit)),
        constraints=network.constraints,
    )


def _events(schedule: Iterable[Administration], start: float) -> list[Event]:
    """One event a moment: assignments of events at the same moment would undo each other."""
    added: dict[float, dict[str, sp.Expr]] = {}
    flows: dict[float, dict[str, sp.Expr]] = {}
    for a in schedule:
        assert not isinstance(a.time, tuple) and not isinstance(a.amount, tuple)
        amount = symbol(a.amount) * a.factor if isinstance(a.amount, str) else sp.Float(a.amount * a.factor)
        if isinstance(a, Infusion):
            flows.setdefault(a.time, {})[inflow_name(a.target)] = amount / a.duration
            flows.setdefault(a.time + a.duration, {}).setdefault(inflow_name(a.target), sp.S.Zero)
        else:
            doses = added.setdefault(a.time, {})
            doses[a.target] = doses.get(a.target, sp.S.Zero) + amount
    return [
        Event(
            id=f"dose_{k + 1}",
            trigger=sp.Ge(TIME, sp.Float(moment - start)),
            assignments=tuple(
                [EventAssignment(target, symbol(target) + x) for target, x in added.get(moment, {}).items()]
                + [EventAssignment(target, rate) for target, rate in flows.get(moment, {}).items()]
            ),
            initial_value=False,  # a dose at the very start is given
        )
        for k, moment in enumerate(sorted({*added, *flows}))
    ]

"""The symbolic network: what both doors (Python and SBML) lead to and all generated code comes from.

Everything is named. Parameters stand still while a patient is integrated, except that events may assign to them;
states have rates; rules are values that hold at every moment; events act when their trigger becomes true.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

import sympy as sp

from aftercar.foundation import Fault, InputError

# No model can have this name for anything else.
TIME = sp.Symbol("<time>", real=True)


def symbol(name: str) -> sp.Symbol:
    """Return the symbol that stands for a name in every equation."""
    return sp.Symbol(name, real=True)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of one patient. `value` is the default: a number, or an expression in other names at the start."""

    id: str
    value: float | sp.Expr
    unit: str = ""


@dataclass(frozen=True, slots=True)
class BirthDeath:
    """How a counted state changes, so that small numbers of it can be drawn from the exact law.

    `birth` and `death` are rates per head [1/time]; `arrival` is the inflow from elsewhere (mutation, import)
    [1/time]. The rate of change is ``(birth - death) * n + arrival``; it is written nowhere else.
    """

    birth: sp.Expr
    death: sp.Expr
    arrival: sp.Expr = sp.S.Zero


@dataclass(frozen=True, slots=True)
class State:
    """A quantity with a rate of change.

    `nonnegative` states may not fall below zero by more than their absolute tolerance: such a step is refused, and
    what remains within the tolerance is set to zero.
    """

    id: str
    initial: sp.Expr
    rate: sp.Expr
    unit: str = ""
    nonnegative: bool = False
    counted: BirthDeath | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A value that follows from the others at every moment."""

    id: str
    value: sp.Expr
    unit: str = ""


@dataclass(frozen=True, slots=True)
class EventAssignment:
    """`target` becomes `value` * `scale`; the value may be read at the trigger, the scale always when it is applied."""

    target: str
    value: sp.Expr
    scale: sp.Expr = sp.S.One


@dataclass(frozen=True, slots=True)
class Event:
    """Assignments that take place when `trigger` turns from false to true, after `delay`.

    The fields have the meaning of SBML level 3: `initial_value` is what the trigger is held to be before the start,
    a not `persistent` event is dropped when its trigger turns false while it waits, the highest `priority` goes
    first, and `values_from_trigger_time` fixes the assigned values before the delay.
    """

    id: str
    trigger: sp.Basic
    assignments: tuple[EventAssignment, ...]
    delay: sp.Expr | None = None
    priority: sp.Expr | None = None
    persistent: bool = True
    initial_value: bool = True
    values_from_trigger_time: bool = True


@dataclass(frozen=True)
class Network:
    """A whole model. Made by `trace_model` or `load_model`; checked when made.

    Attributes
    ----------
    constraints
        Parameters that may not be negative (rate constants and the like).
    """

    name: str
    states: tuple[State, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    rules: tuple[Rule, ...] = ()
    events: tuple[Event, ...] = ()
    constraints: frozenset[str] = field(default=frozenset())
    time_unit: str = ""

    def __post_init__(self) -> None:
        check_network(self)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name that can be asked for as an output: states, parameters, rules, in this order."""
        return (*self.slots, *(r.id for r in self.rules))

    @cached_property
    def slots(self) -> Mapping[str, int]:
        """Positions of states, then parameters, in arrays of a patient's numbers."""
        names = [s.id for s in self.states] + [p.id for p in self.parameters]
        return {name: k for k, name in enumerate(names)}

    @property
    def quantities(self) -> list[Parameter | State | Rule]:
        """Everything that has a name, a unit and a value."""
        return [*self.states, *self.parameters, *self.rules]

    @cached_property
    def units(self) -> Mapping[str, str]:
        """The unit of each name, empty where none was given."""
        return {x.id: x.unit for x in self.quantities}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that defines the network."""
        parts = [self.name, self.time_unit, *sorted(self.constraints)]
        for group in (self.states, self.parameters, self.rules, self.events):
            parts += [repr(x) for x in group]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def with_inputs(self, targets: Iterable[str]) -> Network:
        """Return the network with an inflow parameter `input_rate(<state>)` added to the rate of each named state."""
        wanted = set(targets)
        known = {p.id for p in self.parameters}
        own = {s.id: f"{s.unit}/{self.time_unit}" if s.unit and self.time_unit else "" for s in self.states}
        extra = [Parameter(inflow_name(s), 0.0, own[s]) for s in sorted(wanted) if inflow_name(s) not in known]
        if not extra:
            return self
        states = tuple(
            replace(s, rate=s.rate + symbol(inflow_name(s.id)))
            if s.id in wanted and inflow_name(s.id) not in known
            else s
            for s in self.states
        )
        return replace(self, states=states, parameters=(*self.parameters, *extra))


def inflow_name(state: str) -> str:
    """Return the name of the parameter that carries infusions into a state."""
    return f"input_rate({state})"


def distinct_nodes(*expressions: sp.Basic) -> Iterator[sp.Basic]:
    """Yield the nodes of expressions, each once however often it stands: equations of a large model share most."""
    seen: set[sp.Basic] = set()
    waiting = list(expressions)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(node.args)
            yield node


def symbol_names(*expressions: sp.Basic) -> set[str]:
    """Return the names that stand in expressions."""
    return {node.name for node in distinct_nodes(*expressions) if isinstance(node, sp.Symbol)}


def check_network(network: Network) -> None:
    """Raise InputError that lists every unknown name, every name used twice and the first circle of definitions."""
    faults: list[Fault] = []
    seen: set[str] = {TIME.name}
    for item in network.quantities:
        if item.id in seen:
            faults.append(Fault(network.name, f"the name '{item.id}' stands for two things.", "Rename one of them."))
        seen.add(item.id)
    unknown = symbol_names(*(expression for _, expression in _expressions(network))) - seen
    for place, expression in _expressions(network) if unknown else ():
        for missing in sorted(symbol_names(expression) & unknown):
            found = f"{place} uses '{missing}', which is neither a state, a parameter, a rule nor time."
            faults.append(Fault(network.name, found, "Define it, or correct the spelling."))
    for item in network.parameters:
        if not isinstance(item.value, sp.Basic) and item.id in network.constraints and item.value < 0:
            found = f"the parameter '{item.id}' may not be negative and is {item.value:g}."
            faults.append(Fault(network.name, found, "Give it a value of 0 or more."))
    faults += _event_faults(network)
    if not faults:
        faults += _circles(network)
    if faults:
        raise InputError(faults)


def _expressions(network: Network) -> Iterable[tuple[str, sp.Basic]]:
    for p in network.parameters:
        if isinstance(p.value, sp.Basic):
            yield f"the initial value of '{p.id}'", p.value
    for s in network.states:
        yield f"the initial value of '{s.id}'", s.initial
        yield f"the rate of '{s.id}'", s.rate
        if s.counted is not None:
            for word in ("birth", "death", "arrival"):
                yield f"the {word} of '{s.id}'", getattr(s.counted, word)
    for r in network.rules:
        yield f"the rule for '{r.id}'", r.value
    for e in network.events:
        yield f"the trigger of event '{e.id}'", e.trigger
        for word, part in (("delay", e.delay), ("priority", e.priority)):
            if part is not None:
                yield f"the {word} of event '{e.id}'", part
        for a in e.assignments:
            yield f"event '{e.id}', assignment to '{a.target}',", a.value
            yield f"event '{e.id}', assignment to '{a.target}',", a.scale


def _event_faults(network: Network) -> list[Fault]:
    targets = set(network.slots)
    return [
        Fault(
            network.name,
            f"event '{e.id}' assigns to '{a.target}', which is not a state or parameter.",
            "Assign to a state or a parameter.",
        )
        for e in network.events
        for a in e.assignments
        if a.target not in targets
    ]


def _circles(network: Network) -> list[Fault]:
    graphs = {
        "rules": {r.id: symbol_names(r.value) for r in network.rules},
        "initial values": initial_dependencies(network),
    }
    for what, graph in graphs.items():
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            return [Fault(network.name, f"the {what} run in a circle: {circle}.", "Break the circle.")]
    return []


def initial_dependencies(network: Network) -> dict[str, set[str]]:
    """Return for each name what its value at the start depends on."""
    graph: dict[str, set[str]] = {}
    for p in network.parameters:
        graph[p.id] = symbol_names(p.value) if isinstance(p.value, sp.Basic) else set()
    for s in network.states:
        graph[s.id] = symbol_names(s.initial)
    for r in network.rules:
        graph[r.id] = symbol_names(r.value)
    graph[TIME.name] = set()
    return graph


def initial_order(network: Network) -> list[str]:
    """Return all names in an order in which their start values can be computed."""
    return [name for name in TopologicalSorter(initial_dependencies(network)).static_order() if name != TIME.name]

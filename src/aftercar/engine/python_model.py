"""The first door: a model written as a plain Python function.

The function is run once, on symbols. What it returns are the rates of change:

>>> from aftercar.engine import trace_model
>>> def elimination(drug, ke):
...     return {"drug": -ke * drug}
>>> model = trace_model(elimination, states={"drug": 100.0}, parameters={"ke": 0.1})
>>> model.names
('drug', 'ke')
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from aftercar.engine.expressions import _names
from aftercar.engine.network import TIME, BirthDeath, Network, Parameter, Rule, State, symbol
from aftercar.foundation import Fault, InputError

Start = float | str | Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A start value or a parameter with its unit.

    `value`: a number, the name of a parameter, or a function of parameters (for states only). States are held to be
    non-negative (cells, concentrations) unless `nonnegative` is False.
    """

    value: Start
    unit: str = ""
    nonnegative: bool = True


class Names:
    """Symbols by attribute or by item, for functions over many states: ``s.tumour`` or ``s["tumour"]``."""

    def __init__(self, symbols: Mapping[str, sp.Symbol]) -> None:
        self._symbols = dict(symbols)

    def __getattr__(self, name: str) -> sp.Symbol:
        try:
            return self._symbols[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> sp.Symbol:
        return self._symbols[name]

    def __iter__(self) -> Any:
        return iter(self._symbols)


def trace_model(
    rates: Callable[..., Mapping[str, Any]],
    *,
    states: Mapping[str, Start | Quantity],
    parameters: Mapping[str, float | Quantity],
    name: str = "",
    time_unit: str = "",
    may_be_negative: Collection[str] = (),
) -> Network:
    """Turn a function that returns rates of change into a model.

    Parameters
    ----------
    rates
        Its arguments are matched by name: a state, a parameter, ``time``, or ``states`` and ``parameters`` for all
        of them at once. It returns a mapping from state to rate of change, or for a counted state to `BirthDeath`.
        Use `aftercar.engine.exp`, `log`, `where` ... for functions, and `named` for intermediate values that should
        be outputs. States that are not returned stand still.
    states
        Start values.
    parameters
        Default values.
    may_be_negative
        Parameters that may be negative; all others are refused below zero.

    Raises
    ------
    InputError
        A name is unknown or used twice, definitions run in a circle, or a number is missing, infinite or negative
        where it may not be.
    """
    title = name or getattr(rates, "__name__", "model")
    starts = {k: v if isinstance(v, Quantity) else Quantity(v) for k, v in states.items()}
    defaults = {k: v if isinstance(v, Quantity) else Quantity(v) for k, v in parameters.items()}
    faults = [*_number_faults(title, starts, ()), *_number_faults(title, defaults, may_be_negative)]
    if faults:
        raise InputError(faults)
    token = _names.set({})
    try:
        result = _call(rates, title, tuple(starts), tuple(defaults))
        rules = _names.get() or {}
    finally:
        _names.reset(token)
    unknown = [k for k in result if k not in starts]
    if unknown:
        faults = [Fault(title, f"a rate is given for '{k}', which is not a state.", _mend(starts)) for k in unknown]
        raise InputError(faults)
    return Network(
        name=title,
        states=tuple(_state(title, k, q, result.get(k, 0.0), tuple(defaults)) for k, q in starts.items()),
        parameters=tuple(_parameter(title, k, q) for k, q in defaults.items()),
        rules=tuple(Rule(k, value, unit) for k, (value, unit) in rules.items()),
        constraints=frozenset(defaults) - frozenset(may_be_negative),
        time_unit=time_unit,
    )


def _number_faults(title: str, quantities: Mapping[str, Quantity], free: Collection[str]) -> list[Fault]:
    faults = []
    for name, q in quantities.items():
        if isinstance(q.value, str) or callable(q.value):
            continue
        if not math.isfinite(q.value):
            faults.append(Fault(title, f"the value of '{name}' is {q.value}.", "Give it a number."))
        elif q.value < 0 and q.nonnegative and name not in free:
            mend = "Give it a value of 0 or more; see `may_be_negative` for parameters, `nonnegative` for states."
            faults.append(Fault(title, f"'{name}' may not be negative and is {q.value:g}.", mend))
    return faults


def _mend(known: Collection[str]) -> str:
    return f"Known states: {', '.join(known) or 'none'}."


def _call(function: Callable[..., Any], title: str, states: tuple[str, ...], parameters: tuple[str, ...]) -> Any:
    """Call a function with the symbols that its argument names stand for."""
    both = sorted(set(states) & set(parameters))
    if both:
        raise InputError([Fault(title, f"'{k}' is both a state and a parameter.", "Rename one.") for k in both])
    known: dict[str, Any] = {k: symbol(k) for k in (*parameters, *states)}
    known |= {"time": TIME, "states": Names({k: symbol(k) for k in states})}
    known["parameters"] = Names({k: symbol(k) for k in parameters})
    arguments = list(inspect.signature(function).parameters.values())
    missing = [a.name for a in arguments if a.name not in known and a.default is inspect.Parameter.empty]
    if missing:
        mend = f"Known: {', '.join(known)}."
        found = "the function asks for '{}', which is neither a state nor a parameter."
        raise InputError([Fault(title, found.format(k), mend) for k in missing])
    positional = [known[a.name] for a in arguments if a.name in known and a.kind is not inspect.Parameter.KEYWORD_ONLY]
    keywords = {
        a.name: known[a.name] for a in arguments if a.name in known and a.kind is inspect.Parameter.KEYWORD_ONLY
    }
    return function(*positional, **keywords)


def _state(title: str, name: str, start: Quantity, rate: Any, parameters: tuple[str, ...]) -> State:
    if callable(start.value):
        initial = sp.sympify(_call(start.value, title, (), parameters))
    elif isinstance(start.value, str):
        initial = symbol(start.value)
    else:
        initial = sp.Float(start.value)
    counted = None
    if isinstance(rate, BirthDeath):
        counted = BirthDeath(*(sp.sympify(x) for x in (rate.birth, rate.death, rate.arrival)))
        rate = (counted.birth - counted.death) * symbol(name) + counted.arrival
    return State(name, initial, sp.sympify(rate), start.unit, start.nonnegative, counted)


def _parameter(title: str, name: str, default: Quantity) -> Parameter:
    value = default.value
    if isinstance(value, str) or callable(value):
        raise InputError(Fault(title, f"the parameter '{name}' has no number.", "Give it a number."))
    return Parameter(name, float(value), default.unit)

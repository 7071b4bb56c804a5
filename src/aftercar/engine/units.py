"""Whether the terms of every equation have the same unit.

Numbers in equations are dimensionless, except zero, which fits every unit. A quantity without a unit is unknown: it
fits everything, and nothing is known of a product that contains it. See decision 0024.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import sympy as sp
from sympy.logic.boolalg import Boolean

from aftercar.engine.network import TIME, Network, Rule, State
from aftercar.engine.unit_texts import DIMENSIONLESS, Unit, read_unit
from aftercar.foundation import Fault, InputError

_ANY = Unit({"any": 1.0}, {"any": 1.0})  # of zero, which fits every unit
_SAME_AS_ARGUMENT = (sp.Abs, sp.floor, sp.ceiling)
_LONGEST = 90  # signs of a term that a message shows


def check_units(model: Network, *, base_units: Collection[str] = ()) -> list[Fault]:
    """Return each place where terms of unlike units are added, compared or handed to a function, or a rate is not in
    units of its state per time.

    Factors count: 1/hour and 1/day are unlike, since numbers are not converted. Numbers in equations are
    dimensionless, zero fits every unit. What depends on a quantity without a unit is not checked: `list_unitless`
    names those; the unit "1" says dimensionless. A rule without a unit has that of its value.

    Parameters
    ----------
    base_units
        Names of further units that stand for themselves, such as ``"copy"``; `cell`, `receptor`, `copy`, `division`,
        `dose` and `IU` are known. All others are pint's.

    Examples
    --------
    >>> from aftercar.engine import Quantity, trace_model
    >>> model = trace_model(
    ...     lambda drug, ke: {"drug": -ke * drug}, name="pk", time_unit="day",
    ...     states={"drug": Quantity(0.0, "mg")}, parameters={"ke": Quantity(0.1, "1/hour")},
    ... )
    >>> print(check_units(model)[0])
    pk: the rate of 'drug': '-drug*ke' is in mg/h, but should be in mg/d. Convert one of them (factor 24).
    """
    walk = _Walk(model, tuple(base_units))
    for p in model.parameters:
        if isinstance(p.value, sp.Basic):
            walk.expect(f"the initial value of '{p.id}'", p.value, walk.given[p.id])
    for r in model.rules:
        walk.expect(f"the rule for '{r.id}'", r.value, walk.given[r.id])
    for s in model.states:
        _check_state(walk, s)
    for e in model.events:
        walk.condition(f"the trigger of event '{e.id}'", e.trigger)
        if e.delay is not None:
            walk.expect(f"the delay of event '{e.id}'", e.delay, walk.given[TIME.name])
        for a in e.assignments:
            walk.expect(f"event '{e.id}', assignment to '{a.target}'", a.value * a.scale, walk.given[a.target])
    return walk.faults


def list_unitless(model: Network) -> list[str]:
    """Return the names of states and parameters that have no unit, and "time" if time has none."""
    missing = [x.id for x in model.quantities if not isinstance(x, Rule) and not x.unit.strip()]
    return missing if model.time_unit.strip() else [*missing, "time"]


def require_units(model: Network, *, base_units: Collection[str] = ()) -> None:
    """Raise InputError with all faults of `check_units`, and for each state or parameter that has no unit."""
    faults = check_units(model, base_units=base_units)
    mend = 'Give it one; "1" stands for dimensionless.'
    faults += [Fault(model.name, f"'{name}' has no unit.", mend) for name in list_unitless(model)]
    if faults:
        raise InputError(faults)


def _check_state(walk: _Walk, s: State) -> None:
    own, time = walk.given[s.id], walk.given[TIME.name]
    if not s.initial.is_number:
        walk.expect(f"the initial value of '{s.id}'", s.initial, own)
    per_time = None if time is None else time**-1
    rate = None if own is None or per_time is None else own * per_time
    if s.counted is None:
        walk.expect(f"the rate of '{s.id}'", s.rate, rate)
        return
    walk.expect(f"the birth of '{s.id}'", s.counted.birth, per_time)
    walk.expect(f"the death of '{s.id}'", s.counted.death, per_time)
    walk.expect(f"the arrival of '{s.id}'", s.counted.arrival, rate)


class _Walk:
    """Goes through the expressions of a network; each expression is looked at once, where it first stands."""

    def __init__(self, model: Network, base_units: tuple[str, ...]) -> None:
        self.model = model.name
        self.faults: list[Fault] = []
        self.place = ""
        self.given: dict[str, Unit | None] = {TIME.name: self._read("time", model.time_unit, base_units)}
        self.given |= {x.id: self._read(x.id, x.unit, base_units) for x in model.quantities}
        self._rules = {r.id: r.value for r in model.rules}
        self._memo: dict[sp.Basic, Unit | None] = {}

    def _read(self, name: str, text: str, base_units: tuple[str, ...]) -> Unit | None:
        try:
            return read_unit(text, base_units)
        except ValueError as error:
            mend = "Correct it, or name it among the base_units."
            self.faults.append(Fault(self.model, f"'{name}': {error}.", mend))
            return None

    def expect(self, place: str, e: sp.Basic, expected: Unit | None) -> None:
        """Look at an expression that should have the unit `expected` (None: unknown)."""
        self.place = place
        found = self.unit(e, expected)
        if found is None or expected is None or found is _ANY or found.equals(expected):
            return
        terms = [t for t in sp.Add.make_args(e) if not self._fits(t, expected)]
        self._complain(f"'{_short(terms[0] if terms else e)}' is in {found}, but should be in {expected}.",
                       found, expected)  # fmt: skip

    def condition(self, place: str, e: sp.Basic) -> None:
        """Look at a condition."""
        self.place = place
        self.unit(e)

    def unit(self, e: sp.Basic, hint: Unit | None = None) -> Unit | None:
        """Return the unit of an expression; `hint` is what it should have, to tell which of its terms is wrong."""
        if e not in self._memo:
            self._memo[e] = self._derive(e, hint)
        return self._memo[e]

    def _fits(self, e: sp.Basic, expected: Unit) -> bool:
        unit = self.unit(e)
        return unit is None or unit is _ANY or unit.equals(expected)

    def _derive(self, e: sp.Basic, hint: Unit | None) -> Unit | None:
        if isinstance(e, sp.Symbol):
            return self._name(e.name)
        if isinstance(e, sp.Expr) and e.is_number:
            return DIMENSIONLESS if e.is_finite and not e.is_zero else _ANY
        if isinstance(e, sp.Add):
            return self._alike("added to", e.args, hint)
        if isinstance(e, sp.Mul):
            return _product([self.unit(a) for a in e.args])
        if isinstance(e, sp.Pow):
            return self._power(e)
        if isinstance(e, sp.Piecewise):
            for piece in e.args:
                self.unit(piece.args[1])
            return self._alike("an alternative to", [piece.args[0] for piece in e.args], hint)
        if isinstance(e, Boolean):
            return self._truth(e)
        return self._function(e, hint)

    def _name(self, name: str) -> Unit | None:
        if self.given[name] is None and name in self._rules:
            here, self.place = self.place, f"the rule for '{name}'"
            self.given[name] = self.unit(self._rules[name])
            self.place = here
        return self.given[name]

    def _truth(self, e: Boolean) -> Unit | None:
        if isinstance(e, sp.core.relational.Relational):
            self._alike("compared with", e.args, None)
        else:
            for a in e.args:
                self.unit(a)
        return DIMENSIONLESS

    def _power(self, e: sp.Pow) -> Unit | None:
        base = self.unit(e.base)
        self._pure("the exponent", e.exp)
        if base is None or base is _ANY:
            return base
        if e.exp.is_number and not e.exp.is_integer:
            return base ** float(e.exp)
        return base ** (int(e.exp) if e.exp.is_number else e.exp)

    def _function(self, e: sp.Basic, hint: Unit | None) -> Unit | None:
        name = type(e).__name__
        if isinstance(e, sp.Min | sp.Max) or name in ("min", "max", "rem"):
            return self._alike("compared with", e.args, hint)
        if isinstance(e, _SAME_AS_ARGUMENT):
            return self.unit(e.args[0])
        if name == "quotient":
            self._alike("divided by", e.args, None)
            return DIMENSIONLESS
        for a in e.args:
            self._pure(f"the argument of {name}", a)
        return DIMENSIONLESS

    def _pure(self, what: str, e: sp.Basic) -> None:
        unit = self.unit(e, DIMENSIONLESS)
        if unit is not None and unit is not _ANY and not unit.equals(DIMENSIONLESS):
            found = f"{what}, '{_short(e)}', is in {unit}, but should be dimensionless."
            self._complain(found, unit, DIMENSIONLESS)

    def _alike(self, how: str, terms: Iterable[Any], hint: Unit | None) -> Unit | None:
        """Return the unit that all terms have, and complain of one term for each other unit."""
        kinds: list[tuple[Unit, list[sp.Basic]]] = []
        zeros = True
        for term in terms:
            unit = self.unit(term, hint)
            zeros = zeros and unit is _ANY
            if unit is None or unit is _ANY:
                continue
            group = next((members for other, members in kinds if other.equals(unit)), None)
            if group is None:
                kinds.append((unit, [term]))
            else:
                group.append(term)
        if not kinds:
            return _ANY if zeros else None
        kinds.sort(key=lambda kind: (hint is None or not kind[0].equals(hint), -len(kind[1])))
        right, members = kinds[0]
        for unit, others in kinds[1:]:
            found = f"'{_short(others[0])}' is in {unit} and is {how} '{_short(members[0])}' in {right}."
            self._complain(found, unit, right)
        return right

    def _complain(self, found: str, unit: Unit, right: Unit) -> None:
        factor = unit.factor_to(right)
        mend = "Correct the equation or a unit."
        if factor is not None:
            mend = f"Convert one of them (factor {max(factor, 1 / factor):.6g})."
        self.faults.append(Fault(self.model, f"{self.place}: {found}", mend))


def _product(units: list[Unit | None]) -> Unit | None:
    result = DIMENSIONLESS
    for unit in units:
        if unit is None or unit is _ANY:
            return unit
        result = result * unit
    return result


def _short(e: sp.Basic) -> str:
    text = str(sp.sstr(e, full_prec=False)).replace(TIME.name, "time")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."

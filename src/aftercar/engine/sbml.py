"""The second door: a model from an SBML or Antimony file.

Inside, a species is its amount; its concentration stands beside it under the name ``[species]``. Formulas in the
file that mean the concentration are read so. What the engine does not compute is refused by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import libsbml
import sympy as sp

from aftercar.engine.errors import UnsupportedFeatureError
from aftercar.engine.network import Event, EventAssignment, Network, Parameter, Rule, State, symbol
from aftercar.engine.sbml_math import MathReader
from aftercar.foundation import Fault, InputError

# The functions of level 3 version 2 as a package for version 1; libsbml reads them as ordinary MathML.
_UNDERSTOOD = {"l3v2extendedmath"}
# A declaration without an encoding means UTF-8, as XML has it.
_HARMLESS = {libsbml.MissingXMLEncoding}


def load_model(path: Path | str) -> Network:
    """Read an SBML file (any level) or an Antimony file.

    Parameters
    ----------
    path
        A file that begins with ``<`` is taken as SBML, anything else as Antimony.

    Notes
    -----
    A compartment whose size the file leaves unset counts as 1, and so does an unset stoichiometry; SBML leaves both
    open. A parameter or species without a value is not a number until one is given (`patients`), and a patient with it
    stops at once with that reason. Units are kept as the file names them; `check_units` reads those that pint knows.

    Raises
    ------
    InputError
        The file is missing or is not valid in its language.
    UnsupportedFeatureError
        The model uses something that the engine does not compute: algebraic rules, delay equations, fast reactions,
        constraints, required packages.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Fault(path.name, f"the file cannot be read ({error}).", "Check the path.")) from error
    return read_model(text, name=path.name)


def read_model(text: str, *, name: str = "model") -> Network:
    """Read a model from SBML or Antimony text. See `load_model`."""
    if not text.lstrip().startswith("<"):
        text = _from_antimony(text, name)
    document = libsbml.readSBMLFromString(text)
    errors = [document.getError(k) for k in range(document.getNumErrors())]
    errors = [e for e in errors if e.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and e.getErrorId() not in _HARMLESS]
    if errors:
        first = errors[0]
        raise InputError(
            Fault(name, f"not valid SBML: {first.getMessage().strip()}", "Mend the file.", row=first.getLine() or None)
        )
    for k in range(document.getNumPlugins() if document.getLevel() >= 3 else 0):
        package = document.getPlugin(k).getPackageName()
        if package in _UNDERSTOOD or not document.isSetPackageRequired(package):
            continue
        if document.getPackageRequired(package):
            raise UnsupportedFeatureError(f"package {package}", document.getModel().getId() or "model")
    if document.getLevel() < 3:
        document.setLevelAndVersion(3, 2, False)
    if document.getModel() is None:
        raise InputError(Fault(name, "the file holds no model.", "Name a file with a model."))
    return _Reader(document.getModel(), name).network()


def load_antimony_library(subject: str) -> Any:
    """Return the antimony package, which has no build for some systems (Linux on arm64)."""
    try:
        import antimony
    except ImportError:
        found = "Antimony text needs the package antimony, which is not installed or has no build for this system."
        raise InputError(Fault(subject, found, "Use SBML, or `pip install antimony` where it exists.")) from None
    return antimony


def _from_antimony(text: str, name: str) -> str:
    antimony = load_antimony_library(name)
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise InputError(Fault(name, f"not valid Antimony: {antimony.getLastError().strip()}", "Mend the file."))
    return str(antimony.getSBMLString(antimony.getMainModuleName()))


class _Reader:
    """Collects a model's elements, then builds the network."""

    def __init__(self, model: Any, name: str) -> None:
        self.model = model
        self.name = model.getId() or name
        self.math = MathReader(model, self.lookup, self.rate_of)
        self.species = {s.getId(): s for s in model.getListOfSpecies()}
        self.compartments = {c.getId(): c for c in model.getListOfCompartments()}
        self.references = {
            r.getId(): r
            for reaction in model.getListOfReactions()
            for r in (*reaction.getListOfReactants(), *reaction.getListOfProducts())
            if r.isSetId()
        }
        self._refuse()
        self.assigned = self._maths(r for r in model.getListOfRules() if r.isAssignment())
        self.rated = self._maths(r for r in model.getListOfRules() if r.isRate())
        self.initial = {
            a.getSymbol(): a.getMath() for a in model.getListOfInitialAssignments() if a.getMath() is not None
        }
        self.moved = {a.getVariable() for e in model.getListOfEvents() for a in e.getListOfEventAssignments()}
        self.rates: dict[str, sp.Expr] = {}
        self.asked_rates: dict[str, None] = {}

    @staticmethod
    def _maths(rules: Any) -> dict[str, Any]:
        return {r.getVariable(): r.getMath() for r in rules if r.getMath() is not None}

    def _refuse(self) -> None:
        for k, rule in enumerate(self.model.getListOfRules()):
            if rule.isAlgebraic():
                raise UnsupportedFeatureError("algebraic rule", rule.getIdAttribute() or f"rule {k + 1}")
        for reaction in self.model.getListOfReactions():
            if reaction.isSetFast() and reaction.getFast():
                raise UnsupportedFeatureError("fast reaction", reaction.getId())
        if self.model.getNumConstraints():
            raise UnsupportedFeatureError("constraint", self.name)

    # What names mean in formulas

    def lookup(self, name: str) -> Any:
        """Return the expression that an identifier stands for in a formula."""
        return symbol(f"[{name}]") if self.is_concentration(name) else symbol(name)

    def is_concentration(self, name: str) -> bool:
        """Tell whether formulas mean a species' concentration by its name."""
        species = self.species.get(name)
        if species is None or species.getHasOnlySubstanceUnits():
            return False
        compartment = self.compartments[species.getCompartment()]
        return not (compartment.isSetSpatialDimensions() and compartment.getSpatialDimensionsAsDouble() == 0.0)

    def volume(self, species: str) -> sp.Symbol:
        """Return the size of a species' compartment."""
        return symbol(self.species[species].getCompartment())

    def rate_of(self, name: str) -> sp.Symbol:
        """Return the symbol of a rate of change; its rule is added at the end."""
        if name in self.assigned:
            raise UnsupportedFeatureError("rateOf an assigned variable", name)
        self.asked_rates[name] = None
        return symbol(f"rateOf({name})")

    # Building

    def network(self) -> Network:
        """Return the whole network."""
        rules = [self._reaction_rule(r) for r in self.model.getListOfReactions()]
        self._collect_rates()
        parameters: list[Parameter] = self._local_parameters()
        states: list[State] = []
        for name, value, unit in self._variables():
            if name in self.assigned:
                rules.append(self._assignment(name, unit))
            elif name in self.rates:
                states.append(State(name, sp.sympify(value), self.rates[name], unit))
            else:
                parameters.append(Parameter(name, _plain(value), unit))
        rules += [Rule(f"[{s}]", self._concentration(s)) for s in self.species]
        events = tuple(e for e in (self._event(e, k) for k, e in enumerate(self.model.getListOfEvents())) if e)
        rules += [Rule(f"rateOf({name})", self._rate_rule(name)) for name in self.asked_rates]
        return Network(
            self.name, tuple(states), tuple(parameters), tuple(rules), events, time_unit=self.model.getTimeUnits()
        )

    def _variables(self) -> Any:
        """Yield (name, start value, unit) of everything that can be a state, a parameter or assigned."""
        for name, c in self.compartments.items():
            yield name, self._start(name, c.getSize() if c.isSetSize() else 1.0), c.getUnits()
        for p in self.model.getListOfParameters():
            yield p.getId(), self._start(p.getId(), p.getValue() if p.isSetValue() else sp.nan), p.getUnits()
        for name, r in self.references.items():
            yield name, self._start(name, r.getStoichiometry() if r.isSetStoichiometry() else 1.0), ""
        for name, s in self.species.items():
            yield name, self._species_start(name, s), s.getSubstanceUnits()

    def _start(self, name: str, value: Any) -> Any:
        if name in self.initial:
            return self.math.read(self.initial[name], name)
        return value if isinstance(value, sp.Basic) else _number(value)

    def _species_start(self, name: str, species: Any) -> Any:
        if name in self.initial:
            value = self.math.read(self.initial[name], name)
            return value * self.volume(name) if self.is_concentration(name) else value
        if species.isSetInitialAmount():
            return _number(species.getInitialAmount())
        if species.isSetInitialConcentration():
            return _number(species.getInitialConcentration()) * self.volume(name)
        return sp.nan

    def _assignment(self, name: str, unit: str) -> Rule:
        value = self.math.read(self.assigned[name], name)
        if name in self.species and self.is_concentration(name):
            value = value * self.volume(name)
        return Rule(name, value, unit)

    def _concentration(self, name: str) -> sp.Expr:
        if name in self.assigned and self.is_concentration(name):
            return self.math.read(self.assigned[name], name)
        compartment = self.compartments[self.species[name].getCompartment()]
        if compartment.isSetSpatialDimensions() and compartment.getSpatialDimensionsAsDouble() == 0.0:
            return symbol(name)
        return symbol(name) / self.volume(name)

    def _local_parameters(self) -> list[Parameter]:
        found = []
        for reaction in self.model.getListOfReactions():
            law = reaction.getKineticLaw()
            for p in law.getListOfLocalParameters() if law is not None else ():
                found.append(Parameter(f"{reaction.getId()}.{p.getId()}", p.getValue(), p.getUnits()))
        return found

    def _reaction_rule(self, reaction: Any) -> Rule:
        law = reaction.getKineticLaw()
        if law is None or law.getMath() is None:
            raise UnsupportedFeatureError("reaction without a kinetic law", reaction.getId())
        local = {p.getId(): symbol(f"{reaction.getId()}.{p.getId()}") for p in law.getListOfLocalParameters()}
        return Rule(reaction.getId(), self.math.read(law.getMath(), reaction.getId(), local))

    def _collect_rates(self) -> None:
        """Find what moves continuously. Volumes first: a species with a rate rule needs the rate of its volume."""
        for name, rule in self.rated.items():
            if name not in self.species:
                self.rates[name] = self.math.read(rule, name)
        for name, rule in self.rated.items():
            if name in self.species:
                self.rates[name] = self._amount_rate(name, self.math.read(rule, name))
        for reaction in self.model.getListOfReactions():
            sides = ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts()))
            for sign, reference in ((sign, r) for sign, side in sides for r in side):
                self._add_flux(reference.getSpecies(), sign * self._stoichiometry(reference), reaction.getId())

    def _amount_rate(self, name: str, rate: sp.Expr) -> sp.Expr:
        if not self.is_concentration(name):
            return rate
        compartment = self.species[name].getCompartment()
        if compartment in self.assigned:
            raise UnsupportedFeatureError("rate rule on a concentration in an assigned volume", name)
        growth = self.rates.get(compartment, sp.Integer(0))
        return rate * symbol(compartment) + symbol(f"[{name}]") * growth

    def _add_flux(self, name: str, stoichiometry: sp.Expr, reaction: str) -> None:
        species = self.species[name]
        if species.getBoundaryCondition() or species.getConstant():
            return
        factor: Any = sp.Integer(1)
        if species.isSetConversionFactor():
            factor = symbol(species.getConversionFactor())
        elif self.model.isSetConversionFactor():
            factor = symbol(self.model.getConversionFactor())
        self.rates[name] = self.rates.get(name, sp.Integer(0)) + stoichiometry * factor * symbol(reaction)

    def _stoichiometry(self, reference: Any) -> Any:
        name = reference.getId()
        if name and (name in self.assigned or name in self.rated or name in self.initial or name in self.moved):
            return symbol(name)
        return _number(reference.getStoichiometry() if reference.isSetStoichiometry() else 1.0)

    def _rate_rule(self, name: str) -> sp.Expr:
        rate = self.rates.get(name, sp.Integer(0))
        if name not in self.species or not self.is_concentration(name):
            return rate
        volume = self.volume(name)
        if volume.name in self.assigned:
            raise UnsupportedFeatureError("rateOf a concentration in an assigned volume", name)
        growth = self.rates.get(volume.name, sp.Integer(0))
        return (rate - symbol(f"[{name}]") * growth) / volume

    def _event(self, event: Any, position: int) -> Event | None:
        name = event.getId() or f"event {position + 1}"
        trigger = event.getTrigger()
        if trigger is None or trigger.getMath() is None:
            return None
        assignments = []
        for a in event.getListOfEventAssignments():
            if a.getMath() is not None:
                scale = self.volume(a.getVariable()) if self.is_concentration(a.getVariable()) else sp.Integer(1)
                assignments.append(EventAssignment(a.getVariable(), self.math.read(a.getMath(), name), scale))
        delay, priority = event.getDelay(), event.getPriority()
        return Event(
            id=name,
            trigger=self.math.read(trigger.getMath(), name),
            assignments=tuple(assignments),
            delay=self.math.read(delay.getMath(), name) if delay is not None and delay.getMath() else None,
            priority=self.math.read(priority.getMath(), name) if priority is not None and priority.getMath() else None,
            persistent=trigger.getPersistent(),
            initial_value=trigger.getInitialValue(),
            values_from_trigger_time=event.getUseValuesFromTriggerTime(),
        )


def _number(value: float) -> sp.Expr:
    if value != value:
        return sp.nan
    if value in (float("inf"), float("-inf")):
        return sp.oo if value > 0 else -sp.oo
    return sp.Integer(int(value)) if value == int(value) and abs(value) < 1e15 else sp.Float(value)


def _plain(value: Any) -> Any:
    """Return numbers as floats, so that they are plain parameters, and expressions unchanged."""
    if isinstance(value, sp.Basic) and value.is_number:
        return float(value)
    return value

"""What can be wrong with a plan whose fields are each well formed: names, rules, circles, days, slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.populations import Population
from aftercar.catalogue.regimens import TreatmentEntry
from aftercar.clinic import CATEGORIES, list_criteria
from aftercar.foundation import Fault, InputError
from aftercar.model import Treatment, arrange_course
from aftercar.trials.plan import LineEntry, TrialPlan
from aftercar.trials.plan_lines import find_line
from aftercar.trials.relapse import CATEGORIES_OF, KNOWN

Place = tuple[str | int, ...]
Complain = Callable[[Place, str, str], None]
_MOST_PATHS = 1_000


def list_faults(
    plan: TrialPlan, file: str, text: str, data: ModelData, populations: Mapping[str, Population]
) -> list[Fault]:
    """Return every fault of a plan, with the line of the file where it stands."""
    faults: list[Fault] = []

    def complain(place: Place, found: str, mend: str) -> None:
        faults.append(Fault(file, found, mend, find_line(text, place), ".".join(map(str, place))))

    _check_population(plan, populations, complain)
    if plan.criteria not in list_criteria():
        complain(("criteria",), f"there are no criteria '{plan.criteria}'.", f"Known: {', '.join(list_criteria())}.")
    _check_names("arm", "arms", [arm.name for arm in plan.arms], complain)
    _check_names("line", "lines", [line.name for line in plan.lines], complain)
    _check_calendar(plan, complain)
    _check_treatments(plan, data, complain)
    known = list_known(plan, data, populations)
    for k, line in enumerate(plan.lines):
        _check_choice(k, line, known, complain)
    whole = _check_references(plan, complain)
    if whole and not faults:
        _check_paths(plan, complain)
    return faults


def list_known(plan: TrialPlan, data: ModelData, populations: Mapping[str, Population]) -> dict[str, bool]:
    """Return what rules may ask for: the name, and whether it is a number."""
    names = {name: name not in CATEGORIES_OF for name in KNOWN}
    names |= {f"{a.id.lower()}_loss_share": True for a in data.antigens.values() if a.variants and not a.on_fibroblasts}
    population = populations.get(plan.population)
    if population is None:
        return names
    bases = [populations[o.population] for o in population.came_from if o.population in populations] or [population]
    return names | {name: True for name in set.intersection(*(set(base.covariates) for base in bases))}


def _check_population(plan: TrialPlan, populations: Mapping[str, Population], complain: Complain) -> None:
    population = populations.get(plan.population)
    if population is None:
        known = ", ".join(sorted(populations))
        complain(("population",), f"there is no population '{plan.population}'.", f"Known: {known}.")
    elif population.came_from and plan.index:
        found = f"the patients of '{plan.population}' had their first treatment."
        complain(("index",), found, "Leave [[index]] out, or name another population.")
    elif not population.came_from and not plan.index:
        complain(("population",), "there is no first treatment.", "Write it as [[index]].")


def _check_names(what: str, field: str, names: list[str], complain: Complain) -> None:
    for k, name in enumerate(names):
        if name in names[:k]:
            complain((field, k, "name"), f"two {what}s are called '{name}'.", f"Give each {what} its own name.")


def _check_calendar(plan: TrialPlan, complain: Complain) -> None:
    if plan.cut_off_day is not None and plan.cut_off_day <= plan.accrual_days:
        found = f"follow-up ends on day {plan.cut_off_day:g}, while patients enter until day {plan.accrual_days:g}."
        complain(("cut_off_day",), found, "End it later, or let patients enter sooner.")
    if plan.design == "randomised" and len(plan.arms) < 2:
        complain(("design",), "one arm cannot be randomised.", "Add an arm, or make the design paired.")


def _check_treatments(plan: TrialPlan, data: ModelData, complain: Complain) -> None:
    groups: list[tuple[Place, tuple[TreatmentEntry, ...], float]] = [(("index",), plan.index, plan.index_days)]
    groups += [(("arms", k, "treatments"), arm.treatments or (), plan.days) for k, arm in enumerate(plan.arms)]
    for k, line in enumerate(plan.lines):
        groups += [(("lines", k, "treatments"), line.treatments or (), plan.days)]
        groups += [(("lines", k, "bridging"), line.bridging, plan.days)]
    for place, entries, days in groups:
        for j, entry in enumerate(entries):
            if entry.day > days:
                found = f"{entry.therapy} begins on day {entry.day:g}, after the last day {days:g}."
                complain((*place, j, "day"), found, "Begin earlier, or follow longer.")
            if place[-1] == "bridging" and entry.day < 0:
                complain((*place, j, "day"), "bridging begins before progression.", "Begin on day 0 or later.")
            try:
                arrange_course([Treatment.of(entry)], days=days, data=data)
            except InputError as error:
                for fault in error.faults:
                    complain((*place, j, "therapy"), fault.found, fault.mend)


def _check_choice(k: int, line: LineEntry, known: Mapping[str, bool], complain: Complain) -> None:
    choices = line.choose or ()
    for j, choice in enumerate(choices):
        place: Place = ("lines", k, "choose", j)
        for name, condition in choice.when.items():
            if name not in known:
                mend = f"A rule may ask for: {', '.join(sorted(known))}."
                complain((*place, "when", name), f"the clinic does not know '{name}'.", mend)
            elif known[name] != (condition.is_in is None):
                kind = "a number: give at_least or below" if known[name] else "a category: give is_in"
                complain((*place, "when", name), f"'{name}' is {kind}.", "Correct the condition.")
            for word in condition.is_in or ():
                if name in known and not known[name] and word not in CATEGORIES:
                    complain((*place, "when", name), f"'{word}' is no response.", f"Use {', '.join(CATEGORIES)}.")
        if not choice.when and j < len(choices) - 1:
            found = f"rule {j + 1} of line '{line.name}' takes everybody: the rules behind it are never reached."
            complain((*place, "line"), found, "Put it last.")
    if choices and choices[-1].when:
        found = f"no rule of line '{line.name}' is left for everybody else."
        complain(("lines", k, "choose"), found, "End with a rule without `when`.")


def _check_references(plan: TrialPlan, complain: Complain) -> bool:
    """Complain of names that lead nowhere or in a circle; tell whether all lead somewhere."""
    named = {line.name: line for line in plan.lines}
    mend = f"Known lines: {', '.join(named) or 'none; write [[lines]]'}."
    places: list[tuple[Place, str]] = [(("then",), name) for name in plan.then]
    places += [(("arms", k, "lines"), name) for k, arm in enumerate(plan.arms) for name in arm.lines or ()]
    places += [
        (("lines", k, "choose", j, "line"), choice.line)
        for k, line in enumerate(plan.lines)
        for j, choice in enumerate(line.choose or ())
    ]
    missing = [(place, name) for place, name in places if name not in named]
    for place, name in missing:
        complain(place, f"there is no line '{name}'.", mend)
    if missing:
        return False
    circles = [k for k, line in enumerate(plan.lines) if line.name in _behind(line.name, named)]
    for k in circles:
        complain(("lines", k, "choose"), f"line '{plan.lines[k].name}' leads back to itself.", "Break the circle.")
    return not circles


def _behind(name: str, named: Mapping[str, LineEntry]) -> set[str]:
    """Return the lines that a line can choose, through all choices; itself where it runs in a circle."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        more = {choice.line for choice in named[waiting.pop()].choose or ()} - found
        found |= more
        waiting += more
    return found


def _check_paths(plan: TrialPlan, complain: Complain) -> None:
    for k, strategy in enumerate(plan.strategies):
        paths = prod(len(step) for step in strategy.steps)
        if paths > _MOST_PATHS:
            found = f"its rules lead to {paths:,} sequences of lines."
            complain(("arms", k, "lines"), found, f"Keep to {_MOST_PATHS:,}.")

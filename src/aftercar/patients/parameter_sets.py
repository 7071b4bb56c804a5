"""What is not known of the population: sets of typical values, drawn from the ranges of the catalogue or calibrated.

A set is one joint choice of typical values. Patients differ within a set by the laws between patients; sets differ by
what the sources leave open. So the spread of a result over sets is ignorance, within one set it is patients and chance.

A value is named by the place where its number stands: ``growth_rate`` (the system's), ``product_engraftment`` (the
default of a slot), ``cilta_cel.potency`` (a therapy's own), ``cd28.persistence`` (a costimulation's),
``karmma_like.prior_lines`` (a population's own). ``growth_rate~omega`` is the spread between patients of that number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit, ndtri

from aftercar.catalogue.biology import Number
from aftercar.catalogue.limits import find_fault, is_share
from aftercar.catalogue.model_data import ModelData, check_model_data, load_model_data
from aftercar.catalogue.populations import Population
from aftercar.foundation import Fault, InputError, draw_stream, hash_bytes

FloatArray = npt.NDArray[np.float64]
Origin = Literal["prior", "posterior", "typical"]
OMEGA = "~omega"
# Laws whose typical value moves nobody: their ends or chances say all.
_WITHOUT_TYPICAL = ("bernoulli", "uniform", "loguniform", "zero_or_uniform", "categorical")
_WITH_OMEGA = ("lognormal", "two_group_lognormal", "logitnormal", "by_category")
_Scale = tuple[Callable[[Any], Any], Callable[[Any], Any]]
_PLAIN: _Scale = (np.asarray, np.asarray)
_LOG: _Scale = (np.log, np.exp)
_LOGIT: _Scale = (logit, expit)
_TAIL = 0.025  # low and high are read as the ends of a central interval of 95%


@dataclass(frozen=True)
class ParameterSets:
    """Sets of typical values.

    Attributes
    ----------
    values
        One set a row, one name a column; the index counts sets from 1. What has no column is as in the catalogue.
    origin
        Where they come from: drawn from ranges (prior), calibrated (posterior), or the catalogue itself (typical).
    beside
        Columns of a posterior that were not calibrated, but drawn from their ranges beside it.
    """

    values: pd.DataFrame
    origin: Origin = field(kw_only=True)
    beside: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        table = self.values.astype(np.float64)
        table.index = pd.RangeIndex(1, len(table) + 1, name="set")
        object.__setattr__(self, "values", table)
        if not len(table) or not table.columns.is_unique or not np.isfinite(table.to_numpy()).all():
            found = f"{len(table)} sets of {table.shape[1]} values: a name twice, a value missing, or no set at all."
            raise InputError(Fault("parameter sets", found, "Give at least one set, each name once, finite numbers."))

    @cached_property
    def hash(self) -> str:
        """SHA-256 of names, values and origin."""
        names = "\n".join(map(str, self.values.columns))
        return hash_bytes(self.origin.encode(), names.encode(), np.ascontiguousarray(self.values.to_numpy()).tobytes())

    def origin_of(self, place: str) -> Origin:
        """Return where the values of one number come from; what has no column is typical."""
        if place not in self.values.columns:
            return "typical"
        return "prior" if place in self.beside else self.origin

    def medians(self) -> ParameterSets:
        """Return the one set that holds the median over sets of every number."""
        return replace(self, values=self.values.median().to_frame().T)

    def sets_of(self, patients: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the set, counted from 1, to which each patient belongs: patient i to set (i - 1) mod K, plus 1."""
        return (np.asarray(patients, dtype=np.int64) - 1) % len(self.values) + 1

    def of_patients(self, patients: npt.ArrayLike) -> dict[str, FloatArray]:
        """Return by name the value of each patient's set, shape (patients,)."""
        rows = self.values.to_numpy()[self.sets_of(patients) - 1]
        return {str(name): rows[:, k] for k, name in enumerate(self.values.columns)}


def typical_set() -> ParameterSets:
    """Return the one set in which everything is as in the catalogue."""
    return ParameterSets(pd.DataFrame(index=[1]), origin="typical")


def open_numbers(data: ModelData | None = None, populations: Iterable[Population] = ()) -> dict[str, Number]:
    """Return the numbers that the sources leave open, by place: those with a low and a high end that move a patient.

    Left out: numbers of lymphodepletion, which are part of its doses (`depletion_rate` moves their effect), and
    numbers whose law between patients has no typical value.
    """
    return {
        place: number
        for place, number in _all_numbers(data or load_model_data(), populations).items()
        if number.low is not None and number.high is not None and number.low < number.high
    }


def _all_numbers(data: ModelData, populations: Iterable[Population]) -> dict[str, Number]:
    """Return every number that a set may change, by place."""
    found: dict[str, Number] = {k: p for k, p in data.parameters.items() if p.slot != "lymphodepletion"}
    for signal in data.costimulation.values():
        found |= {f"{signal.id}.{name}": number for name, number in signal.numbers().items()}
    for therapy, action in data.actions.items():
        if action.kind != "lymphodepletion":
            found |= {f"{therapy}.{name}": number for name, number in action.values.items()}
    for population in populations:
        found |= {f"{population.id}.{name}": number for name, number in population.parameters.items()}
    return {place: number for place, number in found.items() if _moves_patients(number)}


def _moves_patients(number: Number) -> bool:
    law = number.between_patients
    return law is None or (law.law not in _WITHOUT_TYPICAL and not (law.law == "by_category" and number.value == 0))


def draw_prior(
    n: int,
    *,
    seed: int,
    data: ModelData | None = None,
    names: Sequence[str] | None = None,
    populations: Iterable[Population] = (),
) -> ParameterSets:
    """Draw sets from the ranges of the catalogue: each number by `prior_quantiles`, at scrambled Sobol points.

    The first sets are the same however many are drawn. Numbers are independent of each other, except those that stand
    twice word by word (the same drug on two schedules): they are one number.

    Parameters
    ----------
    names
        Places of the numbers to move; by default all of `open_numbers`. The others stay as in the catalogue.
    populations
        Whose own numbers may be moved too.

    Raises
    ------
    InputError
        No sets, or a name of nothing open.
    """
    from scipy.stats import qmc  # half a second that only who draws sets waits for

    data = data or load_model_data()
    known = open_numbers(data, populations)
    chosen = list(known) if names is None else list(dict.fromkeys(names))
    faults = [_unknown(name, data, populations) for name in chosen if name not in known]
    if n < 1 or not chosen:
        faults.append(Fault("parameter sets", f"{n} sets of {len(chosen)} numbers.", "Ask for at least one."))
    if faults:
        raise InputError(faults)
    facts = list(dict.fromkeys(_fact(place, known[place]) for place in chosen))
    key = int(draw_stream(seed, "parameter sets").integers(2**63))
    sobol = qmc.Sobol(len(facts), scramble=True, seed=key)
    # Whole powers of two, cut off: so a longer draw begins with the shorter one, and keeps the balance of the points.
    points = sobol.random_base2(int(np.ceil(np.log2(n))))[:n]
    table = {
        place: prior_quantiles(place, known[place], points[:, facts.index(_fact(place, known[place]))])
        for place in chosen
    }
    return ParameterSets(pd.DataFrame(table), origin="prior")


def _fact(place: str, number: Number) -> tuple[Any, ...]:
    """Return what makes a number the same one as another: its name in the slot and every word of it."""
    if "." not in place:
        return (place,)
    return (
        place.split(".")[1], number.value, number.low, number.high, number.unit, number.source, number.locator,
        number.note,
    )  # fmt: skip


def prior_quantiles(place: str, number: Number, u: FloatArray) -> FloatArray:
    """Return quantiles of what is believed about a number between its ends, for `u` in 0 to 1, shape (n,).

    Two halves of normal laws on the scale of the number (logit for shares within 0 and 1, log for what is above zero,
    plain otherwise), meeting at the value, the median: `low` and `high` are the quantiles 2.5% and 97.5%, and what lies
    beyond is cut off. Where the value is itself an end, it cannot be the median: one half remains, from the value to
    the other end.
    """
    low, high = float(number.low or 0.0), float(number.high or 0.0)  # both are there: open_numbers
    name = place.rpartition(".")[2]
    share = is_share(name) or is_share(f"product_{name}")
    to, back = _PLAIN if low <= 0 or (share and high >= 1) else (_LOGIT if share else _LOG)
    least, middle, most = (float(to(x)) for x in (low, number.value, high))
    if least == middle or middle == most:  # one half: quantiles 50 to 97.5%, mirrored where the value is the high end
        reach = ndtri(0.5 + (0.5 - _TAIL) * (u if least == middle else 1.0 - u)) / ndtri(1.0 - _TAIL)
        score = reach if least == middle else -reach
    else:
        score = ndtri(_TAIL + (1.0 - 2.0 * _TAIL) * u) / ndtri(1.0 - _TAIL)
    z = middle + np.where(score < 0, middle - least, most - middle) * score
    return np.asarray(np.clip(back(z), low, high), dtype=np.float64)


def check_sets(sets: ParameterSets, data: ModelData, populations: Iterable[Population] = ()) -> None:
    """Raise InputError that names every column that is no number of the catalogue, or holds what cannot be."""
    known = _all_numbers(data, populations)
    faults: list[Fault] = []
    for column in map(str, sets.values.columns):
        place = column.removesuffix(OMEGA)
        if place not in known or (column != place and not _has_omega(known[place])):
            faults.append(_unknown(column, data, populations))
            continue
        # What a number can be is an interval: its ends tell of all.
        values = sets.values[column]
        wrong = (_fault_of(column, value, data, place) for value in (values.min(), values.max()))
        faults += [Fault("parameter sets", *one) for one in dict.fromkeys(wrong) if one is not None]
    if faults:
        raise InputError(faults)


def _has_omega(number: Number) -> bool:
    law = number.between_patients
    return law is not None and law.law in _WITH_OMEGA and law.omega is not None


def _fault_of(column: str, value: float, data: ModelData, place: str) -> tuple[str, str] | None:
    if column.endswith(OMEGA):
        wrong = value < 0 or not np.isfinite(value)
        return (f"'{column}' is {value:g}.", "Give a spread of 0 or more.") if wrong else None
    owner, _, name = place.rpartition(".")
    if owner in data.actions:
        name = f"{data.actions[owner].kind}_{name}"
    elif owner in data.costimulation:
        name = f"product_{name}"
    free = name in data.parameters and data.parameters[name].may_be_negative
    return find_fault(name, value, may_be_negative=free)


def _unknown(name: str, data: ModelData, populations: Iterable[Population]) -> Fault:
    if name in _all_numbers(data, populations):
        found = f"'{name}' has no low and high end."
        return Fault("parameter sets", found, "Give its entry a range, or leave it out.")
    mend = "`aftercar model --parameters` lists the system's; a therapy's is 'therapy.name', a spread 'name~omega'."
    return Fault("parameter sets", f"there is no number '{name}' that a set can change.", mend)


def apply_set(data: ModelData, values: Mapping[str, float]) -> ModelData:
    """Return the catalogue with one set's typical values and spreads in place of its own.

    The hash changes, so that the system of it is built anew: to simulate many sets, hand them to `draw_population`.

    Raises
    ------
    InputError
        A name of nothing that a set can change, or a value that cannot be.
    """
    check_sets(ParameterSets(pd.DataFrame([dict(values)], index=[1]), origin="prior"), data)
    parameters, actions, signals = dict(data.parameters), dict(data.actions), dict(data.costimulation)
    for column, value in values.items():
        place = column.removesuffix(OMEGA)
        owner, _, name = place.rpartition(".")
        if not owner:
            parameters[name] = _changed(parameters[name], value, omega=column != place)
        elif owner in actions:
            own = dict(actions[owner].values)
            own[name] = _changed(own[name], value, omega=column != place)
            actions[owner] = actions[owner].model_copy(update={"values": own})
        else:
            number = _changed(getattr(signals[owner], name), value, omega=column != place)
            signals[owner] = signals[owner].model_copy(update={name: number})
    named = repr(sorted((str(k), float(v)) for k, v in values.items()))
    changed = replace(
        data, parameters=parameters, actions=actions, costimulation=signals,
        hash=hash_bytes(data.hash.encode(), named.encode()) if values else data.hash,
    )  # fmt: skip
    faults = check_model_data(changed)
    if faults:
        raise InputError(faults)
    return changed


def _changed(number: Any, value: float, *, omega: bool) -> Any:
    """Return a number with another value or spread. Its categories move in proportion to its typical value."""
    law = number.between_patients
    if omega:
        return number.model_copy(update={"between_patients": law.model_copy(update={"omega": float(value)})})
    changes: dict[str, Any] = {"value": float(value)}
    if law is not None and law.law == "by_category":
        ratio = float(value) / number.value
        # The typical category is the value itself, not the value but for rounding.
        values = tuple(float(value) if x == number.value else x * ratio for x in law.values)
        changes["between_patients"] = law.model_copy(update={"values": values})
    return number.model_copy(update=changes)

"""What is read from simulated trajectories: levels on given days, ranges over patients, shares with an outcome.

These are true values of the simulation: no assay noise, no visits, no confirmation. They are no response grades.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from aftercar.catalogue.biology import GRADES, Number
from aftercar.model.structure import PROGENITOR, SITES, Clone, Structure
from aftercar.patients.arms import Arm, Trajectories
from aftercar.patients.parameter_sets import ParameterSets
from aftercar.patients.parameter_spread import spread_of_levels, spread_of_share

FloatArray = npt.NDArray[np.float64]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LEVELS = ("tumour_total", "mrd_level", "m_protein_g_per_dl", "sbcma_ng_per_ml", "copies_per_ug", "bcma_density")
CALIBRATED, SET_BY_YOU = "calibrated", "set by you"
NO_TUMOUR = "no tumour cell left"
_OF_SETS = 0.9  # as the outer band of patients
_TRACE = 1e-6  # g/dL or mg/L: below what rounding leaves in a patient who makes none, far below every assay


@lru_cache(maxsize=1)
def reading_limits() -> Mapping[str, float]:
    """Return the thresholds of readers by name; their sources stand in `reading_limits.toml`."""
    text = files("aftercar.patients").joinpath("reading_limits.toml").read_text(encoding="utf-8")
    return {name: float(entry["value"]) for name, entry in tomllib.loads(text).items()}


def clone_words(clone: Clone) -> str:
    """Return a clone's name in the field's words, e.g. ``BCMA-low, GPRC5D-null``."""
    return ", ".join(variant.name for variant in clone.variants.values()) or "bulk, antigens normal"


def count_clones(data: xr.Dataset, structure: Structure) -> dict[str, FloatArray]:
    """Return the cells of each clone at all sites, by the clone's words, shape (patients, times)."""
    counts = {
        clone_words(clone): sum((data[f"{site}_{clone.id}"].to_numpy() for site in SITES), np.zeros(()))
        for clone in structure.clones
    }
    counts["progenitors (CD19+, BCMA-dim)"] = data[PROGENITOR].to_numpy()
    return {name: np.asarray(cells, dtype=np.float64) for name, cells in counts.items()}


def find_leading_clone(counts: Mapping[str, FloatArray]) -> npt.NDArray[np.str_]:
    """Return the name of the largest clone, shape (patients, times); where less than one cell is left, that."""
    cells = np.stack(list(counts.values()))
    names = np.array([*counts, NO_TUMOUR, ""])
    leading = np.where(np.nan_to_num(cells).sum(axis=0) < 1.0, len(counts), np.nan_to_num(cells).argmax(axis=0))
    return names[np.where(np.isnan(cells).any(axis=0), len(counts) + 1, leading)]


def tabulate_typical(arm: Arm, structure: Structure, days: Sequence[float]) -> pd.DataFrame:
    """Return the levels of one patient on given days, one row a day, with the leading clone."""
    data = arm.data.isel(patient=0).sel(time=list(days))
    table = pd.DataFrame({"day": list(days)} | {name: data[name].to_numpy() for name in LEVELS})
    leading = find_leading_clone(count_clones(arm.data, structure))[0]
    table["leading_clone"] = leading[np.searchsorted(arm.data["time"].to_numpy(), list(days))]
    return table


def tabulate_ranges(
    arm: Arm, days: Sequence[float], names: Sequence[str] = LEVELS, *, sets: npt.NDArray[np.int64] | None = None
) -> pd.DataFrame:
    """Return quantiles over patients on given days, and over parameter sets: see `ranges_of`.

    Columns day, quantity, unit, patients, q05, q25, median, q75, q95, and those of the sets. Patients whose integration
    stopped early count up to there.
    """
    parts = []
    for name in names:
        table = ranges_of(arm, partial(_levels_on, name=name, days=list(days)), times=days, sets=sets)
        table.insert(1, "quantity", name)
        table.insert(2, "unit", arm.data[name].attrs["units"])
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _levels_on(arm: Arm, *, name: str, days: Sequence[float]) -> FloatArray:
    return np.asarray(arm.data[name].sel(time=days).to_numpy(), dtype=np.float64)


def ranges_of(
    arm: Arm, read: Callable[[Arm], FloatArray], *, times: Sequence[float] | FloatArray,
    sets: npt.NDArray[np.int64] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return quantiles over patients of what `read` gives, shape (patients, times), and the interval over sets.

    With the parameter set of each patient, `parameters_lb` and `parameters_ub` hold 90% of the sets: of the typical
    patient's level, or of the median patient of each set without what is luck of its few patients (missing where each
    set has one patient).
    Quantiles over patients are of all patients, whatever their set: they hold what differs and what is not known.
    """
    values = read(arm)
    table = quantiles(values, np.asarray(times, dtype=np.float64))
    if sets is None:
        return table
    if arm.under_sets is not None:
        over = quantiles(read(arm.under_sets), np.asarray(times, dtype=np.float64))
        return table.assign(parameters_lb=over["q05"], parameters_ub=over["q95"])
    lower, upper = spread_of_levels(values, sets, level=_OF_SETS)
    return table.assign(parameters_lb=lower, parameters_ub=upper)


def quantiles(values: FloatArray, times: FloatArray) -> pd.DataFrame:
    """Return quantiles over patients at each time; `values` has shape (patients, times)."""
    known = np.isfinite(values).sum(axis=0)
    kept = known > 0
    found = np.full((len(QUANTILES), len(times)), np.nan)
    if kept.any():
        found[:, kept] = np.nanquantile(values[:, kept], QUANTILES, axis=0)
    columns = dict(zip(("q05", "q25", "median", "q75", "q95"), found, strict=True))
    return pd.DataFrame({"day": times, "patients": known} | columns)


def count_outcomes(arm: Arm, structure: Structure, *, sets: npt.NDArray[np.int64] | None = None) -> pd.DataFrame:
    """Return how many patients had each outcome: columns outcome, patients, of, share.

    With the parameter set of each patient, `parameters_lb` and `parameters_ub` hold 90% of the sets, without what is
    luck of their few patients; they are missing where each set has one patient.

    A rise of M-protein is one of 25% and 0.5 g/dL from the lowest value so far, at one output time; where light chains
    alone are made, one of 25% and 100 mg/L of these. Falls and rises are counted among patients whose myeloma secretes;
    the shares of lost antigens among those with a rise, at its first day.
    """
    limits = reading_limits()
    after = arm.data["time"].to_numpy() >= 0.0
    data = arm.data.isel(time=after)
    marker, n = read_marker(data), data.sizes["patient"]
    fall, secreting, everybody = marker.deepest_fall(), marker.evaluable, np.ones(n, dtype=bool)
    lowest_mrd = np.nanmin(data["mrd_level"].to_numpy(), axis=1)
    burden = data["tumour_total"].to_numpy()
    risen, first = marker.find_rise()
    partial, very_good = limits["partial_response_fall"], limits["very_good_partial_response_fall"]
    rows = [
        (f"M-protein or light chain fallen by {100 * partial:g}% or more", fall >= partial, secreting),
        (f"M-protein or light chain fallen by {100 * very_good:g}% or more", fall >= very_good, secreting),
        (
            f"marrow below 1 myeloma cell in {1 / limits['mrd_threshold']:,.0f} at some time",
            lowest_mrd < limits["mrd_threshold"],
            everybody,
        ),
        ("no tumour cell left at the end", burden[:, -1] < 1.0, everybody),
        ("M-protein risen by 25% and 0.5 g/dL from its lowest, or light chain by 100 mg/L", risen, secreting),
    ]
    for name, share in share_with_variant(data, structure).items():
        at_rise = share[np.arange(n), first]
        rows.append((f"at that rise most cells {name}", risen & (at_rise > 0.5), risen))
    stopped = data["stopped_because"].to_numpy() != ""
    rows.append(("integration stopped early (left out from there on)", stopped, everybody))
    table = pd.DataFrame(
        [(name, int(np.sum(hit)), int(np.sum(among))) for name, hit, among in rows],
        columns=["outcome", "patients", "of"],
    )
    table["share"] = table["patients"] / table["of"].where(table["of"] > 0)
    if sets is not None:
        spread = [spread_of_share(hit[among], sets[among], level=_OF_SETS) for _, hit, among in rows]
        table[["parameters_lb", "parameters_ub"]] = np.array(spread)
    return table


@dataclass(frozen=True)
class Marker:
    """What follows the disease in serum: M-protein [g/dL], or the free light chain [mg/L] of those who have none.

    `level`: shape (patients, times), NaN in patients whose myeloma secretes neither; `absolute_rise`: the rise that
    progression asks for, in the unit of each patient's marker, shape (patients,).
    """

    level: FloatArray
    absolute_rise: FloatArray

    @property
    def evaluable(self) -> npt.NDArray[np.bool_]:
        """Whether a patient's myeloma secretes anything, shape (patients,)."""
        return np.asarray(np.isfinite(self.level[:, 0]))

    def deepest_fall(self) -> FloatArray:
        """Return the largest fall since the first time, as a share; NaN where there is no marker; shape (patients,)."""
        return np.asarray(1.0 - np.fmin.reduce(self.level, axis=1) / np.maximum(self.level[:, 0], 1e-12))

    def find_rise(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Return who has a rise as progression asks for, and the position of its first time."""
        return find_rise(self.level, absolute=self.absolute_rise)


def read_marker(data: xr.Dataset) -> Marker:
    """Return each patient's marker: ``m_protein_g_per_dl`` or, where it is among the outputs, ``free_light_chain``.

    A patient without a trace of M-protein at any time is one whose myeloma makes none.
    """
    limits = reading_limits()
    protein = np.asarray(data["m_protein_g_per_dl"].transpose("patient", "time").to_numpy(), dtype=np.float64)
    chain = np.full_like(protein, np.nan)
    if "free_light_chain" in data:
        chain = np.asarray(data["free_light_chain"].transpose("patient", "time").to_numpy(), dtype=np.float64)
    chain = np.where((np.fmax.reduce(chain, axis=1) > _TRACE)[:, None], chain, np.nan)
    has_protein = np.fmax.reduce(protein, axis=1) > _TRACE
    rises = limits["progression_rise_absolute"], limits["progression_rise_light_chain"]
    return Marker(np.where(has_protein[:, None], protein, chain), np.where(has_protein, *rises))


def find_rise(
    level: FloatArray, *, absolute: FloatArray | None = None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return who has a rise of a marker as progression asks for, and the position of its first time.

    `level` has shape (patients, times); `absolute` is the least rise of each patient in the same unit, by default that
    of M-protein [g/dL].
    """
    limits = reading_limits()
    least = np.full(len(level), limits["progression_rise_absolute"]) if absolute is None else absolute
    lowest = np.fmin.accumulate(level, axis=1)
    enough = np.maximum((1.0 + limits["progression_rise"]) * lowest, lowest + least[:, None])
    rise = level >= enough
    return np.asarray(rise.any(axis=1)), np.asarray(rise.argmax(axis=1), dtype=np.int64)


def share_with_variant(data: xr.Dataset, structure: Structure) -> dict[str, FloatArray]:
    """Return the share of tumour cells that carry each variant of an antigen, shape (patients, times)."""
    counts = count_clones(data, structure)
    everything = sum(counts.values(), np.zeros(()))
    shares = {}
    for antigen in structure.antigens:
        for variant in antigen.variants:
            carriers = [c for c in structure.clones if c.variant(antigen.id) is variant]
            cells = sum((counts[clone_words(c)] for c in carriers), np.zeros(()))
            shares[variant.name] = np.asarray(cells / np.maximum(everything, 1.0), dtype=np.float64)
    return shares


def list_parameters(run: Trajectories) -> pd.DataFrame:
    """Return every number that a run rests on: the patient's parameters, those of its slots and its lymphodepletion.

    Columns name, value (typical, or the median over sets), low and high (ends of 90% of the sets), unit, grade, source,
    note, place (where the number stands, as sets name it). What the user set has the grade ``set by you``, what the
    sets hold of a posterior the grade ``calibrated``.
    """
    data = run.model_data
    numbers: dict[str, Number] = {k: p for k, p in data.parameters.items() if not p.slot}
    places = {name: name for name in numbers}
    for slot, therapy in run.course.slots.items():
        slots = data.slot_numbers(therapy).items()
        numbers |= {f"{slot}_{name}": number for name, (_, number) in slots}
        places |= {f"{slot}_{name}": place for name, (place, _) in slots}
    for regimen in _regimens(run):
        action = data.actions[regimen]
        numbers |= {f"{regimen}_{k}": v for k, v in {**data.slot_parameters(action.kind), **action.values}.items()}
    own_values = {f"{s}_{k}": v for s, t in run.course.slots.items() for one in run.plan if one.therapy == t
                  for k, v in one.values.items()} | dict(run.values)  # fmt: skip
    rows = []
    for name, number in numbers.items():
        place = places.get(name, "")
        low, value, high = _over_sets(run.sets, place) or (number.value,) * 3
        grade: str = number.grade
        source, note = number.source, number.note
        if run.sets is not None and run.sets.origin_of(place) == "posterior":
            grade = CALIBRATED
        if name in own_values:
            low = value = high = own_values[name]
            grade, source, note = SET_BY_YOU, "", ""
        rows.append((name, value, low, high, number.unit, grade, source, note, place))
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "unit", "grade", "source", "note", "place"])


def _over_sets(sets: ParameterSets | None, place: str) -> tuple[float, float, float] | None:
    """Return the quantiles 5, 50 and 95% of a number over the sets; None where it is typical."""
    if sets is None or sets.origin_of(place) == "typical":
        return None
    low, middle, high = np.quantile(sets.values[place], [0.05, 0.5, 0.95])
    return float(low), float(middle), float(high)


def find_overridden(run: Trajectories) -> list[str]:
    """Return the parameters that the user set in place of calibrated values."""
    if run.sets is None:
        return []
    table = list_parameters(run)
    own = table[table["grade"] == SET_BY_YOU]
    return [name for name, place in zip(own["name"], own["place"], strict=True)
            if run.sets.origin_of(place) == "posterior"]  # fmt: skip


def _regimens(run: Trajectories) -> list[str]:
    """Return the lymphodepletions of a run, in their order."""
    actions, found = run.model_data.actions, []
    waiting = [(one.therapy, one.lymphodepletion) for one in run.plan]
    while waiting:
        therapy, regimen = waiting.pop(0)
        action = actions[therapy]
        waiting += [(part.therapy, regimen) for part in action.parts]
        if action.kind == "lymphodepletion":
            found.append(therapy)
        elif action.kind != "combination":
            chosen = regimen or action.lymphodepletion
            found += [chosen] if chosen not in {None, "none"} else []
    return [name for name in dict.fromkeys(found) if name is not None]


def count_grades(run: Trajectories) -> dict[str, int]:
    """Return how many of the numbers have each grade, definitions left out."""
    found = list_parameters(run)["grade"].value_counts()
    order = [*(g for g in GRADES if g != "definition"), CALIBRATED, SET_BY_YOU]
    return {grade: int(found.get(grade, 0)) for grade in order}

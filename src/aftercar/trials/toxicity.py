"""Adverse events of virtual patients, drawn from published rates. Simulated.

Patients differ in luck alone: nothing that a clinic knows of them (burden, age, blood counts) shifts a rate here. Luck
is keyed by (seed, event, line, patient), so that a patient has the same luck in every arm, whoever else is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from aftercar.catalogue.toxicity import EventKind, FoundRate, Onset, Rate, ToxicityRates, load_toxicity
from aftercar.foundation import Fault, InputError, draw_uniform
from aftercar.trials.tables import EVENTS

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_GIVEN = ("arm", "patient", "line", "therapy", "start_day", "end_day")
FATAL = 5
_UNCOUNTED = 20  # patients whose range an onset is taken to be where a rate counts none


def draw_toxicity(given: pd.DataFrame, *, seed: int, rates: ToxicityRates | None = None) -> pd.DataFrame:
    """Draw adverse events.

    An event with an onset happens at most once, with its highest grade. An event that builds up over an exposure has
    constant hazards of grades 1 and 2, 3 and 4, and 5: the first of each is drawn. Events of the same kind under the
    same line of a patient share their luck: two therapies that both cause it cause it once, at the earlier moment.

    Events after a fatal one are not taken out: the death of a patient has other causes too. See `keep_until`.

    Parameters
    ----------
    given
        One row per arm, patient, line and therapy: `arm`, `patient` (whole, 0 or more), `line`, `therapy`, `start_day`
        and `end_day`, the last day at risk. Rows without a start are passed over.
    rates
        None gives the built-in ones.

    Returns
    -------
    pandas.DataFrame
        One row per event, with the columns of `tables.EVENTS`; a grade of 5 is fatal. Ordered by arm, patient, line,
        day and event, whatever the order of `given`.

    Raises
    ------
    InputError
        A column is missing, a number cannot be, or nothing is known of a therapy.
    """
    rates = rates or load_toxicity()
    _check_given(given, rates)
    begun = given[given["start_day"].notna()]
    parts = []
    for key, rows in begun.groupby(["line", "therapy"], sort=True):
        line, therapy = cast("tuple[int, str]", key)
        luck = _Luck(seed, int(line), rows["patient"].to_numpy(dtype=np.int64))
        for event, found in rates.find(str(therapy)).items():
            parts.append(_draw_event(rows, found, rates.kinds[event], luck))
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in EVENTS})
    return _once_a_line(pd.concat(parts, ignore_index=True))


def find_fatal(events: pd.DataFrame, *, rates: ToxicityRates | None = None) -> pd.DataFrame:
    """Return the first fatal event of each arm and patient: `death_day` and `cause_of_death` (infection, treatment).

    Indexed by arm and patient; who had none is missing.
    """
    rates = rates or load_toxicity()
    fatal = events[events["grade"] == FATAL].sort_values(["arm", "patient", "day", "event"])
    first = fatal.drop_duplicates(["arm", "patient"]).set_index(["arm", "patient"])
    cause = [rates.kinds[event].cause_of_death for event in first["event"]]
    return pd.DataFrame({"death_day": first["day"].astype(float), "cause_of_death": cause}, index=first.index)


def keep_until(events: pd.DataFrame, end_day: pd.Series) -> pd.DataFrame:
    """Return the events that a patient lived to have: those up to `end_day`, indexed by arm and patient.

    A fatal event counts only on the day of death; one that another death anticipated is dropped with the rest.
    """
    ends = end_day.reindex(pd.MultiIndex.from_frame(events[["arm", "patient"]])).to_numpy(dtype=float)
    return events[~(events["day"].to_numpy(dtype=float) > ends)].reset_index(drop=True)


def quantile_of_onset(onset: Onset, u: FloatArray, *, n: int) -> FloatArray:
    """Return days of onset at cumulative probabilities `u`.

    Two halves of a normal law on the scale log(1 + day) meet at the median; the reported range are the points that the
    earliest and latest of `n` patients are expected at, probabilities 1/(n+1) and n/(n+1). Nothing lies outside it.
    """
    reach = float(ndtri(n / (n + 1.0))) if n > 1 else 1.0
    middle, low, high = np.log1p([onset.median, onset.low, onset.high])
    z = ndtri(u)
    width = np.where(z < 0, middle - low, high - middle) / reach
    return np.asarray(np.clip(np.expm1(middle + width * z), onset.low, onset.high))


def hazards(rate: Rate) -> tuple[float, float, float]:
    """Return the daily hazards of grades 1 and 2, of 3 and 4, and of 5 that give a rate's shares over its exposure.

    -log(1 - share) / days is the hazard of grade 5, of 3 or higher, and of any; the differences are those of classes.
    """
    assert rate.exposure is not None
    days, shares = rate.exposure.days, (rate.any_share, rate.severe_share, rate.fatal_share)
    # A share of 1 has no finite hazard: half a patient is taken to have had no event.
    most = 1.0 - 0.5 / (rate.total or _UNCOUNTED)
    total, severe, fatal = (-float(np.log1p(-min(share, most))) / days for share in shares)
    return total - severe, severe - fatal, fatal


@dataclass(frozen=True)
class _Luck:
    """Uniform numbers of patients, by event and use, each from the patient's own place in a stream."""

    seed: int
    line: int
    patients: IntArray
    drawn: dict[tuple[str, str], FloatArray] = field(default_factory=dict)

    def of(self, event: str, use: str) -> FloatArray:
        if (event, use) not in self.drawn:
            first, last = int(self.patients.min()), int(self.patients.max())
            stream = draw_uniform(self.seed, "toxicity", event, self.line, use, n=last - first + 1, first=first)
            self.drawn[event, use] = stream[self.patients - first]
        return self.drawn[event, use]


def _draw_event(rows: pd.DataFrame, found: FoundRate, kind: EventKind, luck: _Luck) -> pd.DataFrame:
    """Return the events of one kind among the patients of one line and therapy."""
    draw = _draw_windowed if found.rate.onset is not None else _draw_over_time
    return pd.concat([_rows(rows, found, kind, luck, *one) for one in draw(found.rate, kind, luck)])


def _draw_windowed(rate: Rate, kind: EventKind, luck: _Luck) -> list[tuple[FloatArray, IntArray]]:
    """Return days since the start and grades; NaN where there is no event."""
    assert rate.onset is not None
    u = luck.of(kind.id, "severity")
    cases = max(round(rate.any_share * rate.total), 1) if rate.total is not None else _UNCOUNTED
    days = np.round(quantile_of_onset(rate.onset, luck.of(kind.id, "onset"), n=cases))
    worst = np.where(u < rate.fatal_share, 3, np.where(u < rate.severe_share, 2, 1))
    return [(np.where(u < rate.any_share, days, np.nan), _grades(worst, kind, luck))]


def _draw_over_time(rate: Rate, kind: EventKind, luck: _Luck) -> list[tuple[FloatArray, IntArray]]:
    found = []
    for severity, (use, hazard) in enumerate(zip(("mild", "severe", "fatal"), hazards(rate), strict=True), start=1):
        if hazard > 0:
            with np.errstate(over="ignore"):  # a hazard of next to nothing: never
                days = np.ceil(-np.log(luck.of(kind.id, use)) / hazard)
            found.append((days, _grades(np.full(len(days), severity), kind, luck)))
    return found or [(np.full(len(luck.patients), np.nan), np.zeros(len(luck.patients), dtype=np.int64))]


def _grades(severity: npt.NDArray[np.integer], kind: EventKind, luck: _Luck) -> IntArray:
    """Return grades 1 or 2 for severity 1, 3 or 4 for 2, 5 for 3, as far as the scale of the kind has them."""
    u = luck.of(kind.id, "grade")
    mild, severe = np.where(u < kind.grade_2_share, 2, 1), np.where(u < kind.grade_4_share, 4, 3)
    grades = np.select([severity == 1, severity == 2], [mild, severe], FATAL)
    return np.asarray(np.clip(grades, kind.lowest_grade, kind.highest_grade), dtype=np.int64)


def _rows(
    rows: pd.DataFrame, found: FoundRate, kind: EventKind, luck: _Luck, days: FloatArray, grades: IntArray
) -> pd.DataFrame:
    day = rows["start_day"].to_numpy(dtype=float) + found.day + days
    happens = day <= rows["end_day"].to_numpy(dtype=float)  # False for NaN
    kept = rows.loc[happens, ["arm", "patient", "line"]]
    return kept.assign(therapy=found.therapy, event=kind.id, grade=grades[happens], day=day[happens])


def _once_a_line(events: pd.DataFrame) -> pd.DataFrame:
    """Keep the earliest event of each kind and severity under a line: therapies given together share their luck."""
    severity = (events["grade"].to_numpy(dtype=np.int64) + 1) // 2
    keys = ["arm", "patient", "line", "event", "severity"]
    ordered = events.assign(severity=severity).sort_values([*keys, "day", "therapy"], kind="stable")
    kept = ordered.drop_duplicates(keys)
    order = ["arm", "patient", "line", "day", "event", "grade", "therapy"]
    return kept.sort_values(order, kind="stable")[list(EVENTS)].reset_index(drop=True)


def _check_given(given: pd.DataFrame, rates: ToxicityRates) -> None:
    faults: list[Fault] = []
    missing = [name for name in _GIVEN if name not in given]
    if missing:
        raise InputError(Fault("treatments given", f"no column {', '.join(missing)}.", f"Give {', '.join(_GIVEN)}."))
    for name in ("patient", "line"):
        numbers = pd.to_numeric(given[name], errors="coerce").to_numpy(dtype=float)
        if not (np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers))).all():
            faults.append(Fault("treatments given", f"{name} is not whole, or below 0.", "Number them from 1."))
    start, end = (pd.to_numeric(given[name], errors="coerce").to_numpy(dtype=float) for name in _GIVEN[4:])
    begun = ~np.isnan(start)
    if not (np.isfinite(start[begun]) & np.isfinite(end[begun]) & (end[begun] >= start[begun])).all():
        found = "a treatment that began has no last day at risk, or one before its first."
        faults.append(Fault("treatments given", found, "Give end_day, the last day at risk."))
    for therapy in sorted({str(name) for name in given["therapy"]}):
        if not rates.has(therapy):
            mend = "Add it under toxicity/: docs/how-to/change-a-rate-of-toxicity.md."
            faults.append(Fault(therapy, "no rates of adverse events are known for it.", mend))
    if faults:
        raise InputError(faults)

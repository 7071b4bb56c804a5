"""Death of virtual patients: of myeloma as the tumour grows, and of what other people die of. Simulated.

Hazard:     h(t) = background(age) + myeloma(N)
            background = b · exp(s · (age - age0)),  myeloma = m · N^k / (N^k + N50^k)
Numbers:    `catalogue/mortality.toml`
Decision:   docs/decisions/0046-death-and-toxicity-as-competing-events.md

Deaths of infection and of treatment are adverse events of grade 5 (`trials.toxicity`). They are not in this hazard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.catalogue.mortality import Mortality, load_mortality
from aftercar.foundation import Fault, InputError, draw_uniform

FloatArray = npt.NDArray[np.float64]
DAYS_PER_YEAR = 365.25
CAUSES = ("myeloma", "other")


def draw_deaths(
    *,
    patients: Sequence[int],
    days: FloatArray,
    tumour: FloatArray,
    age: FloatArray,
    seed: int,
    line: int,
    mortality: Mortality | None = None,
) -> pd.DataFrame:
    """Draw who dies between the first and the last day, when, and of what.

    Every cause has a moment of its own, from its own luck keyed by (seed, cause, line, patient); the first one is the
    death. So a patient whose tumour is the same in two arms dies on the same day in both, and adding a cause would
    move nobody else's.

    Parameters
    ----------
    patients
        Numbers of the patients, n of them, 0 or more.
    days
        Days at which the tumour is known, rising, shape (v,). Everybody is alive on the first.
    tumour
        Myeloma cells of the whole body, shape (n, v). NaN, where an integration stopped, counts as the last known.
    age
        Years, on the first of `days`, shape (n,).
    line
        Line of treatment. Lines have different luck: the hazard has no memory, so each may be drawn as it comes.

    Returns
    -------
    pandas.DataFrame
        Indexed by patient: `death_day`, whole days after the first of `days` rounded up, NaN where the patient is
        alive on the last; `cause_of_death`, myeloma or other, empty if alive.

    Raises
    ------
    InputError
        Shapes that do not agree, days that do not rise, an age or a tumour that cannot be.
    """
    mortality = mortality or load_mortality()
    ids = np.asarray(patients, dtype=np.int64)
    days, age = np.asarray(days, dtype=float), np.asarray(age, dtype=float)
    tumour = np.asarray(tumour, dtype=float)
    _check(ids, days, tumour, age)
    moments = np.full((len(CAUSES), len(ids)), np.inf)
    if len(ids) and len(days) > 1:
        for k, (cause, hazard) in enumerate(cumulative_hazards(days, tumour, age, mortality=mortality).items()):
            first = int(ids.min())
            luck = draw_uniform(seed, "death", cause, line, n=int(ids.max()) - first + 1, first=first)[ids - first]
            moments[k] = _moments(hazard, days, -np.log(luck))
    when, which = moments.min(axis=0), moments.argmin(axis=0)
    dies = np.isfinite(when)
    start = days[0] if len(days) else 0.0
    # The day on which somebody dies is the one that the moment falls into; the last day ends what is simulated.
    day = np.where(dies, np.minimum(start + np.ceil(when - start), days[-1] if len(days) else 0.0), np.nan)
    causes = np.where(dies, np.array(CAUSES)[which], "")
    return pd.DataFrame({"death_day": day, "cause_of_death": causes}, index=pd.Index(ids, name="patient"))


def cumulative_hazards(
    days: FloatArray, tumour: FloatArray, age: FloatArray, *, mortality: Mortality
) -> Mapping[str, FloatArray]:
    """Return the cumulative hazard of each cause at `days`, shape (n, v), 0 on the first.

    The background is integrated exactly. The hazard of myeloma is constant between two days, at the mean of its values
    on them: with visits every four weeks the error is far below that of its numbers.
    """
    length = np.diff(days)
    known = pd.DataFrame(tumour).ffill(axis=1).to_numpy(dtype=float)
    at_days = myeloma_hazard(known, mortality=mortality)
    pieces = 0.5 * (at_days[:, 1:] + at_days[:, :-1]) * length
    myeloma = np.concatenate([np.zeros((len(tumour), 1)), np.cumsum(pieces, axis=1)], axis=1)
    years = (days - days[0]) / DAYS_PER_YEAR
    slope = mortality["background_slope"]
    now = mortality["background_hazard"] * np.exp(slope * (age - mortality["background_age"]))
    background = now[:, None] * (np.expm1(slope * years) / slope if slope > 0 else years)
    return {"myeloma": myeloma, "other": background}


def myeloma_hazard(tumour: FloatArray, *, mortality: Mortality) -> FloatArray:
    """Return the daily hazard of death of myeloma for a number of myeloma cells; it saturates, as burden does not."""
    with np.errstate(divide="ignore", over="ignore"):
        ratio = (mortality["myeloma_half_burden"] / np.asarray(tumour, dtype=float)) ** mortality["myeloma_steepness"]
        return np.asarray(mortality["myeloma_hazard"] / (1.0 + ratio))


def _moments(hazard: FloatArray, days: FloatArray, threshold: FloatArray) -> FloatArray:
    """Return when the cumulative hazard, linear between days, reaches each patient's threshold; inf if it does not."""
    reached = hazard >= threshold[:, None]
    dies = reached[:, -1]
    right = np.maximum(np.argmax(reached, axis=1), 1)
    rows = np.arange(len(hazard))
    before, after = hazard[rows, right - 1], hazard[rows, right]
    share = (threshold - before) / np.where(after > before, after - before, 1.0)
    return np.where(dies, days[right - 1] + share * (days[right] - days[right - 1]), np.inf)


def _check(ids: npt.NDArray[np.int64], days: FloatArray, tumour: FloatArray, age: FloatArray) -> None:
    def complain(found: str, mend: str) -> None:
        raise InputError(Fault("deaths", found, mend))

    if tumour.shape != (len(ids), len(days)) or age.shape != (len(ids),):
        found = f"{len(ids)} patients, {len(days)} days, tumour of shape {tumour.shape}, age of shape {age.shape}."
        complain(found, "Give tumour the shape (patients, days) and age the shape (patients,).")
    if len(ids) and (ids.min() < 0 or len(np.unique(ids)) < len(ids)):
        complain("a patient's number is below 0, or stands twice.", "Give each patient one number.")
    if not np.isfinite(days).all() or (np.diff(days) <= 0).any():
        complain("the days do not rise.", "Sort them, each once.")
    if not (np.isfinite(age) & (age >= 0) & (age <= 130)).all():
        complain("an age is missing, or lies outside of 0 to 130 years.", "Give years at the first day.")
    if (tumour < 0).any() or np.isposinf(tumour).any():
        complain("a tumour is below 0 or infinite.", "Give numbers of cells; NaN where it is not known.")
    if len(days) and np.isnan(tumour[:, 0]).any():
        complain("the tumour is not known on the first day.", "Give its cells on that day.")

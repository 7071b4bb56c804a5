"""Fit the burden at which half of the highest hazard of myeloma is reached, to survival without effective treatment.

Run as `.venv/bin/python validation/trials/fit_mortality.py` (about a minute). Simulated: virtual patients as they come
to ide-cel are left untreated; the half burden is the one at which half of them are dead after `MEDIAN_DAYS`, with the
other numbers of `catalogue/mortality.toml` as they stand. What then happens early after ide-cel is printed beside it:
the steepness was chosen so that few die of myeloma in these weeks. Deaths of infection and treatment have no part.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.mortality import Mortality, load_mortality
from aftercar.catalogue.populations import load_populations
from aftercar.engine import Dose, Infusion, IntegrationWarning, simulate
from aftercar.foundation import DEFAULT_SEED
from aftercar.model import Treatment, arrange_course, build_system
from aftercar.patients import draw_population
from aftercar.patients.simulation import default_settings
from aftercar.trials.mortality import cumulative_hazards

FloatArray = npt.NDArray[np.float64]
PATIENTS = 400
MEDIAN_DAYS = 5.6 * 30.4375  # penta-refractory, gandhi2019, abstract
DAYS = np.arange(0.0, 731.0, 14.0)


def courses() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return cells (patients, days) without treatment and after ide-cel, and ages."""
    data = load_model_data()
    course = arrange_course([Treatment("ide_cel")], days=float(DAYS[-1]), data=data)
    people = draw_population(load_populations()["karmma_like"], course, n=PATIENTS, seed=DEFAULT_SEED, data=data)

    def cells(doses: Sequence[Dose | Infusion]) -> FloatArray:
        result = simulate(
            build_system(data, course.structure), times=np.union1d([course.start], DAYS), patients=people.parameters,
            doses=list(doses), outputs=["tumour_total"], seed=DEFAULT_SEED,
            settings=default_settings(course.structure, data),
        )  # fmt: skip
        return np.asarray(result["tumour_total"].to_numpy()[:, -len(DAYS) :])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntegrationWarning)  # what stops early counts as last known
        return cells(()), cells(course.doses), people.covariates["age"].to_numpy(dtype=float)


def survival(tumour: FloatArray, age: FloatArray, mortality: Mortality) -> FloatArray:
    """Return the share alive on each day, over all patients."""
    hazard = sum(cumulative_hazards(DAYS, tumour, age, mortality=mortality).values())
    return np.asarray(np.exp(-np.asarray(hazard)).mean(axis=0))


def median(alive: FloatArray) -> float:
    """Return the day on which half are dead."""
    return float(np.interp(-0.5, -alive, DAYS))


def with_half_burden(mortality: Mortality, cells: float) -> Mortality:
    """Return the numbers with another half burden."""
    number = mortality.numbers["myeloma_half_burden"].model_copy(update={"value": cells})
    return Mortality({**mortality.numbers, "myeloma_half_burden": number}, mortality.hash)


def main() -> None:
    """Fit, and print what follows."""
    mortality = load_mortality()
    untreated, treated, age = courses()
    quartiles = np.nanquantile(untreated[:, [0, 6, 13, 26]], [0.25, 0.5, 0.75], axis=0)
    print(f"{len(untreated)} untreated patients; cells on days 0, 84, 182, 364 (quartiles, simulated):")
    print(np.array2string(quartiles, precision=2))

    def miss(log_cells: float) -> float:
        return median(survival(untreated, age, with_half_burden(mortality, float(np.exp(log_cells))))) - MEDIAN_DAYS

    best = float(np.exp(brentq(miss, np.log(1e10), np.log(1e15))))
    for cells, what in ((best, "fitted"), (mortality["myeloma_half_burden"], "in the catalogue")):
        changed = with_half_burden(mortality, cells)
        alive = survival(untreated, age, changed)
        at = ", ".join(f"{100 * np.interp(day, DAYS, alive):.0f}% on day {day}" for day in (91, 182, 365, 730))
        print(f"half burden {cells:.3g} cells ({what}): median {median(alive):.0f} days; alive {at}")
        early = cumulative_hazards(DAYS, treated, age, mortality=changed)["myeloma"][:, [2, 4]]
        dead = 100 * (1 - np.exp(-early)).mean(axis=0)
        print(f"  after ide-cel: {dead[0]:.1f}% dead of myeloma by day 28, {dead[1]:.1f}% by day 56")


if __name__ == "__main__":
    main()

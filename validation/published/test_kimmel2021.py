"""Kimmel 2021: what the paper reports, from 1,000 simulated patients a question, and the law of extinction.

Numbers of the paper stand beside their place in it. Its figures could be read only as a machine described them, so a
curve is compared by what the text says of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.integrate import cumulative_trapezoid

from aftercar.engine import Dose, Settings, Snapshot, simulate, take_snapshot
from aftercar.model.published.kimmel2021 import draw_cohort, kimmel2021_model, kimmel2021_settings, outcomes
from aftercar.model.published.values import load_numbers

MODEL, N = kimmel2021_model(), load_numbers("kimmel2021")
RUNS = 1000  # as in the paper
DAYS = np.arange(0, 1001.0)
SLOW, MEDIUM, FAST = 0.105, 0.19, 0.265  # 1/day, legend of Figure 3b
FloatArray = npt.NDArray[np.float64]


def ends(patients: dict[str, FloatArray], seed: int = 0, **changes: float) -> tuple[FloatArray, FloatArray]:
    """Days of cure and of progression, infinite where there is none."""
    how = kimmel2021_settings(**changes)
    data = simulate(MODEL, times=DAYS, patients=patients, outputs=["tumour"], settings=how, seed=seed)
    return outcomes(data, patients.get("tumour_start", N["tumour_start"]))


def cohort(growth: float, **starts: float) -> dict[str, FloatArray]:
    drawn = draw_cohort(RUNS, np.random.default_rng(4), tumour_growth=growth)
    return drawn | {name: np.full(RUNS, value) for name, value in starts.items()}


def alike(growth: float) -> dict[str, FloatArray]:
    return {"tumour_growth": np.full(RUNS, growth)}


def share(happened: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """A share and its standard error."""
    p = float(happened.mean())
    return p, float(np.sqrt(max(p * (1 - p), 1 / RUNS) / RUNS))


@pytest.mark.parametrize("growth", [0.08, SLOW, 0.12])
def test_cure_follows_the_law_of_birth_and_death(growth: float) -> None:
    # Kendall 1948: a line of one cell with birth l and death m(t) dies out with J/(1+J), J = int m exp(int (m - l)).
    # The tumour is 100 independent lines from the day it falls to 100; from then on the engine counts whole cells.
    days = np.arange(0, 600, 0.01)
    path = simulate(MODEL, times=days, patients={"tumour_growth": [growth]}, outputs=["tumour", "killing"],
                    settings=Settings(threshold=0.0, rtol=1e-9, atol=1e-6))  # fmt: skip
    tumour, killing = path["tumour"].to_numpy()[0], path["killing"].to_numpy()[0]
    first = int(np.argmax(tumour <= N["tumour_threshold"]))
    rest = slice(first, first + 30_000)  # 300 days: killing is below 1e-3 of its value by then
    rho = cumulative_trapezoid(killing[rest] - growth, days[rest], initial=0)
    j = float(np.trapezoid(killing[rest] * np.exp(rho), days[rest]))
    wanted = (j / (1 + j)) ** N["tumour_threshold"]
    cured, error = share(np.isfinite(ends(alike(growth))[0]))
    assert abs(cured - wanted) < 3.5 * error + 0.01  # 0.01: lines that leave the counted range before they die out


def test_car_t_counts_lie_within_the_quartiles_of_the_patients() -> None:
    # ZUMA-1 patients treated at Moffitt, cells/uL, median (quartiles); Results (d).
    seen = {7: (27.5, 16.5, 57.5), 14: (9.1, 3.8, 31.1), 28: (2.1, 0.6, 6.1), 90: (0.1, 0.01, 0.4)}
    counts = simulate(MODEL, times=[0, *seen], outputs=["car_t"])["car_t"].to_numpy()[0, 1:] / N["cells_per_count"]
    for value, (day, (median, low, high)) in zip(counts, seen.items(), strict=True):
        assert low < value < high, day
        if day < 90:  # the first month is near the median as well
            assert value == pytest.approx(median, rel=0.25)


def test_most_cures_come_between_days_20_and_80() -> None:
    # Results (f): "Most stochastic simulations resulted in cure between days 20 and 80. We rarely found late cure
    # events up to day 140."
    for growth in (SLOW, MEDIUM, FAST):
        cured = ends(cohort(growth))[0]
        cured = cured[np.isfinite(cured)]
        assert ((cured >= 20) & (cured <= 80)).mean() > 0.9
        assert (cured > 140).mean() < 0.02


@pytest.mark.parametrize("growth", [0.09, SLOW])
def test_progression_comes_between_days_200_and_500(growth: float) -> None:
    # Results (f): "Typical progression times ... occur anywhere between days 200 and 500"; Figure 4b is said to have
    # most of its mass between 300 and 500 for the median parameters. Its growth rate could not be read.
    cured, progressed = ends(alike(growth))
    progressed = progressed[np.isfinite(progressed)]
    assert ((progressed > 300) & (progressed < 500)).mean() > 0.95
    assert np.median(cured[np.isfinite(cured)]) < 100 < progressed.min()


def test_progression_free_survival_levels_off_where_the_trial_does() -> None:
    # Introduction: "about 60% eventually progress"; Figure 3b: slower growth, better survival; not fitted.
    free = {growth: ends(cohort(growth))[1] for growth in (SLOW, MEDIUM, FAST)}
    at = {growth: np.array([(days > day).mean() for day in (50, 100, 200, 300, 400)]) for growth, days in free.items()}
    assert (at[SLOW] >= at[MEDIUM]).all() and (at[MEDIUM] >= at[FAST]).all()
    # 101 patients: 40 % has a standard error of 5 %; two of them.
    assert at[MEDIUM][-1] == pytest.approx(0.40, abs=0.10)
    assert at[MEDIUM][2] - at[MEDIUM][-1] < 0.10, "after 200 days the curve is nearly flat"


def test_cure_needs_chance() -> None:
    # Results (d): eradication is deterministically unstable. Far below one cell, the equations bring every tumour back.
    drawn = draw_cohort(RUNS, np.random.default_rng(4), relative_sd=0.05, tumour_growth=SLOW)
    how = Settings(threshold=0.0, atol={"tumour": 1e-40}, atol_default=1e-3)
    tumour = simulate(MODEL, times=DAYS, patients=drawn, outputs=["tumour"], settings=how)["tumour"].to_numpy()
    assert (tumour > 0).all() and (tumour.min(axis=1) < 1).mean() > 0.3
    assert (tumour[:, -1] > 100 * tumour.min(axis=1)).all()


@pytest.mark.parametrize("start", [2.3e9, 9.5e10, 1.3e12])  # smallest, median, largest; legend of Figure 3
def test_capacity_of_car_t_cells_helps_and_normal_t_cells_harm(start: float) -> None:
    # Figure 3c: capacity 100 to 200 cells/uL; Figure 3d: normal T cells 2 to 12 cells/uL at infusion.
    scale = N["cells_per_count"]
    by_capacity = [share(np.isfinite(ends(cohort(MEDIUM, tumour_start=start)
                   | {"car_t_capacity": np.full(RUNS, k * scale)})[0]))[0] for k in (100, 140, 200)]  # fmt: skip
    by_normal = [share(np.isfinite(ends(cohort(MEDIUM, tumour_start=start, normal_start=k * scale))[0]))[0]
                 for k in (2, 6, 12)]  # fmt: skip
    assert by_capacity == sorted(by_capacity) and by_capacity[-1] > by_capacity[0] + 0.2
    assert by_normal == sorted(by_normal, reverse=True) and by_normal[0] > by_normal[-1] + 0.05


def test_variability_lowers_a_likely_cure_and_widens_its_time() -> None:
    # Figure 3e, f: standard deviation 0.001 to 0.25 of the mean.
    drawn = [draw_cohort(RUNS, np.random.default_rng(6), relative_sd=s, tumour_growth=0.08) for s in (0.001, 0.1, 0.25)]
    cured = [ends(patients)[0] for patients in drawn]
    likely = [float(np.isfinite(days).mean()) for days in cured]
    assert likely[0] > likely[1] + 0.1 and abs(likely[1] - likely[2]) < 0.15, "it drops and saturates"
    spread = [float(np.ptp(np.percentile(days[np.isfinite(days)], [25, 75]))) for days in cured]
    assert spread == sorted(spread)


def test_the_threshold_hardly_matters() -> None:
    # Results (e): "the outcomes were very weakly impacted by choice of threshold".
    shares = [share(np.isfinite(ends(alike(SLOW), seed=k, threshold=t)[0])) for k, t in enumerate((100.0, 1000.0))]
    difference = shares[0][0] - shares[1][0]
    assert abs(difference) < 3 * np.hypot(shares[0][1], shares[1][1]) + 0.02


def relapsed(growth: float, day: float) -> Snapshot:
    patients = {"tumour_growth": np.full(RUNS // 4, growth)}
    return take_snapshot(MODEL, at=day, patients=patients, settings=kimmel2021_settings())


@pytest.mark.parametrize(("growth", "day"), [(0.15, 90.0), (MEDIUM, 90.0), (0.15, 180.0)])
def test_a_second_infusion_needs_lymphodepletion(growth: float, day: float) -> None:
    # Results (g): "To improve outcomes with a second infusion, lymphodepletion that resets the T cells is necessary."
    before = relapsed(growth, day)
    t_cells = {name: before.values[:, before.names.index(name)] for name in ("normal", "car_t")}
    left = N["normal_start"] / N["normal_capacity"]
    depleted = before.with_values({name: cells * left for name, cells in t_cells.items()})
    again = [Dose(0, "car_t", N["car_t_start"])]

    def cured(patients: Snapshot, doses: list[Dose]) -> float:
        data = simulate(MODEL, times=np.arange(0, 301.0), patients=patients, doses=doses, outputs=["tumour"],
                        settings=kimmel2021_settings())  # fmt: skip
        return float((data["tumour"] == 0).any("time").mean())

    assert cured(before, []) < 0.02
    assert cured(before, again) < 0.02
    assert cured(depleted, again) > 0.95


def test_lymphodepletion_alone_may_do_while_car_t_cells_persist() -> None:
    # Results (g): "a second, lower dose lymphodepletion alone might be sufficient, provided it does not kill all CAR T
    # cell but lowers overall T cell density sufficiently."
    for day, helps in ((90.0, True), (180.0, False)):
        before = relapsed(0.15, day)
        spared = before.with_values({"normal": N["normal_start"]})
        data = simulate(MODEL, times=np.arange(0, 301.0), patients=spared, outputs=["tumour"],
                        settings=kimmel2021_settings())  # fmt: skip
        assert bool((data["tumour"] == 0).any("time").mean() > 0.95) is helps

"""Drawn deaths against survival laws in closed form.

Tolerances are Monte-Carlo errors: three standard errors of a share among 20,000 patients of one seed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from aftercar.catalogue.mortality import Mortality, load_mortality
from aftercar.foundation import InputError
from aftercar.trials.mortality import DAYS_PER_YEAR, cumulative_hazards, draw_deaths, myeloma_hazard

FloatArray = npt.NDArray[np.float64]
N = 20_000
IDS = range(1, N + 1)
MORTALITY = load_mortality()


def changed(**values: float) -> Mortality:
    numbers = {
        name: number.model_copy(update={"value": values.get(name, number.value)})
        for name, number in MORTALITY.numbers.items()
    }
    return Mortality(numbers, "")


def draw(days: FloatArray, cells: float, *, age: float = 65.0, mortality: Mortality, seed: int = 1) -> pd.DataFrame:
    tumour, ages = np.full((N, len(days)), cells), np.full(N, age)
    return draw_deaths(patients=IDS, days=days, tumour=tumour, age=ages, seed=seed, line=1, mortality=mortality)


def assert_share(patients: float, share: float) -> None:
    assert abs(patients / N - share) <= 3 * np.sqrt(share * (1 - share) / N)


def test_a_constant_tumour_kills_exponentially() -> None:
    mortality = changed(background_hazard=0.0)
    days = np.arange(30.0, 761.0, 28.0)
    cells = mortality["myeloma_half_burden"] / 9 ** (
        1 / mortality["myeloma_steepness"]
    )  # a tenth of the highest hazard
    hazard = mortality["myeloma_hazard"] / 10
    deaths = draw(days, cells, mortality=mortality)
    for after in (1, 10, 100, 365, 700):
        assert_share((deaths["death_day"] <= 30 + after).sum(), 1 - np.exp(-hazard * after))
    assert set(deaths["cause_of_death"]) == {"myeloma", ""}
    assert (deaths["cause_of_death"] == "").equals(deaths["death_day"].isna())


@pytest.mark.parametrize("age", [50.0, 80.0])
def test_the_background_is_gompertz(age: float) -> None:
    """S(t) = exp(-(b / s) e^{s (age - age0)} (e^{s t} - 1)), t in years."""
    mortality = changed(myeloma_hazard=0.0)
    days = np.array([0.0, 1000.0, 5000.0, 12_000.0])
    deaths = draw(days, 1e12, age=age, mortality=mortality)
    b, s, age0 = (mortality[f"background_{name}"] for name in ("hazard", "slope", "age"))
    for day in (1000, 5000, 12_000):
        years = day / DAYS_PER_YEAR
        alive = np.exp(-b / s * np.exp(s * (age - age0)) * np.expm1(s * years))
        assert_share((deaths["death_day"] <= day).sum(), 1 - alive)
    assert set(deaths["cause_of_death"]) == {"other", ""}


def test_causes_compete_in_proportion_to_their_hazards() -> None:
    mortality = changed(background_slope=0.0, background_hazard=365.25 * 0.002, myeloma_hazard=0.006)
    deaths = draw(np.arange(0.0, 731.0, 28.0), 1e30, mortality=mortality)  # the hazard of myeloma is at its highest
    end = 728.0
    dead = 1 - np.exp(-0.008 * end)
    assert_share((deaths["cause_of_death"] == "myeloma").sum(), 0.75 * dead)
    assert_share((deaths["cause_of_death"] == "other").sum(), 0.25 * dead)


def integral(mortality: Mortality, start: float, rate: float, days: FloatArray) -> FloatArray:
    """Return the cumulative hazard of myeloma of a tumour that grows exponentially."""
    k, half = mortality["myeloma_steepness"], mortality["myeloma_half_burden"]
    grown = (start * np.exp(rate * days) / half) ** k
    return np.asarray(mortality["myeloma_hazard"] / (k * rate) * np.log((grown + 1) / ((start / half) ** k + 1)))


def test_a_growing_tumour_kills_as_the_integral_says() -> None:
    """N = N0 e^{rt}: the integral of m N^k / (N^k + N50^k) is (m / (k r)) log((N(t)^k + N50^k) / (N0^k + N50^k))."""
    mortality = changed(background_hazard=0.0)
    days = np.arange(0.0, 366.0, 7.0)
    start, rate = 1e11, 0.012
    tumour = np.tile(start * np.exp(rate * days), (N, 1))
    deaths = draw_deaths(
        patients=IDS, days=days, tumour=tumour, age=np.full(N, 60.0), seed=2, line=1, mortality=mortality
    )
    exact = integral(mortality, start, rate, days)
    for k in (13, 26, 52):
        assert_share((deaths["death_day"] <= days[k]).sum(), 1 - np.exp(-exact[k]))


def test_the_hazard_is_integrated_to_second_order() -> None:
    mortality = changed(background_hazard=0.0)
    rate = 0.012
    exact = integral(mortality, 1e11, rate, np.array([336.0]))[0]
    errors = []
    for step in (28.0, 14.0, 7.0):
        days = np.arange(0.0, 337.0, step)
        found = cumulative_hazards(days, 1e11 * np.exp(rate * days)[None], np.array([60.0]), mortality=mortality)
        errors.append(abs(found["myeloma"][0, -1] - exact))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)
    assert errors[0] < 0.01 * exact  # visits every four weeks


def test_the_hazard_of_myeloma_rises_and_saturates() -> None:
    cells = np.array([0.0, 1.0, 1e9, 1e11, MORTALITY["myeloma_half_burden"], 1e13, 1e300])
    hazard = myeloma_hazard(cells, mortality=MORTALITY)
    assert hazard[0] == 0.0
    assert (np.diff(hazard) >= 0).all()
    assert hazard[4] == pytest.approx(MORTALITY["myeloma_hazard"] / 2)
    assert hazard[-1] == MORTALITY["myeloma_hazard"]


def test_a_remission_hardly_kills_and_the_end_of_the_disease_kills_in_weeks() -> None:
    yearly = 365 * myeloma_hazard(np.array([1e9]), mortality=MORTALITY)[0]
    assert yearly < 0.01
    assert 1 / myeloma_hazard(np.array([5e12]), mortality=MORTALITY)[0] < 60


def test_an_unknown_tumour_counts_as_the_last_known() -> None:
    days = np.arange(0.0, 365.0, 28.0)
    tumour = np.tile(np.linspace(1e11, 3e12, len(days)), (500, 1))
    gap, held = tumour.copy(), tumour.copy()
    gap[:, 5:], held[:, 5:] = np.nan, tumour[:, [4]]
    arguments = {"patients": range(1, 501), "days": days, "age": np.full(500, 60.0), "seed": 1, "line": 1}
    pd.testing.assert_frame_equal(draw_deaths(tumour=gap, **arguments), draw_deaths(tumour=held, **arguments))


def test_a_subset_in_any_order_draws_the_same_bits_and_lines_and_seeds_do_not() -> None:
    rng = np.random.default_rng(1)
    days = np.arange(0.0, 731.0, 28.0)
    tumour, age = rng.lognormal(26, 1, (400, 1)) * np.exp(0.01 * days), rng.normal(62, 9, 400)
    ids = rng.permutation(np.arange(1, 401))
    whole = draw_deaths(patients=ids, days=days, tumour=tumour, age=age, seed=1, line=1)
    some = rng.permutation(400)[:57]
    part = draw_deaths(patients=ids[some], days=days, tumour=tumour[some], age=age[some], seed=1, line=1)
    pd.testing.assert_frame_equal(part, whole.loc[ids[some]])
    for seed, line in ((2, 1), (1, 2)):
        other = draw_deaths(patients=ids, days=days, tumour=tumour, age=age, seed=seed, line=line)
        assert not other.equals(whole)


def test_a_death_is_the_same_where_the_tumour_was_the_same_until_then() -> None:
    """Two arms that part on day 336 share every death before it."""
    days = np.arange(0.0, 673.0, 28.0)
    tumour = np.tile(4e11 * np.exp(0.005 * days), (2000, 1))
    other = tumour.copy()
    other[:, 13:] = 1e8
    arguments = {"patients": range(1, 2001), "days": days, "age": np.full(2000, 60.0), "seed": 1, "line": 1}
    a, b = draw_deaths(tumour=tumour, **arguments), draw_deaths(tumour=other, **arguments)
    early = a["death_day"] <= 336
    assert early.sum() > 100
    pd.testing.assert_frame_equal(a[early], b[early])
    assert a["death_day"].notna().sum() > b["death_day"].notna().sum()


def test_nobody_and_a_single_day_are_no_deaths() -> None:
    nobody = draw_deaths(
        patients=[], days=np.array([0.0, 28.0]), tumour=np.zeros((0, 2)), age=np.zeros(0), seed=1, line=1
    )
    assert nobody.empty and list(nobody.columns) == ["death_day", "cause_of_death"]
    single = draw_deaths(
        patients=[1], days=np.array([5.0]), tumour=np.full((1, 1), 1e13), age=np.array([90.0]), seed=1, line=1
    )
    assert single["death_day"].isna().all()


GOOD = {"patients": [1, 2], "days": [0.0, 28.0], "tumour": [[1e11, 1e11]] * 2, "age": [60.0, 70.0]}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"tumour": [[1e11, 1e11]]}, "tumour of shape"),
        ({"age": [60.0]}, "age of shape"),
        ({"age": [60.0, np.nan]}, "an age is missing"),
        ({"age": [60.0, -2.0]}, "outside of 0 to 130"),
        ({"days": [28.0, 0.0]}, "the days do not rise"),
        ({"days": [0.0, np.nan]}, "the days do not rise"),
        ({"patients": [1, 1]}, "stands twice"),
        ({"patients": [-1, 1]}, "below 0"),
        ({"tumour": [[1e11, -1.0]] * 2}, "below 0 or infinite"),
        ({"tumour": [[1e11, np.inf]] * 2}, "below 0 or infinite"),
        ({"tumour": [[np.nan, 1e11]] * 2}, "not known on the first day"),
    ],
)
def test_bad_input_is_refused(change: dict[str, list[float]], fault: str) -> None:
    wanted = {name: np.asarray(value) for name, value in (GOOD | change).items()}
    with pytest.raises(InputError, match=fault):
        draw_deaths(**wanted, seed=1, line=1)

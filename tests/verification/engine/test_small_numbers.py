"""Small numbers against closed forms: extinction, mean and variance of birth and death, mutants, varying rates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from aftercar.engine import BirthDeath, Quantity, Settings, simulate, trace_model

RUNS = 20_000  # the full 1e5 runs of the same laws are in validation/engine
WHOLE = Settings(threshold=1e18, workers=2)


def growth(n, birth, death):
    return {"n": BirthDeath(birth, death)}


MODEL = trace_model(growth, states={"n": Quantity("n0")}, parameters={"birth": 0.04, "death": 0.02, "n0": 1.0})


def _closed_form(birth: float, death: float, time: float, n0: int) -> tuple[float, float, float]:
    """Extinction probability, mean, variance (Kendall 1948; Bailey, Elements of Stochastic Processes, ch. 8)."""
    if birth == death:
        return (birth * time / (1 + birth * time)) ** n0, n0, 2 * n0 * birth * time
    e = np.exp((birth - death) * time)
    gone = death * (e - 1) / (birth * e - death)
    return gone**n0, n0 * e, n0 * (birth + death) / (birth - death) * e * (e - 1)


@pytest.mark.parametrize(
    ("birth", "death", "time", "n0"),
    [(0.04, 0.02, 364, 1), (0.04, 0.02, 364, 5), (0.05, 0.05, 100, 10), (0.03, 0.05, 182, 100), (0.2, 0.1, 56, 3)],
)
def test_birth_and_death_have_the_exact_law(birth: float, death: float, time: float, n0: int) -> None:
    patients = pd.DataFrame({"birth": np.full(RUNS, birth), "death": death, "n0": float(n0)})
    n = simulate(MODEL, times=[0, time / 7, time], patients=patients, seed=11, settings=WHOLE)["n"].to_numpy()[:, -1]
    gone, mean, variance = _closed_form(birth, death, time, n0)
    assert np.all(n == np.round(n))
    assert abs((n == 0).mean() - gone) < 4 * np.sqrt(gone * (1 - gone) / RUNS)
    assert abs(n.mean() - mean) < 4 * np.sqrt(variance / RUNS)
    spread = np.sqrt((((n - n.mean()) ** 4).mean() - n.var() ** 2) / RUNS)
    assert abs(n.var() - variance) < 4 * spread


def test_mutants_come_at_random_and_multiply_from_then_on() -> None:
    def two(wild, mutant, g, mu, birth, death):
        return {"wild": g * wild, "mutant": BirthDeath(birth, death, mu * wild)}

    g, mu, birth, death, time = 0.05, 1e-4, 0.06, 0.02, 20.0
    model = trace_model(
        two, states={"wild": 1e3, "mutant": 0.0}, parameters={"g": g, "mu": mu, "birth": birth, "death": death}
    )
    data = simulate(model, times=[0, time], patients=pd.DataFrame({"g": np.full(RUNS, g)}), seed=7, settings=WHOLE)
    n = data["mutant"].to_numpy()[:, -1]

    def alive(age: float) -> float:
        return 1 - _closed_form(birth, death, age, 1)[0]

    none = np.exp(-quad(lambda s: mu * 1e3 * np.exp(g * s) * alive(time - s), 0, time)[0])
    mean = quad(lambda s: mu * 1e3 * np.exp(g * s + (birth - death) * (time - s)), 0, time)[0]
    assert abs((n == 0).mean() - none) < 4 * np.sqrt(none * (1 - none) / RUNS)
    assert abs(n.mean() - mean) < 4 * n.std() / np.sqrt(RUNS)


def test_rates_that_vary_within_a_step_keep_the_law() -> None:
    # Kendall 1948: P(extinct) = (1 - 1/(1 + I))**n0, I = integral of death * exp(rho), rho = integral of death - birth
    def varying(n, time, birth, rise):
        return {"n": BirthDeath(birth, rise * time)}

    birth, rise, time = 0.3, 0.05, 12.0
    model = trace_model(varying, states={"n": 10.0}, parameters={"birth": birth, "rise": rise})
    data = simulate(
        model, times=[0, time], patients=pd.DataFrame({"birth": np.full(RUNS, birth)}), seed=3, settings=WHOLE
    )
    n = data["n"].to_numpy()[:, -1]
    integral = quad(lambda s: rise * s * np.exp(rise * s * s / 2 - birth * s), 0, time)[0]
    gone = (1 - 1 / (1 + integral)) ** 10
    assert abs((n == 0).mean() - gone) < 4 * np.sqrt(gone * (1 - gone) / RUNS)


def test_luck_belongs_to_the_patient_the_arm_and_the_seed() -> None:
    patients = pd.DataFrame({"n0": np.full(300, 5.0)})

    def run(table: pd.DataFrame, **key: object) -> np.ndarray:
        data = simulate(MODEL, times=[0, 50, 100], patients=table, **key)  # type: ignore[arg-type]
        return data["n"].to_numpy()

    whole = run(patients, seed=1, arm="a")
    np.testing.assert_array_equal(run(patients.iloc[[250, 3]], seed=1, arm="a"), whole[[250, 3]])
    assert not np.array_equal(run(patients, seed=1, arm="b"), whole)
    assert not np.array_equal(run(patients, seed=2, arm="a"), whole)


def test_above_the_threshold_growth_is_smooth() -> None:
    patients = pd.DataFrame({"n0": np.full(4, 1e6)})
    n = simulate(MODEL, times=[0, 10], patients=patients, settings=Settings(threshold=1000.0))["n"].to_numpy()[:, 1]
    np.testing.assert_allclose(n, 1e6 * np.exp(0.2), rtol=1e-5)


@pytest.mark.parametrize(("birth", "death", "arrival"), [(0.04, 0.06, 0.02), (0.06, 0.03, 2.0), (0.0, 0.1, 3.0)])
def test_newcomers_leave_a_negative_binomial_number(birth: float, death: float, arrival: float) -> None:
    # Bailey, Elements of Stochastic Processes, ch. 8: immigration, birth and death from an empty start; Poisson
    # without births.
    def settle(n, birth, death, arrival):
        return {"n": BirthDeath(birth, death, arrival)}

    model = trace_model(settle, states={"n": 0.0}, parameters={"birth": birth, "death": death, "arrival": arrival})
    n = simulate(model, times=[0, 30], patients=RUNS, seed=5, settings=WHOLE)["n"].to_numpy()[:, -1]
    lasting = (np.exp((birth - death) * 30) - 1) / (birth - death)
    mean, growth = arrival * lasting, 1 + birth * lasting
    none = growth ** (-arrival / birth) if birth else np.exp(-mean)
    variance = mean * growth
    assert abs(n.mean() - mean) < 4 * np.sqrt(variance / RUNS)
    assert abs((n == 0).mean() - none) < 4 * np.sqrt(none * (1 - none) / RUNS) + 1e-3 * (none < 1e-6)
    spread = np.sqrt((((n - n.mean()) ** 4).mean() - n.var() ** 2) / RUNS)
    assert abs(n.var() - variance) < 4 * spread

"""Extinction, mean, variance and time to extinction at 1e5 runs; and the coupled model against full SSA."""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
import pytest

from aftercar.engine import BirthDeath, Quantity, Settings, simulate, trace_model

RUNS = 100_000


def growth(n, birth, death):
    return {"n": BirthDeath(birth, death)}


MODEL = trace_model(growth, states={"n": Quantity("n0")}, parameters={"birth": 0.04, "death": 0.02, "n0": 1.0})


def _gone(birth: float, death: float, time: np.ndarray, n0: int) -> np.ndarray:
    if birth == death:
        return (birth * time / (1 + birth * time)) ** n0
    e = np.exp((birth - death) * time)
    return (death * (e - 1) / (birth * e - death)) ** n0


@pytest.mark.parametrize(
    ("birth", "death", "time", "n0"),
    [
        (0.04, 0.02, 364, 1), (0.04, 0.02, 364, 5), (0.05, 0.045, 364, 20), (0.03, 0.05, 182, 100),
        (0.03, 0.08, 91, 1000), (0.04, 0.038, 728, 100), (0.2, 0.1, 56, 3), (0.05, 0.05, 100, 10),
    ],
)  # fmt: skip
def test_birth_and_death(birth: float, death: float, time: float, n0: int) -> None:
    patients = pd.DataFrame({"birth": np.full(RUNS, birth), "death": death, "n0": float(n0)})
    times = np.linspace(0, time, 5)
    how = Settings(threshold=1e18, workers=2)
    n = simulate(MODEL, times=times, patients=patients, seed=21, settings=how)["n"].to_numpy()
    for k in range(1, 5):  # extinction by each time: the law of the time to extinction
        p = float(_gone(birth, death, times[k], n0))
        assert abs((n[:, k] == 0).mean() - p) < 3.5 * np.sqrt(p * (1 - p) / RUNS) + 1e-12
    e = np.exp((birth - death) * time)
    mean = n0 * e
    variance = 2 * n0 * birth * time if birth == death else n0 * (birth + death) / (birth - death) * e * (e - 1)
    last = n[:, -1]
    assert abs(last.mean() - mean) < 3 * np.sqrt(variance / RUNS)
    spread = np.sqrt((((last - last.mean()) ** 4).mean() - last.var() ** 2) / RUNS)
    assert abs(last.var() - variance) < 3 * spread


# A small network whose rates change fast: effectors expand on the tumour and kill it; both are counted in the SSA,
# the tumour alone in the engine, where the effectors are many and continuous.
CAR_T = {"g": 0.05, "d": 0.02, "k": 2.0, "h": 2e4, "x": 0.9, "q": 0.05}


def car_t(tumour, effector, g, d, k, h, x, q):
    kill = k * effector / (h + effector)
    return {"tumour": BirthDeath(g, d + kill), "effector": x * effector * tumour / (2e3 + tumour) - q * effector}


@numba.njit
def _ssa(runs, tumour0, effector0, end, g, d, k, h, x, q, seed):
    np.random.seed(seed)
    gone, total = 0, 0.0
    for _ in range(runs):
        t, n, e = 0.0, tumour0, effector0
        while n > 0:
            rates = (g * n, (d + k * e / (h + e)) * n, x * e * n / (2e3 + n), q * e)
            everything = rates[0] + rates[1] + rates[2] + rates[3]
            t += np.random.exponential(1.0 / everything)
            if t > end:
                break
            u = np.random.random() * everything
            if u < rates[0]:
                n += 1
            elif u < rates[0] + rates[1]:
                n -= 1
            elif u < rates[0] + rates[1] + rates[2]:
                e += 1
            else:
                e -= 1
        gone += n == 0
        total += n
    return gone / runs, total / runs


@pytest.mark.parametrize("threshold", [200.0, 1e18])
def test_coupled_model_against_full_ssa(threshold: float) -> None:
    runs, tumour0, effector0, end = 20_000, 300, 4_000, 28.0
    model = trace_model(car_t, states={"tumour": float(tumour0), "effector": float(effector0)}, parameters=CAR_T)
    crowd = pd.DataFrame({"g": np.full(40_000, CAR_T["g"])})
    how = Settings(threshold=threshold, workers=2)
    n = simulate(model, times=[0, end], patients=crowd, seed=5, settings=how)["tumour"].to_numpy()[:, 1]
    gone, mean = _ssa(runs, tumour0, effector0, end, *CAR_T.values(), 3)
    p = (n == 0).mean()
    error = np.sqrt(p * (1 - p) * (1 / runs + 1 / len(n)))
    assert 0.05 < p < 0.95, "the comparison must not be trivial"
    assert abs(p - gone) < 3.5 * error
    assert abs(n.mean() - mean) < 3.5 * n.std() * np.sqrt(1 / runs + 1 / len(n))

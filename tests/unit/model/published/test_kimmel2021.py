"""Kimmel 2021: the equations at their limits, and eradication that only chance brings about."""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.engine import Settings, simulate
from aftercar.model.published.kimmel2021 import draw_cohort, kimmel2021_model, kimmel2021_settings, outcomes
from aftercar.model.published.values import load_numbers

N = load_numbers("kimmel2021")
NEVER_WHOLE = Settings(threshold=0.0, atol=1e-3)


def test_growth_of_car_t_cells_runs_from_full_signal_to_baseline() -> None:
    starts = {"normal_start": [1.0, N["normal_capacity"]], "car_t_start": [1.0, 1.0]}
    data = simulate(kimmel2021_model(), times=[0], patients=starts, outputs=["car_t_growth_rate"])
    empty, full = data["car_t_growth_rate"].to_numpy()[:, 0]
    assert empty == pytest.approx(N["car_t_growth"] + N["reconstitution"], rel=1e-9)
    assert full == pytest.approx(N["car_t_growth"], rel=1e-9)


def test_normal_t_cells_crowd_car_t_cells_out() -> None:
    last = simulate(kimmel2021_model(), times=[0, 1000], settings=NEVER_WHOLE).sel(time=1000)
    assert float(last["normal"][0]) == pytest.approx(N["normal_capacity"], rel=1e-6)
    assert float(last["car_t"][0]) < 1.0


def test_the_deterministic_tumour_always_comes_back() -> None:
    data = simulate(kimmel2021_model(), times=np.arange(0, 3001, 10.0), patients={"tumour_growth": [0.03, 0.105]},
                    outputs=["tumour"], settings=NEVER_WHOLE)  # fmt: skip
    tumour = data["tumour"].to_numpy()
    assert (tumour.min(axis=1) < 100).all() and (tumour[:, -1] > N["tumour_start"]).all()


def test_equal_patients_have_unequal_ends() -> None:
    data = simulate(kimmel2021_model(), times=np.arange(0, 501.0), patients={"tumour_growth": np.full(64, 0.105)},
                    outputs=["tumour"], settings=kimmel2021_settings(), seed=1)  # fmt: skip
    cured, progressed = outcomes(data, N["tumour_start"])
    assert 0.2 < np.isfinite(cured).mean() < 0.95
    assert (np.isfinite(cured) ^ np.isfinite(progressed)).all(), "cured or progressed, never both"
    assert cured[np.isfinite(cured)].max() < progressed.min()


def test_a_drawn_cohort_has_the_asked_mean_and_spread() -> None:
    drawn = draw_cohort(20_000, np.random.default_rng(2), tumour_growth=0.105)
    assert "tumour_start" not in drawn
    for name, mean in (("tumour_growth", 0.105), ("killing_rate", N["killing_rate"])):
        spread = np.sqrt(0.05) * mean
        assert abs(drawn[name].mean() - mean) < 4 * spread / np.sqrt(20_000)
        assert drawn[name].std() == pytest.approx(spread, rel=4 / np.sqrt(2 * 20_000))

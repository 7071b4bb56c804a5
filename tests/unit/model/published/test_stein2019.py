"""Stein 2019: the engine against the closed form of the paper."""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.engine import Settings, simulate
from aftercar.model.published.stein2019 import closed_form, draw_patients, stein2019_model
from aftercar.model.published.values import load_numbers

TIGHT = Settings(rtol=1e-10, atol=1e-10)
TYPICAL = {name: v.value for name, v in load_numbers("stein2019").values.items()}
# The closed form at the values of Table 1, written out once by hand: c_max / fold; exp(-0.16 (t - 9.3)) and so on.
LEVELS = {0.0: 24_000 / 3900, 9.3: 24_000.0, 28.0: 1373.5588, 90.0: 146.50767, 365.0: 60.744503}
AREAS = {28.0: 171_774.285, 180.0: 200_738.284}


def test_the_typical_patient_has_the_published_course() -> None:
    data = simulate(stein2019_model(), times=list(LEVELS), outputs=["level"], settings=TIGHT)
    # 1e-7: the digits that the values above are written with.
    assert data["level"].to_numpy()[0] == pytest.approx(list(LEVELS.values()), rel=1e-7)


def test_the_area_is_that_of_the_closed_form() -> None:
    data = simulate(stein2019_model(), times=[0.0, *AREAS], outputs=["area"], settings=TIGHT)
    assert data["area"].to_numpy()[0, 1:] == pytest.approx(list(AREAS.values()), rel=1e-8)


@pytest.mark.parametrize(("rtol", "error"), [(1e-6, 1e-5), (1e-8, 1e-7), (1e-10, 1e-9)])
def test_the_error_falls_with_the_tolerance_across_the_switch(rtol: float, error: float) -> None:
    times = np.linspace(0, 365, 74)
    data = simulate(stein2019_model(), times=times, outputs=["level"], settings=Settings(rtol=rtol, atol=1e-10))
    exact = closed_form(times, **TYPICAL)
    assert np.max(np.abs(data["level"].to_numpy()[0] / exact - 1)) < error


def test_drawn_patients_have_the_published_spread() -> None:
    drawn = draw_patients(20_000, np.random.default_rng(5))
    variances = {name: v.log_variance for name, v in load_numbers("stein2019").values.items()}
    assert set(drawn) == set(variances)
    for name, values in drawn.items():
        logs = np.log(values / TYPICAL[name])
        # 4 standard errors of a mean and of a variance of 20,000 normal draws.
        assert abs(logs.mean()) < 4 * np.sqrt(variances[name] / 20_000)
        assert abs(logs.var() / variances[name] - 1) < 4 * np.sqrt(2 / 20_000)

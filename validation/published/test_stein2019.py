"""Stein 2019: 2,000 drawn patients against the closed form, and what the typical values say of half-lives."""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.engine import Settings, simulate
from aftercar.model.published.stein2019 import closed_form, draw_patients, stein2019_model
from aftercar.model.published.values import load_numbers

N = load_numbers("stein2019")


def test_every_drawn_patient_follows_the_closed_form() -> None:
    drawn = draw_patients(2000, np.random.default_rng(1))
    times = np.array([0.0, 1, 3, 5, 7, 9, 10, 12, 14, 21, 28, 60, 90, 180, 365, 730])
    data = simulate(stein2019_model(), times=times, patients=drawn, outputs=["level"],
                    settings=Settings(rtol=1e-10, atol=1e-9, workers=2))  # fmt: skip
    exact = closed_form(times[None, :], **{name: values[:, None] for name, values in drawn.items()})
    # Relative to the level plus 0.01 copies/ug, far below any assay: some draws fall to 1e-17 within a year.
    error = np.abs(data["level"].to_numpy() - exact) / (exact + 0.01)
    assert error.max() < 1e-6


def test_half_lives_and_doubling_time() -> None:
    # ln 2 over the rates of Table 1: doubling 0.78 d, contraction 4.3 d, slow decline 217 d.
    assert np.log(2) / (np.log(N["fold_expansion"]) / N["t_max"]) == pytest.approx(0.78, abs=0.005)
    data = simulate(stein2019_model(), times=[0, 4, 5, 12, 13, 500, 501], outputs=["level"],
                    settings=Settings(rtol=1e-9, atol=1e-9))  # fmt: skip
    level = np.log(data["level"].to_numpy()[0])
    assert np.log(2) / (level[2] - level[1]) == pytest.approx(0.78, abs=0.005)
    assert np.log(2) / (level[3] - level[4]) == pytest.approx(4.3, abs=0.1)
    assert np.log(2) / (level[5] - level[6]) == pytest.approx(217, abs=1)

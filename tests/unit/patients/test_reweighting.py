"""Weights to a published baseline table: a case solved by hand, exact balance, figures that cannot be had."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.foundation import InputError
from aftercar.patients.reweighting import reweight


def table(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["quantity", "statistic", "value", "limit"])


def test_three_patients_have_the_weights_found_by_hand() -> None:
    """Ages 50, 60, 70 to a mean of 63: weights 1, x, x^2 with 7x^2 - 3x - 13 = 0."""
    x = (3 + np.sqrt(9 + 4 * 7 * 13)) / 14
    found = reweight(pd.DataFrame({"age": [50.0, 60.0, 70.0]}), table(("age", "mean", 63.0, np.nan)))
    expected = 3 * np.array([1, x, x**2]) / (1 + x + x**2)
    assert np.allclose(found.weights, expected, atol=1e-7)
    assert found.effective == pytest.approx((1 + x + x**2) ** 2 / (1 + x**2 + x**4), abs=1e-6)


def test_means_medians_and_shares_are_met_together() -> None:
    rng = np.random.default_rng(1)
    people = pd.DataFrame({"age": rng.normal(61, 9, 3000), "lines": np.round(rng.lognormal(1.6, 0.4, 3000)),
                           "emd": rng.random(3000) < 0.3}).astype(float)  # fmt: skip
    wanted = table(("age", "mean", 58.0, np.nan), ("lines", "share_at_least", 0.7, 4), ("age", "median", 57.0, np.nan),
                   ("emd", "share_at_most", 0.6, 0.5))  # fmt: skip
    found = reweight(people, wanted)
    w = found.weights / len(people)
    assert w.sum() == pytest.approx(1)
    assert (w * people["age"]).sum() == pytest.approx(58.0, abs=1e-4)
    assert w[people["lines"] >= 4].sum() == pytest.approx(0.7, abs=1e-5)
    assert w[people["age"] > 57].sum() == pytest.approx(0.5, abs=1e-5)
    assert w[people["emd"] == 0].sum() == pytest.approx(0.6, abs=1e-5)
    assert 0 < found.effective < 3000


def test_a_table_that_already_fits_leaves_equal_weights() -> None:
    people = pd.DataFrame({"age": [50.0, 60.0, 70.0]})
    found = reweight(people, table(("age", "mean", 60.0, np.nan)))
    assert np.allclose(found.weights, 1) and found.effective == pytest.approx(3)


def test_a_mean_beyond_all_patients_is_refused_with_its_row() -> None:
    with pytest.raises(InputError, match=r"row 2.*no weights give mean of 'age' = 80"):
        reweight(pd.DataFrame({"age": [50.0, 60.0, 70.0]}), table(("age", "mean", 80.0, np.nan)))


def test_every_fault_of_a_baseline_table_is_named() -> None:
    bad = table(("height", "mean", 1.0, np.nan), ("age", "mode", 1.0, np.nan), ("age", "share_at_least", 1.5, 60),
                ("age", "share_at_most", 0.5, np.nan), ("age", "mean", np.nan, np.nan))  # fmt: skip
    with pytest.raises(InputError) as caught:
        reweight(pd.DataFrame({"age": [50.0, 60.0]}), bad)
    assert len(caught.value.faults) == 5

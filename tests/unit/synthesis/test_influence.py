from __future__ import annotations

import numpy as np
import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.influence import leave_one_out, leave_one_out_effects, measure_influence, pool_cumulatively
from aftercar.synthesis.pooling import pool_proportions

X, N = [6, 4, 5, 5, 21, 2, 4, 7], [28, 4, 7, 5, 28, 11, 9, 10]


def test_each_row_is_the_pooling_of_the_others() -> None:
    table = leave_one_out(X, N, labels=list("abcdefgh"), method="reml", hksj=True)
    assert table["label"].tolist() == list("abcdefgh")
    without_c = pool_proportions(X[:2] + X[3:], N[:2] + N[3:], method="reml", hksj=True)
    assert table.loc[2, "estimate"] == without_c.estimate and table.loc[2, "pi_ub"] == without_c.pi_ub
    assert (table["k"] == 7).all()


def test_what_cannot_be_pooled_keeps_its_row_and_reason() -> None:
    table = leave_one_out([4, 0, 3], [4, 3, 9])
    assert table["estimate"].isna().tolist() == [False, False, True]
    assert "no estimate" in table.loc[2, "note"]


def test_cumulative_follows_the_order_and_ends_with_all() -> None:
    year = [2020, 2018, 2019, 2018, 2024, 2023, 2022, 2021]
    table = pool_cumulatively(X, N, order=year, labels=list("abcdefgh"))
    assert table["label"].tolist() == ["b", "d", "c", "a", "h", "g", "f", "e"]
    assert table["k"].tolist() == list(range(1, 9))
    assert table["estimate"].iloc[-1] == pytest.approx(pool_proportions(X, N).estimate, rel=1e-9)


def test_an_outlier_is_seen() -> None:
    yi, vi = np.array([0.1, 0.0, -0.1, 0.05, 3.0]), np.full(5, 0.05)
    table = measure_influence(yi, vi)
    assert table["influential"].tolist() == [False] * 4 + [True]
    assert table["baujat_y"].idxmax() == 4 and table["cook_d"].idxmax() == 4


def test_too_little_is_refused() -> None:
    with pytest.raises(NotPoolableError):
        leave_one_out([1], [2])
    with pytest.raises(NotPoolableError):
        leave_one_out_effects([1.0], [1.0])
    with pytest.raises(NotPoolableError):
        measure_influence([1.0, 2.0], [1.0, 1.0])
    with pytest.raises(InputError):
        leave_one_out(X, N, labels=["a"])
    with pytest.raises(InputError):
        pool_cumulatively(X, N, order=[1])

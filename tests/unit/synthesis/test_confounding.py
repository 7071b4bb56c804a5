"""How much confounding reverses a comparison: published E-values, and the arithmetic behind the table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from aftercar.foundation import InputError
from aftercar.synthesis.confounding import bound_bias, find_e_value, find_reversals, spread_bias


@pytest.mark.parametrize(
    ("ratio", "lb", "ub", "estimate", "limit"),
    [
        # VanderWeele & Ding 2017, Ann Intern Med 167:268, formula feeding: RR 3.9 (1.8 to 8.7).
        (3.9, 1.8, 8.7, 7.26, 3.00),
        # The same paper, leukaemia: RR 0.80 (0.71 to 0.91).
        (0.80, 0.71, 0.91, 1.81, 1.43),
        # README of the R package EValue, smoking and lung cancer (Hammond & Horn 1958): 20.94777 and 15.52336.
        (10.73, 8.02, 14.36, 20.94777, 15.52336),
    ],
)
def test_published_e_values(ratio: float, lb: float, ub: float, estimate: float, limit: float) -> None:
    value = find_e_value(ratio, lb, ub)
    assert value.limit is not None
    # Half a unit of the last digit printed: two decimals in the paper, five in the README.
    digits = 0.005 if ratio != 10.73 else 5e-6
    assert abs(value.estimate - estimate) < digits
    assert abs(value.limit - limit) < digits


def test_interval_over_one_needs_no_confounding_and_no_interval_has_no_limit() -> None:
    assert find_e_value(1.4, 0.9, 2.0).limit == 1.0
    assert find_e_value(0.7, 0.4, 1.0).limit == 1.0
    assert find_e_value(2.0).limit is None
    assert find_e_value(1.0).estimate == 1.0


def test_e_value_is_the_common_strength_at_which_the_bound_reaches_the_ratio() -> None:
    for ratio in (1.05, 1.5, 3.9, 20.0):
        strength = find_e_value(ratio).estimate
        assert bound_bias(strength, strength) == pytest.approx(ratio, rel=1e-12)


def test_bound_of_published_strengths() -> None:
    """Ding & VanderWeele 2016, equation 1, by hand: 2 x 3 / (2 + 3 - 1) = 1.5; a strength of 1 biases nothing."""
    assert bound_bias(2.0, 3.0) == 1.5
    assert bound_bias(1.0, 9.0) == 1.0


def test_tipping_shift_makes_the_order_a_coin_toss() -> None:
    rng = np.random.default_rng(1)
    draws = np.array([rng.normal(1.2, 0.4, 4001), rng.normal(0.3, 0.5, 4001), rng.normal(-0.5, 0.3, 4001)])
    table = find_reversals(["a", "b", "c"], draws, pairs="all")
    assert list(zip(table["better"], table["worse"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    first = table.iloc[0]
    shifted = draws[0] - first["tipping_shift"]
    assert np.mean(shifted > draws[1]) == pytest.approx(0.5, abs=1e-3)
    assert first["tipping_rate"] == pytest.approx(expit(np.median(draws[0]) - first["tipping_shift"]))
    assert first["tipping_points"] == pytest.approx(100 * (first["rate_better"] - first["tipping_rate"]))
    certain = table.iloc[1]["certain_shift"]
    assert certain > 0
    assert np.mean(draws[0] - certain > draws[2]) == pytest.approx(0.95, abs=1e-3)
    assert table.iloc[0]["p_better"] == np.mean(draws[0] > draws[1])


def test_best_against_each_is_the_default() -> None:
    draws = np.array([[0.0, 0.1, 0.2], [1.0, 1.1, 1.2], [0.5, 0.6, 0.7]])
    table = find_reversals(["a", "b", "c"], draws)
    assert table["better"].tolist() == ["b", "b"]
    assert table["worse"].tolist() == ["c", "a"]
    assert (table["certain_shift"] > 0).all()


def test_bias_of_selection_levels_the_ranking() -> None:
    rng = np.random.default_rng(1)
    draws = np.array([rng.normal(1.0, 0.1, 8000), rng.normal(0.0, 0.1, 8000)])
    table = spread_bias(["a", "b"], draws, bias_sd=[0.0, 1.0, 50.0], rng=rng)
    assert table.loc["a", 0.0] == 1.0
    # P(N(1, 2·1² + 2·0.1²) > 0) = 0.758; standard error of 8000 draws 0.005.
    assert table.loc["a", 1.0] == pytest.approx(0.758, abs=0.02)
    assert table.loc["a", 50.0] == pytest.approx(0.5, abs=0.03)


def test_what_is_no_ratio_is_refused() -> None:
    for wrong in ((0.0, None, None), (float("nan"), None, None), (2.0, 2.5, 3.0), (2.0, 1.0, 1.5)):
        with pytest.raises(InputError, match="positive numbers"):
            find_e_value(*wrong)
    with pytest.raises(InputError, match="1 or more"):
        bound_bias(0.5, 2.0)
    with pytest.raises(InputError, match="best or all"):
        find_reversals(["a", "b"], np.zeros((2, 4)), pairs="some")
    with pytest.raises(InputError, match="two or more"):
        find_reversals(["a"], np.zeros((1, 4)))
    with pytest.raises(InputError, match="standard deviations"):
        spread_bias(["a", "b"], np.zeros((2, 4)), bias_sd=[-1.0], rng=np.random.default_rng(1))

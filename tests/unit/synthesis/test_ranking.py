"""Ranks from draws, and the error that comes with them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.ranking import identify_order, rank_strategies

NAMES = ("a", "b", "c")
DRAWS = np.array([[3.0, 3.0, 1.0, 2.0], [2.0, 1.0, 3.0, 2.0], [1.0, 2.0, 2.0, 1.0]])


def test_hand_counted_draws() -> None:
    """Ranks by draw: a 1 1 3 1.5, b 2 3 1 1.5, c 3 2 2 3; the tie of the last draw is shared."""
    ranking = rank_strategies(NAMES, DRAWS, top=1, run=1)
    assert [row.p_best for row in ranking.rows] == [2.5 / 4, 1.5 / 4, 0.0]
    assert [row.mean_rank for row in ranking.rows] == [6.5 / 4, 7.5 / 4, 10 / 4]
    assert ranking.pairwise[0].tolist() == [0.5, (1 + 1 + 0 + 0.5) / 4, 3 / 4]
    assert ranking.pairwise_table().loc["b", "a"] == 1.5 / 4
    assert list(ranking.table()["strategy"]) == ["a", "b", "c"]


def test_top_covers_all_when_there_are_no_more() -> None:
    assert [row.p_top for row in rank_strategies(NAMES, DRAWS, top=3, run=1).rows] == [1.0, 1.0, 1.0]


def test_monte_carlo_error_is_that_of_repeated_sampling() -> None:
    rng = np.random.default_rng(1)
    estimates, errors = [], []
    for _ in range(200):
        shared = np.repeat(rng.normal(size=(2, 100)), 4, axis=1)
        rows = rank_strategies(("a", "b"), shared + 0.1 * rng.normal(size=(2, 400))).rows
        estimates.append(rows[0].p_best)
        errors.append(rows[0].p_best_mcse)
    # Spread of 200 estimates has a relative standard error of 5 %; three of them. Without runs it would be half.
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.15)


def test_strategies_without_cohorts_are_left_out_and_named() -> None:
    ranking = rank_strategies(NAMES, DRAWS, cohorts=[2, 0, 1], run=1)
    assert ranking.excluded == ("b",)
    assert [row.strategy for row in ranking.rows] == ["a", "c"]
    assert sum(row.p_best for row in ranking.rows) == 1.0


def test_what_cannot_be_ranked_is_refused() -> None:
    with pytest.raises(NotPoolableError, match="1 strategy"):
        rank_strategies(NAMES, DRAWS, cohorts=[2, 0, 0])
    with pytest.raises(InputError, match="given twice: a"):
        rank_strategies(("a", "a", "b"), DRAWS)
    with pytest.raises(InputError, match="not finite"):
        rank_strategies(NAMES, np.where(DRAWS == 3.0, np.nan, DRAWS))
    with pytest.raises(InputError, match="shape"):
        rank_strategies(("a", "b"), DRAWS)
    with pytest.raises(InputError, match="counts of cohorts"):
        rank_strategies(NAMES, DRAWS, cohorts=[1])
    with pytest.raises(InputError, match="4 draws"):
        rank_strategies(NAMES, DRAWS, run=4)


def test_strategies_that_tie_at_the_edge_of_the_top_share_its_places() -> None:
    """Draws on a grid tie; counting none or both of two that tie for third place would lose or double a place."""
    draws = np.array([[4.0, 4.0], [3.0, 3.0], [2.0, 2.0], [2.0, 2.0], [1.0, 1.0]])
    ranking = rank_strategies(list("abcde"), np.tile(draws, 8), top=3)
    assert [row.p_top for row in ranking.rows] == [1.0, 1.0, 0.5, 0.5, 0.0]


def test_pairs_of_independent_normals_have_the_closed_form() -> None:
    """P(a > b) is Phi of the difference of means over the root of the sum of variances."""
    mean, sd = np.array([0.0, 0.5, 2.0]), np.array([1.0, 0.5, 0.3])
    draws = mean[:, None] + sd[:, None] * np.random.default_rng(3).normal(size=(3, 40_000))
    ranking = rank_strategies(NAMES, draws, level=0.90, run=1)
    exact = norm.cdf((mean[:, None] - mean) / np.sqrt(sd[:, None] ** 2 + sd**2))
    # Four Monte-Carlo standard errors of a probability of one half from 40,000 draws.
    assert ranking.pairwise == pytest.approx(exact, abs=4 * 0.5 / np.sqrt(40_000))
    found = identify_order(NAMES, ranking.pairwise)
    assert exact[1, 0] < 0.95 < exact[2, 0] < exact[2, 1]  # so that two of three pairs are told apart
    assert (found.pairs, found.apart, found.best, found.may_be_best) == (3, 2, "c", ("c",))
    assert [(row.rank_lb, row.rank_ub) for row in ranking.rows] == [(2.0, 3.0), (2.0, 3.0), (1.0, 1.0)]


def test_the_best_is_not_identified_while_one_other_may_be_above_it() -> None:
    above = np.array([[0.5, 0.94, 0.99], [0.06, 0.5, 0.95], [0.01, 0.05, 0.5]])
    found = identify_order(NAMES, above)
    assert (found.apart, found.best, found.may_be_best) == (2, "", ("a", "b"))
    assert identify_order(NAMES, above, certainty=0.9).best == "a"


def test_an_order_of_other_strategies_is_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        identify_order(("a", "b"), np.full((3, 3), 0.5))
    with pytest.raises(InputError, match="a probability above"):
        identify_order(("a", "b"), np.full((2, 2), 0.5), certainty=0.4)

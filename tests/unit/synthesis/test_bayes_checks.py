"""Checks of the hierarchical model: cohorts against the rest, priors, one cohort left out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom

from aftercar.foundation import InputError
from aftercar.synthesis.bayes import Priors, pool_hierarchical
from aftercar.synthesis.bayes_checks import PRIOR_SETS, check_cohorts, leave_one_out_best, vary_priors

GROUPS = ["a", "a", "a", "b", "b", "c"]
EVENTS = [4, 5, 21, 6, 7, 2]
TOTAL = [4, 7, 28, 28, 22, 11]


def test_prediction_of_a_cohort_equals_a_fit_without_it() -> None:
    posterior = pool_hierarchical(GROUPS, EVENTS, TOTAL, draws=8, rng=np.random.default_rng(1))
    checked = check_cohorts(posterior)
    without = pool_hierarchical(GROUPS[1:], EVENTS[1:], TOTAL[1:], draws=8, rng=np.random.default_rng(1))
    # The mean of a new cohort of strategy a: the same integral by another path; 1e-4 is the promise of the grid.
    assert checked["predicted"][0] == pytest.approx(without.strategies[0].new_cohort.mean, abs=1e-4)


def test_sum_of_log_scores_adds_up_by_the_chain_rule_for_two_cohorts() -> None:
    """log p(y1, y2) = log p(y1 | y2) + log p(y2)."""
    both = pool_hierarchical(["a", "a"], [3, 5], [9, 7], draws=8, rng=np.random.default_rng(1))
    second = pool_hierarchical(["a"], [5], [7], draws=8, rng=np.random.default_rng(1))
    score = check_cohorts(both)["log_score"][0]
    assert score == pytest.approx(both.log_evidence - second.log_evidence, abs=1e-5)


def test_an_odd_cohort_surprises_and_the_others_do_not() -> None:
    groups, events, total = ["a"] * 6, [20, 22, 19, 21, 20, 1], [40] * 6
    checked = check_cohorts(pool_hierarchical(groups, events, total, draws=8, rng=np.random.default_rng(1)))
    assert checked["surprise"][5] < 0.02
    assert checked["surprise"][:5].min() > 0.2
    assert (checked["lb"] < checked["rate"]).all() and (checked["rate"] < checked["ub"]).all()
    assert 1 / 40 < checked["rate"][5] < 0.5


def test_surprises_are_uniform_when_the_model_is_true() -> None:
    """p_below over simulated data has the mean and spread of a uniform variable, discreteness aside."""
    rng, seen = np.random.default_rng(5), []
    for _ in range(60):
        theta = rng.normal(rng.normal(0, 2.0), abs(rng.normal()), size=3)
        events = binom.rvs(50, expit(theta), random_state=rng)
        priors = Priors(sigma_scale=0.0)
        posterior = pool_hierarchical(["a"] * 3, events, [50] * 3, priors=priors, draws=8, rng=rng)
        seen.append(check_cohorts(posterior)["p_below"][0])
    # 60 values: standard error of the mean 0.037, of the standard deviation 0.017; three of each.
    assert np.mean(seen) == pytest.approx(0.5, abs=0.11)
    assert np.std(seen) == pytest.approx(0.289, abs=0.05)


def test_priors_table_has_every_set_and_strategy_and_moves_in_the_right_direction() -> None:
    table = vary_priors(GROUPS, EVENTS, TOTAL, draws=400, rng=np.random.default_rng(1))
    assert len(table) == 3 * len(PRIOR_SETS)
    wide = table.set_index(["priors", "strategy"])
    spread = {name: wide.loc[name]["rate"].max() - wide.loc[name]["rate"].min() for name in PRIOR_SETS}
    alike, apart = "strategies more alike: sigma scale 0.5", "strategies less alike: sigma scale 2"
    assert spread[alike] < spread["default"] < spread[apart]
    assert wide["p_best"].groupby("priors").sum().to_numpy() == pytest.approx(np.ones(len(PRIOR_SETS)))


def test_leaving_out_the_cohort_that_makes_the_leader_names_another() -> None:
    groups, events, total = ["a", "a", "b", "c"], [28, 8, 20, 8], [30, 20, 30, 30]
    table = leave_one_out_best(groups, events, total, draws=2_000, rng=np.random.default_rng(1))
    assert list(table["cohort"]) == [0, 1, 2, 3]
    assert table["leader"].unique().tolist() == ["a"]
    assert table["best"][0] == "b" and table["p_leader"][0] < table["p_leader_all"][0]
    only = leave_one_out_best(["a", "b"], [9, 3], [10, 10], cohorts=[0], draws=400, rng=np.random.default_rng(1))
    assert (only["best"][0], only["p_best"][0], only["p_leader"][0]) == ("b", 1.0, 0.0)


def test_positions_and_single_strategies_are_refused() -> None:
    with pytest.raises(InputError, match="positions"):
        leave_one_out_best(GROUPS, EVENTS, TOTAL, cohorts=[9], rng=np.random.default_rng(1))
    with pytest.raises(InputError, match="single strategy"):
        leave_one_out_best(["a", "a"], [1, 2], [3, 4], rng=np.random.default_rng(1))

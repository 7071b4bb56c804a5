"""Laws of the hierarchical posterior and of ranks, for any counts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercar.synthesis.bayes import pool_bayes, pool_hierarchical
from aftercar.synthesis.ranking import rank_strategies

cohort = st.integers(1, 60).flatmap(lambda n: st.tuples(st.sampled_from("abcd"), st.integers(0, n), st.just(n)))
cohorts = st.lists(cohort, min_size=1, max_size=8)


@settings(max_examples=30, deadline=None)
@given(cohorts)
def test_intervals_are_ordered_inside_the_unit_interval(rows: list[tuple[str, int, int]]) -> None:
    names, events, total = zip(*rows, strict=True)
    posterior = pool_hierarchical(names, events, total, draws=8, rng=np.random.default_rng(1))
    for row in posterior.strategies:
        rate, new = row.rate, row.new_cohort
        assert 0 < rate.lb < rate.median < rate.ub < 1
        assert 0 < new.lb <= rate.lb and rate.ub <= new.ub < 1
    assert posterior.mass_error < 1e-8


@settings(max_examples=15, deadline=None)
@given(cohorts, st.randoms(use_true_random=False))
def test_order_and_labels_of_cohorts_change_nothing(rows: list[tuple[str, int, int]], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    renamed = [(name.upper() * 3, x, n) for name, x, n in shuffled]
    one, other = (
        pool_hierarchical(*zip(*each, strict=True), draws=8, rng=np.random.default_rng(1)) for each in (rows, renamed)
    )
    medians = {row.strategy: row.rate.median for row in other.strategies}
    for row in one.strategies:
        # The order of summation moves the last digits only.
        assert abs(medians[row.strategy.upper() * 3] - row.rate.median) < 1e-7


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.data())
def test_one_responder_more_never_lowers_the_rate(n: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, n - 1))
    fewer, more = pool_bayes([x, 3], [n, 7]), pool_bayes([x + 1, 3], [n, 7])
    assert fewer.estimate < more.estimate


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 7), st.integers(0, 2**31), st.booleans())
def test_ranks_obey_their_sums_and_relabelling(count: int, seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    draws = rng.normal(size=(count, 64))
    draws = np.round(draws) if ties else draws
    names = [f"s{i}" for i in range(count)]
    ranking = rank_strategies(names, draws)
    assert np.isclose(sum(row.p_best for row in ranking.rows), 1.0)
    assert np.isclose(sum(row.mean_rank for row in ranking.rows), count * (count + 1) / 2)
    assert np.allclose(ranking.pairwise + ranking.pairwise.T, 1.0)
    order = rng.permutation(count)
    again = rank_strategies([names[i] for i in order], draws[order])
    assert {row.strategy: row for row in again.rows} == {row.strategy: row for row in ranking.rows}

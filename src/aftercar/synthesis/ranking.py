"""Ranks of strategies from joint posterior draws, with the Monte-Carlo error of each probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis._hierarchy_draws import DRAWS_PER_NODE
from aftercar.synthesis.counts import check_level
from aftercar.synthesis.results import FloatArray


@dataclass(frozen=True, slots=True)
class StrategyRank:
    """Where one strategy stands; rank 1 is the highest rate.

    Attributes
    ----------
    p_best, p_top
        Probability of the highest rate, and of being among the first `top`.
    p_best_mcse, p_top_mcse
        Their Monte-Carlo standard errors: what a different seed would change.
    rank_lb, rank_ub
        Equal-tailed posterior interval of the rank.
    """

    strategy: str
    p_best: float
    p_best_mcse: float
    p_top: float
    p_top_mcse: float
    mean_rank: float
    rank_lb: float
    rank_ub: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ranks of all strategies that have data.

    Attributes
    ----------
    rows
        In the order given.
    pairwise
        Probability that the row's rate exceeds the column's, shape (S, S); one half on the diagonal.
    excluded
        Strategies left out because they have too few cohorts.
    """

    rows: tuple[StrategyRank, ...]
    pairwise: FloatArray
    excluded: tuple[str, ...]
    top: int
    draws: int

    def pairwise_table(self) -> pd.DataFrame:
        """Return `pairwise` with the strategies' names on both sides."""
        names = [row.strategy for row in self.rows]
        return pd.DataFrame(self.pairwise, index=names, columns=names)

    def table(self) -> pd.DataFrame:
        """Return one row a strategy."""
        return pd.DataFrame([{name: getattr(row, name) for name in StrategyRank.__slots__} for row in self.rows])


CERTAINTY = 0.95
"""Probability of an order from which on two strategies are told apart."""


@dataclass(frozen=True, slots=True)
class Identification:
    """Which order of strategies is identified, pair by pair.

    Attributes
    ----------
    pairs, apart
        Pairs of strategies, and how many of them are told apart: one is above the other with `certainty` or more.
    best
        The strategy that is told to be above every other; empty where there is none.
    may_be_best
        Strategies that no other is told to be above, in the order given.
    """

    pairs: int
    apart: int
    best: str
    may_be_best: tuple[str, ...]
    certainty: float = CERTAINTY


def identify_order(names: Sequence[str], pairwise: FloatArray, *, certainty: float = CERTAINTY) -> Identification:
    """Tell which pairs of strategies are told apart, and whether the best is.

    A pair whose order has a probability between 1 - `certainty` and `certainty` is not identified: what is known
    does not say which of the two is above. Pairs are judged one by one, without a correction for their number.

    Parameters
    ----------
    names
        Strategies, shape (S,).
    pairwise
        Probability that the row's value exceeds the column's, shape (S, S), as `Ranking.pairwise`.
    certainty
        Above one half, at most 1.

    Raises
    ------
    InputError
        Shapes that do not fit, or a certainty out of range.

    Examples
    --------
    >>> found = identify_order(("a", "b"), np.array([[0.5, 0.7], [0.3, 0.5]]))
    >>> found.apart, found.best, found.may_be_best
    (0, '', ('a', 'b'))
    """
    above = np.asarray(pairwise, dtype=np.float64)
    faults = []
    if above.shape != (len(names), len(names)):
        found = f"probabilities of shape {above.shape} for {len(names)} strategies."
        faults.append(Fault("pairwise", found, "Give one row and one column a strategy."))
    if not 0.5 < certainty <= 1:
        faults.append(Fault("certainty", f"{certainty:g}.", "Give a probability above 0.5: 0.95."))
    if faults:
        raise InputError(faults)
    told = above >= certainty
    np.fill_diagonal(told, False)
    places = range(len(names))
    best = next((names[s] for s in places if len(names) > 1 and told[s].sum() == len(names) - 1), "")
    open_ = tuple(names[s] for s in places if not told[:, s].any())
    return Identification(len(names) * (len(names) - 1) // 2, int(told.sum()), best, open_, certainty)


def rank_strategies(
    names: Sequence[str],
    draws: FloatArray,
    *,
    cohorts: Sequence[int] | None = None,
    minimum_k: int = 1,
    top: int = 3,
    level: float = 0.95,
    run: int = DRAWS_PER_NODE,
) -> Ranking:
    """Rank strategies by their rate in each joint draw.

    The probability of being best answers "which of these rates is highest", given the model; it is not the
    probability that a patient does best with it, and it rewards strategies of which little is known.

    Parameters
    ----------
    names
        Strategies, shape (S,).
    draws
        Joint draws of their rates or of anything that rises with them, shape (S, draws).
    cohorts
        Cohorts behind each strategy, shape (S,); those with fewer than `minimum_k` are left out and named.
    top
        How many ranks count as the top.
    run
        Draws in a row that share hyperparameters and so are not independent.

    Raises
    ------
    InputError
        Shapes that do not fit, names given twice, or draws that are not finite.
    NotPoolableError
        Fewer than two strategies are left.
    """
    check_level(level)
    names, draws, excluded = _select(names, draws, cohorts, minimum_k)
    if len(names) < 2:
        raise NotPoolableError(
            f"{len(names)} strategy with data cannot be ranked. Widen the selection to two or more strategies."
        )
    highest = draws == draws.max(axis=0)
    best = highest / highest.sum(axis=0)
    ranks = rankdata(-draws, method="average", axis=0)
    first = rankdata(-draws, method="min", axis=0)
    tied = 2.0 * (ranks - first) + 1.0
    in_top = np.clip(top - first + 1.0, 0.0, tied) / tied  # strategies that tie share the places that are left
    tail = 0.5 * (1.0 - level)
    limits = np.quantile(ranks, [tail, 1.0 - tail], axis=1, method="inverted_cdf")
    rows = tuple(
        StrategyRank(
            strategy=name,
            p_best=float(best[s].mean()),
            p_best_mcse=_mcse(best[s], run),
            p_top=float(in_top[s].mean()),
            p_top_mcse=_mcse(in_top[s], run),
            mean_rank=float(ranks[s].mean()),
            rank_lb=float(limits[0, s]),
            rank_ub=float(limits[1, s]),
        )
        for s, name in enumerate(names)
    )
    return Ranking(rows, _compare_pairs(draws), excluded, top, draws.shape[1])


def _select(
    names: Sequence[str], draws: FloatArray, cohorts: Sequence[int] | None, minimum_k: int
) -> tuple[tuple[str, ...], FloatArray, tuple[str, ...]]:
    values = np.asarray(draws, dtype=np.float64)
    faults = []
    if values.ndim != 2 or values.shape[0] != len(names) or values.size == 0:
        found = f"draws have shape {values.shape} for {len(names)} strategies."
        faults.append(Fault("draws", found, "Give one row of draws a strategy."))
    elif not np.isfinite(values).all():
        faults.append(Fault("draws", "some are not finite.", "Give finite draws."))
    repeated = sorted({name for name in names if list(names).count(name) > 1})
    if repeated:
        faults.append(Fault("names", f"given twice: {', '.join(repeated)}.", "Give each strategy its own name."))
    if cohorts is not None and len(cohorts) != len(names):
        found = f"{len(cohorts)} counts of cohorts stand beside {len(names)} names."
        faults.append(Fault("cohorts", found, "Give one a strategy."))
    if faults:
        raise InputError(faults)
    keep = [cohorts is None or cohorts[s] >= minimum_k for s in range(len(names))]
    kept = tuple(name for name, good in zip(names, keep, strict=True) if good)
    excluded = tuple(name for name, good in zip(names, keep, strict=True) if not good)
    return kept, values[np.array(keep, dtype=bool)], excluded


def _mcse(indicator: FloatArray, run: int) -> float:
    """Return the standard error of a mean of draws that come in dependent runs."""
    runs = indicator.size // run
    if runs < 2:
        raise InputError(Fault("draws", f"{indicator.size} draws.", f"Give {2 * run} or more for an error estimate."))
    means = indicator[: runs * run].reshape(runs, run).mean(axis=1)
    return float(means.std(ddof=1) / np.sqrt(runs))


def _compare_pairs(draws: FloatArray) -> FloatArray:
    pairwise = np.empty((draws.shape[0], draws.shape[0]))
    for s, row in enumerate(draws):
        pairwise[s] = (row > draws).mean(axis=1) + 0.5 * (row == draws).mean(axis=1)
    return pairwise

"""Does the hierarchical model fit its cohorts, and does the answer hang on a prior or on one cohort?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import bdtr, expit, gammaln

from aftercar.foundation import Fault, InputError
from aftercar.synthesis._hierarchy import HierarchyFit, smooth_likelihood
from aftercar.synthesis._logit_grid import quantiles
from aftercar.synthesis.bayes import HierarchicalPosterior, Priors, pool_hierarchical
from aftercar.synthesis.counts import check_counts
from aftercar.synthesis.ranking import rank_strategies
from aftercar.synthesis.results import FloatArray

# Half and double each scale, one at a time; the reasons for the defaults stand in `Priors`.
PRIOR_SETS: Mapping[str, Priors] = {
    "default": Priors(),
    "cohorts more alike: tau scale 0.5": Priors(tau_scale=0.5),
    "cohorts less alike: tau scale 2": Priors(tau_scale=2.0),
    "strategies more alike: sigma scale 0.5": Priors(sigma_scale=0.5),
    "strategies less alike: sigma scale 2": Priors(sigma_scale=2.0),
    "narrower mean: SD 1": Priors(mu_sd=1.0),
    "wider mean: SD 4": Priors(mu_sd=4.0),
}


def check_cohorts(posterior: HierarchicalPosterior) -> pd.DataFrame:
    """Compare each cohort with what all other cohorts predict for it.

    The cohort's own counts are taken out of the posterior exactly, so that it is not asked to surprise itself. With
    many cohorts some small probabilities are expected: one in twenty below 0.05.

    Returns
    -------
    pandas.DataFrame
        One row a cohort, in the order given. `predicted`: mean rate that the others predict. `p_below`: predicted
        probability of fewer responders than seen, half of the ties included; `surprise`: its two-sided form.
        `log_score`: log predicted probability of the count seen. `rate`, `lb`, `ub`: the cohort's own rate given all
        data, drawn towards its strategy.

    References
    ----------
    marshall2003 (conflict of a unit with the rest in hierarchical models).
    """
    fit = posterior.fit
    predicted = _predict_cohorts(fit)
    y, n = fit.events[:, None].astype(float), fit.total[:, None].astype(float)
    log_likelihood = y * fit.grid.theta - n * np.logaddexp(0.0, fit.grid.theta)
    log_likelihood += gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)
    probability = np.exp(log_likelihood)
    rate = expit(fit.grid.theta)
    seen = (predicted * probability).sum(axis=1)
    at_most = (predicted * bdtr(y, n.astype(np.int64), rate)).sum(axis=1)
    p_below = np.clip(at_most - 0.5 * seen, 0.0, 1.0)
    tail = 0.5 * (1.0 - posterior.level)
    own = [expit(quantiles(fit.grid.theta, row, np.array([tail, 0.5, 1 - tail]))) for row in predicted * fit.kernels]
    return pd.DataFrame(
        {
            "strategy": [posterior.names[s] for s in fit.group],
            "events": fit.events,
            "total": fit.total,
            "predicted": predicted @ rate,
            "p_below": p_below,
            "surprise": 2.0 * np.minimum(p_below, 1.0 - p_below),
            "log_score": np.log(seen),
            "rate": [q[1] for q in own],
            "lb": [q[0] for q in own],
            "ub": [q[2] for q in own],
        }
    )


def _predict_cohorts(fit: HierarchyFit) -> FloatArray:
    """Return the density of each cohort's log-odds given all other cohorts, shape (c, n), each summing to one."""
    spectra = fit.grid.spectrum(fit.kernels)
    total = np.zeros_like(spectra)
    for i, tau in enumerate(fit.tau.values):
        others = fit.mu_s[i, fit.group] / np.exp(smooth_likelihood(fit.grid, spectra, float(tau)))
        total += fit.grid.spectrum(others) * fit.grid.kernel(float(tau))
    density = fit.grid.invert(total)
    return np.asarray(density / density.sum(axis=1, keepdims=True))


def vary_priors(
    groups: Sequence[str],
    events: Any,
    total: Any,
    *,
    priors: Mapping[str, Priors] | None = None,
    level: float = 0.95,
    draws: int = 20_000,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return every strategy's rate and probability of being best under each set of priors.

    All sets use the same random numbers, so that differences are those of the priors.

    Returns
    -------
    pandas.DataFrame
        One row a set and strategy: `priors`, `strategy`, `rate`, `lb`, `ub`, `p_best` (None with one strategy),
        `log_evidence` of the set.
    """
    seed = int(rng.integers(2**62))
    rows = []
    for name, one in (PRIOR_SETS if priors is None else priors).items():
        posterior = pool_hierarchical(
            groups, events, total, priors=one, level=level, draws=draws, rng=np.random.default_rng(seed)
        )
        best = _best(posterior)
        rows += [
            {
                "priors": name,
                "strategy": row.strategy,
                "rate": row.rate.median,
                "lb": row.rate.lb,
                "ub": row.rate.ub,
                "p_best": best.get(row.strategy),
                "log_evidence": posterior.log_evidence,
            }
            for row in posterior.strategies
        ]
    return pd.DataFrame(rows)


def leave_one_out_best(
    groups: Sequence[str],
    events: Any,
    total: Any,
    *,
    cohorts: Sequence[int] | None = None,
    priors: Priors | None = None,
    draws: int = 8_000,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return how the probability of being best moves when one cohort is left out.

    Parameters
    ----------
    groups, events, total
        As in `pool_hierarchical`, shape (c,).
    cohorts
        Positions of the cohorts to leave out one at a time; all by default, which takes one fit each.

    Returns
    -------
    pandas.DataFrame
        One row a cohort left out: `cohort` (position), its `strategy`, the `best` strategy then with its `p_best`,
        `leader` (best with all data), `p_leader` (its probability then; 0 where its only cohort is left out) and
        `p_leader_all` (with all data). A strategy that is left alone is best with probability 1.

    Raises
    ------
    InputError
        A position that is none, or counts that are not counts.
    """
    x, n = check_counts(events, total)
    positions = range(x.size) if cohorts is None else list(cohorts)
    wrong = [c for c in positions if not 0 <= c < x.size]
    if wrong:
        raise InputError(Fault("cohorts", f"positions {wrong}.", f"Use 0 to {x.size - 1}."))
    seed = int(rng.integers(2**62))

    def fit(keep: Sequence[int]) -> dict[str, float]:
        stream = np.random.default_rng(seed)
        names = [groups[c] for c in keep]
        posterior = pool_hierarchical(names, x[keep], n[keep], priors=priors, draws=draws, rng=stream)
        return _best(posterior) or {posterior.names[0]: 1.0}

    whole = fit(range(x.size))
    if len(whole) < 2:
        raise InputError(Fault("groups", "a single strategy.", "Give two or more strategies to rank."))
    leader = max(whole, key=whole.__getitem__)
    rows = []
    for left_out in positions:
        best = fit([c for c in range(x.size) if c != left_out])
        first = max(best, key=best.__getitem__)
        rows.append(
            {
                "cohort": left_out,
                "strategy": groups[left_out],
                "best": first,
                "p_best": best[first],
                "leader": leader,
                "p_leader": best.get(leader, 0.0),
                "p_leader_all": whole[leader],
            }
        )
    return pd.DataFrame(rows)


def _best(posterior: HierarchicalPosterior) -> dict[str, float]:
    if len(posterior.names) < 2:
        return {}
    return {row.strategy: row.p_best for row in rank_strategies(posterior.names, posterior.draws).rows}

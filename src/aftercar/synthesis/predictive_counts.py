"""Predictive distributions of the number of responders in a cohort that was not used.

Each is an array of probabilities of 0, 1 ... total responders. `aftercar.synthesis.scores` holds them against what was
seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit, gammaln, log_expit

from aftercar.foundation import Fault, InputError
from aftercar.synthesis._hierarchy import HierarchyFit, HyperPriors, fit_hierarchy
from aftercar.synthesis.bayes import Priors
from aftercar.synthesis.counts import check_counts
from aftercar.synthesis.results import FloatArray

_REACH = 7.0  # standard deviations of the normal law that are summed over
_FINENESS = 3.0
MOST_PATIENTS = 5_000
"""Larger cohorts are refused: their distributions would fill the memory, and none is so large."""


def mix_binomials(logits: Any, total: int, *, sd: float = 0.0) -> FloatArray:
    """Return the distribution of a binomial count whose chance is not known for certain.

    Parameters
    ----------
    logits
        Log-odds of the chance, equally likely, shape (k,).
    total
        Patients of the cohort, >= 1.
    sd
        Standard deviation, on the logit scale, of a normal law around each of them.

    Returns
    -------
    array
        Probabilities of 0 to `total` events, shape (total + 1,).

    Examples
    --------
    >>> mix_binomials([0.0], 2).round(3).tolist()
    [0.25, 0.5, 0.25]
    """
    centres = np.asarray(logits, dtype=np.float64).ravel()
    _check_request(centres, total, sd)
    if sd == 0:
        return np.asarray(_binomial(centres, total).mean(axis=0))
    # A trapezoid sum is exact to rounding where its step is small beside the widths of the normal law, sd, and of the
    # likelihood of n patients, 2 / √n at least.
    step = 1 / (_FINENESS * (1 / sd + np.sqrt(total) / 2))
    theta = np.arange(centres.min() - _REACH * sd, centres.max() + _REACH * sd + step, step)
    weights = np.exp(-0.5 * ((theta - centres[:, None]) / sd) ** 2).sum(axis=0)
    pmf = weights @ _binomial(theta, total)
    return np.asarray(pmf / pmf.sum())


def predict_new_cohort(events: Any, total: Any, new_total: int, *, priors: Priors | None = None) -> FloatArray:
    """Return the distribution of the events in a new cohort, from other cohorts of the same kind.

    The random-effects model of `pool_bayes`: the new cohort's log-odds spread around the typical one's as those of the
    others do, and what is not known of mean and spread is integrated over. One cohort is enough; the spread then comes
    from its prior.

    Parameters
    ----------
    events, total
        Responders and patients of the other cohorts, shape (k,).
    new_total
        Patients of the new cohort, >= 1.
    priors
        As `pool_bayes`.

    Raises
    ------
    InputError
        Counts that are not counts.
    NotPoolableError
        No cohorts.
    """
    x, n = check_counts(events, total)
    given = Priors() if priors is None else priors
    hyper = HyperPriors(given.mu_mean, given.mu_sd, given.tau_scale, 0.0)
    _check_request(np.zeros(1), new_total, 0.0)
    fit = fit_hierarchy(np.zeros(x.size, dtype=np.int64), x.astype(np.int64), n.astype(np.int64), hyper)
    return _predict(fit, fit.grid.spectrum(fit.mu_s[:, 0]), new_total)


def predict_new_cohort_in(
    group: str, groups: Sequence[str], events: Any, total: Any, new_total: int, *, priors: Priors | None = None
) -> FloatArray:
    """Return the distribution of the events in a new cohort of a strategy, all strategies informing each other.

    The model of `pool_hierarchical`. A strategy without any cohort is drawn as one more of its kind: around the overall
    mean, with the spread of strategies.

    Parameters
    ----------
    group
        Strategy of the new cohort.
    groups
        Strategy of each of the other cohorts, shape (k,).
    events, total, new_total, priors
        As `predict_new_cohort`.
    """
    x, n = check_counts(events, total)
    _check_request(np.zeros(1), new_total, 0.0)
    if len(groups) != x.size:
        raise InputError(Fault("groups", f"{len(groups)} strategies beside {x.size} cohorts.", "Give one for each."))
    given = Priors() if priors is None else priors
    hyper = HyperPriors(given.mu_mean, given.mu_sd, given.tau_scale, given.sigma_scale)
    place = {name: k for k, name in enumerate(dict.fromkeys(groups))}
    member = np.array([place[name] for name in groups], dtype=np.int64)
    fit = fit_hierarchy(member, x.astype(np.int64), n.astype(np.int64), hyper)
    if group in place:
        spectra = fit.grid.spectrum(fit.mu_s[:, place[group]])
    else:
        spectra = np.einsum("tzf,zf->tf", fit.grid.spectrum(fit.joint), fit.grid.kernel(fit.sigma.values))
    return _predict(fit, spectra, new_total)


def _predict(fit: HierarchyFit, spectra: FloatArray, new_total: int) -> FloatArray:
    """Return the counts of a new cohort, from the spectra of its strategy's mean by node of tau, shape (T, n)."""
    mass = fit.grid.invert((spectra * fit.grid.kernel(fit.tau.values)).sum(axis=0))
    kept = mass > 1e-15 * mass.max()
    pmf = mass[kept] @ _binomial(fit.grid.theta[kept], new_total)
    return np.asarray(pmf / pmf.sum())


def _binomial(logits: FloatArray, total: int) -> FloatArray:
    """Return binomial probabilities, shape (logits, total + 1)."""
    x = np.arange(total + 1.0)
    choose = gammaln(total + 1.0) - gammaln(x + 1.0) - gammaln(total - x + 1.0)
    theta = logits[:, None]
    return np.asarray(np.exp(choose + x * log_expit(theta) + (total - x) * log_expit(-theta)))


def _check_request(centres: FloatArray, total: int, sd: float) -> None:
    faults = []
    if not centres.size or not np.all(np.isfinite(expit(centres))):
        faults.append(Fault("logits", f"{centres.size} log-odds, or one that is missing.", "Give one or more numbers."))
    if not 1 <= total <= MOST_PATIENTS:
        faults.append(Fault("total", f"a cohort of {total} patients.", f"Give 1 to {MOST_PATIENTS:,}."))
    if not (np.isfinite(sd) and sd >= 0):
        faults.append(Fault("sd", f"a standard deviation of {sd}.", "Give 0 or more."))
    if faults:
        raise InputError(faults)

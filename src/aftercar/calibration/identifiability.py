"""Which figures inform which parameters, which parameters go together, and whether a profile of the likelihood closes.

All on the scale of the scores: the prior of every parameter is a standard normal law, so that a variance of 1 says
nothing was learnt. Profiles are taken within the region that the emulator was taught in; where the best of the other
parameters lie at its edge the profile is only a lower bound, and what lies beyond is not known.

References
----------
raue2009, Bioinformatics 25:1923 (profile likelihood, practical identifiability).
ionides2008, J. Comput. Graph. Stat. 17:295 (importance weights that are cut off).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import null_space
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import chi2, gaussian_kde

from aftercar.calibration.emulator import Design
from aftercar.calibration.likelihood import EmulatedTargets, log_counts
from aftercar.calibration.space import ParameterSpace

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
LogDensity = Callable[[FloatArray], FloatArray]
PROFILE_LEVEL = 0.95
LEAST_CORRELATION = 0.3
_STEP = 1e-3  # of central differences, in scores
_CONFINED = 0.9  # share of the free squared distance from which on the others lie at the edge of the region
_REACH = 0.8  # of the region's half-width: further out the others have no room
_FAR = 6.0  # log units below the best at which a search ends
_WIDE = 6.0  # posterior standard deviations that a search covers


@dataclass(frozen=True)
class Profile:
    """A log density maximised over all other scores, at the values `grid` of one, less its greatest value.

    `confined`: the others lie at the edge of the region, so that the profile is a lower bound there.
    """

    grid: FloatArray
    value: FloatArray
    confined: BoolArray

    def limits(self, level: float = PROFILE_LEVEL) -> tuple[float, float]:
        """Return where the profile falls by half the chi-squared quantile of one degree; infinite where it does not."""
        drop, best = 0.5 * float(chi2.ppf(level, 1)), int(np.argmax(self.value))
        low = _find_crossing(self.grid[best::-1], self.value[best::-1], -drop)
        high = _find_crossing(self.grid[best:], self.value[best:], -drop)
        return (-np.inf if low is None else low), (np.inf if high is None else high)


def _find_crossing(grid: FloatArray, value: FloatArray, level: float) -> float | None:
    """Return where values that start above a level first fall below it, None where they do not."""
    below = np.flatnonzero(value < level)
    if not len(below):
        return None
    k = int(below[0])
    return float(grid[k - 1] + (grid[k] - grid[k - 1]) * (value[k - 1] - level) / (value[k - 1] - value[k]))


def measure_information(emulated: EmulatedTargets, scores: FloatArray, *, discrepancy: float) -> FloatArray:
    """Return what each target is expected to say of each score: the diagonal of its Fisher information.

    Averaged over the scores, shape (n, d). In units of the prior's precision: 1 is as much as the prior says. How the
    standard error of the emulator hangs on the scores is not counted as information.

    Returns
    -------
    numpy.ndarray
        Shape (targets, d).
    """
    d = scores.shape[1]
    mean, variance = emulated.logits(scores)
    steps = _STEP * np.eye(d)
    slopes = np.stack(
        [(emulated.logits(scores + h)[0] - emulated.logits(scores - h)[0]) / (2 * _STEP) for h in steps], axis=-1
    )  # (n, targets, d)
    found = np.empty((len(emulated.targets), d))
    for k, target in enumerate(emulated.targets):
        about = _about_logit(emulated, k, mean[:, k], variance[:, k], max(round(target.n), 1), discrepancy)
        found[k] = (about[:, None] * np.square(slopes[:, k])).mean(axis=0)
    return found


def _about_logit(
    emulated: EmulatedTargets, k: int, mean: FloatArray, variance: FloatArray, n: int, discrepancy: float
) -> FloatArray:  # fmt: skip
    """Return the Fisher information of n patients about the logit of their chance, shape (points,)."""
    total = np.zeros(len(mean))
    for x in range(n + 1):
        counts = np.array([[float(x), float(n)]])

        def log_chance(shift: float, counts: FloatArray = counts) -> FloatArray:
            return log_counts([emulated.targets[k]], mean[:, None] + shift, variance[:, None], discrepancy, counts)[
                :, 0
            ]

        slope = (log_chance(_STEP) - log_chance(-_STEP)) / (2 * _STEP)
        total += np.exp(log_chance(0.0)) * slope**2
    return total


def leave_out_variances(scores: FloatArray, log_terms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the variance of each score without each term of the likelihood, by weights on draws made with it.

    Parameters
    ----------
    scores
        Posterior draws, shape (n, d).
    log_terms
        Log likelihood of each term at the draws, shape (n, terms).

    Weights are cut off, so that few draws do not decide: where a term takes more than half of a variance, the variance
    without it comes out too small, and what the term adds is a lower bound.

    Returns
    -------
    tuple
        Variances, shape (terms, d), and the share of draws that the weights are worth, shape (terms,).
    """
    n = len(scores)
    weights = np.exp(np.log(n) - log_terms - logsumexp(-log_terms, axis=0))  # mean 1
    weights = np.minimum(weights, np.sqrt(n))  # cut off: few draws must not decide
    weights /= weights.sum(axis=0)
    mean = weights.T @ scores
    variance = weights.T @ np.square(scores) - mean**2
    return variance, 1.0 / (n * np.square(weights).sum(axis=0))


def tabulate_information(
    emulated: EmulatedTargets, scores: FloatArray, labels: Sequence[str], *, discrepancy: float, points: int = 200
) -> pd.DataFrame:  # fmt: skip
    """Say which of the fitted targets inform which parameters.

    Parameters
    ----------
    scores
        Posterior draws, shape (n, d).
    points
        How many of them the information is averaged over.

    Returns
    -------
    pandas.DataFrame
        A target and parameter a row. `information`: see `measure_information`. `variance`: of the posterior score,
        `without`: if this target were not there, `gain`: the share by which the target makes the variance smaller
        (below 0: larger), `effective`: the share of draws that `without` rests on.
    """
    mean, variance = emulated.logits(scores)
    without, effective = leave_out_variances(scores, log_counts(emulated.targets, mean, variance, discrepancy))
    chosen = scores[np.linspace(0, len(scores) - 1, min(points, len(scores))).astype(int)]
    information = measure_information(emulated, chosen, discrepancy=discrepancy)
    now = scores.var(axis=0)
    return pd.DataFrame(
        [
            (target.id, label, information[k, j], now[j], without[k, j], 1.0 - now[j] / without[k, j], effective[k])
            for k, target in enumerate(emulated.targets)
            for j, label in enumerate(labels)
        ],
        columns=["target", "parameter", "information", "variance", "without", "gain", "effective"],
    )


def find_correlations(scores: FloatArray, labels: Sequence[str], *, least: float = LEAST_CORRELATION) -> pd.DataFrame:
    """Return the pairs of parameters whose posterior scores are correlated by at least so much, strongest first."""
    found = np.atleast_2d(np.corrcoef(scores.T))
    pairs = [(labels[i], labels[j], float(found[i, j])) for i in range(len(labels)) for j in range(i)]
    rows = sorted((pair for pair in pairs if abs(pair[2]) >= least), key=lambda pair: -abs(pair[2]))
    return pd.DataFrame(rows, columns=["parameter", "other", "correlation"])


def profile_score(
    log_density: LogDensity, j: int, *, design: Design, radius: float, start: FloatArray, grid: FloatArray
) -> Profile:
    """Maximise a log density over all scores but one, along that one.

    The search goes outwards from the start, each step from the optimum before it, and ends where the density has
    fallen far.

    Parameters
    ----------
    log_density
        Of scores of shape (n, d), returned with shape (n,); smooth within the region.
    j
        Which score is held.
    design, radius
        The region: whitened squared distance from the design of at most `radius`.
    start
        Scores within the region, best the maximum, shape (d,).
    grid
        Values of the score, rising; those outside of the region, or close to its end, are left out.
    """
    direction = design.factor[j]
    half = float(np.sqrt(radius * direction @ direction)) * _REACH
    grid = grid[np.abs(grid - design.mean[j]) <= half]
    first = int(np.argmin(np.abs(grid - start[j])))
    value, confined = np.full(len(grid), -np.inf), np.zeros(len(grid), dtype=np.bool_)
    for order in (range(first, len(grid)), range(first, -1, -1)):
        white = design.whiten(start)[0]
        for k in order:
            white, found, at_edge = _maximise_others(log_density, j, float(grid[k]), design, radius, white)
            if found > value[k]:
                value[k], confined[k] = found, at_edge
            if found < value.max() - _FAR:
                break
    known = np.isfinite(value)
    return Profile(grid[known], value[known] - value.max(), confined[known])


def _maximise_others(
    log_density: LogDensity, j: int, score: float, design: Design, radius: float, start: FloatArray
) -> tuple[FloatArray, float, bool]:  # fmt: skip
    """Return the best point with this score, in whitened coordinates, its value, and whether it lies at the edge.

    The points of the region with this score are a ball; a smooth map of the whole space onto it leaves no constraint.
    """
    direction = design.factor[j]
    centre = (score - design.mean[j]) * direction / (direction @ direction)
    free = null_space(direction[None])
    width = float(np.sqrt(max(radius - centre @ centre, 0.0)))

    def place(s: FloatArray) -> FloatArray:
        return np.asarray(centre + (width * s / np.sqrt(1.0 + np.square(s).sum(axis=-1, keepdims=True))) @ free.T)

    def objective(s: FloatArray) -> tuple[float, FloatArray]:
        steps = 1e-4 * np.eye(len(s))
        values = log_density(design.mean + place(np.concatenate([s[None], s + steps, s - steps])) @ design.factor.T)
        ahead, behind = values[1 : 1 + len(s)], values[1 + len(s) :]
        return -float(values[0]), -np.asarray((ahead - behind) / 2e-4)

    inside = (start - centre) @ free / width
    inside = inside * min(1.0, 0.95 / max(float(np.linalg.norm(inside)), 1e-12))
    found = minimize(
        objective,
        inside / np.sqrt(1.0 - inside @ inside),
        jac=True,
        method="L-BFGS-B",
        options={"ftol": 1e-8, "maxiter": 100},
    )
    best = found.x @ found.x / (1.0 + found.x @ found.x)
    return place(found.x), -float(found.fun), bool(best > _CONFINED)


def profile_parameters(
    emulated: EmulatedTargets, scores: FloatArray, labels: Sequence[str], *, discrepancy: float, radius: float,
    points: int = 25, most: float = 3.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Profile the likelihood, and the posterior, of every parameter within the region of an emulator.

    Parameters
    ----------
    scores
        Posterior draws, shape (n, d): where searches begin, how wide they go, and the marginal law beside a profile.
    radius
        Of the region: whitened squared distance from the design.
    points, most
        Values of each score, and how far out in the prior they may lie.

    Returns
    -------
    tuple of pandas.DataFrame
        Profiles, a parameter and score a row: `log_likelihood` and `log_posterior` less their greatest values (NaN
        where a search ended before), `confined` (of the likelihood: see `Profile`), `marginal` (density of the draws
        over its greatest value). And limits, a parameter a row: `score_lb`, `score_ub` (infinite where the profile of
        the likelihood does not fall far enough), `with_prior_lb`, `with_prior_ub` (that of the posterior),
        `posterior_lb`, `posterior_ub` (of the draws, 95%), `closes` (both, low, high, neither), `confined` (whether
        the profile is a lower bound where it closes, or where it ends).
    """

    def likelihood(z: FloatArray) -> FloatArray:
        return emulated.log_likelihood(z, discrepancy)

    def posterior(z: FloatArray) -> FloatArray:
        return np.asarray(likelihood(z) - 0.5 * np.square(z).sum(axis=1))

    few = scores[np.linspace(0, len(scores) - 1, min(len(scores), 2000)).astype(int)]
    starts = [few[np.argmax(density(few))] for density in (likelihood, posterior)]
    mean, sd = scores.mean(axis=0), scores.std(axis=0)
    tables, rows = [], []
    for j, label in enumerate(labels):
        low, high = max(mean[j] - _WIDE * sd[j], -most), min(mean[j] + _WIDE * sd[j], most)
        one, other = (
            profile_score(density, j, design=emulated.design, radius=radius, start=start,
                          grid=np.linspace(low, high, points))
            for density, start in zip((likelihood, posterior), starts, strict=True)
        )  # fmt: skip
        marginal = gaussian_kde(few[:, j]).pdf(one.grid)
        tables.append(pd.DataFrame({
            "parameter": label, "score": one.grid, "log_likelihood": one.value,
            "log_posterior": np.interp(one.grid, other.grid, other.value, left=np.nan, right=np.nan),
            "confined": one.confined,
            "marginal": marginal / marginal.max(),
        }))  # fmt: skip
        rows.append((label, *one.limits(), *other.limits(), *np.quantile(scores[:, j], [0.025, 0.975]), *_judge(one)))
    names = ["parameter", "score_lb", "score_ub", "with_prior_lb", "with_prior_ub", "posterior_lb", "posterior_ub",
             "closes", "confined"]  # fmt: skip
    return pd.concat(tables, ignore_index=True), pd.DataFrame(rows, columns=names)


def add_values(limits: pd.DataFrame, space: ParameterSpace) -> pd.DataFrame:
    """Return limits with `lb` and `ub`, those of the profile in the parameter's unit; NaN where it is open."""
    found = limits.copy()
    for name in ("lb", "ub"):
        ends = limits[f"score_{name}"].to_numpy(dtype=np.float64)
        scores = np.where(np.isfinite(ends), ends, 0.0) * np.ones((len(ends), 1))
        values = space.values(np.asarray(scores))
        own = np.array([values[label].iloc[0] for label in limits["parameter"]])
        found[name] = np.where(np.isfinite(ends), own, np.nan)
    return found


def _judge(one: Profile) -> tuple[str, bool]:
    """Say on which sides a profile closes, and whether it is a lower bound where it does or where it ends."""
    low, high = one.limits()
    closes = {(True, True): "both", (True, False): "low", (False, True): "high", (False, False): "neither"}
    ends = np.interp(np.clip([low, high], one.grid[0], one.grid[-1]), one.grid, one.confined.astype(float))
    return closes[bool(np.isfinite(low)), bool(np.isfinite(high))], bool((ends > 0).any())

"""What a calibration found: parameters before and after, directions that stay open, every target beside its prediction.

Everything here is simulated or derived from simulation. The parameters that were not calibrated stand at their typical
values: what is not known of them is not in these intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.outcomes import had_outcome, may_have_outcome
from aftercar.calibration.sampling import Chains
from aftercar.calibration.space import ParameterSpace
from aftercar.patients import ParameterSets

FloatArray = npt.NDArray[np.float64]
LEVEL = 0.95  # of intervals of a chance
VERDICT_LEVEL = 0.9  # of what a cohort may show, by which a figure is met or missed
_NAMED = 0.3  # loadings of a direction that are worth naming
# A posterior whose mean lies so far out in the prior presses against the end of the range that the catalogue gives.
_PRESSES = 1.5


def choose_draws(chains: Chains, n: int, rng: np.random.Generator) -> FloatArray:
    """Return n draws of all chains, none twice, shape (n, d)."""
    flat = chains.flat()
    return flat[rng.choice(len(flat), size=min(n, len(flat)), replace=False)]


def posterior_sets(space: ParameterSpace, scores: FloatArray) -> ParameterSets:
    """Return draws as parameter sets, rounded to six digits: what is shipped is what was checked."""
    exact = space.sets(scores, origin="posterior").values
    digits = 5 - np.floor(np.log10(np.maximum(np.abs(exact.to_numpy()), 1e-300)))
    rounded = np.round(exact.to_numpy() * 10.0**digits) / 10.0**digits
    return ParameterSets(pd.DataFrame(rounded, columns=exact.columns), origin="posterior")


def summarise_parameters(space: ParameterSpace, chains: Chains) -> pd.DataFrame:
    """Return each parameter before and after: medians, intervals of 95%, and what the data added.

    `shrinkage`: 1 less the variance of the score, which the prior has at 1; near 0 the data said nothing, below 0 they
    drew the posterior out. `presses`: low or high, where the posterior lies at an end of the range.
    """
    scores, tails = chains.flat(), np.array([[-1.0], [0.0], [1.0]]) * 1.959964
    prior = space.values(tails * np.ones((1, len(space.labels))))
    found = space.values(scores).quantile([0.025, 0.5, 0.975])
    mean, sd = scores.mean(axis=0), scores.std(axis=0, ddof=1)
    return pd.DataFrame(
        {
            "parameter": space.labels,
            "unit": [number.unit for number in space.numbers],
            "prior_median": prior.iloc[1].to_numpy(),
            "prior_lb": prior.iloc[0].to_numpy(),
            "prior_ub": prior.iloc[2].to_numpy(),
            "median": found.iloc[1].to_numpy(),
            "lb": found.iloc[0].to_numpy(),
            "ub": found.iloc[2].to_numpy(),
            "score": mean,
            "shrinkage": 1.0 - sd**2,
            "presses": np.select([mean < -_PRESSES, mean > _PRESSES], ["low", "high"], ""),
            "r_hat": chains.r_hat,
            "effective": chains.effective,
        }
    )


def find_directions(space: ParameterSpace, chains: Chains) -> pd.DataFrame:
    """Return the directions of the scores by what is left open of them, the best known first.

    `variance`: of the posterior along the direction; the prior has 1. `parameters`: those that make it up, with signs.
    """
    variance, vectors = np.linalg.eigh(np.cov(chains.flat().T))
    rows = []
    for value, vector in zip(variance, vectors.T, strict=True):
        order = np.argsort(-np.abs(vector))
        sign = np.sign(vector[order[0]])
        named = [f"{sign * vector[k]:+.2f} {space.labels[k]}" for k in order if abs(vector[k]) >= _NAMED]
        rows.append((float(value), "  ".join(named)))
    return pd.DataFrame(rows, columns=["variance", "parameters"])


def check_targets(
    emulated: EmulatedTargets, scores: FloatArray, *, discrepancy: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Hold the posterior against every target, fitted and held back.

    Columns: `observed` (share), `events`, `n`; `simulated` with `lb` and `ub` (the chance and its 95% interval over the
    posterior); `pi_lb`, `pi_ub` (share that n patients of such a cohort would show in 90%: posterior, discrepancy and
    chance); `tail` (two-sided probability of a figure as far out, ties half counted: below 0.05 it lies outside of 95%,
    too); `z` (observed less simulated over the standard deviation of such figures); `verdict` at 90%, and `strict`, the
    verdict without any discrepancy: as if the virtual cohort were the real one.
    """
    mean, variance = emulated.logits(scores)
    chance = expit(mean + np.sqrt(variance) * rng.standard_normal(mean.shape))
    cohort = expit(mean + np.sqrt(variance + discrepancy**2) * rng.standard_normal(mean.shape))
    rows = []
    for k, target in enumerate(emulated.targets):
        n = max(round(target.n), 1)
        counts = rng.binomial(n, cohort[:, k]) / n
        observed = target.events / target.n
        below, above = (counts < observed - 0.5 / n).mean(), (counts > observed + 0.5 / n).mean()
        tail = min(1.0, 2.0 * min(below + (1.0 - below - above) / 2.0, above + (1.0 - below - above) / 2.0))
        tails = [(1 - VERDICT_LEVEL) / 2, (1 + VERDICT_LEVEL) / 2]
        low, high = np.quantile(counts, tails)
        narrow = np.quantile(rng.binomial(n, chance[:, k]) / n, tails)
        rows.append({
            "target": target.id, "cohorts": " + ".join(target.cohorts), "what": target.words(), "use": target.use,
            "shows": target.shows, "events": target.events, "n": target.n, "observed": observed,
            "simulated": chance[:, k].mean(), "lb": np.quantile(chance[:, k], (1 - LEVEL) / 2),
            "ub": np.quantile(chance[:, k], (1 + LEVEL) / 2), "pi_lb": low, "pi_ub": high, "tail": tail,
            "z": (observed - counts.mean()) / max(counts.std(), 1e-9),
            "verdict": _verdict(observed, low, high, 0.5 / n),
            "strict": _verdict(observed, narrow[0], narrow[1], 0.5 / n),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _verdict(observed: float, low: float, high: float, half_a_patient: float) -> str:
    if observed < low - half_a_patient:
        return "simulated too high"
    return "simulated too low" if observed > high + half_a_patient else "met"


def verify_emulation(emulated: EmulatedTargets, scores: FloatArray, facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Hold the emulated chances against patients simulated anew at posterior draws.

    Parameters
    ----------
    scores
        Posterior draws, shape (draws, d); the column `row` of the facts names them.

    Returns
    -------
    pandas.DataFrame
        A target and cohort a row: patients, share `simulated` and `emulated` in them, and the difference in standard
        errors: of the patients, and of the emulator where it errs alike at all draws.
    """
    rows = []
    for target in emulated.targets:
        for cohort in target.cohorts:
            seen = facts[cohort]
            among = may_have_outcome(seen, target)
            had = had_outcome(seen, target.outcome)[among]
            if not len(had):
                continue
            alone = EmulatedTargets(
                emulated.design, (replace(target, cohorts=(cohort,), weights=(1.0,)),), emulated.emulators
            )
            mean, variance = alone.logits(scores[seen["row"].to_numpy()[among]])
            p = expit(mean[:, 0])
            tossing = np.sqrt((p * (1 - p)).sum()) / len(p)
            alike = float((p * (1 - p) * np.sqrt(variance[:, 0])).mean())
            z = (had.mean() - p.mean()) / np.hypot(tossing, alike)
            rows.append((target.id, cohort, len(p), had.mean(), p.mean(), z))
    return pd.DataFrame(rows, columns=["target", "cohort", "patients", "simulated", "emulated", "z"])


def count_verdicts(checks: pd.DataFrame, uses: Sequence[str] = ("fit", "check")) -> pd.DataFrame:
    """Return how many targets are met, by use: columns use, met, strict, targets, mean_difference (of shares)."""
    rows = []
    for use in uses:
        part = checks[checks["use"] == use]
        if len(part):
            difference = float((part["observed"] - part["simulated"]).abs().mean())
            met, strict = (int((part[column] == "met").sum()) for column in ("verdict", "strict"))
            rows.append((use, met, strict, len(part), difference))
    return pd.DataFrame(rows, columns=["use", "met", "strict", "targets", "mean_difference"])

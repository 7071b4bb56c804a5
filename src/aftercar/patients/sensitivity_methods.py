"""Sensitivity of any function of a table of points: differences about a point, Morris' effects, Sobol's indices.

SALib draws and analyses on the unit cube; the scales of the ranges are laid on here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from SALib.analyze import morris as morris_analysis  # type: ignore[import-untyped]
from SALib.analyze import sobol as sobol_analysis
from SALib.sample import morris as morris_sample  # type: ignore[import-untyped]
from SALib.sample import sobol as sobol_sample

from aftercar.foundation import DEFAULT_SEED, Fault, InputError

FloatArray = npt.NDArray[np.float64]
Outputs = Callable[[pd.DataFrame], pd.DataFrame]
"""From points (one row each, one column per parameter) to outputs (one row each, NaN where there is none)."""
_LEVELS = 4  # of the Morris grid, the usual number; a step is then two thirds of the range
_RESAMPLES = 200


def place_points(shares: FloatArray, ranges: pd.DataFrame) -> pd.DataFrame:
    """Turn shares of the range, shape (points, parameters), into values; on the log scale where `log` says so."""
    low, high = (ranges[k].to_numpy(dtype=np.float64) for k in ("low", "high"))
    log = ranges["log"].to_numpy(dtype=bool) if "log" in ranges else np.zeros(len(ranges), dtype=bool)
    if np.any(log & ~(low > 0)):
        names = ", ".join(ranges.index[log & ~(low > 0)])
        raise InputError(Fault("ranges", f"{names}: a log scale from 0 or less.", "Give a low end above zero."))
    start, end = np.where(log, np.log(np.where(log, low, 1.0)), low), np.where(log, np.log(np.abs(high)), high)
    plain = start + shares * (end - start)
    return pd.DataFrame(np.where(log, np.exp(np.where(log, plain, 0.0)), plain), columns=list(ranges.index))


def local_effects(outputs: Outputs, typical: pd.Series[float], *, step: float = 0.02) -> pd.DataFrame:
    """Return derivatives of outputs by the natural logarithm of each parameter, by central differences.

    Parameters
    ----------
    typical
        Values around which the parameters move, all above zero.
    step
        Half the difference on the log scale: 0.02 is 2%. Its error is of the order of its square.

    Returns
    -------
    pandas.DataFrame
        One row per parameter, one column per output.
    """
    n, base = len(typical), typical.to_numpy(dtype=np.float64)
    if not np.all(base > 0):
        raise InputError(Fault("local sensitivity", "a value is not above zero.", "Leave it out: it has no logarithm."))
    factors = np.exp(np.concatenate([np.eye(n), -np.eye(n)]) * step)
    found = outputs(pd.DataFrame(base * factors, columns=list(typical.index)))
    values = found.to_numpy(dtype=np.float64)
    change = (values[:n] - values[n:]) / (2.0 * step)
    return pd.DataFrame(change, index=typical.index.rename("parameter"), columns=found.columns)


def collinear_pairs(effects: pd.DataFrame, *, least: float = 0.95, floor: float = 0.05) -> pd.DataFrame:
    """Return pairs of parameters whose effects are alike or opposite: one can undo what the other does.

    `effects`: from `local_effects`, one row per parameter; rows shorter than `floor` of the longest are left out.
    Columns one, other, cosine; the cosine of the angle between two rows, largest magnitude first.
    """
    rows = effects.dropna(axis=1)
    length = np.sqrt((rows**2).sum(axis=1))
    rows = rows[length > floor * length.max()].div(length[length > floor * length.max()], axis=0)
    cosine, names = rows.to_numpy() @ rows.to_numpy().T, list(rows.index)
    found = [
        (names[i], names[j], cosine[i, j]) for i in range(len(names)) for j in range(i) if abs(cosine[i, j]) >= least
    ]
    return pd.DataFrame(found, columns=["one", "other", "cosine"]).sort_values("cosine", key=np.abs, ascending=False)


def screen(outputs: Outputs, ranges: pd.DataFrame, *, trajectories: int = 20, seed: int = DEFAULT_SEED) -> pd.DataFrame:
    """Screen parameters by Morris' elementary effects, per whole range of a parameter.

    Parameters
    ----------
    ranges
        Index parameter; columns low, high and, if wanted, log.

    Returns
    -------
    pandas.DataFrame
        Columns output, parameter, mean (of effects), mean_star (of their magnitudes), interval (half of the 95%
        bootstrap interval of mean_star), sigma, lost (trajectories left out for a value that is missing).
    """
    problem = _problem(ranges)
    shares = morris_sample.sample(problem, trajectories, num_levels=_LEVELS, seed=seed)
    found, size = outputs(place_points(shares, ranges)), len(ranges) + 1
    parts = []
    for name in found:
        y, kept = _whole_blocks(found[name], size)
        index = morris_analysis.analyze(
            problem, shares[kept], y[kept], num_levels=_LEVELS, num_resamples=_RESAMPLES, seed=seed
        )
        columns = {"mean": "mu", "mean_star": "mu_star", "interval": "mu_star_conf", "sigma": "sigma"}
        parts.append(_tidy(name, ranges, {k: index[v] for k, v in columns.items()}, len(y), kept, size))
    return pd.concat(parts, ignore_index=True)


def decompose(outputs: Outputs, ranges: pd.DataFrame, *, points: int = 512, seed: int = DEFAULT_SEED) -> pd.DataFrame:
    """Decompose the variance of outputs by Sobol's method, parameters independent and uniform over their ranges.

    Parameters
    ----------
    points
        Base points, a power of two; the function is read at `points` times (parameters + 2).

    Returns
    -------
    pandas.DataFrame
        Columns output, parameter, first, first_interval, total, total_interval (half of 95% bootstrap intervals),
        lost (base points left out); NaN for an output that never changes.
    """
    if points < 2 or points & (points - 1):
        raise InputError(Fault("sensitivity", f"{points} base points.", "Give a power of two."))
    problem = _problem(ranges)
    shares = sobol_sample.sample(problem, points, calc_second_order=False, seed=seed)
    found, size = outputs(place_points(shares, ranges)), len(ranges) + 2
    names = {"first": "S1", "first_interval": "S1_conf", "total": "ST", "total_interval": "ST_conf"}
    parts = []
    for name in found:
        y, kept = _whole_blocks(found[name], size)
        index: Mapping[str, Any] = dict.fromkeys(names.values(), np.full(len(ranges), np.nan))
        if np.ptp(y[kept]) > 0:
            index = sobol_analysis.analyze(
                problem, y[kept], calc_second_order=False, num_resamples=_RESAMPLES, seed=seed
            )
        parts.append(_tidy(name, ranges, {k: index[v] for k, v in names.items()}, len(y), kept, size))
    return pd.concat(parts, ignore_index=True)


def _problem(ranges: pd.DataFrame) -> dict[str, Any]:
    """Return SALib's description of a unit cube: `place_points` knows the scales."""
    return {"num_vars": len(ranges), "names": list(ranges.index), "bounds": [[0.0, 1.0]] * len(ranges)}


def _whole_blocks(values: pd.Series[float], size: int) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return values and which points belong to a block (trajectory, base point) that misses none."""
    y: FloatArray = np.asarray(values, dtype=np.float64)
    whole = np.isfinite(y).reshape(-1, size).all(axis=1)
    kept: npt.NDArray[np.bool_] = np.asarray(np.repeat(whole, size), dtype=np.bool_)
    if kept.sum() < 2 * size:
        raise InputError(Fault("sensitivity", "nearly all simulations stopped early.", "Narrow the ranges."))
    return y, kept


def _tidy(
    output: Any, ranges: pd.DataFrame, columns: Mapping[str, Any], n: int, kept: npt.NDArray[np.bool_], size: int
) -> pd.DataFrame:
    table = pd.DataFrame({k: np.asarray(v, dtype=np.float64) for k, v in columns.items()})
    table.insert(0, "output", str(output))
    table.insert(1, "parameter", list(ranges.index))
    return table.assign(lost=(n - int(kept.sum())) // size)

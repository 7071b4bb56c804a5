"""Power and sample size of a trial that somebody proposes, from simulated patients.

A virtual trial of the proposed size is drawn many times from the patients of `TrialTables`, and the share of successes
is the power. First a parameter set is drawn, then its patients: the power is averaged over what is open about the
parameters, which is known as assurance (ohagan2005). `power_typical` has the parameters at their average.

The few patients of a set make its effect look further from the average than it is. A patient of a trial is therefore
taken from the set with probability c and else from the patients of all sets; c is chosen so that the effects of the
sets spread as `patients/parameter_spread.py` finds that the true ones do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from aftercar.foundation import DEFAULT_SEED, Fault, InputError, draw_stream
from aftercar.patients.parameter_spread import part_luck
from aftercar.trials._test_statistics import binomial_p, difference_z, fisher_p, log_rank_z
from aftercar.trials.endpoint_records import RATES, TIMES, CountFrom, take_records, take_responses
from aftercar.trials.tables import TrialTables

FloatArray = npt.NDArray[np.float64]
Test = Literal["log-rank", "difference", "fisher", "binomial"]
_BLOCK: Final = 64  # patients whose random numbers are drawn together: a larger trial keeps those of a smaller one
_AT_ONCE: Final = 2_000_000  # patients of all trials that are held in memory at a time


@dataclass(frozen=True)
class SampleSize:
    """The answer of `find_sample_size`: patients per (control) arm, None if even the largest size is too small.

    `path` has a row for every size that was tried, as `estimate_power` gives it.
    """

    per_arm: int | None
    wanted_power: float
    path: pd.DataFrame


@dataclass(frozen=True)
class _Pool:
    """Patients of one arm to draw from, ordered by set; `start[k]` to `start[k + 1]` are those of set k."""

    duration: FloatArray
    event: npt.NDArray[np.bool_]
    start: npt.NDArray[np.int64]


def estimate_power(
    tables: TrialTables,
    *,
    arms: Sequence[str],
    measure: str,
    per_arm: int,
    alpha: float = 0.05,
    tests: Sequence[Test] | None = None,
    historic: float | None = None,
    ratio: float = 1.0,
    count_from: CountFrom = "entry",
    trials: int = 2000,
    seed: int = DEFAULT_SEED,
) -> pd.DataFrame:
    """Estimate the power of a trial with one or two arms.

    Follow-up is that of the tables: for a trial with accrual and a cut-off, cut the tables first (`set_entry`,
    `cut_tables`). Patients of the two arms are drawn apart from each other, as in a randomised trial. More `trials`
    make the Monte-Carlo error smaller; what few parameter sets leave open stays, and is not in it.

    Parameters
    ----------
    arms
        Control and experimental; or one arm, which is held against `historic`.
    per_arm
        Patients of the control (or the only) arm.
    alpha
        Two-sided level. A success is a significant result in favour of the experimental arm; exact tests are one-sided
        at half of `alpha`.
    tests
        ``log-rank`` for times; ``difference`` (of proportions, pooled variance) and ``fisher`` for rates; ``binomial``
        for one arm. None: all that fit.
    historic
        Response rate that one arm must beat.
    ratio
        Experimental patients per control patient.
    count_from
        ``entry`` (everybody, intention to treat) or ``treatment``; see `take_records`.
    trials
        Virtual trials.

    Returns
    -------
    DataFrame
        One row per test: test, measure, control, experimental, n_control, n_experimental, alpha, power, mc_se,
        power_typical, mc_se_typical, sets, trials, kind (simulated). `mc_se` is binomial.

    References
    ----------
    ohagan2005. Checked against closed forms in tests/verification/trials: schoenfeld1981 and the exact binomial.
    """
    _check(tables, arms, measure, per_arm, alpha, historic, ratio, trials)
    tests = tests or _fitting(arms, measure)
    if not set(tests) <= set(_fitting(arms, measure)):
        found = (
            f"'{sorted(set(tests) - set(_fitting(arms, measure)))[0]}' does not fit {measure} of {len(arms)} arm(s)."
        )
        raise InputError(Fault("tests", found, f"Use {' or '.join(_fitting(arms, measure))}."))
    pools, keep = _make_pools(tables, arms, measure, count_from, historic)
    sizes = [per_arm] if len(arms) == 1 else [per_arm, max(1, round(per_arm * ratio))]
    sets = len(keep)
    shuffled = draw_stream(seed, "power", "sets").permutation(np.resize(np.arange(sets), trials))
    won = {(name, typical): np.zeros(trials, dtype=np.bool_) for name in tests for typical in (False, True)}
    step = max(1, _AT_ONCE // sum(sizes))
    for begin in range(0, trials, step):
        rows = np.arange(begin, min(begin + step, trials))
        for typical in (False, True):
            share = np.zeros(len(rows)) if typical else keep[shuffled[rows]]
            drawn = [
                _draw(pool, shuffled[rows], share, _uniforms(seed, place, trials, n)[rows])
                for place, (pool, n) in enumerate(zip(pools, sizes, strict=True))
            ]
            for name in tests:
                won[name, typical][rows] = _succeeds(name, drawn, sizes, alpha, historic)
    names = (arms[0], arms[1]) if len(arms) == 2 else (f"historic {historic:g}", arms[0])
    n_control, n_experimental = (0, sizes[0]) if len(arms) == 1 else sizes
    table = []
    for name in tests:
        shares = [float(won[name, which].mean()) for which in (False, True)]
        both = [x for share in shares for x in (share, float(np.sqrt(share * (1 - share) / trials)))]
        table.append((name, measure, *names, n_control, n_experimental, alpha, *both))
    columns = ["test", "measure", "control", "experimental", "n_control", "n_experimental", "alpha", "power", "mc_se",
               "power_typical", "mc_se_typical"]  # fmt: skip
    return pd.DataFrame(table, columns=columns).assign(sets=sets, trials=trials, kind="simulated")


def find_sample_size(
    tables: TrialTables,
    *,
    arms: Sequence[str],
    measure: str,
    power: float = 0.8,
    alpha: float = 0.05,
    test: Test | None = None,
    historic: float | None = None,
    ratio: float = 1.0,
    count_from: CountFrom = "entry",
    trials: int = 2000,
    seed: int = DEFAULT_SEED,
    largest: int = 2000,
) -> SampleSize:
    """Find the smallest trial that reaches a power, by doubling and halving.

    All sizes use the same random numbers, so that they differ by their size and not by luck. The power of an exact test
    rises in a sawtooth, and the size is one of its first teeth. Where the parameters are open, the power need not reach
    every level: in some parameter sets the experimental arm is not better, however large the trial.

    Parameters
    ----------
    power
        Power over the parameter sets that is wanted.
    test
        None: the first that fits the measure.
    largest
        Where to give up, patients per arm.
    """
    if not 0 < power < 1 or largest < 2:
        raise InputError(
            Fault("sample size", f"power {power}, largest {largest}.", "Give 0 < power < 1, largest >= 2.")
        )
    tried: dict[int, pd.DataFrame] = {}

    def reaches(n: int) -> bool:
        if n not in tried:
            tried[n] = estimate_power(
                tables, arms=arms, measure=measure, per_arm=n, alpha=alpha,
                tests=[test or _fitting(arms, measure)[0]], historic=historic, ratio=ratio, count_from=count_from,
                trials=trials, seed=seed,
            )  # fmt: skip
        return bool(tried[n]["power"].iloc[0] >= power)

    low, high = 1, min(16, largest)
    while not reaches(high) and high < largest:
        low, high = high, min(2 * high, largest)
    found = reaches(high)
    while found and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    path = pd.concat([tried[n] for n in sorted(tried)], ignore_index=True)
    return SampleSize(high if found else None, power, path)


def _fitting(arms: Sequence[str], measure: str) -> tuple[Test, ...]:
    if len(arms) == 1:
        return ("binomial",)
    return ("difference", "fisher") if measure in RATES else ("log-rank",)


def _succeeds(
    test: Test,
    drawn: Sequence[tuple[FloatArray, npt.NDArray[np.bool_]]],
    sizes: Sequence[int],
    alpha: float,
    historic: float | None,
) -> npt.NDArray[np.bool_]:
    bound = float(norm.isf(alpha / 2))
    if test == "log-rank":
        duration, event = (np.concatenate([one[place] for one in drawn], axis=1) for place in (0, 1))
        experimental = np.repeat([False, True], sizes)
        return np.asarray(log_rank_z(duration.astype(np.float64), event.astype(np.bool_), experimental) > bound)
    counts = [one[1].sum(axis=1).astype(np.float64) for one in drawn]
    if test == "difference":
        return np.asarray(difference_z(counts[0], counts[1], sizes[0], sizes[1]) > bound)
    if test == "fisher":
        return np.asarray(fisher_p(counts[0], counts[1], sizes[0], sizes[1]) <= alpha / 2)
    assert historic is not None  # checked at the door
    return np.asarray(binomial_p(counts[0], sizes[0], historic) <= alpha / 2)


def _uniforms(seed: int, arm: int, trials: int, n: int) -> FloatArray:
    """Return one random number per trial and patient; the first patients' do not depend on how many there are."""
    blocks = [
        draw_stream(seed, "power", "patients", arm, block).uniform(size=(trials, _BLOCK))
        for block in range(-(-n // _BLOCK))
    ]
    return np.hstack(blocks)[:, :n]


def _draw(
    pool: _Pool, sets: npt.NDArray[np.int64], share: FloatArray, u: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Draw patients: a `share` of them from the trial's set, the others from all sets."""
    begin, size = pool.start[sets][:, None], np.diff(pool.start)[sets][:, None]
    own = u < share[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        within = np.where(own, u / share[:, None], (u - share[:, None]) / (1 - share[:, None]))
    total = len(pool.event)
    place = np.where(own, begin + np.floor(within * size), np.floor(within * total))
    index = np.minimum(place, total - 1).astype(np.int64)
    return pool.duration[index], pool.event[index]


def _make_pools(
    tables: TrialTables, arms: Sequence[str], measure: str, count_from: CountFrom, historic: float | None
) -> tuple[list[_Pool], FloatArray]:
    """Return the patients of each arm, and for each set the share c of a trial's patients that come from it."""
    if measure in RATES:
        rows = take_responses(tables, measure, count_from=count_from).assign(duration=1.0)
    else:
        rows = take_records(tables, measure, count_from=count_from)
    rows["set"] = rows["patient"].map(tables.subjects.set_index("patient")["parameter_set"])
    parts = [rows[rows["arm"] == arm].sort_values(["set", "patient"], kind="stable") for arm in arms]
    common = sorted(set.intersection(*(set(part["set"]) for part in parts)))
    if not common:
        raise InputError(Fault("trial", "no parameter set has patients in every arm.", "Simulate more patients."))
    parts = [part[part["set"].isin(common)] for part in parts]
    pools = [
        _Pool(
            part["duration"].to_numpy(dtype=np.float64), part["event"].to_numpy(dtype=np.bool_),
            np.append(np.searchsorted(part["set"].to_numpy(), common), len(part)).astype(np.int64),
        )
        for part in parts
    ]  # fmt: skip
    if len(common) == 1:
        return pools, np.ones(1)
    return pools, _kept_share(parts, common, measure)


def _kept_share(parts: Sequence[pd.DataFrame], sets: Sequence[int], measure: str) -> FloatArray:
    """Return c for each set: from the effect of the set, its luck among the patients taken out.

    The effect is the difference of the arms (or the one arm's value) in the share of events, or in the mean score of
    the log-rank test, which is an event less the hazard that was met. A patient in both arms counts once, with the
    difference.
    """
    scores = [part["event"].astype(np.float64) for part in parts]
    if measure in TIMES:
        both = pd.concat(list(parts), ignore_index=True)
        met = _hazard_met(both["duration"].to_numpy(), both["event"].to_numpy(dtype=np.bool_))
        split = np.split(both["event"].to_numpy(dtype=np.float64) - met, np.cumsum([len(part) for part in parts])[:-1])
        scores = [pd.Series(values, index=part.index) for values, part in zip(split, parts, strict=True)]
    effects, variances, sizes = [], [], []
    for one in sets:
        moves: pd.Series | None = None
        effect = 0.0
        for sign, part, score in zip((-1.0, 1.0) if len(parts) == 2 else (1.0,), parts, scores, strict=True):
            chosen = (part["set"] == one).to_numpy()
            value = score.to_numpy()[chosen]
            effect += sign * float(value.mean())
            own = pd.Series(sign * (value - value.mean()) / len(value), index=part["patient"].to_numpy()[chosen])
            moves = own if moves is None else moves.add(own, fill_value=0.0)
        assert moves is not None
        effects.append(effect)
        sizes.append(len(moves))
        variances.append(float((moves**2).sum()) * len(moves) / max(len(moves) - 1, 1))
    _, keep = part_luck(effects, variances, sizes)
    return np.nan_to_num(keep)


def _hazard_met(duration: FloatArray, event: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the Nelson-Aalen cumulative hazard of all patients together at each one's time."""
    time, place = np.unique(duration, return_inverse=True)
    events = np.bincount(place, weights=event, minlength=len(time))
    at_risk = len(duration) - np.append(0, np.cumsum(np.bincount(place, minlength=len(time))))[:-1]
    return np.asarray(np.cumsum(events / at_risk)[place])


def _check(
    tables: TrialTables,
    arms: Sequence[str],
    measure: str,
    per_arm: int,
    alpha: float,
    historic: float | None,
    ratio: float,
    trials: int,
) -> None:
    known = [str(arm) for arm in pd.unique(tables.outcomes["arm"])]
    faults = [
        Fault("arms", f"the trial has no arm '{arm}'.", f"Use {', '.join(known)}.") for arm in arms if arm not in known
    ]
    if len(arms) not in (1, 2) or len(set(arms)) < len(arms):
        faults.append(Fault("arms", f"they are {list(arms)}.", "Name control and experimental, or one arm."))
    if measure not in (*RATES, *TIMES) or measure == "DOR":
        mend = f"Use {', '.join(name for name in (*RATES, *TIMES) if name != 'DOR')}."
        why = "compares patients chosen by their response" if measure == "DOR" else "is no endpoint"
        faults.append(Fault("measure", f"'{measure}' {why}.", mend))
    if len(arms) == 1 and (measure not in RATES or historic is None or not 0 < historic < 1):
        mend = "Give a rate between 0 and 1 that the arm must beat, and a response as the measure."
        faults.append(Fault("historic", f"one arm, measure {measure}, historic rate {historic}.", mend))
    if per_arm < 1 or trials < 1:
        faults.append(Fault("size", f"{per_arm} patients, {trials} trials.", "Give 1 or more of each."))
    if not 0 < alpha < 1 or not 0 < ratio < np.inf:
        faults.append(Fault("options", f"alpha {alpha}, ratio {ratio}.", "Give alpha below 1, both above 0."))
    if faults:
        raise InputError(faults)

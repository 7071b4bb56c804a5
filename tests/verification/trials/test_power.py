"""Power by simulation against closed forms: Schoenfeld's formula, exact binomial power, the z test, assurance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm
from tests.unit.trials.fabricated import fabricate_tables

from aftercar.foundation import NotPoolableError, draw_stream
from aftercar.synthesis import log_rank
from aftercar.trials._test_statistics import log_rank_z
from aftercar.trials.power import estimate_power, find_sample_size
from aftercar.trials.tables import OUTCOMES, TrialTables

EMPTY = fabricate_tables(1)
TRIALS = 4000


def as_tables(subjects: pd.DataFrame, outcomes: list[pd.DataFrame]) -> TrialTables:
    table = pd.concat(outcomes, ignore_index=True).reindex(columns=list(OUTCOMES))
    return TrialTables(subjects, EMPTY.lines, table, EMPTY.visits, EMPTY.events, EMPTY.doses, EMPTY.clones)


def exponential_arm(arm: str, hazard: np.ndarray, *, until: float, seed: int) -> pd.DataFrame:
    """Deaths at constant hazards, the patients' quantiles evenly spread over each set, so that no luck is in them."""
    u = (draw_stream(seed, arm).permutation(hazard.size) + 0.5) / hazard.size
    death = -np.log(u) / hazard
    return pd.DataFrame(
        {
            "arm": arm, "patient": np.arange(hazard.size), "treated": True, "start_day": 0.0,
            "death_day": np.where(death < until, death, np.nan), "end_day": np.minimum(death, until),
        }
    )  # fmt: skip


def responding_arm(arm: str, responds: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "arm": arm, "patient": np.arange(responds.size), "treated": True, "start_day": 0.0, "end_day": 100.0,
            "best_response": np.where(responds, "PR", "SD"),
        }
    )  # fmt: skip


def one_set(n: int) -> pd.DataFrame:
    return pd.DataFrame({"patient": np.arange(n), "parameter_set": 0})


def test_log_rank_of_many_trials_is_the_one_of_synthesis() -> None:
    rng = draw_stream(1, "log-rank")
    duration = np.ceil(rng.exponential(8, (40, 30)))
    event, experimental = rng.uniform(size=duration.shape) < 0.6, np.arange(30) >= 12
    found = log_rank_z(duration, event, experimental)
    for row in range(40):
        data = pd.DataFrame({"time": duration[row], "event": event[row]})
        try:
            whole = log_rank({"control": data[~experimental], "experimental": data[experimental]})
        except NotPoolableError:
            continue
        assert found[row] ** 2 == pytest.approx(whole.statistic, rel=1e-9)
        assert np.sign(found[row]) == np.sign(whole.observed[0] - whole.expected[0])


@pytest.mark.parametrize(("ratio", "per_arm"), [(0.7, 100), (0.6, 60), (1.0, 100)])
def test_log_rank_power_is_schoenfelds(ratio: float, per_arm: int) -> None:
    n, hazard, until = 20_000, 1 / 300, 700.0
    arms = [
        exponential_arm("C", np.full(n, hazard), until=until, seed=1),
        exponential_arm("E", np.full(n, hazard * ratio), until=until, seed=2),
    ]
    found = estimate_power(
        as_tables(one_set(n), arms), arms=("C", "E"), measure="OS", per_arm=per_arm, trials=TRIALS
    ).iloc[0]
    events = per_arm * sum(1 - np.exp(-hazard * share * until) for share in (1.0, ratio))
    expected = norm.cdf(np.sqrt(events) / 2 * -np.log(ratio) - norm.isf(0.025))
    # Schoenfeld's formula is itself good to about a percent at such ratios.
    assert found["power"] == pytest.approx(expected, abs=3 * found["mc_se"] + 0.012)


def test_exact_binomial_power_of_one_arm() -> None:
    n, rate = 2000, 0.55
    tables = as_tables(one_set(n), [responding_arm("E", np.arange(n) < rate * n)])
    for per_arm in (25, 40, 80):
        found = estimate_power(tables, arms=("E",), measure="ORR", per_arm=per_arm, historic=0.35, trials=TRIALS).iloc[
            0
        ]
        needed = np.flatnonzero(binom.sf(np.arange(per_arm + 1) - 1, per_arm, 0.35) <= 0.025)[0]
        assert found["power"] == pytest.approx(binom.sf(needed - 1, per_arm, rate), abs=3 * found["mc_se"])
        assert found["control"] == "historic 0.35"


def test_power_of_a_difference_of_responses() -> None:
    """Exact: every pair of counts with its probability."""
    n, per_arm, rates = 2000, 45, (0.4, 0.65)
    arms = [responding_arm(arm, np.arange(n) < rate * n) for arm, rate in zip("CE", rates, strict=True)]
    found = estimate_power(
        as_tables(one_set(n), arms), arms=("C", "E"), measure="ORR", per_arm=per_arm, trials=TRIALS
    ).set_index("test")
    counts = np.arange(per_arm + 1)
    weight = np.outer(*(binom.pmf(counts, per_arm, rate) for rate in rates))
    control, experimental = np.meshgrid(counts, counts, indexing="ij")
    pooled = (control + experimental) / (2 * per_arm)
    with np.errstate(invalid="ignore"):
        z = (experimental - control) / per_arm / np.sqrt(pooled * (1 - pooled) * 2 / per_arm)
    exact = weight[z > norm.isf(0.025)].sum()
    assert found.loc["difference", "power"] == pytest.approx(exact, abs=3 * found.loc["difference", "mc_se"])
    assert found.loc["fisher", "power"] < found.loc["difference", "power"]


def test_assurance_takes_the_luck_of_small_sets_out() -> None:
    """Effects of sets from a known law, few patients a set: the power is that over the law, not over raw sets."""
    sets, each, per_arm, repeats = 200, 20, 60, 8
    subjects = pd.DataFrame({"patient": np.arange(sets * each), "parameter_set": np.repeat(np.arange(sets), each)})
    errors = []
    for repeat in range(repeats):
        rng = draw_stream(2, "law", repeat)
        rates = rng.beta(20, 30, sets), rng.beta(16, 9, sets)
        responds = [rng.uniform(size=sets * each) < np.repeat(rate, each) for rate in rates]
        found = estimate_power(
            as_tables(subjects, [responding_arm(arm, own) for arm, own in zip("CE", responds, strict=True)]),
            arms=("C", "E"), measure="ORR", per_arm=per_arm, tests=["difference"], trials=TRIALS,
        ).iloc[0]  # fmt: skip
        raw = [own.reshape(sets, each).mean(axis=1) for own in responds]
        truth = _mean_power(*rates, per_arm)
        errors.append((found["power"] - truth, _mean_power(*raw, per_arm) - truth))
        assert found["power_typical"] > found["power"] and found["sets"] == sets
    ours, naive = np.mean(errors, axis=0)
    # The mean of few sets moves the power by 0.03 (standard deviation), a hundredth after averaging.
    assert abs(ours) < 0.02 and naive < -0.03


def _mean_power(control: np.ndarray, experimental: np.ndarray, n: int) -> float:
    """Return the normal approximation to the power of the pooled z test, averaged over sets."""
    pooled = (control + experimental) / 2
    null = np.sqrt(2 * pooled * (1 - pooled) / n)
    alternative = np.sqrt((control * (1 - control) + experimental * (1 - experimental)) / n)
    z = (experimental - control - norm.isf(0.025) * null) / np.maximum(alternative, 1e-9)
    return float(norm.cdf(z).mean())


def test_sample_size_meets_schoenfelds_and_smaller_trials_do_not() -> None:
    n, hazard, ratio = 20_000, 1 / 200, 0.6
    arms = [
        exponential_arm("C", np.full(n, hazard), until=730, seed=1),
        exponential_arm("E", np.full(n, hazard * ratio), until=730, seed=2),
    ]
    found = find_sample_size(as_tables(one_set(n), arms), arms=("C", "E"), measure="OS", trials=TRIALS)
    per_patient = sum(1 - np.exp(-hazard * share * 730) for share in (1.0, ratio))
    wanted = 4 * (norm.isf(0.025) + norm.isf(0.2)) ** 2 / np.log(ratio) ** 2 / per_patient
    assert found.per_arm == pytest.approx(wanted, rel=0.08)
    path = found.path.set_index("n_control")["power"]
    assert path[found.per_arm] >= 0.8 > path[found.per_arm - 1]


def test_no_size_is_enough_where_the_arms_are_alike() -> None:
    n = 2000
    arms = [responding_arm(arm, np.arange(n) < n / 2) for arm in "CE"]
    tables = as_tables(one_set(n), arms)
    found = find_sample_size(tables, arms=("C", "E"), measure="ORR", trials=1000, largest=64)
    assert found.per_arm is None and found.path["power"].max() < 0.06

"""All patients in one curve, and pooled restricted means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.inverse_variance import pool_inverse_variance
from aftercar.synthesis.kaplan_meier import fit_kaplan_meier
from aftercar.synthesis.survival_pooling import largest_common_horizon, pool_patients, pool_restricted_means
from aftercar.synthesis.survival_summaries import restricted_mean


def cohort(seed: int, n: int = 30, mean: float = 8.0, end: float = 20.0) -> pd.DataFrame:
    latent = np.random.default_rng(seed).exponential(mean, n)
    return pd.DataFrame({"time": np.minimum(latent, end), "event": latent < end})


STUDIES = {"A": cohort(1), "B": cohort(2, 50, 12), "C": cohort(3, 20, 6)}


def test_one_stage_curve_is_the_curve_of_all_patients() -> None:
    pooled = pool_patients(STUDIES)
    merged = pd.concat(STUDIES.values())
    np.testing.assert_array_equal(pooled.curve.survival, fit_kaplan_meier(merged["time"], merged["event"]).survival)
    assert pooled.by_study["n"].tolist() == [30, 50, 20]
    assert pooled.by_study["share"].sum() == pytest.approx(100)
    assert pooled.between_studies is not None
    assert pooled.between_studies.df == 2
    assert "as one sample" in " ".join(pooled.notes)


def test_one_cohort_is_its_own_curve() -> None:
    pooled = pool_patients({"A": STUDIES["A"]})
    assert pooled.between_studies is None
    assert pooled.notes == ()


def test_cohorts_that_cannot_be_compared_are_pooled_and_it_is_said() -> None:
    none = pd.DataFrame({"time": [3.0, 4.0], "event": [0, 0]})
    pooled = pool_patients({"A": none, "B": none})
    assert pooled.between_studies is None
    assert "cannot be compared" in " ".join(pooled.notes)
    assert pooled.by_study["median"].isna().all()


def test_delayed_entry_is_kept() -> None:
    late = STUDIES["A"].assign(entry=STUDIES["A"]["time"] / 2)
    assert pool_patients({"A": late, "B": STUDIES["B"]}).curve.delayed_entry


def test_pooled_restricted_mean_is_the_inverse_variance_mean() -> None:
    pooled = pool_restricted_means(STUDIES, tau=12)
    means = [restricted_mean(fit_kaplan_meier(one["time"], one["event"]), tau=12) for one in STUDIES.values()]
    expected = pool_inverse_variance(
        [mean.estimate for mean in means], [mean.se**2 for mean in means], interval="hksj-adhoc"
    )
    assert pooled.estimate == expected.estimate
    assert pooled.ci_ub == min(expected.ci_ub, 12)
    assert pooled.by_study["weight"].sum() == pytest.approx(100)


def test_limits_stay_within_the_horizon_and_it_is_said() -> None:
    pooled = pool_restricted_means({"A": STUDIES["A"], "C": STUDIES["C"]}, tau=12)
    assert 0 <= pooled.ci_lb <= pooled.estimate <= pooled.ci_ub <= 12
    assert "Limits were cut" in " ".join(pooled.notes)
    assert "one degree of freedom" in " ".join(pooled.notes)


def test_cohort_followed_too_short_is_named() -> None:
    studies = STUDIES | {"short": cohort(4, end=5)}
    assert largest_common_horizon(studies) == 5
    with pytest.raises(NotPoolableError, match=r"ends earlier in short\. Choose a tau of 5 or less"):
        pool_restricted_means(studies, tau=12)


def test_curve_that_fell_to_zero_does_not_limit_the_horizon() -> None:
    dead = pd.DataFrame({"time": [1.0, 2.0, 3.0], "event": [1, 1, 1]})
    assert largest_common_horizon(STUDIES | {"dead": dead}) == 20
    assert largest_common_horizon({"dead": dead}) == 3


def test_cohort_without_event_before_the_horizon_is_named() -> None:
    none = pd.DataFrame({"time": [20.0, 21.0], "event": [0, 1]})
    with pytest.raises(NotPoolableError, match="no error can be given for none"):
        pool_restricted_means(STUDIES | {"none": none}, tau=12)


def test_no_study_and_no_horizon() -> None:
    with pytest.raises(InputError, match="Give 1 or more"):
        pool_patients({})
    with pytest.raises(InputError, match="horizon above 0"):
        pool_restricted_means(STUDIES, tau=-1)

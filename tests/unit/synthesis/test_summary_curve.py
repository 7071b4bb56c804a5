"""The summary survival curve: special cases that simpler methods answer, the grid, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.inverse_variance import pool_inverse_variance
from aftercar.synthesis.summary_curve import pool_survival_curves, tabulate_survival


def rows(study: str, survival: list, at_risk: list, time: list | None = None) -> pd.DataFrame:
    times = list(range(1, len(survival) + 1)) if time is None else time
    return pd.DataFrame({"study": study, "time": times, "survival": survival, "at_risk": at_risk})


def cohort(seed: int, n: int = 40, mean: float = 8.0, end: float = 20.0) -> pd.DataFrame:
    latent = np.random.default_rng(seed).exponential(mean, n)
    return pd.DataFrame({"time": np.minimum(latent, end), "event": latent < end})


@pytest.mark.parametrize("random_effects", [True, False])
def test_one_interval_is_the_arcsine_pool_of_proportions(random_effects: bool) -> None:
    """With one time, the method of moments is DerSimonian and Laird's (common effect: inverse variance)."""
    survival, n = np.array([0.5, 0.8, 0.3, 0.9]), np.array([20.0, 30.0, 25.0, 40.0])
    table = pd.concat([rows(str(i), [s], [m]) for i, (s, m) in enumerate(zip(survival, n, strict=True))])
    pooled = pool_survival_curves(table, random_effects=random_effects)
    yi = np.arcsin(np.sqrt((n * survival + 0.25) / (n + 0.5)))
    expected = pool_inverse_variance(yi, 0.25 / (n + 0.5), method="dl" if random_effects else "fe")
    assert pooled.survival[1] == pytest.approx(np.sin(expected.estimate) ** 2)
    assert pooled.tau2[0] == pytest.approx(expected.heterogeneity.tau2)
    assert pooled.q == pytest.approx(expected.heterogeneity.q)


def test_homogeneous_cohorts_have_no_wider_prediction() -> None:
    same = [rows(name, [0.8, 0.5], [50, 40]) for name in "abc"]
    pooled = pool_survival_curves(pd.concat(same))
    np.testing.assert_allclose(pooled.pi_lb, pooled.ci_lb)
    np.testing.assert_allclose(pooled.tau2, 0, atol=1e-12)
    assert pooled.i2 == 0


def test_median_and_area_under_straight_lines_by_hand() -> None:
    same = pd.concat([rows(name, [0.75, 0.25], [1e9, 1e9]) for name in "ab"])  # so large that no correction shows
    pooled = pool_survival_curves(same)
    assert pooled.median == pytest.approx(1.5)
    assert pooled.restricted_mean == pytest.approx(0.875 + 0.5)
    assert pool_survival_curves(pd.concat([rows(name, [0.75], [100]) for name in "ab"])).median is None


def test_cohort_that_ends_early_counts_only_while_there() -> None:
    long, short = rows("a", [0.8, 0.6, 0.5], [50, 40, 30]), rows("b", [0.7], [30])
    pooled = pool_survival_curves(pd.concat([long, rows("c", [0.75, 0.5, 0.4], [50, 40, 30]), short]))
    assert pooled.k == (3, 3, 2, 2)
    assert pooled.at_risk.tolist() == [130, 130, 80, 60]


def test_curve_at_zero_ends_there() -> None:
    pooled = pool_survival_curves(
        pd.concat([rows("a", [0.5, 0, 0], [10, 5, 0]), rows("b", [0.6, 0.3, 0.1], [10, 6, 3])])
    )
    assert pooled.k == (2, 2, 2, 1)


def test_few_cohorts_are_warned_of() -> None:
    pooled = pool_survival_curves(pd.concat([rows("a", [0.8], [20]), rows("b", [0.6], [20])]))
    assert "one degree of freedom" in " ".join(pooled.notes)
    assert pooled.method_card["interval"].startswith("delta method on the log-log scale")


def test_the_quantile_of_t_is_that_of_cohorts_less_one() -> None:
    table = pd.concat([rows(name, [s], [50]) for name, s in (("a", 0.8), ("b", 0.6), ("c", 0.7))])
    t, z = (pool_survival_curves(table, interval=kind) for kind in ("t", "z"))
    widths = [np.log(np.log(one.ci_lb[1]) / np.log(one.survival[1])) for one in (t, z)]
    assert widths[0] / widths[1] == pytest.approx(4.302653 / 1.959964)  # quantiles of 0.975: t on 2, normal
    assert "'z' takes it as known" in " ".join(z.notes)
    common = [pool_survival_curves(table, random_effects=False, interval=kind).ci_lb[1] for kind in ("t", "z")]
    assert common[0] == common[1]


def test_one_cohort_is_refused() -> None:
    with pytest.raises(NotPoolableError, match="two cohorts or more"):
        pool_survival_curves(rows("a", [0.8], [20]))


def test_individual_data_to_table() -> None:
    patients = pd.DataFrame({"time": [1.0, 2.0, 2.5, 4.0, 6.0], "event": [1, 0, 1, 1, 0]})
    table = tabulate_survival({"a": patients}, times=[2, 4, 8])
    assert table["time"].tolist() == [2, 4]  # followed to 6: nothing is known at 8
    np.testing.assert_allclose(table["survival"], [0.8, 0.8 * 2 / 3 * 1 / 2])
    # At risk 5, nobody censored before 2; then 3 (the one censored at 2 is gone), nobody censored before 4.
    assert table["at_risk"].tolist() == [5, 3]


def test_censored_on_the_way_count_half() -> None:
    patients = pd.DataFrame({"time": [1.0, 3.0, 5.0, 5.0], "event": [0, 0, 1, 0]})
    assert tabulate_survival({"a": patients}, times=[4, 5])["at_risk"].tolist() == [3, 2]


def test_default_grid_has_few_times_within_follow_up() -> None:
    table = tabulate_survival({"a": cohort(1), "b": cohort(2), "short": cohort(3, end=6)})
    assert 2 <= table["time"].nunique() <= 5
    assert table["time"].max() <= 20
    assert (table[table["study"] == "short"]["time"] <= 6).all()
    assert pool_survival_curves(table).survival[-1] < 1


def test_default_grid_reaches_a_cohort_that_ends_before_the_first_quarter() -> None:
    studies = {"a": cohort(1), "b": cohort(2), "short": pd.DataFrame({"time": [0.2, 0.3], "event": [1, 0]})}
    assert tabulate_survival(studies)["time"].min() == pytest.approx(0.3)


def test_no_event_at_all() -> None:
    none = pd.DataFrame({"time": [5.0, 9.0], "event": [0, 0]})
    pooled = pool_survival_curves(tabulate_survival({"a": none, "b": none}))
    assert pooled.median is None
    assert pooled.survival[-1] < 1  # the correction of 1/4 and 1/2, as with a proportion of 2 / 2


def test_cohort_shorter_than_the_first_time_is_named() -> None:
    with pytest.raises(NotPoolableError, match="Cohorts short are followed less long"):
        tabulate_survival({"a": cohort(1), "short": cohort(3, end=2)}, times=[3, 6])


@pytest.mark.parametrize("times", [[0, 3], [3, 3], [5, 3], [3, np.nan], [[1, 2], [3, 4]]])
def test_grid_that_is_none(times: list) -> None:
    with pytest.raises(InputError, match="rising order"):
        tabulate_survival({"a": cohort(1)}, times=times)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (rows("a", [0.8], [20]).drop(columns="at_risk"), "columns are missing: at_risk"),
        (rows("a", [], []), "there is no row"),
        (rows("a", [80.0], [20]), "has survival 80"),
        (rows("a", [0.5, 0.6], [20, 10]), "Survival cannot rise"),
        (rows("a", [0.8], [0]), "has at_risk 0"),
        (rows("a", [0.8], [np.nan]), "has at_risk nan"),
        (rows("a", [0.8], [20], [0]), "has time 0"),
        (rows("a", [0.8, 0.7], [20, 20], [1, 1]), "one row per cohort and time"),
    ],
)
def test_table_that_cannot_be_right(table: pd.DataFrame, words: str) -> None:
    with pytest.raises(InputError, match=words):
        pool_survival_curves(table)


def test_cohort_that_skips_a_time_is_named() -> None:
    table = pd.concat([rows("a", [0.8, 0.7, 0.5], [20, 15, 10]), rows("b", [0.8, 0.5], [20, 10], [1, 3])])
    with pytest.raises(InputError, match="cohort 'b' has no row at time 2"):
        pool_survival_curves(table)

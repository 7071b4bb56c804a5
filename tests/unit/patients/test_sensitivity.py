"""Sensitivity against functions whose indices are known in closed form, and against the model run by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from aftercar.foundation import InputError
from aftercar.model import Treatment, arrange_course
from aftercar.patients import sensitivity as s
from aftercar.patients import sensitivity_methods as methods
from aftercar.patients import simulate_plan

PLAN = [Treatment("ide_cel")]
# Ishigami & Homma 1990 with a = 7, b = 0.1; variances in closed form, e.g. Saltelli et al. 2008, Global Sensitivity
# Analysis, section 4: V1 = (1 + b pi^4 / 5)^2 / 2, V2 = a^2 / 8, V13 = b^2 pi^8 (1/18 - 1/50).
A, B = 7.0, 0.1
V1, V2, V13 = (1 + B * np.pi**4 / 5) ** 2 / 2, A**2 / 8, B**2 * np.pi**8 * (1 / 18 - 1 / 50)


def ishigami(points: pd.DataFrame) -> pd.DataFrame:
    x = points.to_numpy()
    return pd.DataFrame({"y": np.sin(x[:, 0]) + A * np.sin(x[:, 1]) ** 2 + B * x[:, 2] ** 4 * np.sin(x[:, 0])})


def ranges_of(low, high, log=False, names="abc") -> pd.DataFrame:
    return pd.DataFrame({"low": low, "high": high, "log": log}, index=list(names))


CUBE = ranges_of(-np.pi, np.pi)


def test_sobol_indices_of_the_ishigami_function() -> None:
    found = methods.decompose(ishigami, CUBE, points=2048, seed=3).set_index("parameter")
    total = V1 + V2 + V13
    # Over 20 seeds the worst of the six indices was off by 0.017; the bootstrap intervals, half of 95%, are below 0.07.
    np.testing.assert_allclose(found["first"], [V1 / total, V2 / total, 0.0], atol=0.03)
    np.testing.assert_allclose(found["total"], [(V1 + V13) / total, V2 / total, V13 / total], atol=0.03)
    assert (found["lost"] == 0).all() and (found["total_interval"] < 0.1).all()


def test_morris_of_a_sum_gives_its_slopes_over_the_whole_range_without_spread() -> None:
    found = methods.screen(
        lambda p: pd.DataFrame({"y": 3 * p["a"] - 2 * p["b"]}), ranges_of(0.0, [1.0, 5.0, 1.0]), seed=1
    )
    np.testing.assert_allclose(found["mean"], [3.0, -10.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(found["mean_star"], [3.0, 10.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(found["sigma"], 0.0, atol=1e-9)


def test_morris_covers_decades_on_the_log_scale() -> None:
    found = methods.screen(
        lambda p: pd.DataFrame({"y": np.log10(p["a"]) + p["b"]}),
        ranges_of([1e-6, 0.0], [1e-2, 1.0], [True, False], "ab"),
    )
    np.testing.assert_allclose(found["mean"], [4.0, 1.0], rtol=1e-9)


def test_elasticities_of_a_power_law_and_of_a_saturating_one() -> None:
    """log(a^3 / (1 + b)) has the elasticities 3 and -b / (1 + b)."""
    found = methods.local_effects(
        lambda p: pd.DataFrame({"y": np.log(p["a"] ** 3 / (1 + p["b"]))}), pd.Series({"a": 0.2, "b": 4.0}), step=0.01
    )
    np.testing.assert_allclose(found["y"], [3.0, -0.8], atol=1e-4)  # the step's square


def test_collinear_pairs_are_those_that_undo_each_other() -> None:
    effects = pd.DataFrame({"x": [1.0, -2.0, 0.0, 1e-6], "y": [1.0, -2.0, 1.0, 1.0e-6]}, index=list("abcd"))
    (pair,) = methods.collinear_pairs(effects).itertuples(index=False)
    assert {pair.one, pair.other} == {"a", "b"} and pair.cosine == pytest.approx(-1.0)


def test_a_missing_value_costs_its_block_alone_and_is_counted() -> None:
    def gap(points: pd.DataFrame) -> pd.DataFrame:
        found = ishigami(points)
        found.iloc[7] = np.nan
        return found

    assert (methods.decompose(gap, CUBE, points=64)["lost"] == 1).all()
    assert (methods.screen(gap, CUBE)["lost"] == 1).all()


def test_an_output_that_never_changes_has_no_sobol_indices() -> None:
    found = methods.decompose(lambda p: pd.DataFrame({"y": np.ones(len(p))}), CUBE, points=8)
    assert found["total"].isna().all()


def course_of_protein(protein) -> xr.Dataset:
    m = np.atleast_2d(np.asarray(protein, dtype=float))
    return xr.Dataset(
        {"m_protein_g_per_dl": (("patient", "time"), m), "tumour_total": (("patient", "time"), m * 1e10)},
        coords={"patient": np.arange(1, len(m) + 1), "time": np.array([-7.0, 0.0, 7.0, 14.0, 21.0])},
    )


def test_the_day_of_a_rise_lies_between_outputs_and_none_is_the_end() -> None:
    """Lowest 1, so the rise is at 1.5 (0.5 g/dL exceeds 25%): half way from 1 on day 7 to 2 on day 14."""
    found = s.read_outcomes(course_of_protein([[9, 4, 1, 2, 3], [9, 4, 3, 2, 2.1], [9, 4, 1, np.nan, np.nan]]), 0.0)
    np.testing.assert_allclose(found["days"], [10.5, 21.0, np.nan])
    np.testing.assert_allclose(found["risen"], [1.0, 0.0, np.nan])
    np.testing.assert_allclose(found["depth"], [np.log10(0.25), np.log10(0.5), np.nan])
    np.testing.assert_allclose(found["halved"], [1.0, 1.0, np.nan])
    np.testing.assert_allclose(found["nadir"][:2], np.log10([1e10 + 1, 2e10 + 1]))


def test_the_plans_elasticity_is_the_difference_of_two_runs() -> None:
    found = s.local_sensitivity(PLAN, days=56, step=0.05).loc["tumour_burden"]
    course, _ = s.plan_outputs(PLAN, days=56)
    typical = s.list_ranges(course)["typical"]["tumour_burden"]
    nadirs = [
        s.read_outcomes(
            simulate_plan(PLAN, days=56, every=7.0, counted=False, values={"tumour_burden": typical * np.exp(step)}),
            0.0,
        )["nadir"].iloc[0]
        for step in (0.05, -0.05)
    ]
    assert found["nadir"] == pytest.approx((nadirs[0] - nadirs[1]) / 0.1, rel=1e-6)


def test_the_seed_gives_the_same_table_again_and_another_seed_another() -> None:
    how = {"days": 56.0, "parameters": ["growth_rate", "killing_rate", "kappa_receptors"], "size": 4}
    one, again, other = (s.global_sensitivity(PLAN, seed=seed, **how) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one["mean"].equals(other["mean"])
    idle = one[one["parameter"] == "kappa_receptors"]
    assert (idle["mean_star"] == 0).all()  # no kappa-directed therapy in the plan


def test_sobol_of_a_plan_has_every_output_and_parameter() -> None:
    found = s.global_sensitivity(PLAN, days=56, method="sobol", parameters=["growth_rate", "killing_rate"], size=16)
    assert len(found) == 2 * len({*s.OUTPUT_MEANINGS, "risen"})


def test_ranges_hold_the_parameters_of_the_slots_and_no_definitions() -> None:
    course = arrange_course([*PLAN, Treatment("talquetamab", day=100)], days=200)
    ranges = s.list_ranges(course)
    assert (ranges["low"] <= ranges["typical"]).all() and (ranges["typical"] <= ranges["high"]).all()
    assert (ranges["grade"] != "definition").all() and any(name.startswith("product1_") for name in ranges.index)
    assert not ranges.loc[ranges["log"], "low"].le(0).any()


@pytest.mark.parametrize("how", [{"parameters": ["magic"]}, {"method": "sobol", "size": 3}])
def test_what_cannot_be_is_refused(how) -> None:
    with pytest.raises(InputError):
        s.global_sensitivity(PLAN, days=28, **how)

"""The summary survival curve against the R package metaSurvival 0.1.0 on 27 studies of untreated liver cancer.

Data: Cabibbo et al. 2010, Hepatology 51:1274, as read off the studies' curves and shipped with the package
(`exampleData`). Origin of the numbers: survival/golden_summary_curve.csv, the output that the package's README
prints for

    msurv(Study, Time, NbRisk, Survival, confidence = "Greenwood", correctionFlag = T, correctionVal = c(0.25, 0.5))

(https://github.com/shubhrampandey/metaSurvival). Its I2 is not compared: it divides Q by observations less studies
(731.217 / 290), where the degrees of freedom are observations less intervals (317 - 20 = 297).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.synthesis.summary_curve import pool_survival_curves

HERE = Path(__file__).parent / "survival"
STUDIES = pd.read_csv(HERE / "data" / "cabibbo.csv")
GOLDEN = pd.read_csv(HERE / "golden_summary_curve.csv")


@pytest.mark.parametrize("effects", ["common", "random"])
def test_curve_and_limits(effects: str) -> None:
    golden = GOLDEN[GOLDEN["effects"] == effects]
    pooled = pool_survival_curves(STUDIES, random_effects=effects == "random", conf_type="log", interval="z")
    pooled = pooled.to_frame()
    assert pooled["time"].tolist()[1:] == golden["time"].tolist()
    # 3e-8: what an ended study weighs there, as it is given a variance of 1e12 instead of being left out.
    np.testing.assert_allclose(pooled["survival"][1:], golden["survival"], rtol=0, atol=5e-8)
    # The package takes 1.96 for the normal quantile 1.959964, a share of 2e-5 of the width.
    for side in ("ci_lb", "ci_ub"):
        np.testing.assert_allclose(pooled[side][1:], golden[side], rtol=5e-5)


def test_median_mean_and_heterogeneity() -> None:
    """README: $median.fixed 6.571189, $mean.fixed 12.06584, $heterogeneity[1] 731.217128; random 5.375810, 9.554813."""
    common = pool_survival_curves(STUDIES, random_effects=False)
    random = pool_survival_curves(STUDIES)
    assert common.median == pytest.approx(6.571189, abs=1e-6)  # the last digit printed
    assert common.restricted_mean == pytest.approx(12.06584, abs=1e-5)
    assert common.q == pytest.approx(731.217128, abs=1e-6)
    assert common.q_df == 297
    assert random.median == pytest.approx(5.375810, abs=1e-6)
    assert random.restricted_mean == pytest.approx(9.554813, abs=1e-6)


def test_error_of_the_mean_agrees_with_simulation_from_the_fitted_model() -> None:
    """README: $mean.random 2.5% and 97.5% of 10,000 draws are 7.800112 and 11.560362, a half width of 1.880."""
    random = pool_survival_curves(STUDIES)
    half_width = (11.560362 - 7.800112) / 2
    # 3 %: Monte-Carlo error of two quantiles from 10,000 draws (about 1.5 % of the half width) and the delta method.
    assert 1.96 * random.restricted_mean_se == pytest.approx(half_width, rel=0.03)

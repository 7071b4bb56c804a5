"""Against figures printed in publications, as metafor's own tests quote them (version 3.8, tests/testthat)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.synthesis.inverse_variance import pool_inverse_variance
from aftercar.synthesis.method_panel import method_panel
from aftercar.synthesis.pooling import pool_proportions

FOLDER = Path(__file__).parent / "metafor"
COHORTS = pd.read_csv(FOLDER / "cohorts.csv")


def cohorts(name: str) -> tuple[pd.Series, pd.Series]:
    data = COHORTS[COHORTS["data_set"] == name]
    return data["events"], data["total"]


@pytest.mark.parametrize(
    ("name", "method", "coefficient", "se", "tau2", "proportion", "lower", "upper"),
    [
        # Stijnen, Hamza & Oezdemir 2010, table II: normal-normal and binomial-normal rows of both arms.
        ("nielweise2007_control", "reml", -3.3018, 0.2378, 0.6629, 0.0355, 0.0226, 0.0554),
        ("nielweise2007_control", "glmm", -3.4964, 0.2570, 0.8124, 0.0294, 0.0180, 0.0478),
        ("nielweise2007_treated", "reml", -4.2604, 0.2589, 0.3928, 0.0139, 0.0084, 0.0229),
        ("nielweise2007_treated", "glmm", -4.8121, 0.3555, 0.8265, 0.0081, 0.0040, 0.0161),
    ],
)
def test_stijnen_2010_table_2(
    name: str, method: str, coefficient: float, se: float, tau2: float, proportion: float, lower: float, upper: float
) -> None:
    pooled = pool_proportions(*cohorts(name), method=method, interval="z")
    # Printed to four decimals. The GLMM rows were made with few quadrature nodes, worth 1.2e-3 in tau2 of sparse data.
    allowed = 0.0013 if method == "glmm" else 0.00011
    assert pooled.heterogeneity is not None
    assert pooled.heterogeneity.tau2 == pytest.approx(tau2, abs=allowed)
    assert pooled.coefficient == pytest.approx(coefficient, abs=5e-4 if method == "glmm" else 1e-4)
    assert pooled.se == pytest.approx(se, abs=5e-4 if method == "glmm" else 1e-4)
    found = (pooled.estimate, pooled.ci_lb, pooled.ci_ub)
    assert found == pytest.approx((proportion, lower, upper), abs=6e-5)


def test_clasp_of_dersimonian_and_kacker_2007() -> None:
    # DerSimonian & Kacker 2007 (CLASP): tau and the pooled log odds ratio by estimator, printed to 4 decimals.
    n1, n2 = np.array([156, 303, 565, 1570, 103, 4659.0]), np.array([74, 303, 477, 1565, 105, 4650.0])
    a, c = np.array([5, 5, 12, 69, 9, 313.0]), np.array([8, 17, 9, 94, 11, 352.0])
    b, d = n1 - a, n2 - c
    yi, vi = np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
    printed = {"pm": (0.3681, -0.3811), "dl": (0.2323, -0.3240), "reml": (0.1843, -0.2980)}
    for method, (tau, mean) in printed.items():
        pooled = pool_inverse_variance(yi, vi, method=method)
        assert np.sqrt(pooled.heterogeneity.tau2) == pytest.approx(tau, abs=6e-5)
        assert pooled.estimate == pytest.approx(mean, abs=6e-5)
    for method, tau in {"ml": 0.0023, "hs": 0.1330, "sj": 0.4572}.items():
        # ML is all but zero here, and their iteration stopped short of it.
        allowed = 0.0024 if method == "ml" else 6e-5
        assert np.sqrt(pool_inverse_variance(yi, vi, method=method).heterogeneity.tau2) == pytest.approx(
            tau, abs=allowed
        )


def test_the_answer_moves_with_the_method_on_pritz_1997() -> None:
    # The three rates that metafor 3.8-1 gives on these 14 series: rma(PLO), rma.glmm, rma(PAS).
    panel = method_panel(*cohorts("pritz1997")).set_index("label")["estimate"]
    assert panel["logit, REML"] == pytest.approx(0.757, abs=5e-4)
    assert panel["GLMM, t interval"] == pytest.approx(0.798, abs=5e-4)
    assert panel["arcsine, REML"] == pytest.approx(0.813, abs=5e-4)

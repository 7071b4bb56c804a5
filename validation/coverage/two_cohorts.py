"""How many degrees of freedom the default t interval of the GLMM needs when there are only two cohorts.

    python validation/coverage/two_cohorts.py

Writes two_cohorts.csv beside this file: coverage [%] and median width of the 95 % interval of the typical cohort's
rate, on the truths of simulate.py. One degree of freedom (k - 1) covers everything by spanning nearly everything.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from scipy.special import expit, logit, stdtrit

from aftercar.foundation import DEFAULT_SEED, NotPoolableError, draw_stream
from aftercar.synthesis.pooling import pool_proportions

RATES, TAUS, PATIENTS, REPLICATES = (0.1, 0.3, 0.5, 0.75, 0.9), (0.0, 0.3, 0.6, 1.0), (4, 60), 1000
DEGREES = (1, 2, 3)


def simulate_cell(rate: float, tau: float) -> dict[str, float]:
    """Return one row: coverage and median width for each number of degrees of freedom."""
    limits: dict[int, list[tuple[float, float]]] = {df: [] for df in DEGREES}
    for replicate in range(REPLICATES):
        rng = draw_stream(DEFAULT_SEED, "two cohorts", str(rate), str(tau), replicate)
        total = rng.integers(PATIENTS[0], PATIENTS[1] + 1, 2)
        events = rng.binomial(total, expit(logit(rate) + tau * rng.standard_normal(2)))
        try:
            pooled = pool_proportions(events, total)
        except NotPoolableError:
            continue
        for df in DEGREES:
            if pooled.coefficient is None or pooled.se is None:
                limits[df].append((pooled.ci_lb, pooled.ci_ub))
                continue
            half = stdtrit(df, 0.975) * pooled.se
            limits[df].append((float(expit(pooled.coefficient - half)), float(expit(pooled.coefficient + half))))
    row: dict[str, float] = {"rate": rate, "tau": tau, "replicates": REPLICATES, "answered": len(limits[1])}
    for df, found in limits.items():
        lower, upper = np.array(found).T
        row[f"coverage_df{df}"] = round(100 * float(np.mean((lower <= rate) & (rate <= upper))), 1)
        row[f"median_width_df{df}"] = round(float(np.median(upper - lower)), 3)
    return row


if __name__ == "__main__":
    rows = [simulate_cell(rate, tau) for rate in RATES for tau in TAUS]
    with (Path(__file__).parent / "two_cohorts.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

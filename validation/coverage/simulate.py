"""Actual coverage of the intervals for a pooled proportion, by simulation.

    python validation/coverage/simulate.py            # all cells, about half an hour: writes coverage.csv beside it
    python validation/coverage/simulate.py --short    # a few cells, a minute: prints, writes nothing
    python validation/coverage/simulate.py --only Bayes   # one method on the same counts; its rows are replaced

Truth: k cohorts of n ~ uniform{4..60} patients; logit of a cohort's rate ~ N(logit p, tau^2); counts binomial. The
target of a confidence interval is p, the rate of the typical cohort. The coverage of a prediction interval is the
probability that a new cohort's true rate lies in it, computed exactly for each simulated interval.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from aftercar.foundation import DEFAULT_SEED, AftercarWarning, NotPoolableError, draw_stream
from aftercar.synthesis.pooling import pool_proportions
from aftercar.synthesis.results import PooledProportion

COHORTS = (3, 5, 8, 15)
RATES = (0.1, 0.3, 0.5, 0.75, 0.9)
TAUS = (0.0, 0.3, 0.6, 1.0)
PATIENTS = (4, 60)
REPLICATES = 500
METHODS: dict[str, dict[str, Any]] = {
    "GLMM, Wald z": {"method": "glmm", "interval": "z"},
    "GLMM, Wald t": {"method": "glmm", "interval": "t"},
    "GLMM, profile": {"method": "glmm", "interval": "profile"},
    "logit REML, z": {"method": "reml"},
    "logit REML, HKSJ": {"method": "reml", "hksj": True},
    "logit DL, z": {"method": "dl"},
    "arcsine REML, z": {"method": "reml", "scale": "arcsine"},
    "Bayes": {"method": "bayes"},
}
FIELDS = (
    "method",
    "k",
    "rate",
    "tau",
    "replicates",
    "answered",
    "coverage",
    "median_width",
    "pi_answered",
    "pi_coverage",
    "pi_median_width",
    "median_error",
    "mean_absolute_error",
)


def simulate_cell(
    k: int, rate: float, tau: float, replicates: int, seed: int, names: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield one row a method for one truth; every method sees the same counts."""
    outcomes: dict[str, list[PooledProportion]] = {name: [] for name in names}
    for replicate in range(replicates):
        rng = draw_stream(seed, "coverage", k, str(rate), str(tau), replicate)
        total = rng.integers(PATIENTS[0], PATIENTS[1] + 1, k)
        events = rng.binomial(total, expit(logit(rate) + tau * rng.standard_normal(k)))
        for name in names:
            try:
                outcomes[name].append(pool_proportions(events, total, **METHODS[name]))
            except NotPoolableError:
                continue
    for name, pooled in outcomes.items():
        yield {"method": name, "k": k, "rate": rate, "tau": tau, "replicates": replicates} | summarise(
            pooled, rate, tau
        )


def summarise(pooled: list[PooledProportion], rate: float, tau: float) -> dict[str, Any]:
    """Return coverage, widths and errors of the answers that a method gave."""
    lower, upper = np.array([r.ci_lb for r in pooled]), np.array([r.ci_ub for r in pooled])
    error = np.array([r.estimate for r in pooled]) - rate
    predicted = [r for r in pooled if r.pi_lb is not None and r.pi_ub is not None]
    pi_lower, pi_upper = np.array([r.pi_lb for r in predicted]), np.array([r.pi_ub for r in predicted])
    if tau > 0:
        with np.errstate(divide="ignore"):
            z_upper, z_lower = (logit(pi_upper) - logit(rate)) / tau, (logit(pi_lower) - logit(rate)) / tau
        inside = norm.cdf(z_upper) - norm.cdf(z_lower)
    else:
        inside = (pi_lower <= rate) & (rate <= pi_upper)
    return {
        "answered": len(pooled),
        "coverage": round(float(np.mean((lower <= rate) & (rate <= upper))), 4),
        "median_width": round(float(np.median(upper - lower)), 4),
        "pi_answered": len(predicted),
        "pi_coverage": round(float(np.mean(inside)), 4),
        "pi_median_width": round(float(np.median(pi_upper - pi_lower)), 4),
        "median_error": round(float(np.median(error)), 4),
        "mean_absolute_error": round(float(np.mean(np.abs(error))), 4),
    }


def main() -> None:
    """Run all cells, or a few, and write or print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a few cells, 60 replicates, printed only")
    parser.add_argument("--only", choices=list(METHODS), help="one method, merged into the table that is there")
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("coverage.csv"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", AftercarWarning)
    cells = list(itertools.product(COHORTS, RATES, TAUS))
    replicates = arguments.replicates
    if arguments.short:
        cells, replicates = [(3, 0.5, 0.6), (5, 0.75, 0.0), (8, 0.75, 0.6)], 60
    rows, start = [], time.monotonic()
    for done, cell in enumerate(cells, start=1):
        rows += simulate_cell(*cell, replicates, arguments.seed, [arguments.only] if arguments.only else list(METHODS))
        print(f"{done}/{len(cells)} cells, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    if arguments.short:
        for row in rows:
            print(*(f"{row[name]}" for name in FIELDS), sep="\t")
        return
    if arguments.only:
        with arguments.out.open(newline="", encoding="utf-8") as file:
            rows += [row for row in csv.DictReader(file) if row["method"] != arguments.only]
        place = {name: i for i, name in enumerate(METHODS)}
        rows.sort(key=lambda row: (int(row["k"]), float(row["rate"]), float(row["tau"]), place[row["method"]]))
    with arguments.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

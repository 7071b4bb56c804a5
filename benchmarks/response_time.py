"""How long it takes to observe and to grade 10,000 virtual patients at 41 visits.

Run: python benchmarks/response_time.py
"""

from __future__ import annotations

import time

import numpy as np
import xarray as xr

from aftercar.clinic import arrange_laboratory, grade_response, observe_visits

PATIENTS, LAST_DAY = 10_000, 1120.0
STARTS = {
    "m_protein_g_per_dl": 3.0, "free_light_chain": 200.0, "mrd_level": 0.3, "emd_total": 1e9,
    "sbcma_ng_per_ml": 100.0, "copies_per_ug": 1e4,
}  # fmt: skip


def make_levels() -> xr.Dataset:
    """Return made-up levels that fall and come back, differently in each patient."""
    rng = np.random.default_rng(1)
    times = np.arange(0.0, LAST_DAY + 1, 28.0)
    course = np.exp(-times / rng.uniform(20, 400, (PATIENTS, 1)))
    course += 1e-4 * np.exp(times / rng.uniform(60, 300, (PATIENTS, 1)))
    levels = {name: start * course for name, start in STARTS.items()}
    levels["mrd_level"] = np.minimum(levels["mrd_level"], 1.0)
    variables = {name: (("patient", "time"), values) for name, values in levels.items()}
    return xr.Dataset(variables, coords={"patient": np.arange(1, PATIENTS + 1), "time": times})


def main() -> None:
    """Print the seconds of each step."""
    data = make_levels()
    clock = [time.perf_counter()]
    table = observe_visits(data, seed=1)
    clock.append(time.perf_counter())
    laboratory = arrange_laboratory(table)
    clock.append(time.perf_counter())
    grading = grade_response(laboratory)
    clock.append(time.perf_counter())
    print(f"{grading.visit.shape[0]:,} patients at {grading.visit.shape[1]} visits")
    for what, seconds in zip(("observe", "arrange", "grade"), np.diff(clock), strict=True):
        print(f"{what}: {seconds:.2f} s")


if __name__ == "__main__":
    main()

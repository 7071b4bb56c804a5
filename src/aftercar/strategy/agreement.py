"""Observed beside simulated: what cohorts reported, and what virtual patients gave, for the same strategy.

Nothing is fitted here, and no simulated figure enters the pooled ones. The observed interval holds the uncertainty of a
strategy's mean; the simulated one that of sampling alone, not of the parameters. Patients differ: the simulated ones
relapsed after one product, the observed ones as each cohort says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from aftercar.strategy.export import comparison_frame
from aftercar.strategy.results import Comparison
from aftercar.trials import TrialPlan

_MEASURES = {"orr": "ORR", "cr": "CR"}


def set_beside(comparison: Comparison, plan: TrialPlan, endpoints: pd.DataFrame) -> pd.DataFrame:
    """Return one row per arm that stands for a strategy, observed and simulated (`endpoints`: of `summarise`).

    Columns strategy, arm; for `orr` and `cr` ``<measure>_observed``, its interval and patients,
    ``<measure>_simulated`` and its interval of sampling, ``<measure>_simulated_parameters_lb`` and ``_ub`` (over what
    is open about the parameters), ``<measure>_agrees`` (whether the intervals of observed and of sampling meet; missing
    where nothing was observed); `pfs_observed` and `pfs_simulated` in months. Shares from 0 to 1.
    """
    observed = {row["strategy_id"]: row for row in comparison_frame(comparison).to_dict("records")}
    simulated = {(row["arm"], row["measure"]): row for row in endpoints.to_dict("records")}
    rows = []
    for arm in plan.arms:
        if arm.strategy not in observed:
            continue
        seen = observed[arm.strategy]
        row: dict[str, object] = {"strategy": seen["strategy"], "arm": arm.name}
        for short, measure in _MEASURES.items():
            row |= _measure(short, seen, simulated[arm.name, measure])
        row["pfs_observed"] = seen["pfs_median_months"]
        row["pfs_simulated"] = simulated.get((arm.name, "PFS"), {}).get("estimate", np.nan)
        rows.append(row)
    return pd.DataFrame(rows)


def _measure(short: str, seen: Mapping[Any, Any], drawn: Mapping[Any, Any]) -> dict[str, object]:
    low, high = (pd.to_numeric(seen[f"{short}_{end}"], errors="coerce") for end in ("ci_lb", "ci_ub"))
    known = bool(np.isfinite(low) and np.isfinite(high))
    return {
        f"{short}_observed": pd.to_numeric(seen[f"{short}_estimate"], errors="coerce"),
        f"{short}_observed_lb": low,
        f"{short}_observed_ub": high,
        f"{short}_observed_n": seen[f"{short}_total"],
        f"{short}_simulated": drawn["estimate"],
        f"{short}_simulated_lb": drawn["ci_lb"],
        f"{short}_simulated_ub": drawn["ci_ub"],
        f"{short}_simulated_parameters_lb": drawn["parameters_lb"],
        f"{short}_simulated_parameters_ub": drawn["parameters_ub"],
        f"{short}_agrees": bool(low <= drawn["ci_ub"] and drawn["ci_lb"] <= high) if known else pd.NA,
    }

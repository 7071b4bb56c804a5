"""Endpoints of an arm that has its grading and no tables yet: for `run_trial`, until arms give `TrialTables`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aftercar.clinic.categories import PD, PR
from aftercar.patients.kinetics import MONTH
from aftercar.synthesis import estimate_proportion, median_survival
from aftercar.trials.arms import Arm
from aftercar.trials.endpoint_records import LEVEL, RESPONSES, fit_curve
from aftercar.trials.relapsed import Relapsed


def count_responders(arm: Arm, *, level: float = LEVEL) -> pd.DataFrame:
    """Return response rates of the treated patients: columns measure, events, n, estimate, ci_lb, ci_ub."""
    best = arm.table.loc[arm.table["treated"], "best_response"]
    rows = []
    for measure, categories in RESPONSES.items():
        found = estimate_proportion(int(best.isin(categories).sum()), len(best), level=level)
        rows.append((measure, found.events, found.total, found.estimate, found.ci_lb, found.ci_ub))
    return pd.DataFrame(rows, columns=["measure", "events", "n", "estimate", "ci_lb", "ci_ub"])


def progression_free(arm: Arm) -> pd.DataFrame:
    """Return duration [day] and event of progression-free survival, indexed by patient: those who were treated."""
    treated = arm.table[arm.table["treated"]]
    event = treated["progression_day"].notna()
    duration = treated["progression_day"].where(event, treated["last_day"])
    return pd.DataFrame({"duration": duration.clip(lower=0.5), "event": event})


def duration_of_response(arm: Arm) -> pd.DataFrame:
    """Return duration [day] and event from the first confirmed partial response or better to progression."""
    level = arm.grading.confirmation.level
    responded = (level >= PR) & (level != PD)
    ids = pd.Index(arm.grading.laboratory.patients, name="patient")
    first = np.where(responded, arm.grading.laboratory.day, np.inf).min(axis=1)
    table = arm.table.loc[ids].assign(first=first)
    table = table[table["best_response"].isin(RESPONSES["ORR"]) & np.isfinite(table["first"])]
    event = table["progression_day"].notna()
    duration = table["progression_day"].where(event, table["last_day"]) - table["first"]
    return pd.DataFrame({"duration": duration.clip(lower=0.5), "event": event})


def summarise_arm(arm: Arm, *, level: float = LEVEL) -> pd.DataFrame:
    """Return all endpoints of an arm, one row each; survival as medians in months, NaN where not reached."""
    rows = [count_responders(arm, level=level).assign(unit="share")]
    for measure, records in (("PFS", progression_free(arm)), ("DOR", duration_of_response(arm))):
        if len(records) == 0:
            continue
        median = median_survival(fit_curve(records, level=level))
        months = [np.nan if x is None else x / MONTH for x in (median.estimate, median.ci_lb, median.ci_ub)]
        found = {"measure": measure, "events": int(records["event"].sum()), "n": len(records)}
        found |= dict(zip(("estimate", "ci_lb", "ci_ub"), months, strict=True))
        rows.append(pd.DataFrame([found | {"unit": "month"}]))
    table = pd.concat(rows, ignore_index=True)
    table.insert(0, "arm", arm.name)
    table["kind"] = "simulated"
    return table


def compare_arms_by_mechanism(relapsed: Relapsed, arms: Sequence[Arm], *, least: int = 10) -> pd.DataFrame:
    """Return the response rate of each arm by mechanism of relapse: where a strategy works and where it fails.

    Columns arm, mechanism, events, n, estimate, ci_lb, ci_ub. Mechanisms of fewer than `least` patients have their
    counts and no estimate.
    """
    rows = []
    for arm in arms:
        treated = arm.table[arm.table["treated"]]
        reason = relapsed.table["mechanism"].loc[treated.index]
        for mechanism, best in treated["best_response"].groupby(reason):
            events, n = int(best.isin(RESPONSES["ORR"]).sum()), len(best)
            if n < least:
                rows.append((arm.name, mechanism, events, n, np.nan, np.nan, np.nan))
                continue
            found = estimate_proportion(events, n, level=LEVEL)
            rows.append((arm.name, mechanism, events, n, found.estimate, found.ci_lb, found.ci_ub))
    return pd.DataFrame(rows, columns=["arm", "mechanism", "events", "n", "estimate", "ci_lb", "ci_ub"])

"""Observed beside simulated: what cohorts reported, and what virtual patients gave, for the same strategy.

Nothing is fitted here, and no simulated figure enters the pooled ones. The observed interval holds the uncertainty of a
strategy's mean. Of the simulated ones, one is that of sampling alone, the other what is open about the parameters.
Patients differ: the simulated ones relapsed after one product, the observed ones as each cohort says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.foundation import NotPoolableError, draw_stream
from aftercar.patients.parameter_choice import PARAMETERS
from aftercar.strategy.export import comparison_frame
from aftercar.strategy.results import RANK_LEVEL, Comparison
from aftercar.strategy.tensions import Tensions, list_tensions
from aftercar.synthesis.ranking import Identification
from aftercar.trials import TrialPlan, compare_by_mechanism, find_plan, load_plan, run_trial, summarise
from aftercar.trials.ranks import rank_arms
from aftercar.trials.tables import TrialTables

BUILT_IN = "after_ide_cel"
SIMULATED_LEVEL = 0.90
"""Level of the simulated intervals."""
_MEASURES = {"orr": "ORR", "cr": "CR"}
_RANKED = {"orr": "ORR", "pfs": "PFS"}
_ENDS = ("lb", "ub")


@dataclass(frozen=True)
class Simulated:
    """The simulated half of a comparison.

    Attributes
    ----------
    beside
        One row per strategy that an arm stands for; see `set_beside`.
    by_mechanism
        Response by arm and mechanism of relapse; see `aftercar.trials.compare_by_mechanism`.
    facts
        What was simulated, by name.
    calibrated
        Whether the first treatment's parameters are those of the calibration.
    hashes
        Of model data.
    identified
        By ORR and PFS: which order of the strategies, by name, the simulation identifies.
    tensions
        Where the model and the evidence disagree, as the shipped answers have it.
    """

    beside: pd.DataFrame
    by_mechanism: pd.DataFrame
    facts: Mapping[str, str]
    calibrated: bool
    hashes: Mapping[str, str]
    identified: Mapping[str, Identification] = field(default_factory=dict)
    tensions: Tensions | None = None


def list_simulated(comparison: Comparison) -> TrialPlan:
    """Return the built-in trial with those arms that stand for a strategy of the comparison."""
    plan = load_plan(find_plan(BUILT_IN), load_model_data(), load_populations())
    shown = {row.strategy.strategy_id for row in comparison.results}
    arms = tuple(arm for arm in plan.arms if arm.strategy in shown)
    return plan.model_copy(update={"arms": arms})


def simulate_strategies(comparison: Comparison, *, advance: Callable[[int], None] = lambda n: None) -> Comparison:
    """Return the comparison with its simulated half: the built-in trial, of the size that its settings say.

    Arms on the same relapsed patients. Where no strategy of the comparison has an arm, it stays without.

    Parameters
    ----------
    advance
        Called with the number of patients done: those of the first treatment, then as many for each arm.
    """
    settings, plan = comparison.settings, list_simulated(comparison)
    if not plan.arms:
        return comparison
    plan = plan.model_copy(update={"patients": settings.simulated_patients})
    data, parameters = load_model_data(), settings.simulated_parameters
    assert parameters in PARAMETERS  # as check_settings found
    run = run_trial(
        plan, seed=settings.seed, sets=settings.simulated_sets, parameters=parameters, data=data, advance=advance
    )
    endpoints = summarise(run.tables, level=SIMULATED_LEVEL)
    first = " + ".join(entry.therapy for entry in plan.index)
    sets = f"{settings.simulated_sets} of the {parameters}" if settings.simulated_sets else "typical values"
    facts = {
        "Virtual patients": f"{len(run.index)} ({plan.population}) had {first}; {len(run.tables.subjects)} progressed "
        "and entered every arm",
        "Parameter sets": sets,
        "Follow-up": f"{plan.days:g} days from progression",
        "Criteria": f"{plan.criteria}, confirmed",
        "Intervals": f"simulated {SIMULATED_LEVEL:.0%}, observed {settings.level:.0%}",
    }  # fmt: skip
    beside, identified = add_ranks(set_beside(comparison, plan, endpoints), run.tables, seed=settings.seed)
    calibrated = bool(settings.simulated_sets) and parameters == "posterior"
    simulated = Simulated(
        beside, compare_by_mechanism(run.tables), facts, calibrated, {"model_data": data.hash}, identified,
        list_tensions(comparison.results, data),
    )  # fmt: skip
    hashes = {**comparison.manifest.hashes, **simulated.hashes}
    return replace(comparison, simulated=simulated, manifest=replace(comparison.manifest, hashes=hashes))


def set_beside(comparison: Comparison, plan: TrialPlan, endpoints: pd.DataFrame) -> pd.DataFrame:
    """Return one row per arm that stands for a strategy, observed and simulated (`endpoints`: of `summarise`).

    Columns strategy, arm; for `orr` and `cr` ``<measure>_observed``, its interval and patients,
    ``<measure>_simulated`` and its interval of sampling, ``<measure>_simulated_parameters_lb`` and ``_ub`` (over what
    is open about the parameters), ``<measure>_agrees`` (whether the intervals of observed and of sampling meet; missing
    where nothing was observed); `pfs_observed` and `pfs_simulated` in months, with the same intervals. Shares from 0
    to 1.
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
        row["pfs_observed"] = _number(seen["pfs_median_months"])
        row |= {f"pfs_observed_{end}": _number(seen[f"pfs_ci_{end}"]) for end in _ENDS}
        row |= _simulated("pfs", simulated[arm.name, "PFS"])
        rows.append(row)
    return pd.DataFrame(rows)


def add_ranks(
    beside: pd.DataFrame, tables: TrialTables, *, seed: int
) -> tuple[pd.DataFrame, Mapping[str, Identification]]:  # fmt: skip
    """Return the table with ranks of the simulated arms, and which order of strategies is identified, by ORR and PFS.

    New columns ``<orr|pfs>_rank_lb``, ``_rank_ub`` (`RANK_LEVEL`; rank 1 is the highest) and ``_prob_best``; missing
    where arms cannot be ranked. PFS is mean time without progression up to the last day that every arm is followed to.
    """
    found: dict[str, Identification] = {}
    name_of = dict(zip(beside["arm"], beside["strategy"], strict=True))
    for short, measure in _RANKED.items():
        columns = [f"{short}_{name}" for name in ("rank_lb", "rank_ub", "prob_best")]
        beside[columns] = np.nan
        try:
            ranking, order = rank_arms(tables, measure, level=RANK_LEVEL, rng=draw_stream(seed, "simulated ranks"))
        except NotPoolableError:
            continue  # one arm, or hardly any patient
        rows = {row.strategy: (row.rank_lb, row.rank_ub, row.p_best) for row in ranking.rows}
        beside[columns] = [rows[str(arm)] for arm in beside["arm"]]
        found[measure] = replace(
            order, best=name_of.get(order.best, ""), may_be_best=tuple(name_of[arm] for arm in order.may_be_best)
        )
    return beside, found


def _measure(short: str, seen: Mapping[Any, Any], drawn: Mapping[Any, Any]) -> dict[str, object]:
    low, high = (_number(seen[f"{short}_ci_{end}"]) for end in _ENDS)
    known = bool(np.isfinite(low) and np.isfinite(high))
    return {
        f"{short}_observed": _number(seen[f"{short}_estimate"]),
        f"{short}_observed_lb": low,
        f"{short}_observed_ub": high,
        f"{short}_observed_n": seen[f"{short}_total"],
        **_simulated(short, drawn),
        f"{short}_agrees": bool(low <= drawn["ci_ub"] and drawn["ci_lb"] <= high) if known else pd.NA,
    }


def _simulated(short: str, drawn: Mapping[Any, Any]) -> dict[str, object]:
    """Return estimate, interval of sampling, interval over parameters."""
    found: dict[str, object] = {f"{short}_simulated": drawn["estimate"]}
    found |= {f"{short}_simulated_{end}": drawn[f"ci_{end}"] for end in _ENDS}
    return found | {f"{short}_simulated_parameters_{end}": drawn[f"parameters_{end}"] for end in _ENDS}


def _number(value: object) -> float:
    return float(pd.to_numeric(pd.Series([value]), errors="coerce").iloc[0])

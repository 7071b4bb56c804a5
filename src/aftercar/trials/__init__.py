"""Virtual trials: patients who relapsed, lines of therapy, arms, endpoints. Every figure is simulated."""

from aftercar.trials.endpoints import (
    compare_by_covariate,
    compare_by_mechanism,
    summarise,
    take_records,
    take_responses,
)
from aftercar.trials.plan import TrialPlan, find_plan, load_plan
from aftercar.trials.run import Trial, run_trial
from aftercar.trials.tables import TrialTables

__all__ = [
    "Trial",
    "TrialPlan",
    "TrialTables",
    "compare_by_covariate",
    "compare_by_mechanism",
    "find_plan",
    "load_plan",
    "run_trial",
    "summarise",
    "take_records",
    "take_responses",
]

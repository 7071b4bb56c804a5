"""Virtual trials: patients who relapsed, arms on the same patients, endpoints. Every figure is simulated."""

from aftercar.trials.adam import AdamDataset, build_adam, write_adam
from aftercar.trials.arms import Arm, simulate_arm
from aftercar.trials.endpoints import compare_by_mechanism, duration_of_response, progression_free, summarise_arm
from aftercar.trials.folder import load_tables, write_tables
from aftercar.trials.plan import TrialPlan, load_plan
from aftercar.trials.relapsed import Relapsed, count_relapses, simulate_relapsed
from aftercar.trials.run import Trial, run_trial

__all__ = [
    "AdamDataset",
    "Arm",
    "Relapsed",
    "Trial",
    "TrialPlan",
    "build_adam",
    "compare_by_mechanism",
    "count_relapses",
    "duration_of_response",
    "load_plan",
    "load_tables",
    "progression_free",
    "run_trial",
    "simulate_arm",
    "simulate_relapsed",
    "summarise_arm",
    "write_adam",
    "write_tables",
]

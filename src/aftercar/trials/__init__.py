"""Virtual trials: patients who relapsed, arms on the same patients, endpoints. Every figure is simulated."""

from aftercar.trials.analysis import (
    add_covariates,
    check_hazards,
    compare_hazards,
    compare_log_rank,
    compare_restricted_means,
    measure_follow_up,
    tabulate_curves,
    tabulate_incidence,
)
from aftercar.trials.arms import Arm, simulate_arm
from aftercar.trials.cut_off import cut_tables
from aftercar.trials.design import allocate, draw_accrual, drop_out_hazard, set_entry, take_allocated
from aftercar.trials.endpoint_records import take_causes
from aftercar.trials.endpoints import (
    compare_by_covariate,
    compare_by_mechanism,
    duration_of_response,
    progression_free,
    summarise,
    summarise_arm,
    take_records,
    take_responses,
)
from aftercar.trials.plan import TrialPlan, load_plan
from aftercar.trials.power import SampleSize, estimate_power, find_sample_size
from aftercar.trials.relapsed import Relapsed, count_relapses, simulate_relapsed
from aftercar.trials.run import Trial, run_trial

__all__ = [
    "Arm",
    "Relapsed",
    "SampleSize",
    "Trial",
    "TrialPlan",
    "add_covariates",
    "allocate",
    "check_hazards",
    "compare_by_covariate",
    "compare_by_mechanism",
    "compare_hazards",
    "compare_log_rank",
    "compare_restricted_means",
    "count_relapses",
    "cut_tables",
    "draw_accrual",
    "drop_out_hazard",
    "duration_of_response",
    "estimate_power",
    "find_sample_size",
    "load_plan",
    "measure_follow_up",
    "progression_free",
    "run_trial",
    "set_entry",
    "simulate_arm",
    "simulate_relapsed",
    "summarise",
    "summarise_arm",
    "tabulate_curves",
    "tabulate_incidence",
    "take_allocated",
    "take_causes",
    "take_records",
    "take_responses",
]

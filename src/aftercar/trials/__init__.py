"""Virtual trials: patients who relapsed, lines of therapy, arms, endpoints. Every figure is simulated."""

from aftercar.trials.adam import AdamDataset, build_adam, write_adam
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
from aftercar.trials.cut_off import cut_tables
from aftercar.trials.design import allocate, draw_accrual, drop_out_hazard, set_entry, take_allocated
from aftercar.trials.endpoint_records import take_causes, take_records, take_responses
from aftercar.trials.endpoints import compare_by_covariate, compare_by_mechanism, summarise
from aftercar.trials.folder import load_tables, write_tables
from aftercar.trials.mortality import draw_deaths
from aftercar.trials.plan import TrialPlan, find_plan, load_plan
from aftercar.trials.power import SampleSize, estimate_power, find_sample_size
from aftercar.trials.run import Trial, run_trial
from aftercar.trials.tables import TrialTables
from aftercar.trials.toxicity import draw_toxicity

__all__ = [
    "AdamDataset",
    "SampleSize",
    "Trial",
    "TrialPlan",
    "TrialTables",
    "add_covariates",
    "allocate",
    "build_adam",
    "check_hazards",
    "compare_by_covariate",
    "compare_by_mechanism",
    "compare_hazards",
    "compare_log_rank",
    "compare_restricted_means",
    "cut_tables",
    "draw_accrual",
    "draw_deaths",
    "draw_toxicity",
    "drop_out_hazard",
    "estimate_power",
    "find_plan",
    "find_sample_size",
    "load_plan",
    "load_tables",
    "measure_follow_up",
    "run_trial",
    "set_entry",
    "summarise",
    "tabulate_curves",
    "tabulate_incidence",
    "take_allocated",
    "take_causes",
    "take_records",
    "take_responses",
    "write_adam",
    "write_tables",
]

"""Virtual trials: patients who relapsed, lines of therapy, arms, endpoints. Every figure is simulated."""

from aftercar.trials.adam import AdamDataset, build_adam, write_adam
from aftercar.trials.endpoint_records import take_records, take_responses
from aftercar.trials.endpoints import compare_by_covariate, compare_by_mechanism, summarise
from aftercar.trials.folder import load_tables, write_tables
from aftercar.trials.mortality import draw_deaths
from aftercar.trials.plan import TrialPlan, find_plan, load_plan
from aftercar.trials.run import Trial, run_trial
from aftercar.trials.tables import TrialTables
from aftercar.trials.toxicity import draw_toxicity

__all__ = [
    "AdamDataset",
    "Trial",
    "TrialPlan",
    "TrialTables",
    "build_adam",
    "compare_by_covariate",
    "compare_by_mechanism",
    "draw_deaths",
    "draw_toxicity",
    "find_plan",
    "load_plan",
    "load_tables",
    "run_trial",
    "summarise",
    "take_records",
    "take_responses",
    "write_adam",
    "write_tables",
]

"""Virtual trials: patients who relapsed, arms on the same patients, endpoints. Every figure is simulated."""

from aftercar.trials.arms import Arm, simulate_arm
from aftercar.trials.endpoints import compare_by_mechanism, duration_of_response, progression_free, summarise_arm
from aftercar.trials.mortality import draw_deaths
from aftercar.trials.plan import TrialPlan, load_plan
from aftercar.trials.relapsed import Relapsed, count_relapses, simulate_relapsed
from aftercar.trials.run import Trial, run_trial
from aftercar.trials.toxicity import draw_toxicity, find_fatal, keep_until

__all__ = [
    "Arm",
    "Relapsed",
    "Trial",
    "TrialPlan",
    "compare_by_mechanism",
    "count_relapses",
    "draw_deaths",
    "draw_toxicity",
    "duration_of_response",
    "find_fatal",
    "keep_until",
    "load_plan",
    "progression_free",
    "run_trial",
    "simulate_arm",
    "simulate_relapsed",
    "summarise_arm",
]

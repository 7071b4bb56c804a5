"""Virtual trials: patients who relapsed, lines of therapy, arms, endpoints. Every figure is simulated."""

from aftercar.trials.plan import TrialPlan, load_plan
from aftercar.trials.run import Trial, run_trial

__all__ = ["Trial", "TrialPlan", "load_plan", "run_trial"]

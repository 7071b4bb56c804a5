"""Virtual trials: patients who relapsed, arms on the same patients, endpoints. Every figure is simulated."""

from aftercar.trials.arms import Arm, simulate_arm
from aftercar.trials.relapsed import Relapsed, count_relapses, simulate_relapsed

__all__ = ["Arm", "Relapsed", "count_relapses", "simulate_arm", "simulate_relapsed"]

"""Calibration: population parameters from published figures of the index treatment, and whether the result holds."""

from aftercar.calibration.posterior import (
    check_targets,
    find_directions,
    summarise_parameters,
    verify_emulation,
)
from aftercar.calibration.run import CalibrationResult, run_calibration
from aftercar.calibration.self_consistency import Ranks, rank_truths
from aftercar.calibration.targets import CountedTarget, Outcome, count_targets
from aftercar.calibration.waves import QUICK, CalibrationSettings, Material, WaveSettings

__all__ = [
    "QUICK",
    "CalibrationResult",
    "CalibrationSettings",
    "CountedTarget",
    "Material",
    "Outcome",
    "Ranks",
    "WaveSettings",
    "check_targets",
    "count_targets",
    "find_directions",
    "rank_truths",
    "run_calibration",
    "summarise_parameters",
    "verify_emulation",
]

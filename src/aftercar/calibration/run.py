"""A calibration from end to end: waves, draws, summaries, and patients simulated anew to see whether it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aftercar.calibration.conduct import Runner
from aftercar.calibration.identifiability import (
    add_values,
    find_correlations,
    profile_parameters,
    tabulate_information,
)
from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.posterior import (
    check_targets,
    choose_draws,
    find_directions,
    posterior_sets,
    summarise_parameters,
    verify_emulation,
)
from aftercar.calibration.sampling import Chains
from aftercar.calibration.waves import (
    CalibrationSettings,
    Material,
    Wave,
    last_radius,
    run_waves,
    simulate_design,
)
from aftercar.foundation import draw_stream, hash_bytes
from aftercar.patients.parameter_sets import ParameterSets
from aftercar.patients.posterior import basis_hash

DRAWS = 256
VERIFYING_PATIENTS = 4096


@dataclass(frozen=True)
class CalibrationResult:
    """What a calibration gave. Everything is simulated.

    Attributes
    ----------
    sets
        The posterior as parameter sets.
    chains
        Draws of the last wave as scores, with their convergence.
    parameters, directions, checks, verification
        Tables: see `summarise_parameters`, `find_directions`, `check_targets` and `verify_emulation`.
    informs, correlations, profiles, limits
        Tables of what the data tell apart: see `aftercar.calibration.identifiability`.
    patients, stopped
        How many were simulated, and how many of them left out because their integration stopped early.
    """

    material: Material
    settings: CalibrationSettings
    sets: ParameterSets
    chains: Chains
    parameters: pd.DataFrame
    directions: pd.DataFrame
    checks: pd.DataFrame
    verification: pd.DataFrame
    informs: pd.DataFrame
    correlations: pd.DataFrame
    profiles: pd.DataFrame
    limits: pd.DataFrame
    waves: tuple[Wave, ...]
    patients: int
    stopped: int

    def describe(self) -> dict[str, Any]:
        """Return what the posterior rests on, ready for JSON: settings, hashes, convergence."""
        calibration = self.material.calibration
        therapies = sorted({one.therapy for one in calibration.cohorts.values()})
        populations = sorted({one.population for one in calibration.cohorts.values()})
        known = {name: self.material.populations[name] for name in populations}
        return {
            "kind": "simulated",
            "meaning": calibration.meaning,
            "settings": asdict(self.settings),
            "therapies": therapies,
            "populations": populations,
            "basis": basis_hash(self.material.data, therapies, known),
            "calibration": hash_bytes(calibration.model_dump_json().encode()),
            "targets": hash_bytes(repr(self.material.targets).encode()),
            "sets": self.sets.hash,
            "draws": len(self.sets.values),
            "patients": self.patients,
            "stopped": self.stopped,
            "largest_r_hat": float(self.chains.r_hat.max()),
            "smallest_effective": float(self.chains.effective.min()),
            "at_edge": self.waves[-1].at_edge,
        }


def run_calibration(
    material: Material, settings: CalibrationSettings, *, draws: int = DRAWS, folder: Path | None = None,
    verifying: int = VERIFYING_PATIENTS, run: Runner | None = None,
) -> CalibrationResult:  # fmt: skip
    """Calibrate.

    Parameters
    ----------
    draws
        How many posterior draws are kept as parameter sets.
    folder
        Where simulated cohorts are kept, so that an interrupted run goes on.
    verifying
        Patients of each cohort that are simulated anew at the draws.
    run
        What simulates cohorts (see `aftercar.calibration.conduct`); by default this thread. Results do not hang on it.
    """
    waves = run_waves(material, settings, folder=folder, run=run)
    return summarise_waves(material, settings, waves, draws=draws, folder=folder, verifying=verifying, run=run)


def summarise_waves(
    material: Material, settings: CalibrationSettings, waves: Sequence[Wave], *, draws: int, folder: Path | None,
    verifying: int, run: Runner | None = None,
) -> CalibrationResult:  # fmt: skip
    """Return what waves that are done say; arguments as `run_calibration`."""
    last, discrepancy = waves[-1], material.calibration.discrepancy.value
    rng = draw_stream(settings.seed, "calibration", "summaries")
    scores = choose_draws(last.chains, draws, rng)
    many = choose_draws(last.chains, 4000, rng)
    checks = check_targets(last.emulated, many, discrepancy=discrepancy, rng=rng)
    cohorts = tuple(material.calibration.cohorts)
    again = np.resize(np.arange(len(scores)), verifying)
    facts, stopped = simulate_design(
        material, scores[again], cohorts, purpose="verification", seed=settings.seed, folder=folder, run=run
    )
    fitted = EmulatedTargets(last.emulated.design, material.fitted(), last.emulated.emulators)
    flat, labels = last.chains.flat(), material.space.labels
    profiles, limits = profile_parameters(
        fitted, flat, labels, discrepancy=discrepancy, radius=last_radius(len(labels))
    )
    return CalibrationResult(
        material=material, settings=settings, sets=posterior_sets(material.space, scores), chains=last.chains,
        parameters=summarise_parameters(material.space, last.chains),
        directions=find_directions(material.space, last.chains), checks=checks,
        verification=verify_emulation(last.emulated, scores[again], facts),
        informs=tabulate_information(fitted, flat, labels, discrepancy=discrepancy),
        correlations=find_correlations(flat, labels), profiles=profiles,
        limits=add_values(limits, material.space), waves=tuple(waves),
        patients=sum(wave.patients for wave in waves) + verifying * len(cohorts),
        stopped=sum(wave.stopped for wave in waves) + stopped,
    )  # fmt: skip

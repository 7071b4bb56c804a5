"""Calibration in waves: simulate where the posterior may be, learn the chances there, draw from the posterior, repeat.

The first wave covers the prior. A rough emulator must not exclude what a better one would keep: the likelihood of early
waves is tempered, and the next wave is wider than the posterior it follows. Within a wave the emulator is trusted where
it has patients, and nowhere else.

References
----------
vernon2010, Bayesian Analysis 5:619 (waves of emulation, implausible regions left out).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2

from aftercar.calibration.cohorts import CohortRequest
from aftercar.calibration.conduct import Runner, simulate_on_threads
from aftercar.calibration.emulator import Design, Emulator, fit_emulator, quadratic_features
from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.outcomes import had_outcome, may_have_outcome
from aftercar.calibration.sampling import Chains, draw_posterior
from aftercar.calibration.space import ParameterSpace, build_space
from aftercar.calibration.storage import simulate_or_read
from aftercar.calibration.targets import CountedTarget, count_targets
from aftercar.catalogue.calibration import Calibration
from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.populations import Population
from aftercar.catalogue.targets import Targets
from aftercar.foundation import DEFAULT_SEED, draw_stream

FloatArray = npt.NDArray[np.float64]
_NOTICES = logging.getLogger("aftercar.notices")
_CHUNK = 1000  # patients per file: what an interruption loses
# The region of a wave holds this share of its design. The last is closer: further out the emulator knows little, and
# what is little known is not unlikely.
_EDGE, _LAST_EDGE = 0.999, 0.95
_START_POINTS = 4000
_LAST_LONGER = 6  # the chains of the last wave are so many times longer: they are what is kept


@dataclass(frozen=True)
class WaveSettings:
    """One wave. `patients`: per cohort; `temper`: power of the likelihood; `widen`: the next design's standard
    deviations over those of this wave's posterior."""

    patients: int
    temper: float = 1.0
    widen: float = 1.6


@dataclass(frozen=True)
class CalibrationSettings:
    """How a calibration is run.

    `first`: standard deviations of the first design in units of the prior. `chains`, `steps`: of each wave; the last
    one takes six times as many steps.
    """

    waves: tuple[WaveSettings, ...] = (
        WaveSettings(12_000, 0.3, 2.0), WaveSettings(16_000, 0.6, 1.8), WaveSettings(20_000, 1.0, 1.4),
        WaveSettings(24_000),
    )  # fmt: skip
    first: float = 1.2
    chains: int = 48
    steps: int = 600
    seed: int = DEFAULT_SEED


QUICK = CalibrationSettings(waves=(WaveSettings(2_000, 0.3, 2.0), WaveSettings(3_000)), chains=24, steps=200)


@dataclass(frozen=True)
class Material:
    """What a calibration works on."""

    calibration: Calibration
    data: ModelData
    populations: Mapping[str, Population]
    space: ParameterSpace
    targets: tuple[CountedTarget, ...]

    @staticmethod
    def of(
        calibration: Calibration, data: ModelData, populations: Mapping[str, Population], targets: Targets
    ) -> Material:
        """Put it together; raises InputError where it does not fit."""
        return Material(
            calibration, data, populations, build_space(calibration, data), count_targets(calibration, targets)
        )

    def fitted(self) -> tuple[CountedTarget, ...]:
        """Return the targets that are fitted."""
        return tuple(one for one in self.targets if one.use == "fit")


@dataclass(frozen=True)
class Wave:
    """A wave that is done: its emulated targets, its draws, how many patients were simulated and left out.

    `at_edge`: share of draws in the outermost tenth of the region (of the squared distance), where the emulator has
    few patients; in a region that is wide enough there are hardly any.
    """

    emulated: EmulatedTargets
    chains: Chains
    patients: int
    stopped: int
    at_edge: float


def simulate_design(
    material: Material,
    scores: FloatArray,
    cohorts: tuple[str, ...],
    *,
    purpose: str,
    seed: int,
    folder: Path | None,
    run: Runner | None = None,
) -> tuple[dict[str, pd.DataFrame], int]:
    """Simulate one patient for each row of scores in every cohort; return facts by cohort and who was left out.

    The column `row` names the row of the scores. All cohorts have the same patients' luck. `run`: what simulates the
    chunks (see `aftercar.calibration.conduct`); by default this thread.
    """
    units: list[tuple[int, str]] = []
    requests: list[CohortRequest] = []
    for first in range(0, len(scores), _CHUNK):
        part = scores[first : first + _CHUNK]
        sets = material.space.sets(part, origin="prior")
        own = int(draw_stream(seed, "calibration", purpose, first).integers(2**31))
        for cohort in cohorts:
            known = material.calibration.cohorts[cohort]
            units.append((first, cohort))
            requests.append(CohortRequest(known, material.populations[known.population], sets, len(part), own))
    tell = _count_patients(run or partial(simulate_on_threads, data=material.data, workers=1), purpose)
    found = simulate_or_read(requests, material.data, folder, run=tell)
    facts: dict[str, list[pd.DataFrame]] = {cohort: [] for cohort in cohorts}
    for (first, cohort), one in zip(units, found, strict=True):
        facts[cohort].append(one.assign(row=first + one["set"].to_numpy() - 1))
    stopped = sum(request.n - len(one) for request, one in zip(requests, found, strict=True))
    return {cohort: pd.concat(parts, ignore_index=True) for cohort, parts in facts.items()}, stopped


def _count_patients(run: Runner, purpose: str) -> Runner:
    """Return what runs cohorts and tells how many patients are done."""

    def told(requests: Sequence[CohortRequest]) -> Iterator[tuple[int, pd.DataFrame]]:
        total, done = sum(one.n for one in requests), 0
        for position, facts in run(requests):
            yield position, facts
            done += requests[position].n
            _NOTICES.info("simulated: %s, %d of %d patients", purpose, done, total)

    return told


def emulate(
    design: Design, scores: FloatArray, facts: Mapping[str, pd.DataFrame], targets: tuple[CountedTarget, ...]
) -> EmulatedTargets:
    """Learn the chance of every target in each of its cohorts; figures that ask the same of a cohort share it."""
    features = quadratic_features(design.whiten(scores))
    emulators: dict[tuple[str, str], Emulator] = {}
    asked: dict[object, Emulator] = {}
    for target in targets:
        for cohort in target.cohorts:
            question = (target.outcome, target.given, target.subgroup, cohort)
            if question not in asked:
                seen = facts[cohort]
                among = may_have_outcome(seen, target)
                rows = seen["row"].to_numpy()[among]
                had = had_outcome(seen, target.outcome)[among]
                asked[question] = fit_emulator(features[rows], had, scores.shape[1])
            emulators[target.id, cohort] = asked[question]
    return EmulatedTargets(design, targets, emulators)


def last_radius(d: int) -> float:
    """Return the whitened squared distance from its design up to which the last wave's emulator is used."""
    return float(chi2.ppf(_LAST_EDGE, d))


def sample(
    emulated: EmulatedTargets, *, discrepancy: float, temper: float, settings: CalibrationSettings, purpose: str,
    edge: float = _EDGE,
) -> tuple[Chains, float]:  # fmt: skip
    """Draw from the posterior of the fitted targets, within the region that holds a share `edge` of the design.

    Returns the chains and the share of their draws at the edge (see `Wave`).
    """
    fitted = EmulatedTargets(
        emulated.design, tuple(one for one in emulated.targets if one.use == "fit"), emulated.emulators
    )
    radius = float(chi2.ppf(edge, len(emulated.design.mean)))

    def log_likelihood(z: FloatArray) -> FloatArray:
        found = temper * fitted.log_likelihood(z, discrepancy)
        inside = np.square(emulated.design.whiten(z)).sum(axis=1) <= radius
        return np.where(inside, found, -np.inf)

    rng = draw_stream(settings.seed, "calibration", "chains", purpose)
    points = emulated.design.draw(_START_POINTS, rng)
    value = log_likelihood(points) - 0.5 * np.square(points).sum(axis=1)
    # Starts are scattered among the better points, so that chains that agree in the end tell something.
    better = np.argsort(value)[::-1][: max(_START_POINTS // 20, settings.chains)]
    start = points[rng.choice(better[np.isfinite(value[better])], settings.chains)]
    chains = draw_posterior(log_likelihood, start, steps=settings.steps, rng=rng)
    distance = np.square(emulated.design.whiten(chains.flat())).sum(axis=1)
    return chains, float((distance > 0.9 * radius).mean())


def run_waves(
    material: Material, settings: CalibrationSettings, *, folder: Path | None = None, through: int | None = None,
    run: Runner | None = None,
) -> list[Wave]:  # fmt: skip
    """Run all waves; the last one emulates the targets that are held back, too.

    Parameters
    ----------
    folder
        Where simulated cohorts are kept, so that an interrupted run goes on; None keeps nothing.
    through
        How many waves to run; None runs all.
    run
        What simulates cohorts: threads or a cluster; by default this thread. Results do not depend on it.
    """
    d = len(material.space.labels)
    design = Design(np.zeros(d), settings.first * np.eye(d))
    waves: list[Wave] = []
    for k, one in enumerate(settings.waves[:through]):
        last = k == len(settings.waves) - 1
        targets = material.targets if last else material.fitted()
        cohorts = tuple(dict.fromkeys(cohort for target in targets for cohort in target.cohorts))
        purpose = f"wave {k + 1}"
        scores = design.draw(one.patients, draw_stream(settings.seed, "calibration", "design", k))
        facts, stopped = simulate_design(
            material, scores, cohorts, purpose=purpose, seed=settings.seed, folder=folder, run=run
        )
        emulated = emulate(design, scores, facts, targets)
        chains, at_edge = sample(
            emulated, discrepancy=material.calibration.discrepancy.value, temper=one.temper, purpose=purpose,
            edge=_LAST_EDGE if last else _EDGE,
            settings=replace(settings, steps=settings.steps * _LAST_LONGER) if last else settings,
        )  # fmt: skip
        waves.append(Wave(emulated, chains, len(scores) * len(cohorts), stopped, at_edge))
        _NOTICES.info(
            "%s: largest R-hat %.3f, smallest effective sample size %.0f, %.1f%% of draws at the edge of the region",
            purpose, chains.r_hat.max(), chains.effective.min(), 100 * at_edge,
        )  # fmt: skip
        flat = chains.flat()
        covariance = np.cov(flat.T).reshape(d, d) + 1e-6 * np.eye(d)
        design = Design(flat.mean(axis=0), np.asarray(one.widen * np.linalg.cholesky(covariance)))
    return waves

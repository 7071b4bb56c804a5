"""A model whose chances are known: logits that bend a little, so that an emulator has something to learn."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from aftercar.calibration.emulator import Design, fit_emulator, quadratic_features
from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.targets import CountedTarget, Outcome

D, TARGETS = 6, 9
_RNG = np.random.default_rng(20)
LEVEL, SLOPES = _RNG.normal(0.0, 0.6, TARGETS), _RNG.normal(0.0, 0.6, (TARGETS, D))
BEND = _RNG.normal(0.0, 0.15, (TARGETS, D))


def chance(z):
    """Return the true chances of the targets, shape (n, targets), at scores of shape (n, d)."""
    return expit(LEVEL + z @ SLOPES.T + 0.3 * np.sin(z) @ BEND.T + (z**2 - 1) @ BEND.T)


def target(k: int, *, events: float = 30.0, n: float = 60.0, cohorts=("one",), weights=(1.0,)) -> CountedTarget:
    return CountedTarget(f"t{k}", cohorts, weights, Outcome("response", level="ORR"), None, "", events, n, "fit", "")


def emulate(patients: int, *, seed: int = 1, design: Design | None = None) -> EmulatedTargets:
    """Learn the toy's chances from patients of as many parameter sets."""
    rng = np.random.default_rng(seed)
    design = design or Design(np.zeros(D), np.eye(D))
    z = design.draw(patients, rng)
    features, p = quadratic_features(design.whiten(z)), chance(z)
    learnt = {(f"t{k}", "one"): fit_emulator(features, rng.random(patients) < p[:, k], D) for k in range(TARGETS)}
    return EmulatedTargets(design, tuple(target(k) for k in range(TARGETS)), learnt)

"""Which method: measured on the simulated cohorts of a calibration; figures of docs/decisions/0047.

    .venv/bin/python validation/calibration/methods.py FOLDER      # after `aftercar calibrate --out FOLDER`; minutes

All on the first wave, which covers the prior. Emulators: log loss of 3,000 patients whom none has seen, against that of
the share alone. The Gaussian process is that of classification with a squared-exponential kernel, by 400 random Fourier
features; its length is chosen on the very patients, in its favour. Approximate Bayesian computation: share of prior
draws whose simulated figures all lie as near to the published ones as trials of that size spread. Ensemble Kalman: one
update with 2,000 members on the emulated chances, against the posterior of the same emulator.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.special import expit

from aftercar.calibration import CalibrationSettings, Material
from aftercar.calibration.emulator import fit_emulator, quadratic_features
from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.outcomes import had_outcome, may_have_outcome
from aftercar.calibration.waves import Wave, run_waves, sample, simulate_design
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.targets import load_targets
from aftercar.foundation import draw_stream, show_notices

HELD, FEATURES, LENGTHS = 3000, 400, (3.0, 6.0, 12.0)
SHOWN = ("karmma_450_orr", "karmma_cr", "karmma_dor", "cartitude1_pfs24", "cartitude1_c_max", "legend2_pfs18")


def log_loss(mean: np.ndarray, had: np.ndarray) -> float:
    return float((np.logaddexp(0.0, mean) - had * mean).mean())


def fourier(white: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    """Return a constant and random Fourier features of a squared-exponential kernel, scaled as slopes are."""
    w = rng.standard_normal((white.shape[1], FEATURES)) / length
    b = rng.uniform(0, 2 * np.pi, FEATURES)
    return np.concatenate([np.ones((len(white), 1)), np.cos(white @ w + b) * length * np.sqrt(2 / FEATURES)], axis=1)


def compare_emulators(material: Material, wave: Wave, settings: CalibrationSettings, folder: Path) -> None:
    k = 0
    n = settings.waves[k].patients
    design = wave.emulated.design
    scores = design.draw(n, draw_stream(settings.seed, "calibration", "design", k))
    cohorts = tuple(dict.fromkeys(c for t in material.fitted() for c in t.cohorts))
    facts, _ = simulate_design(material, scores, cohorts, purpose=f"wave {k + 1}", seed=settings.seed, folder=folder)
    white, d = design.whiten(scores), scores.shape[1]
    print("target; log loss of the share alone, linear, quadratic, Gaussian process (length)")
    for target in material.fitted():
        if target.id not in SHOWN:
            continue
        seen = facts[target.cohorts[-1]]
        among = may_have_outcome(seen, target)
        rows, had = seen["row"].to_numpy()[among], had_outcome(seen, target.outcome)[among]
        held = rows >= n - HELD
        train, test, y, z = white[rows[~held]], white[rows[held]], had[~held], had[held].astype(float)
        share = log_loss(np.full(len(z), np.log(y.mean() / (1 - y.mean()))), z)
        x, t = quadratic_features(train), quadratic_features(test)
        linear = fit_emulator(x[:, : 1 + d], y, d)
        quadratic = fit_emulator(x, y, d)
        best = (np.inf, 0.0)
        for length in LENGTHS:
            both = fourier(np.concatenate([train, test]), length, np.random.default_rng(1))
            # All weights as slopes: dimensions 0 would leave them the curvature's ridge, which the evidence chooses.
            gp = fit_emulator(both[: len(train)], y, 0)
            best = min(best, (log_loss(both[len(train) :] @ gp.coefficients, z), length))
        print(
            f"{target.id}; {share:.4f}, {log_loss(t[:, : 1 + d] @ linear.coefficients, z):.4f}, "
            f"{log_loss(t @ quadratic.coefficients, z):.4f}, {best[0]:.4f} ({best[1]:g})"
        )


def try_acceptance(material: Material, first: Wave) -> None:
    """Share of draws of the prior whose simulated counts all lie within 1 to 3 standard deviations of the published."""
    rng = np.random.default_rng(3)
    z = rng.standard_normal((200_000, len(material.space.labels)))
    targets = material.fitted()
    emulated = EmulatedTargets(first.emulated.design, targets, first.emulated.emulators)
    mean = np.concatenate([emulated.logits(part)[0] for part in np.array_split(z, 100)])
    n = np.array([max(round(t.n), 1) for t in targets])
    share = np.array([t.events / t.n for t in targets])
    # Cohorts differ by the discrepancy, too.
    drawn = rng.binomial(n, expit(mean + 0.3 * rng.standard_normal(mean.shape))) / n
    sd = np.sqrt(np.clip(share * (1 - share), 0.02, 1) / n)
    for tolerance in (1, 2, 3):
        met = (np.abs(drawn - share) <= tolerance * sd).all(axis=1).sum()
        print(
            f"accepted within {tolerance} standard deviations in all {len(n)} figures: {met} of {len(z):,} prior draws"
        )


def try_kalman(material: Material, first: Wave, settings: CalibrationSettings) -> None:
    """One ensemble Kalman update of the prior on the first wave's chances, against the posterior, in scores."""
    rng = np.random.default_rng(5)
    targets = material.fitted()
    emulated = EmulatedTargets(first.emulated.design, targets, first.emulated.emulators)
    z = rng.standard_normal((2000, len(material.space.labels)))
    g = emulated.logits(z)[0]
    x, n = np.array([(t.events, t.n) for t in targets]).T
    y = np.log((x + 0.5) / (n - x + 0.5))
    noise = 1 / (x + 0.5) + 1 / (n - x + 0.5) + 0.3**2
    joint = np.cov(np.concatenate([z, g], axis=1).T)
    d = z.shape[1]
    gain = np.linalg.solve(joint[d:, d:] + np.diag(noise), joint[d:, :d]).T
    moved = z + (y + np.sqrt(noise) * rng.standard_normal(g.shape) - g) @ gain.T
    chains, _ = sample(emulated, discrepancy=0.3, temper=1.0, settings=settings, purpose="against Kalman")
    flat = chains.flat()
    print("parameter; posterior mean and sd by slice sampling, by one ensemble Kalman update of the prior")
    for k, label in enumerate(material.space.labels):
        found, other = flat[:, k], moved[:, k]
        print(f"{label}; {found.mean():+.2f} {found.std():.2f}, {other.mean():+.2f} {other.std():.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder / "simulated"
    material = Material.of(load_calibration(), load_model_data(), load_populations(), load_targets())
    settings = CalibrationSettings()
    with show_notices():
        (wave,) = run_waves(material, settings, folder=folder, through=1)
    try_acceptance(material, wave)
    try_kalman(material, wave, settings)
    compare_emulators(material, wave, settings, folder)


if __name__ == "__main__":
    main()

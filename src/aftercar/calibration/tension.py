"""Whether the studies agree: each left out and predicted from the others, each fitted alone.

A study is a group of targets that share their patients or their trial. The emulator of an earlier, wider wave serves:
without a study the posterior may lie elsewhere than with all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.posterior import check_targets, choose_draws
from aftercar.calibration.sampling import Chains
from aftercar.calibration.waves import CalibrationSettings, sample
from aftercar.foundation import draw_stream


def leave_out(
    emulated: EmulatedTargets, studies: Mapping[str, Sequence[str]], *, discrepancy: float,
    settings: CalibrationSettings,
) -> pd.DataFrame:  # fmt: skip
    """Predict each study from a posterior that has not seen it.

    Parameters
    ----------
    studies
        Targets by study, by id; each is left out in turn.

    Returns
    -------
    pandas.DataFrame
        As `check_targets`, the left-out targets of each study, with `study`, `r_hat`, `at_edge` and `log_score` (log
        probability of the count as predicted: posterior, discrepancy and chance).
    """
    parts = []
    for study, names in studies.items():
        held, chains, at_edge = draw_without(
            emulated, names, discrepancy=discrepancy, settings=settings, purpose=f"without {study}"
        )
        rng = draw_stream(settings.seed, "calibration", "left out", study)
        scores = choose_draws(chains, 4000, rng)
        table = check_targets(held, scores, discrepancy=discrepancy, rng=rng)
        table.insert(0, "study", study)
        table["r_hat"], table["at_edge"] = chains.r_hat.max(), at_edge
        table["log_score"] = score_counts(held, scores, discrepancy)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def draw_without(
    emulated: EmulatedTargets, names: Collection[str], *, discrepancy: float, settings: CalibrationSettings,
    purpose: str,
) -> tuple[EmulatedTargets, Chains, float]:  # fmt: skip
    """Return the targets of these names, draws of a posterior that has not seen them, and the share at the edge."""
    targets = tuple(replace(one, use="check" if one.id in names else one.use) for one in emulated.targets)
    without = EmulatedTargets(emulated.design, targets, emulated.emulators)
    chains, at_edge = sample(without, discrepancy=discrepancy, temper=1.0, settings=settings, purpose=purpose)
    held = EmulatedTargets(emulated.design, tuple(t for t in targets if t.id in names), emulated.emulators)
    return held, chains, at_edge


def score_counts(emulated: EmulatedTargets, scores: np.ndarray, discrepancy: float) -> np.ndarray:
    """Return the log probability of each target's count under posterior draws, shape (targets,)."""
    from scipy.special import logsumexp

    from aftercar.calibration.likelihood import log_counts

    mean, variance = emulated.logits(scores)
    found = log_counts(emulated.targets, mean, variance, discrepancy)
    return np.asarray(logsumexp(found, axis=0) - np.log(len(scores)))

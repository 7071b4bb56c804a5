"""From published figures to counts of patients: every target is so many events among so many patients.

A response rate is a count. A landmark rate is a count among those at risk. A median is a landmark, too: at the
published median half of the patients had had the event. Only so do all targets enter one likelihood that counts
patients, and none of them through a moment that a trial of its size could not measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import logit
from scipy.stats import norm

from aftercar.catalogue.calibration import Calibration, FittedTarget
from aftercar.catalogue.targets import Target, Targets
from aftercar.foundation import Fault, InputError
from aftercar.patients.kinetics import MONTH

Kind = Literal["response", "progression_free", "duration", "peak", "persistence", "antigen_lost"]
Z95 = float(norm.ppf(0.975))
# PFS(t) near its median falls like an exponential: density times t is ln 2 / 2. Only the width of an interval hangs
# on it.
_SLOPE_AT_MEDIAN = float(np.log(2.0) / 2.0)
# sCR is counted as CR or better: whoever has it has a CR.
_LEVELS = {"ORR": "ORR", "VGPR": "VGPR or better", "CR": "CR or better", "sCR": "CR or better"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Something that a patient has or has not.

    `kind` response: at least the `level` of response (a measure of `aftercar.clinic.counting`); progression_free:
    after `limit` days; duration: of response beyond `limit` days; peak: copies above `limit` copies/ug; persistence:
    quantified after day `limit`; antigen_lost: at progression.
    """

    kind: Kind
    limit: float = 0.0
    level: str = ""

    def words(self) -> str:
        """Return it in the field's words."""
        return {
            "response": self.level.removesuffix(" or better"),
            "progression_free": f"progression-free at {self.limit / MONTH:.3g} months",
            "duration": f"in response after {self.limit / MONTH:.3g} months",
            "peak": f"peak above {self.limit:,.0f} copies/ug",
            "persistence": f"CAR-T cells quantified after day {self.limit:.4g}",
            "antigen_lost": "BCMA lost at progression",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class CountedTarget:
    """A published figure as events among n patients; both may be fractions where the source gives no counts.

    `given`: what the n patients have in common, a subset of all treated. `weights`: shares of the cohorts, sum 1.
    """

    id: str
    cohorts: tuple[str, ...]
    weights: tuple[float, ...]
    outcome: Outcome
    given: Outcome | None
    subgroup: str
    events: float
    n: float
    use: str
    shows: str

    def words(self) -> str:
        """Return the target in words."""
        among = {"": "", "emd": ", extramedullary disease", "no_emd": ", no extramedullary disease"}[self.subgroup]
        given = f" | {self.given.words()}" if self.given is not None else ""
        return f"{self.outcome.words()}{given}{among}"


def count_targets(calibration: Calibration, targets: Targets) -> tuple[CountedTarget, ...]:
    """Return the targets of a calibration as counts, in the order of its file.

    Raises
    ------
    InputError
        A denominator that is smaller than its events.
    """
    rows: dict[str, Target] = {**targets.kinetic, **targets.response}
    found = tuple(_counted(name, one, calibration, rows) for name, one in calibration.targets.items())
    faults = [
        Fault("calibration", f"target '{one.id}': {one.events:g} events of {one.n:g} patients.", "Correct its row.")
        for one in found
        if not 0 <= one.events <= one.n or one.n <= 0
    ]
    if faults:
        raise InputError(faults)
    return found


def _counted(name: str, one: FittedTarget, calibration: Calibration, rows: Mapping[str, Target]) -> CountedTarget:
    row = rows[one.shows]
    events, n = _count(row)
    given = None
    if one.given is not None:
        parent = rows[calibration.targets[one.given].shows if one.given in calibration.targets else one.given]
        given, n = _outcome(parent), _count(parent)[0]
    elif row.quantity == "DOR":
        given = Outcome("response", level="ORR")
    elif row.quantity == "antigen_negative_share":
        given = None  # asked of those who progress: the outcome itself
    weights = np.asarray(one.weights if one.weights is not None else [1.0] * len(one.cohorts), dtype=np.float64)
    return CountedTarget(
        id=name, cohorts=one.cohorts, weights=tuple((weights / weights.sum()).tolist()), outcome=_outcome(row),
        given=given, subgroup=one.subgroup, events=events, n=n, use=one.use, shows=one.shows,
    )  # fmt: skip


def _outcome(row: Target) -> Outcome:
    match row.quantity:
        case "PFS_rate" | "relapse_free":
            return Outcome("progression_free", limit=float(row.timepoint_days or 0.0))
        case "PFS":
            return Outcome("progression_free", limit=row.value * MONTH)
        case "DOR":
            return Outcome("duration", limit=row.value * MONTH)
        case "c_max":
            return Outcome("peak", limit=row.value / np.sqrt(1.0 + ((row.sd or 0.0) / row.value) ** 2))
        case "t_last":
            return Outcome("persistence", limit=row.value)
        case "antigen_negative_share":
            return Outcome("antigen_lost")
        case _:
            return Outcome("response", level=_LEVELS[row.quantity])


def _count(row: Target) -> tuple[float, float]:
    """Return events and patients: as printed, else those that would print the same figure with the same interval."""
    if row.unit == "%":
        if row.events is not None and row.n is not None:
            return float(row.events), float(row.n)
        share = row.value / 100.0
        if row.n is None and row.low is not None and row.high is not None:
            sd = float(logit(row.high / 100.0) - logit(row.low / 100.0)) / (2.0 * Z95)
            n = 1.0 / (sd**2 * share * (1.0 - share))
            return share * n, n
        n = float(row.n or 0)
        return share * n, n
    # A median, or the median of the log-normal law of a mean: half of the patients lie beyond it.
    n = float(row.n) if row.n is not None else np.inf
    if row.interval == "ci95" and row.low is not None and row.high is not None:
        sd = np.log(row.high / row.low) / (2.0 * Z95)
        n = min(n, 0.25 / (_SLOPE_AT_MEDIAN * sd) ** 2)
    return n / 2.0, n

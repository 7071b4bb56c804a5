"""What an assumption would resolve: the model as it is and with one change, in the same virtual patients.

A published figure is a count of patients, and what simulation says of it is a distribution of counts, as in
`aftercar.calibration.prediction`: over parameter sets, over what few simulated patients leave open, over what cohorts
differ by (the calibration's discrepancy), over chance. A figure outside of its 90% interval disagrees. A change
resolves a disagreement where the figure comes to lie inside; what it costs are figures that were inside before.

A change moves the middle of that distribution (by the logit of the simulated share, in the same patients); its width
stays that of the model as it is. Otherwise a change would resolve a disagreement by being simulated in fewer patients,
or by the noise with which a spread between sets is known.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaincinv, logit

from aftercar.calibration.cohorts import CohortRequest, simulate_cohort
from aftercar.calibration.outcomes import had_outcome, may_have_outcome
from aftercar.calibration.prediction import ArmRate, fit_rate
from aftercar.calibration.salvage_arms import find_counterpart
from aftercar.calibration.targets import CountedTarget, count_targets
from aftercar.catalogue import EvidenceBase
from aftercar.catalogue.biology import Number
from aftercar.catalogue.calibration import Calibration, load_calibration
from aftercar.catalogue.model_data import ModelData, check_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.posterior import load_posterior_table
from aftercar.catalogue.regimens import TreatmentEntry
from aftercar.catalogue.targets import load_targets
from aftercar.catalogue.tensions import OF_SALVAGE, Among, Candidate, Readout, Tension, hash_definitions
from aftercar.evidence import preferred_outcome, strategy_of
from aftercar.evidence.selection import poolable_counts
from aftercar.foundation import Fault, InputError, draw_stream, hash_bytes
from aftercar.patients import ParameterSets, load_posterior
from aftercar.patients.kinetics import MONTH
from aftercar.patients.parameter_spread import spread_of_share
from aftercar.patients.posterior import OtherBasisWarning, basis_hash
from aftercar.synthesis.scores import interval_of, pit_range
from aftercar.synthesis.survival_comparison import log_rank
from aftercar.trials import Trial, TrialPlan, run_trial
from aftercar.trials.endpoint_records import take_records, take_responses
from aftercar.trials.plan import ArmEntry

LEVEL = 0.90
ANTIBODY_FOUND = 0.1
"""Index of antibodies above which a virtual patient counts as positive: a definition, as on the page of mechanisms."""
_ADA_STUDY = "lcar_ada"  # target that holds patients with antibodies, and patients, of the study that saw no effect
_STUDIES = 400
_ALPHA = 0.05
FIRST_COHORT = "karmma_450"
"""Virtual cohort in which it is seen what a change does to the first treatment."""
_COSTS = ("response", "progression_free", "duration")
COLUMNS = (
    "tension", "candidate", "readout", "measure", "part", "events", "total", "simulated", "sampling_lb", "sampling_ub",
    "parameters_lb", "parameters_ub", "predicted_lb", "predicted_ub", "tail", "inside", "patients",
)  # fmt: skip


@dataclass(frozen=True)
class CountRate:
    """What virtual patients say of a share, and the logit of the share among them."""

    rate: ArmRate
    middle: float

    def moved_to(self, middle: float) -> ArmRate:
        """Return the same width around another middle."""
        return replace(self.rate, logits=self.rate.logits + (middle - self.middle))


@dataclass(frozen=True)
class Setting:
    """What is the same for the model as it is and for every change.

    `patients`: of a trial, and of a virtual cohort after the first treatment.
    """

    plan: TrialPlan
    data: ModelData
    base: EvidenceBase
    patients: int
    sets: int
    seed: int
    discrepancy: float
    calibration: Calibration

    def targets(self) -> Mapping[str, CountedTarget]:
        """Return the calibration's targets by id."""
        return {one.id: one for one in count_targets(self.calibration, load_targets())}


def change_data(data: ModelData, candidate: Candidate) -> ModelData:
    """Return the model's data with a candidate's values, which are then known: nothing is drawn around them.

    The hash changes, so that the system of it is built anew.

    Raises
    ------
    InputError
        A value of nothing, or one that cannot be.
    """
    parameters, actions = dict(data.parameters), dict(data.actions)
    values = {**candidate.values, **{data.mechanisms[name].switch: 0.0 for name in candidate.off}}
    for place, value in values.items():
        known = {"value": value, "low": None, "high": None}
        therapy, _, number = place.rpartition(".")
        if therapy:
            action = actions[therapy]
            stands = data.slot_numbers(therapy)[number][1]
            entry = action.values.get(number) or _as_number(stands)
            own = {**action.values, number: entry.model_copy(update=known)}
            actions[therapy] = action.model_copy(update={"values": own})
        elif place in parameters:
            parameters[place] = parameters[place].model_copy(update=known)
        else:
            raise InputError(Fault("values", f"there is no parameter '{place}'.", "Name one of the catalogue."))
    named = repr(sorted(values.items()))
    hashed = hash_bytes(data.hash.encode(), named.encode()) if values else data.hash
    found = replace(data, parameters=parameters, actions=actions, hash=hashed)
    faults = check_model_data(found)
    if faults:
        raise InputError(faults)
    return found


def _as_number(number: Number) -> Number:
    return Number.model_validate({k: v for k, v in number.model_dump().items() if k in Number.model_fields})


def answer(
    tensions: Sequence[Tension], setting: Setting, *, advance: Callable[[str], None] = lambda words: None
) -> pd.DataFrame:
    """Simulate the model as it is and every candidate, and return one row a tension, candidate and readout.

    Columns `COLUMNS`; shares from 0 to 1. `part` is ``own`` for the tension's readouts, and ``cost`` for fitted figures
    of the first treatment where a candidate touches it.
    """
    tried = [one for tension in tensions for one in tension.readouts if one.measure in OF_SALVAGE]
    advance("the model as it is")
    trial = _run(tried, setting, None) if tried else None
    facts: dict[str, pd.DataFrame] = {}
    costs = _costs(tensions, setting, facts, {})
    rows: list[dict[str, object]] = [{"tension": "", "candidate": "", **row} for row in costs]
    for tension in tensions:
        own = _read(tension, None, trial, setting, facts, {})
        rows += [{"tension": tension.id, "candidate": "", **row} for row in own]
        before = {str(row["readout"]): row["_rate"] for row in (*costs, *own) if "_rate" in row}
        for name, candidate in tension.candidates.items():
            if not candidate.can_be_simulated:
                continue
            advance(f"{tension.id}: {name}")
            found = _try(tension, candidate, trial, setting, facts, before)
            rows += [{"tension": tension.id, "candidate": name, **row} for row in found]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _try(
    tension: Tension, candidate: Candidate, trial: Trial | None, setting: Setting, facts: dict[str, pd.DataFrame],
    before: Mapping[str, Any],
) -> list[dict[str, object]]:  # fmt: skip
    """Return the rows of a candidate; who is treated is chosen among the patients of the model as it is."""
    if not (candidate.values or candidate.off or candidate.first):
        return _read(tension, candidate, trial, setting, facts, before)
    changed = replace(setting, data=change_data(setting.data, candidate))
    salvage = [one for one in tension.readouts if one.measure in OF_SALVAGE and one.id not in candidate.not_for]
    anew: dict[str, pd.DataFrame] = {}
    rows = _read(tension, candidate, _run(salvage, changed, candidate) if salvage else None, changed, anew, before)
    return rows + (_costs([tension], changed, anew, before) if touches_first(candidate, setting.calibration) else [])


def touches_first(candidate: Candidate, calibration: Calibration) -> bool:
    """Tell whether a candidate changes what the first treatment does, which was calibrated."""
    calibrated = {cohort.therapy for cohort in calibration.cohorts.values()}
    return bool(candidate.off) or any(
        "." not in place or place.rpartition(".")[0] in calibrated for place in candidate.values
    )


def _run(readouts: Sequence[Readout], setting: Setting, candidate: Candidate | None) -> Trial:
    """Run the arms that stand for the cohorts of the readouts, each once."""
    arms = {}
    for readout in readouts:
        counterpart = _arm_of(readout, setting)
        arms[counterpart.name] = counterpart
    index = setting.plan.index
    if candidate is not None and candidate.first is not None:
        index = (TreatmentEntry(therapy=candidate.first),)
    plan = setting.plan.model_copy(
        update={"arms": tuple(arms.values()), "patients": setting.patients, "index": index}
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OtherBasisWarning)  # a candidate is another basis: that is what is asked
        return run_trial(plan, seed=setting.seed, sets=setting.sets, data=setting.data)


def _arm_of(readout: Readout, setting: Setting) -> ArmEntry:
    therapy = setting.base.cohorts[readout.cohort].therapy_id
    row = strategy_of(setting.base, therapy)
    found = find_counterpart(therapy, row.strategy_id if row else "", setting.plan, setting.data)
    if found is None:
        raise InputError(Fault(readout.cohort, "no simulated arm stands for its therapy.", "Name another cohort."))
    return found.arm


def _read(
    tension: Tension, candidate: Candidate | None, trial: Trial | None, setting: Setting,
    facts: dict[str, pd.DataFrame], before: Mapping[str, Any],
) -> list[dict[str, object]]:  # fmt: skip
    rows = []
    for readout in tension.readouts:
        if candidate is not None and readout.id in candidate.not_for:
            continue
        if readout.measure in OF_SALVAGE:
            assert trial is not None  # as its readouts are of salvage
            row = _read_arm(readout, candidate, trial, setting, before.get(readout.id))
        else:
            row = _read_first(readout, _facts(readout.cohort, setting, facts), setting, before.get(readout.id))
        rows.append({"readout": readout.id, "measure": readout.measure, "part": "own", **row})
    return rows


def _read_arm(
    readout: Readout, candidate: Candidate | None, trial: Trial, setting: Setting, before: CountRate | None
) -> dict[str, object]:  # fmt: skip
    """Return what an arm says of a salvage cohort."""
    arm, subjects = _arm_of(readout, setting).name, trial.tables.subjects.set_index("patient")
    if candidate is not None and candidate.among is not None:
        subjects = subjects[_are_among(candidate.among, subjects)]
    events, total, days = observed_count(readout, setting.base)
    if readout.measure == "PFS":
        records = take_records(trial.tables, "PFS").assign(had=lambda one: one["duration"] > days)
    else:
        records = take_responses(trial.tables, readout.measure).rename(columns={"event": "had"})
    mine = records[(records["arm"] == arm) & records["patient"].isin(subjects.index)]
    return judge_count(
        mine["had"].to_numpy(dtype=bool), mine["patient"].map(subjects["parameter_set"]).to_numpy(), events, total,
        discrepancy=setting.discrepancy, before=before,
    )  # fmt: skip


def _are_among(among: Among, subjects: pd.DataFrame) -> pd.Series:
    kept = pd.Series(True, index=subjects.index)
    if among.index_progression_day_at_least is not None:
        kept &= subjects["index_progression_day"] >= among.index_progression_day_at_least
    if among.mechanism is not None:
        kept &= subjects["mechanism"] == among.mechanism
    return kept


def observed_count(readout: Readout, base: EvidenceBase) -> tuple[int, int, float]:
    """Return events, patients and day of a salvage readout; at a median half of the patients are free of progression.

    Raises
    ------
    InputError
        The cohort has no such figure.
    """
    figure = preferred_outcome(base, readout.cohort, readout.measure)
    mend = "Name a cohort with counts, or with a median and its number of patients."
    if figure is None:
        raise InputError(Fault(readout.cohort, f"it has no {readout.measure}.", mend))
    if readout.measure == "PFS":
        n = figure.total or base.cohorts[readout.cohort].n_treated
        if figure.estimate is None or n is None:
            raise InputError(Fault(readout.cohort, "its PFS has no median or no number of patients.", mend))
        return n // 2, n, figure.estimate * MONTH
    counts = poolable_counts(figure, "inferred")
    if counts is None:
        raise InputError(Fault(readout.cohort, "it has no counts.", mend))
    return counts[0], counts[1], np.nan


def judge_count(
    had: npt.NDArray[np.bool_], sets: npt.NDArray[np.int64], events: int, total: int, *, discrepancy: float,
    before: CountRate | None = None,
) -> dict[str, object]:  # fmt: skip
    """Return what virtual patients, each of a parameter set, say of a count of events among `total` patients.

    Intervals of 90%: of sampling (Jeffreys), over parameter sets, and of the count as a share. `tail`: twice the
    smaller probability of a count as far out, that seen counted half. `_rate` is for `before` of a changed model.

    Parameters
    ----------
    before
        Of the model as it is: its width is taken, and moved to where these patients are.

    Raises
    ------
    NotPoolableError
        There are no virtual patients.
    """
    by = pd.DataFrame({"had": had, "set": sets}).groupby("set")["had"].agg(["sum", "size"])
    own = CountRate(fit_rate(by["sum"], by["size"]), float(logit((had.sum() + 0.5) / (len(had) + 1.0))))
    pmf = (before or own).moved_to(own.middle).predict(total, discrepancy=discrepancy)
    low, high = interval_of(pmf, LEVEL)
    below, at_most = pit_range(pmf, events)
    middle = 0.5 * (below + at_most)
    tails = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    x, n = float(had.sum()), float(len(had))
    sampled = betaincinv(x + 0.5, n - x + 0.5, tails)
    spread = spread_of_share(had, sets, level=LEVEL)
    return {
        "events": events, "total": total, "simulated": x / n, "sampling_lb": sampled[0], "sampling_ub": sampled[1],
        "parameters_lb": spread[0], "parameters_ub": spread[1], "predicted_lb": low / total,
        "predicted_ub": high / total, "tail": 2 * min(middle, 1 - middle), "inside": bool(low <= events <= high),
        "patients": len(had), "_rate": own,
    }  # fmt: skip


def _facts(cohort: str, setting: Setting, known: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return what the trial of a virtual cohort saw, simulated where it is not known yet."""
    if cohort not in known:
        one = setting.calibration.cohorts[cohort]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OtherBasisWarning)
            posterior = load_posterior(data=setting.data)
        sets = ParameterSets(posterior.values.iloc[: setting.sets].reset_index(drop=True), origin="posterior")
        request = CohortRequest(one, load_populations()[one.population], sets, setting.patients, setting.seed)
        known[cohort] = simulate_cohort(request, setting.data)
    return known[cohort]


def _read_first(
    readout: Readout, facts: pd.DataFrame, setting: Setting, before: CountRate | None
) -> dict[str, object]:  # fmt: skip
    """Return what a virtual cohort says of a figure after the first treatment."""
    positive = facts["antibody"].to_numpy() > ANTIBODY_FOUND
    progressed = facts["progression_day"].notna().to_numpy()
    if readout.measure == "ADA effect":
        return _judge_effect(facts, positive, setting)
    if readout.measure in ("ADA", "ADA at progression"):
        row = load_targets().kinetic[str(readout.target)]
        among = progressed if readout.measure == "ADA at progression" else np.ones(len(facts), dtype=bool)
        events, total = int(row.events or 0), int(row.n or 0)
        return judge_count(
            positive[among], facts["set"].to_numpy()[among], events, total, discrepancy=setting.discrepancy,
            before=before,
        )  # fmt: skip
    return _judge_target(setting.targets()[str(readout.target)], facts, setting, before)


def _judge_target(
    target: CountedTarget, facts: pd.DataFrame, setting: Setting, before: CountRate | None
) -> dict[str, object]:  # fmt: skip
    among = may_have_outcome(facts, target)
    return judge_count(
        had_outcome(facts, target.outcome)[among], facts["set"].to_numpy()[among], round(target.events),
        round(target.n), discrepancy=setting.discrepancy, before=before,
    )  # fmt: skip


def _judge_effect(facts: pd.DataFrame, positive: npt.NDArray[np.bool_], setting: Setting) -> dict[str, object]:
    """Return how often a study of the published size would find that antibodies matter for PFS (log-rank, 5%).

    The published finding, no effect, disagrees where more than 95% of such studies would have found one.
    """
    follow_up = float(next(one.days for key, one in setting.calibration.cohorts.items() if key == "legend2"))
    records = pd.DataFrame(
        {
            "time": facts["progression_day"].fillna(follow_up).clip(lower=1.0).to_numpy(),
            "event": facts["progression_day"].notna().to_numpy(),
        }
    )
    groups = {"yes": records[positive], "no": records[~positive]}
    empty = {key: np.nan for key in ("sampling_lb", "sampling_ub", "parameters_lb", "parameters_ub", "predicted_lb",
                                     "predicted_ub", "tail")}  # fmt: skip
    row = load_targets().kinetic[_ADA_STUDY]
    with_antibodies, studied = int(row.events or 0), int(row.n or 0)
    known = {"events": np.nan, "total": studied, "patients": len(facts), **empty}
    if min(len(group) for group in groups.values()) < 2:
        return {**known, "simulated": np.nan, "inside": False}
    rng = draw_stream(setting.seed, "assumptions", "antibody studies")
    sizes = {"yes": with_antibodies, "no": studied - with_antibodies}
    found = 0
    for _ in range(_STUDIES):
        study = {key: group.iloc[rng.integers(len(group), size=sizes[key])] for key, group in groups.items()}
        found += log_rank(study).p < _ALPHA
    return {**known, "simulated": found / _STUDIES, "inside": found / _STUDIES <= (1 + LEVEL) / 2}


def _costs(
    tensions: Sequence[Tension], setting: Setting, facts: dict[str, pd.DataFrame], before: Mapping[str, Any]
) -> list[dict[str, object]]:  # fmt: skip
    """Return fitted figures of response and time, of KarMMa-like patients and of the tensions' own cohorts."""
    own = {one.cohort for tension in tensions for one in tension.readouts if one.measure not in OF_SALVAGE}
    asked = {one.id for tension in tensions for one in tension.readouts} if len(tensions) == 1 else set()
    rows = []
    for name in (FIRST_COHORT, *sorted(own - {FIRST_COHORT})):
        for target in setting.targets().values():
            fitted = target.use == "fit" and name in target.cohorts and not target.subgroup
            if fitted and target.id not in asked and target.outcome.kind in _COSTS:
                row = _judge_target(target, _facts(name, setting, facts), setting, before.get(target.id))
                rows.append({"readout": target.id, "measure": target.words(), "part": "cost", **row})
    return rows


def describe_basis(setting: Setting) -> dict[str, object]:
    """Return what answers rest on: hashes without words, and the size of the simulation."""
    return {
        "basis": hash_basis(setting.data), "definitions": hash_definitions(), "patients": setting.patients,
        "sets": setting.sets, "seed": setting.seed, "discrepancy": setting.discrepancy,
    }  # fmt: skip


def hash_basis(data: ModelData) -> str:
    """Return the hash of model data, populations and shipped posterior, whatever is said about them in words."""
    table, _ = load_posterior_table()
    return hash_bytes(basis_hash(data, data.actions, load_populations()).encode(), table.to_csv().encode())


def prepare(
    plan: TrialPlan, data: ModelData, base: EvidenceBase, *, patients: int, sets: int, seed: int
) -> Setting:  # fmt: skip
    """Return the setting with the calibration's discrepancy."""
    calibration = load_calibration(data=data)
    return Setting(plan, data, base, patients, sets, seed, calibration.discrepancy.value, calibration)

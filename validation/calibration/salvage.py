"""Predict the salvage cohorts of the evidence base: docs/explanation/salvage-validation.md.

    .venv/bin/python validation/calibration/salvage.py FOLDER            # a quarter of an hour; again, from FOLDER
    .venv/bin/python validation/calibration/salvage.py FOLDER --write    # the tables into the page

`aftercar validate` with its defaults gives the same figures of ORR. Simulated patients are kept in FOLDER under the
hash of what they hang on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
from salvage_tables import (
    write_classes,
    write_criteria,
    write_durations,
    write_first_products,
    write_left_out,
    write_measure,
    write_noise,
    write_sensitivity,
    write_used,
)

from aftercar import __version__
from aftercar.calibration.median_prediction import predict_median
from aftercar.calibration.median_validation import validate_medians
from aftercar.calibration.prediction import ArmRate, fit_rates
from aftercar.calibration.salvage_arms import Counterpart, Start, list_arms
from aftercar.calibration.salvage_cohorts import CohortChoice, choose_cohorts
from aftercar.calibration.salvage_medians import choose_medians
from aftercar.calibration.salvage_trials import list_trials, simulate_trials
from aftercar.calibration.validation import Validation, validate_cohorts
from aftercar.catalogue import load_base
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.evidence import Filters
from aftercar.foundation import DEFAULT_SEED, hash_bytes, show_notices, write_atomic
from aftercar.patients import load_posterior
from aftercar.report.validation_words import say_verdict
from aftercar.synthesis.predictive_medians import MedianPriors
from aftercar.trials import TrialPlan, find_plan, load_plan

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "salvage-validation.md"
MEASURES = ("ORR", "CR")
PATIENTS, MORE, SETS = 400, 1200, 40
NARROW = MedianPriors(tau_scale=0.5)
_DISCREPANCIES = (0.0, 0.5, 1.0)

DATA = load_model_data()
BASE = load_base()
PLAN: TrialPlan = load_plan(find_plan("after_ide_cel"), DATA, load_populations())
SPREAD = load_calibration().discrepancy.value


def choose(measure: str, **filters: str) -> CohortChoice:
    return choose_cohorts(BASE, measure, filters=replace(Filters(), **filters), plan=PLAN, data=DATA)  # type: ignore[arg-type]


CHOICES = {measure: choose(measure) for measure in MEASURES}
MEDIANS = choose_medians(BASE, filters=Filters(), plan=PLAN, data=DATA)
NARROWER = {
    "BCMA CAR-T before in (nearly) all (`--prior strict`)": choose("ORR", prior="strict"),
    "counts as printed or computed (`--counts reported`)": choose("ORR", counts="reported"),
}
PREDICTED = [
    *(one for choice in (*CHOICES.values(), *NARROWER.values()) for one in choice.scored),
    *MEDIANS.scored,
    *MEDIANS.shown,
]
OWN = list_arms(PREDICTED, PLAN, DATA)
IDE_CEL = list_arms(PREDICTED, PLAN, DATA, own_first=False)


def list_runs(*, own_only: bool) -> Mapping[Start, TrialPlan]:
    arms = list(OWN.values()) if own_only else [*OWN.values(), *IDE_CEL.values()]
    return list_trials(arms, PLAN)


def simulate(folder: Path, patients: int, workers: int | None, *, own_only: bool) -> pd.DataFrame:
    """Return simulated patients of every arm that any analysis asks for; trials that are in the folder are read."""
    found = []
    for start, plan in list_runs(own_only=own_only).items():
        parts = (
            __version__, DATA.hash, load_posterior(data=DATA).hash, repr((patients, SETS)), plan.model_dump_json(),
        )  # fmt: skip
        file = folder / f"salvage_{hash_bytes(*(part.encode() for part in parts))[:16]}.csv"
        if not file.exists():
            trial = simulate_trials(
                {start: plan}, patients=patients, sets=SETS, seed=DEFAULT_SEED, data=DATA, workers=workers
            )
            write_atomic(file, trial.to_csv(index=False))
        found.append(pd.read_csv(file))
    return pd.concat(found, ignore_index=True)


def analyse(
    patients: pd.DataFrame, choice: CohortChoice, measure: str, *, spread: float = SPREAD,
    arms: Mapping[str, Counterpart] = OWN,
) -> Validation:  # fmt: skip
    mine = {one.cohort: arms[one.cohort] for one in choice.scored}
    rates = fit_rates(patients, mine, measure)
    return validate_cohorts(choice, mine, rates, measure, discrepancy=spread, seed=DEFAULT_SEED)


def analyse_medians(patients: pd.DataFrame, *, priors: MedianPriors | None = None) -> Validation:
    laws = {
        one.cohort: predict_median(patients, OWN[one.cohort], one.patients, discrepancy=SPREAD)
        for one in MEDIANS.scored
    }
    return validate_medians(MEDIANS, OWN, laws, seed=DEFAULT_SEED, priors=priors)


def vary(patients: pd.DataFrame, more: pd.DataFrame) -> list[tuple[str, Validation]]:
    """Return the analyses of ORR under other choices; the last two leave one study out."""
    whole = CHOICES["ORR"]
    large = replace(whole, scored=tuple(one for one in whole.scored if one.total >= 5))
    with_used = replace(whole, scored=tuple(replace(one, used="") for one in whole.scored))
    known = replace(whole, scored=tuple(one for one in whole.scored if OWN[one.cohort].first_known))
    rows = [
        (f"as above (discrepancy {SPREAD:g})", analyse(patients, whole, "ORR")),
        (f"{MORE:,} virtual patients", analyse(more, whole, "ORR")),
        ("all after ide-cel", analyse(patients, whole, "ORR", arms=IDE_CEL)),
        ("cohorts whose first product is reported", analyse(patients, known, "ORR")),
    ]
    rows += [(f"discrepancy {value:g}", analyse(patients, whole, "ORR", spread=value)) for value in _DISCREPANCIES]
    others = {
        **NARROWER,
        "cohorts of five or more patients": large,
        "with the cohorts that are no test": with_used,
    }
    rows += [(name, analyse(patients, choice, "ORR")) for name, choice in others.items()]
    left_out = []
    for study in dict.fromkeys(one.study for one in whole.scored if not one.used):
        rest = replace(whole, scored=tuple(one for one in whole.scored if one.study != study))
        left_out.append((f"scored without `{study}`", analyse(patients, rest, "ORR")))
    left_out.sort(key=lambda row: row[1].differences["class"].mean)
    return [*rows, left_out[0], left_out[-1]]


def describe_narrow(patients: pd.DataFrame) -> str:
    scores = analyse_medians(patients, priors=NARROW).summary.set_index("forecast")["log_score"]
    told = ", ".join(f"{name} {scores[name]:.2f}" for name in ("class", "overall", "new_class"))
    return f"With half the prior spread of cohorts (0.5 in log months) the baselines score: {told}."


def write_parts(patients: pd.DataFrame, more: pd.DataFrame, given: int) -> Mapping[str, str]:
    """Return the parts of the page by name."""
    found = {measure: analyse(patients, choice, measure) for measure, choice in CHOICES.items()}
    before = {measure: analyse(patients, choice, measure, arms=IDE_CEL) for measure, choice in CHOICES.items()}
    found["PFS"] = analyse_medians(patients)
    short = [f"- {measure}: {say_verdict('class', one.differences['class'])}" for measure, one in found.items()]
    mine = {one.cohort: OWN[one.cohort] for one in CHOICES["ORR"].scored}
    rates: Mapping[str, ArmRate] = fit_rates(patients, mine, "ORR")
    hashes = {"Model data": DATA.hash, "posterior": load_posterior(data=DATA).hash, "evidence": BASE.hash}
    seen = [*MEDIANS.scored, *MEDIANS.shown]
    return {
        "short": "\n".join(short),
        "criteria": write_criteria(found),
        "orr": write_measure(found["ORR"]),
        "cr": write_measure(found["CR"]),
        "pfs": f"{write_measure(found['PFS'])}\n\n{describe_narrow(patients)}",
        "durations": write_durations(seen, OWN, patients),
        "first products": "\n\n".join(write_first_products(before[name], found[name]) for name in MEASURES),
        "classes": write_classes(found["ORR"]),
        "used": write_used(found["ORR"]),
        "sensitivity": write_sensitivity(vary(patients, more)),
        "left out": write_left_out(found["ORR"]),
        "left out pfs": write_left_out(found["PFS"]),
        "noise": write_noise(given, rates, len(list_runs(own_only=True)), hashes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--more", type=int, default=MORE)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.write and (given.patients, given.more) != (PATIENTS, MORE):
        parser.error(f"the page shows {PATIENTS} patients, the default of the command, and {MORE}")
    with show_notices():
        patients = simulate(given.folder, given.patients, given.workers, own_only=False)
        more = simulate(given.folder, given.more, given.workers, own_only=True)
    parts = write_parts(patients, more, given.patients)
    page = PAGE.read_text(encoding="utf-8") if given.write else ""
    for name, text in parts.items():
        print(f"\n## {name}\n\n{text}")
        if given.write:
            start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
            before, rest = page.split(start)
            page = f"{before}{start}\n\n{text}\n\n{end}{rest.split(end)[1]}"
    if given.write:
        write_atomic(PAGE, page)


if __name__ == "__main__":
    main()

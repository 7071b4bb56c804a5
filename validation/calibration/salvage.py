"""Predict the salvage cohorts of the evidence base: docs/explanation/salvage-validation.md.

    .venv/bin/python validation/calibration/salvage.py FOLDER            # a quarter of an hour; again, from FOLDER
    .venv/bin/python validation/calibration/salvage.py FOLDER --write    # the tables into the page

`aftercar validate` with its defaults gives the same figures of ORR. Counts of simulated responders are kept in FOLDER
under the hash of what they hang on.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from aftercar import __version__
from aftercar.calibration.prediction import ArmRate, count_responders, fit_rates
from aftercar.calibration.salvage_cohorts import CohortChoice, choose_cohorts, list_arms
from aftercar.calibration.validation import Validation, validate_cohorts
from aftercar.catalogue import load_base
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.evidence import Filters
from aftercar.foundation import DEFAULT_SEED, hash_bytes, show_notices, write_atomic
from aftercar.patients import load_posterior
from aftercar.report.validation_words import (
    COHORT_HEADS,
    SUMMARY_HEADS,
    cohort_cells,
    list_missed,
    say_verdict,
    say_wins,
    summary_cells,
)
from aftercar.trials import TrialPlan, find_plan, load_plan

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "salvage-validation.md"
MEASURES = ("ORR", "CR")
PATIENTS, MORE, SETS = 400, 1200, 40
_DISCREPANCIES = (0.0, 0.5, 1.0)
_WIDTH = "{:+.2f} ({:+.2f} to {:+.2f})"

DATA = load_model_data()
BASE = load_base()
PLAN: TrialPlan = load_plan(find_plan("after_ide_cel"), DATA, load_populations())


def choose(measure: str, **filters: str) -> CohortChoice:
    return choose_cohorts(BASE, measure, filters=replace(Filters(), **filters), plan=PLAN, data=DATA)  # type: ignore[arg-type]


def simulate(folder: Path, patients: int) -> pd.DataFrame:
    """Return counts of responders of every arm that any analysis asks for, from the folder where they are there."""
    arms = {}
    for measure in MEASURES:
        arms |= {one.arm.name: one for one in list_arms(choose(measure).scored, PLAN, DATA).values()}
    parts = (
        __version__,
        DATA.hash,
        load_posterior(data=DATA).hash,
        PLAN.model_dump_json(),
        repr((patients, SETS, sorted(arms))),
    )
    file = folder / f"salvage_{hash_bytes(*(part.encode() for part in parts))[:16]}.csv"
    if not file.exists():
        counts = count_responders(
            PLAN, list(arms.values()), MEASURES, patients=patients, sets=SETS, seed=DEFAULT_SEED, data=DATA
        )
        write_atomic(file, counts.to_csv(index=False))
    return pd.read_csv(io.StringIO(file.read_text(encoding="utf-8")))


def analyse(choice: CohortChoice, rates: Mapping[str, ArmRate], measure: str, discrepancy: float) -> Validation:
    arms = list_arms(choice.scored, PLAN, DATA)
    return validate_cohorts(choice, arms, rates, measure, discrepancy=discrepancy, seed=DEFAULT_SEED)


def tabulate(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = tuple(heads)
    lines = [heads, tuple("---" for _ in heads), *map(tuple, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_measure(found: Validation) -> str:
    """Return the cohorts, the scores and the verdicts of a measure."""
    tested = found.cohorts[found.cohorts["used"] == ""]
    return "\n\n".join(
        [
            tabulate(COHORT_HEADS, map(cohort_cells, tested.to_dict("records"))),
            tabulate(SUMMARY_HEADS, map(summary_cells, found.summary.to_dict("records"))),
            *(f"**{say_verdict(name, one)}**" for name, one in found.differences.items()),
            say_wins(found),
            f"Outside of the simulated 90% interval: {'; '.join(list_missed(found)) or 'none'}.",
        ]
    )


def write_used(found: Validation) -> str:
    used = found.cohorts[found.cohorts["used"] != ""]
    return tabulate(
        (*COHORT_HEADS[:4], "why it is no test"),
        ((*cohort_cells(row)[:4], row["used"]) for row in used.to_dict("records")),
    )


def write_left_out(found: Validation) -> str:
    reasons: dict[str, list[str]] = {}
    for one in found.not_scored:
        reasons.setdefault(one.reason.split(" with ")[0].split(":")[0], []).append(f"`{one.cohort}`")
    return tabulate(("why", "cohorts"), ((reason, ", ".join(names)) for reason, names in reasons.items()))


def write_sensitivity(rates: Mapping[str, ArmRate], more: Mapping[str, ArmRate], default: float) -> str:
    """Return the difference from the class baseline under other choices; the last rows leave one study out."""
    whole = choose("ORR")
    analyses = {f"as above (discrepancy {default:g})": (whole, default)}
    analyses |= {f"discrepancy {value:g}": (whole, value) for value in _DISCREPANCIES}
    analyses["BCMA CAR-T before in (nearly) all (`--prior strict`)"] = (choose("ORR", prior="strict"), default)
    analyses["counts as printed or computed (`--counts reported`)"] = (choose("ORR", counts="reported"), default)
    large = replace(whole, scored=tuple(one for one in whole.scored if one.total >= 5))
    analyses["cohorts of five or more patients"] = (large, default)
    with_used = replace(whole, scored=tuple(replace(one, used="") for one in whole.scored))
    analyses["with the cohorts that are no test"] = (with_used, default)
    rows = [(name, analyse(choice, rates, "ORR", spread)) for name, (choice, spread) in analyses.items()]
    rows.insert(1, (f"{MORE:,} virtual patients", analyse(whole, more, "ORR", default)))
    left_out = []
    for study in dict.fromkeys(one.study for one in whole.scored if not one.used):
        rest = replace(whole, scored=tuple(one for one in whole.scored if one.study != study))
        left_out.append((f"scored without `{study}`", analyse(rest, rates, "ORR", default)))
    left_out.sort(key=lambda row: row[1].differences["class"].mean)
    rows += [left_out[0], left_out[-1]]
    cells = []
    for name, found in rows:
        one = found.differences["class"]
        covered = found.summary.set_index("forecast").loc["mechanism"]
        cells.append((
            name, f"{one.pairs} of {one.clusters}", _WIDTH.format(one.mean, one.ci_lb, one.ci_ub),
            _WIDTH.format(one.mean, one.bootstrap_lb, one.bootstrap_ub), f"{100 * covered['covered_90']:.0f}",
            one.verdict,
        ))  # fmt: skip
    heads = (
        "analysis",
        "cohorts of studies",
        "difference (95%, t)",
        "difference (95%, bootstrap)",
        "90% covers, %",
        "mechanism is",
    )
    return tabulate(heads, cells)


def write_noise(patients: int, rates: Mapping[str, ArmRate]) -> str:
    posterior = load_posterior(data=DATA).hash
    treated, noise = [one.patients for one in rates.values()], [one.noise for one in rates.values()]
    return (
        f"{patients} patients had ide-cel, {min(treated)} to {max(treated)} were treated in an arm, "
        f"{len(rates)} arms. Error of simulation of an arm's logit: {min(noise):.2f} to {max(noise):.2f}. "
        f"Model data `{DATA.hash[:12]}`, posterior `{posterior[:12]}`, evidence `{BASE.hash[:12]}`."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.write and given.patients != PATIENTS:
        parser.error(f"the page shows {PATIENTS} patients, the default of the command")
    with show_notices():
        counts = simulate(given.folder, given.patients)
        more = fit_rates(simulate(given.folder, MORE), "ORR")
    discrepancy = load_calibration().discrepancy.value
    rates = {measure: fit_rates(counts, measure) for measure in MEASURES}
    found = {measure: analyse(choose(measure), rates[measure], measure, discrepancy) for measure in MEASURES}
    short = [f"- {measure}: {say_verdict('class', one.differences['class'])}" for measure, one in found.items()]
    parts = {
        "short": "\n".join(short),
        "orr": write_measure(found["ORR"]), "cr": write_measure(found["CR"]), "used": write_used(found["ORR"]),
        "sensitivity": write_sensitivity(rates["ORR"], more, discrepancy), "left out": write_left_out(found["ORR"]),
        "noise": write_noise(given.patients, rates["ORR"]),
    }  # fmt: skip
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

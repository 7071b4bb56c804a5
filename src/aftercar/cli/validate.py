"""`aftercar validate`: how well simulated arms predict cohorts that were not used, against naive predictions."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aftercar.cli import options
from aftercar.foundation import DEFAULT_SEED, Fault, InputError, Manifest, command_line, hash_bytes, write_atomic

if TYPE_CHECKING:
    import pandas as pd

    from aftercar.calibration.salvage_cohorts import CohortChoice
    from aftercar.calibration.salvage_medians import MedianChoice
    from aftercar.calibration.validation import Validation
    from aftercar.catalogue.model_data import ModelData
    from aftercar.trials import TrialPlan

EXAMPLE = "Example: aftercar validate my_cohorts.csv --patients 400 --out results/validation"
_PLAN = "after_ide_cel"


class MeasureChoice(StrEnum):
    """What is predicted."""

    orr = "ORR"
    cr = "CR"
    pfs = "PFS"


def validate(
    table: Annotated[
        Path | None,
        typer.Argument(help="Cohorts of yours: a folder of evidence tables, or one CSV. None: the evidence base."),
    ] = None,
    measure: Annotated[
        MeasureChoice, typer.Option("--measure", help="Share with a response, or median PFS.")
    ] = MeasureChoice.orr,
    patients: Annotated[int, typer.Option("--patients", help="Virtual patients with the first treatment.")] = 400,
    sets: Annotated[int, typer.Option("--sets", help="Parameter sets; 0 takes the catalogue's typical values.")] = 40,
    parameters: Annotated[
        options.ParametersChoice, typer.Option("--parameters", help="Where the sets come from.")
    ] = options.ParametersChoice.posterior,
    discrepancy: Annotated[
        float | None,
        typer.Option("--discrepancy", help="SD of a cohort about its arm [logit]; by default the calibration's."),
    ] = None,
    prior: options.Prior = options.PriorChoice.inclusive,
    counts: options.Counts = options.CountsChoice.inferred,
    seed: Annotated[int, typer.Option("--seed", help="Seed of patients, luck and bootstrap.")] = DEFAULT_SEED,
    workers: Annotated[int | None, typer.Option("--workers", help="Threads; by default one a processor.")] = None,
    format: Annotated[options.TableFormat, typer.Option("--format", help="Form of what is printed.")] = (
        options.TableFormat.table
    ),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for cohorts.csv, summary.csv, arms.csv and a manifest.")
    ] = None,
) -> None:
    """Score predictions of response or PFS after BCMA CAR-T: simulated arms against pooling, cohorts not used.

    Each cohort's number of responders (or median PFS) has a predictive distribution: parameter sets, what a cohort
    differs by, chance. The baselines pool other studies. Says in words whether the mechanism predicts better, and how
    sure that is.
    """
    _check_options(patients, sets, seed, workers, discrepancy, out)
    from aftercar.catalogue.calibration import load_calibration
    from aftercar.catalogue.model_data import load_model_data
    from aftercar.catalogue.populations import load_populations
    from aftercar.patients import load_posterior
    from aftercar.trials import find_plan, load_plan

    data = load_model_data()
    plan = load_plan(find_plan(_PLAN), data, load_populations())
    choice, hashes = _choose(table, measure.value, prior.value, counts.value, plan, data)
    spread = load_calibration().discrepancy.value if discrepancy is None else discrepancy
    config = {
        "table": options.name_of(table) if table else "", "measure": measure.value, "patients": patients, "sets": sets,
        "parameters": parameters.value if sets else "typical", "discrepancy": spread, "prior": prior.value,
        "counts": counts.value, "plan": _PLAN,
    }  # fmt: skip
    hashes |= {"model_data": data.hash}
    if config["parameters"] == "posterior":
        hashes["posterior"] = load_posterior(data=data).hash
    manifest = Manifest(command_line(), config, seed, hashes)
    found, arms = _run(choice, plan, data, manifest, workers)
    _print(found, manifest, format)
    if out is not None:
        for name, content in (("cohorts", found.cohorts), ("summary", found.summary), ("arms", arms)):
            write_atomic(out / f"{name}.csv", content.to_csv(index=False, float_format="%.6g"))
        write_atomic(out / "manifest.json", manifest.to_json() + os.linesep)
        typer.echo(f"folder: {out}{os.sep}", err=format is not options.TableFormat.table)


def _check_options(
    patients: int, sets: int, seed: int, workers: int | None, discrepancy: float | None, out: Path | None
) -> None:
    numbers = (("patients", patients, 1), ("sets", sets, 0), ("seed", seed, 0), ("workers", workers, 1))
    faults = [
        Fault(f"option --{name}", f"{value} is below {least}.", f"Give {least} or more.")
        for name, value, least in numbers
        if value is not None and value < least
    ]
    if discrepancy is not None and not 0 <= discrepancy <= 5:
        faults.append(Fault("option --discrepancy", f"{discrepancy}.", "Give 0 to 5 [logit]."))
    if out is not None and out.exists() and not out.is_dir():
        faults.append(Fault("option --out", f"'{out}' is a file.", "Name a folder."))
    if faults:
        raise InputError(faults)


def _choose(
    table: Path | None, measure: str, prior: str, counts: str, plan: TrialPlan, data: ModelData
) -> tuple[CohortChoice | MedianChoice, dict[str, str]]:
    """Return the cohorts to predict with what the baselines learn from, and the hashes of both."""
    from aftercar.calibration.salvage_cohorts import add_table, choose_cohorts, own_cohorts
    from aftercar.calibration.salvage_medians import add_medians, choose_medians
    from aftercar.catalogue import load_base
    from aftercar.catalogue.user_tables import load_cohort_medians, load_cohorts

    folder = table if table is not None and table.is_dir() else None
    base = load_base(folder)
    filters = options.make_filters(base, prior=prior, counts=counts)
    only = own_cohorts(folder) if folder is not None else frozenset()
    if folder is not None and not only:
        raise InputError(Fault(folder.name, "it has no cohorts.csv.", "Add the cohorts to predict."))
    hashes = {"evidence": base.hash}
    file = table if folder is None else None
    if file is not None:
        rows = load_cohort_medians(file) if measure == MeasureChoice.pfs else load_cohorts(file)
        hashes["table"] = hash_bytes(file.read_bytes())
    if measure == MeasureChoice.pfs:
        medians = choose_medians(base, filters=filters, plan=plan, data=data, only=only)
        return (add_medians(rows, medians, base, plan, data, file=file.name) if file else medians), hashes
    choice = choose_cohorts(base, measure, filters=filters, plan=plan, data=data, only=only)
    return (add_table(rows, measure, choice, base, plan, data, file=file.name) if file else choice), hashes


def _run(
    choice: CohortChoice | MedianChoice, plan: TrialPlan, data: ModelData, manifest: Manifest, workers: int | None
) -> tuple[Validation, pd.DataFrame]:
    """Return the validation and what the arms gave: responders by parameter set, or patients with their PFS."""
    from aftercar.calibration.median_prediction import predict_median
    from aftercar.calibration.median_validation import validate_medians
    from aftercar.calibration.prediction import fit_rates
    from aftercar.calibration.salvage_arms import list_arms
    from aftercar.calibration.salvage_medians import MedianChoice
    from aftercar.calibration.salvage_trials import count_patients, list_trials, simulate_trials, tabulate_rates
    from aftercar.calibration.validation import check_choice, validate_cohorts
    from aftercar.cli.simulate import show_progress

    asked, seed = manifest.config, int(manifest.seed or 0)
    measure, spread = str(asked["measure"]), float(asked["discrepancy"])
    check_choice(choice, measure)
    arms = list_arms(choice.scored, plan, data)
    trials = list_trials(arms.values(), plan)
    with show_progress(count_patients(trials, asked["patients"]), shown=asked["patients"] > 1) as advance:
        patients = simulate_trials(
            trials, patients=asked["patients"], sets=asked["sets"], seed=seed,
            parameters="prior" if asked["parameters"] == "prior" else "posterior", data=data, workers=workers,
            advance=advance,
        )  # fmt: skip
    if isinstance(choice, MedianChoice):
        laws = {
            one.cohort: predict_median(patients, arms[one.cohort], one.patients, discrepancy=spread)
            for one in choice.scored
        }
        return validate_medians(choice, arms, laws, seed=seed), patients.drop(columns=["ORR", "CR"])
    rates = fit_rates(patients, arms, measure)
    found = validate_cohorts(choice, arms, rates, measure, discrepancy=spread, seed=seed)
    return found, tabulate_rates(patients, measure)


def _print(found: Validation, manifest: Manifest, format: options.TableFormat) -> None:
    if format is options.TableFormat.table:
        from aftercar.cli.printing import console
        from aftercar.report.validation_terminal import render_validation

        asked = manifest.config
        sets = f"{asked['sets']} sets of the {asked['parameters']}" if asked["sets"] else "typical parameters"
        words = f"{asked['patients']:,} virtual patients had each first product; who relapsed entered every arm after "
        words += f"it; {sets}; a cohort differs from its arm by {asked['discrepancy']:g} on the logit scale."
        console(160).print(render_validation(found, settings=words))
    elif format is options.TableFormat.csv:
        typer.echo(found.cohorts.to_csv(index=False), nl=False)
    else:
        import json

        typer.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))

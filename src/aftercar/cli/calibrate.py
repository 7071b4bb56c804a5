"""`aftercar calibrate`: population parameters from published figures, as posterior draws with their checks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aftercar.foundation import DEFAULT_SEED, Fault, InputError, Manifest, command_line, hash_bytes, write_atomic

if TYPE_CHECKING:
    from aftercar.calibration import CalibrationResult
    from aftercar.calibration.conduct import Runner
    from aftercar.catalogue.model_data import ModelData

EXAMPLE = "Example: aftercar calibrate --quick --out results/calibration"
_SIMULATED, _MANIFEST = "simulated", "manifest.json"


def calibrate(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the posterior, its checks and the simulated cohorts.")
    ],
    quick: Annotated[
        bool, typer.Option("--quick", help="Few patients, in a few minutes: to see how it works, not to use.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="What to fit, as a TOML file; by default the index treatment.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with parameters/, therapies/, populations/ ... of yours.")
    ] = None,
    patients: Annotated[
        int | None, typer.Option("--patients", min=100, help="Patients of each cohort in each wave.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=8, help="Posterior draws to keep.")] = 256,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of patients, designs and chains.")] = DEFAULT_SEED,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Threads; by default one a processor.")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option("--dask", help="Address of a Dask scheduler that simulates the cohorts; the same bits."),
    ] = None,
) -> None:
    """Calibrate population parameters to published cohorts, by a likelihood that counts patients.

    Every target is printed, observed beside simulated, with those that were held back and those that are missed. The
    same folder again goes on where a run was interrupted. The full form takes half an hour to an hour on one core;
    simulations share the cores of this machine, or of a Dask cluster.
    """
    from dataclasses import replace

    from aftercar.calibration import QUICK, CalibrationSettings, Material, run_calibration
    from aftercar.calibration.run import VERIFYING_PATIENTS
    from aftercar.catalogue.calibration import load_calibration
    from aftercar.catalogue.model_data import load_model_data
    from aftercar.catalogue.populations import load_populations
    from aftercar.catalogue.targets import load_targets
    from aftercar.cli.printing import console
    from aftercar.report.calibration_terminal import render_calibration

    _check_folder(out)
    model = load_model_data(data)
    populations = load_populations(data, model) if data is not None else load_populations()
    targets = load_targets()
    calibration = load_calibration(file, data=model, targets=targets, populations=populations)
    material = Material.of(calibration, model, populations, targets)
    settings = replace(QUICK if quick else CalibrationSettings(), seed=seed)
    if patients is not None:
        settings = replace(settings, waves=tuple(replace(wave, patients=patients) for wave in settings.waves))
    verifying = min(VERIFYING_PATIENTS, settings.waves[-1].patients)
    with _runner(model, data, workers=workers, dask=dask) as run:
        result = run_calibration(material, settings, draws=draws, folder=out / _SIMULATED, verifying=verifying, run=run)
    console(150).print(render_calibration(result))
    hashes = {
        "model_data": model.hash, "targets": targets.hash,
        "calibration": hash_bytes(calibration.model_dump_json().encode()), "posterior": result.sets.hash,
    }  # fmt: skip
    config = {"quick": quick, "patients": patients, "draws": draws, "calibration": calibration.model_dump(mode="json")}
    _write(result, Manifest(command_line(), config, seed, hashes), out)
    typer.echo(f"folder: {out}{os.sep}")


@contextmanager
def _runner(model: ModelData, directory: Path | None, *, workers: int | None, dask: str | None) -> Iterator[Runner]:
    """Yield what simulates cohorts, on threads or on a cluster."""
    from functools import partial

    from aftercar.calibration.conduct import Shared, run_on_cluster, simulate_on_threads

    if dask is None:
        yield partial(simulate_on_threads, data=model, workers=workers)
        return
    from aftercar.trials.cluster import open_cluster

    shared = Shared(str(directory.absolute()) if directory is not None else None, model.hash)
    with open_cluster(dask) as client:
        yield partial(run_on_cluster, client, shared, data=model)


def _check_folder(out: Path) -> None:
    """Raise InputError where the folder holds something else than a calibration, done or begun."""
    if out.exists() and not out.is_dir():
        raise InputError(Fault("option --out", f"'{out}' is a file.", "Name a folder."))
    if out.is_dir():
        names = {path.name for path in out.iterdir()}
        if names and not names & {_SIMULATED, "posterior.json"}:
            found = f"'{out}' holds '{sorted(names)[0]}', and no calibration."
            raise InputError(Fault("option --out", found, "Name another folder."))


def _write(result: CalibrationResult, manifest: Manifest, out: Path) -> None:
    """Write all files, each whole or not at all; the manifest last."""
    import json

    write_atomic(out / "posterior.csv", result.sets.values.to_csv(index=False, float_format="%.6g"))
    write_atomic(out / "posterior.json", json.dumps(result.describe(), indent=2, sort_keys=True) + os.linesep)
    tables = {
        "parameters": result.parameters, "targets": result.checks, "directions": result.directions,
        "verification": result.verification, "informs": result.informs, "correlations": result.correlations,
        "profiles": result.profiles, "limits": result.limits,
    }  # fmt: skip
    for name, table in tables.items():
        write_atomic(out / f"{name}.csv", table.to_csv(index=False, float_format="%.6g"))
    write_atomic(out / _MANIFEST, manifest.to_json() + os.linesep)

"""The folder that `aftercar simulate --out` writes: data, tables, report, manifest; whole or not at all."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from aftercar.foundation import Fault, InputError, Manifest, fill_folder, write_atomic

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from aftercar.patients.arms import Arm, Trajectories

MANIFEST = "manifest.json"
_DIGITS = "%.8g"  # more than the integrator knows


class DataFormat(StrEnum):
    """Form of the trajectories."""

    csv = "csv"
    parquet = "parquet"
    netcdf = "netcdf"


_FILES = {DataFormat.csv: "trajectories.csv", DataFormat.parquet: "trajectories.parquet",
          DataFormat.netcdf: "trajectories.nc"}  # fmt: skip
_OURS = {*_FILES.values(), "patients.csv", "summary.csv", "outcomes.csv", "parameter_sets.csv", "report.html", MANIFEST}


def check_folder(folder: Path) -> None:
    """Raise InputError where a folder cannot be written, or holds something that is not ours and would be lost.

    A long simulation is not to be lost to a folder that was never to be had.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(Fault("option --out", f"'{folder}' is a file.", "Name a folder."))
    if folder.is_dir():
        found = sorted(path.name for path in folder.iterdir())
        foreign = [name for name in found if name not in _OURS]
        if foreign or (found and MANIFEST not in found):
            held = foreign[0] if foreign else found[0]
            raise InputError(
                Fault("option --out", f"'{folder}' holds '{held}', which no simulation wrote.", "Name another folder.")
            )
    parent = next(one for one in folder.absolute().parents if one.exists())
    try:
        tempfile.TemporaryDirectory(dir=parent, prefix=f".{folder.name}.").cleanup()
    except OSError as error:
        why = f"nothing can be written into '{parent}': {error.strerror or error}."
        raise InputError(Fault("option --out", why, "Name a folder in a place of your own.")) from None


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all files into a new folder beside the target and put it in its place, an older run's with it.

    Raises
    ------
    OSError
        The folder cannot be written; an older one is untouched.
    """
    with fill_folder(folder) as new:
        for name, content in files.items():
            write_atomic(new / name, content)


def make_files(
    run: Trajectories, manifest: Manifest, *, formats: tuple[DataFormat, ...], report: bool
) -> dict[str, bytes]:
    """Return the content of every file by name."""
    from aftercar.patients.readouts import count_outcomes, tabulate_ranges

    files = {_FILES[form]: _trajectories(run, form) for form in formats}
    files["patients.csv"] = _csv(_joined({arm.name: _people(run, arm) for arm in run.arms}))
    ranges = {arm.name: tabulate_ranges(arm, run.reading_days, sets=run.sets_of(arm)) for arm in run.arms}
    files["summary.csv"] = _csv(_joined(ranges))
    if run.sets is not None:
        files["parameter_sets.csv"] = _csv(run.sets.values.reset_index())
    if not run.single:
        structure = run.course.structure
        outcomes = {arm.name: count_outcomes(arm, structure, sets=run.sets_of(arm)) for arm in run.arms}
        files["outcomes.csv"] = _csv(_joined(outcomes))
    if report:
        from aftercar.report.trajectories import render_trajectories

        files["report.html"] = render_trajectories(run, manifest).encode("utf-8")
    files[MANIFEST] = (manifest.to_json() + "\n").encode("utf-8")
    return files


def trajectory_frame(run: Trajectories) -> pd.DataFrame:
    """Return one row per arm, patient and time, one column per state and observable.

    With parameter sets there is a column of them, and the typical patient has rows for each, 0 being their medians.
    """
    return _joined({arm.name: _arm_frame(run, arm) for arm in run.arms})


def _arm_frame(run: Trajectories, arm: Arm) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    def table(data: xr.Dataset) -> pd.DataFrame:
        kept = data.drop_vars(["stopped_because", "stopped_at", "steps", "refused_steps"])
        return kept.to_dataframe(dim_order=["patient", "time"]).reset_index().rename(columns={"time": "day"})

    found, sets = table(arm.data), run.sets_of(arm)
    if sets is None:
        return found
    found.insert(1, "parameter_set", np.repeat(sets, arm.data.sizes["time"]))
    if arm.under_sets is None:
        return found
    under = table(arm.under_sets.data)
    under.insert(1, "parameter_set", under["patient"])
    return pd.concat([found, under.assign(patient=1)], ignore_index=True)


def _people(run: Trajectories, arm: Arm) -> pd.DataFrame:
    """Return the parameters of the patients, and of the typical patient under each set."""
    import pandas as pd

    people, sets = arm.people.reset_index(), run.sets_of(arm)
    if sets is None:
        return people
    people.insert(1, "parameter_set", sets)
    if arm.under_sets is None:
        return people
    under = arm.under_sets.people.reset_index()
    under.insert(1, "parameter_set", under["patient"])
    return pd.concat([people, under.assign(patient=1)], ignore_index=True)


def _joined(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([table.assign(arm=name) for name, table in tables.items()], ignore_index=True)[
        ["arm", *next(iter(tables.values())).columns]
    ]


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, float_format=_DIGITS, lineterminator="\n").encode("utf-8")


def _trajectories(run: Trajectories, form: DataFormat) -> bytes:
    if form is DataFormat.csv:
        return _csv(trajectory_frame(run))
    if form is DataFormat.parquet:
        buffer = io.BytesIO()
        trajectory_frame(run).to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
        return buffer.getvalue()
    import pandas as pd
    import xarray as xr

    from aftercar.patients.parameter_choice import parameter_words
    from aftercar.report.trajectories_words import calibration_text

    arms = pd.Index([arm.name for arm in run.arms], name="arm")
    data = xr.concat([_with_sets(run, arm) for arm in run.arms], dim=arms)
    data = data.assign_attrs(kind=f"simulated, {calibration_text(run)}", parameters=parameter_words(run.sets))
    if run.sets is not None:
        data = data.assign_attrs(parameter_sets_sha256=run.sets.hash)
    # netCDF 3 needs no library beyond scipy; its integers have 32 bits, ample for counts of steps.
    return bytes(data.to_netcdf(engine="scipy", format="NETCDF3_64BIT"))


def _with_sets(run: Trajectories, arm: Arm) -> xr.Dataset:
    """Return an arm's data with the coordinate `parameter_set`: of patients, or in their place for the typical one."""
    if run.sets is None:
        return arm.data
    if arm.under_sets is None:
        return arm.data.assign_coords(parameter_set=("patient", run.sets_of(arm)))
    import xarray as xr

    line = arm.data.assign_coords(patient=[0])
    return xr.concat([line, arm.under_sets.data], dim="patient").rename(patient="parameter_set")

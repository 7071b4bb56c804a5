"""Many patients to disk, part by part: flat memory, whole files only, and going on where a run was stopped."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from aftercar.engine.network import Network
from aftercar.engine.schedule import Administration
from aftercar.engine.simulate import Settings, list_failures, simulate
from aftercar.foundation import Fault, InputError, Manifest, claim_folder, command_line, hash_bytes, write_atomic

Source = pd.DataFrame | Callable[[int, int], pd.DataFrame]


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What a run wrote: parts in all and made this time, patients integrated this time and per second, failures."""

    parts: int
    made: int
    patients: int
    patients_per_second: float
    failures: int


def simulate_to_folder(
    model: Network,
    folder: Path | str,
    *,
    times: Sequence[float],
    patients: Source,
    n_patients: int | None = None,
    doses: Sequence[Administration] = (),
    outputs: Sequence[str] | None = None,
    seed: int = 0,
    arm: str = "",
    settings: Settings | None = None,
    per_part: int = 10_000,
    report: Callable[[StreamReport], None] | None = None,
) -> StreamReport:
    """Integrate patients part by part and write each part as it is done.

    The folder holds ``manifest.json``, ``part-00000.parquet`` ... (columns patient, time and the outputs) and
    ``failures-00000.csv`` where patients stopped early. A part is there whole or not at all, so a run may be
    interrupted at any moment; called again with the same arguments it goes on. The same patient gets the same bits in
    whatever part.

    Parameters
    ----------
    patients
        A table, or for flat memory a function that returns the table of patients `first` to `last` (exclusive), with
        their identifiers as index; then `n_patients` says how many there are. The function must be deterministic.
    report
        Called after each part, e.g. to show progress.

    Raises
    ------
    InputError
        The folder holds a run with other arguments.
    """
    folder = Path(folder)
    total = len(patients) if isinstance(patients, pd.DataFrame) else n_patients
    if total is None or total < 1 or per_part < 1:
        raise InputError(Fault("n_patients", f"{total} patients in parts of {per_part}.", "Give positive numbers."))
    names = tuple(outputs) if outputs is not None else tuple(s.id for s in model.states)
    how = settings or Settings()
    key = _manifest(model, times, patients, total, doses, names, seed, arm, how, per_part)
    claim_folder(folder, key, parts="part-*.parquet")
    edges = [(k, min(k + per_part, total)) for k in range(0, total, per_part)]
    made = done = failures = 0
    begin = time.perf_counter()
    result = StreamReport(len(edges), 0, 0, 0.0, 0)
    for part, (first, last) in enumerate(edges):
        path = folder / f"part-{part:05d}.parquet"
        if path.exists():
            continue
        table = patients.iloc[first:last] if isinstance(patients, pd.DataFrame) else patients(first, last)
        data = simulate(
            model, times=times, patients=table, doses=doses, outputs=names, seed=seed, arm=arm,
            settings=replace(how, progress=False),
        )  # fmt: skip
        failed = list_failures(data, table)
        if len(failed):
            write_atomic(folder / f"failures-{part:05d}.csv", failed.to_csv())
        write_atomic(path, _parquet(data, names))  # last: where it exists, the part is complete
        made, done, failures = made + 1, done + (last - first), failures + len(failed)
        result = StreamReport(len(edges), made, done, done / (time.perf_counter() - begin), failures)
        if report is not None:
            report(result)
    return result


def load_folder(folder: Path | str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read all parts of a folder, in the order of patients."""
    paths = sorted(Path(folder).glob("part-*.parquet"))
    if not paths:
        raise InputError(Fault(str(folder), "the folder holds no results.", "Name a folder of simulate_to_folder."))
    tables = [pq.read_table(path, columns=list(columns) if columns else None) for path in paths]
    table: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return table


def _parquet(data: xr.Dataset, names: Sequence[str]) -> bytes:
    times = data["time"].to_numpy()
    columns: dict[str, Any] = {
        "patient": np.repeat(data["patient"].to_numpy(), len(times)),
        "time": np.tile(times, data.sizes["patient"]),
    }
    columns |= {name: data[name].to_numpy().ravel() for name in names}
    table = pa.table(columns)
    units = {name: str(data[name].attrs.get("units", "")) for name in names}
    table = table.replace_schema_metadata({b"units": json.dumps(units).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _manifest(
    model: Network, times: Sequence[float], patients: Source, total: int, doses: Sequence[Administration],
    names: Sequence[str], seed: int, arm: str, how: Settings, per_part: int,
) -> Manifest:  # fmt: skip
    settings = {k: v for k, v in asdict(how).items() if k not in {"workers", "progress"}}  # they change no result
    config = {
        "times": [float(t) for t in times], "patients": total, "outputs": list(names), "arm": arm,
        "per_part": per_part, "settings": json.loads(json.dumps(settings, default=str)),
    }  # fmt: skip
    hashes = {"model": model.fingerprint, "doses": hash_bytes(*(repr(d).encode() for d in doses))}
    if isinstance(patients, pd.DataFrame):
        rows = pd.util.hash_pandas_object(patients, index=True).to_numpy()
        hashes["patients"] = hash_bytes(rows.tobytes(), repr(list(patients.columns)).encode())
    return Manifest(command=command_line(), config=config, seed=seed, hashes=hashes)

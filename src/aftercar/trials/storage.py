"""A trial in a folder: blocks as they are done, then whole tables; an interrupted run goes on where it stopped.

The folder holds ``manifest.json`` (what was asked for), while it runs ``blocks/<number>/`` (a folder for each block,
there whole or not at all), in the end ``tables/<name>.parquet`` and ``index.parquet``. Memory stays that of a block
while it runs, and of the columns of one arm when results are summed up.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aftercar.foundation import Manifest, claim_folder, fill_folder
from aftercar.trials.folder import FOLDER, load_tables
from aftercar.trials.plan import TrialPlan
from aftercar.trials.run import MOST_DETAILED, Block, Prepared
from aftercar.trials.summary import TrialSummary, count_flow, summarise_arms
from aftercar.trials.tables import TABLES, TrialTables, set_types

INDEX = "index"
_BLOCKS = "blocks"
_ROWS = 100_000  # of a group in a Parquet file: a million patients in groups of a block would be mostly headers
# What the summary of an arm reads; see `summarise_arms`.
_SUMMED = {"lines": ["arm", "patient", "line", "treated", "start_day", "last_visit_day"], "outcomes": None}
Runner = Callable[[Sequence[int]], Iterable[tuple[int, Block]]]


def store_trial(prepared: Prepared, folder: Path, *, manifest: Manifest, run: Runner) -> None:
    """Run the blocks that a folder lacks, and join all to tables.

    Parameters
    ----------
    manifest
        What was asked for: a folder of another request is not touched.
    run
        Runs blocks by number and yields them in any order, e.g. on threads or on a cluster.

    Raises
    ------
    InputError
        The folder holds another trial.
    """
    claim_folder(folder, manifest, parts=f"{_BLOCKS}/*")
    if is_complete(folder):
        return
    missing = [k for k in range(prepared.blocks) if not (folder / _BLOCKS / f"{k:06d}").is_dir()]
    for number, block in run(missing) if missing else ():
        _write_block(folder, number, block)
    _join(folder, prepared)
    shutil.rmtree(folder / _BLOCKS)


def is_complete(folder: Path) -> bool:
    """Tell whether all of a trial is there."""
    names = [folder / f"{INDEX}.parquet", *(folder / FOLDER / f"{name}.parquet" for name in TABLES)]
    return all(path.is_file() for path in names)


def list_missing(folder: Path, blocks: int) -> int:
    """Return how many of the blocks are still to be run."""
    done = folder / _BLOCKS
    return 0 if is_complete(folder) else sum(not (done / f"{k:06d}").is_dir() for k in range(blocks))


def _write_block(folder: Path, number: int, block: Block) -> None:
    with fill_folder(folder / _BLOCKS / f"{number:06d}") as new:
        block.index.to_parquet(new / f"{INDEX}.parquet", index=False)
        for name in TABLES:
            set_types(name, getattr(block.tables, name)).to_parquet(new / f"{name}.parquet", index=False)


def _join(folder: Path, prepared: Prepared) -> None:
    """Write whole tables block by block: by arm in the order of the plan, then by patient."""
    blocks = sorted((folder / _BLOCKS).iterdir())
    arms = ["", *(arm.name for arm in prepared.plan.arms)]
    with fill_folder(folder / FOLDER) as new:
        for name in TABLES:
            by = arms if "arm" in TABLES[name] else [None]
            _stream([block / f"{name}.parquet" for block in blocks], new / f"{name}.parquet", by)
        _stream([block / f"{INDEX}.parquet" for block in blocks], new / f"{INDEX}.parquet", [None])
    (folder / FOLDER / f"{INDEX}.parquet").rename(folder / f"{INDEX}.parquet")


def _stream(files: Sequence[Path], target: Path, arms: Sequence[str | None]) -> None:
    full = [file for file in files if pq.read_metadata(file).num_rows]
    schema = pq.read_schema((full or files)[0])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for arm in arms:
            waiting: list[pa.Table] = []
            for file in full:
                waiting.append(pq.read_table(file, schema=schema) if arm is None else _of_arm(file, arm, schema))
                if sum(table.num_rows for table in waiting) >= _ROWS or file == full[-1]:
                    joined = pa.concat_tables(waiting)
                    if joined.num_rows:
                        writer.write_table(joined)
                    waiting = []


def _of_arm(file: Path, arm: str, schema: pa.Schema) -> pa.Table:
    table = pq.read_table(file, schema=schema)
    return table.filter(pc.equal(table["arm"], arm))


def summarise_folder(plan: TrialPlan, folder: Path) -> TrialSummary:
    """Return the results of a complete folder, reading one arm at a time.

    Raises
    ------
    InputError
        Nobody progressed.
    """
    subjects = _read(folder, "subjects")
    with pq.ParquetFile(folder / f"{INDEX}.parquet") as file:
        parts = file.iter_batches(_ROWS, columns=["best_response", "death_day", "end_day"])
        flow = count_flow((part.to_pandas() for part in parts), entered=len(subjects))
    return summarise_arms(plan, flow, subjects, _read_arms(plan, folder, subjects))


def load_pictured(plan: TrialPlan, folder: Path) -> TrialTables:
    """Return the tables of a complete folder, of as many patients as a page can draw.

    Of a larger trial than `MOST_DETAILED` they are those of its first patients.
    """
    subjects = pq.read_table(folder / FOLDER / "subjects.parquet", columns=["patient"])["patient"]
    drawn = max(MOST_DETAILED // len(plan.arms), 1)
    if len(subjects) <= drawn:
        return load_tables(folder)
    kept = ("patient", "<=", subjects[drawn - 1].as_py())
    return TrialTables(
        **{name: pd.read_parquet(folder / FOLDER / f"{name}.parquet", filters=[kept]) for name in TABLES}
    )


def _read_arms(plan: TrialPlan, folder: Path, subjects: pd.DataFrame) -> Iterator[TrialTables]:
    empty = {name: pd.DataFrame(columns=list(TABLES[name])) for name in TABLES if name not in _SUMMED}
    for arm in plan.arms:
        own = {name: _read(folder, name, columns, arm=arm.name) for name, columns in _SUMMED.items()}
        if len(own["outcomes"]):
            yield TrialTables(**(empty | {"subjects": subjects} | own))


def _read(folder: Path, name: str, columns: list[str] | None = None, *, arm: str | None = None) -> pd.DataFrame:
    """Return a table, or the rows of an arm, with words as categories: a number for each row instead of a text."""
    path = folder / FOLDER / f"{name}.parquet"
    words = [title for title, (kind, _) in TABLES[name].items() if kind == "category"]
    table = pq.read_table(
        path, columns=columns, filters=None if arm is None else [("arm", "=", arm)], read_dictionary=words
    )
    frame: pd.DataFrame = table.replace_schema_metadata().to_pandas()
    return frame

"""A trial in a folder: blocks as they are done, then whole tables; an interrupted run goes on where it stopped.

The folder holds ``manifest.json`` (what was asked for), while it runs ``blocks/<number>/`` (a folder for each block,
there whole or not at all), in the end ``tables/<name>.parquet`` and ``index.parquet``. Memory stays that of a block.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aftercar.foundation import Manifest, claim_folder, fill_folder
from aftercar.trials.folder import FOLDER, load_tables
from aftercar.trials.run import Block, Prepared, Trial
from aftercar.trials.tables import TABLES, set_types

INDEX = "index"
_BLOCKS = "blocks"
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
            for file in full:
                table = pq.read_table(file, schema=schema) if arm is None else _of_arm(file, arm, schema)
                if table.num_rows:
                    writer.write_table(table)


def _of_arm(file: Path, arm: str, schema: pa.Schema) -> pa.Table:
    table = pq.read_table(file, schema=schema)
    return table.filter(pc.equal(table["arm"], arm))


def load_trial(prepared: Prepared, folder: Path) -> Trial:
    """Return the trial of a complete folder."""
    return Trial(prepared.plan, pd.read_parquet(folder / f"{INDEX}.parquet"), load_tables(folder))

"""One seed, the same bits: any block size, threads, subset of patients, after an interrupt, on a cluster."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from aftercar.foundation import InputError, Manifest
from aftercar.trials import Trial, load_tables
from aftercar.trials.cluster import Request, open_cluster, run_on_cluster
from aftercar.trials.run import Block, Prepared, join_blocks, run_blocks
from aftercar.trials.storage import INDEX, list_missing, store_trial
from aftercar.trials.tables import TABLES

from .plans import ARMS, SEED, prepare


def run(prepared: Prepared, workers: int) -> Trial:
    blocks = dict(run_blocks(prepared, range(prepared.blocks), workers=workers))
    return join_blocks(prepared.plan, [blocks[k] for k in sorted(blocks)])


def assert_same(one: Trial, other: Trial) -> None:
    pd.testing.assert_frame_equal(one.index, other.index, check_exact=True)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one.tables, name), getattr(other.tables, name), check_exact=True)


def manifest_of(prepared: Prepared) -> Manifest:
    return Manifest("test", prepared.plan.model_dump(mode="json"), SEED, {})


@pytest.fixture(scope="module")
def whole() -> Trial:
    return run(prepare(ARMS, per_block=60, sets=6), 1)


def test_blocks_and_threads_change_nothing(whole: Trial) -> None:
    assert_same(whole, run(prepare(ARMS, per_block=13, sets=6), 2))


def test_patients_are_the_same_in_a_smaller_run(whole: Trial) -> None:
    few = run(prepare(ARMS, patients=20, sets=6), 2)
    last = few.index["patient"].max()
    mine = whole.tables.outcomes[whole.tables.outcomes["patient"] <= last].reset_index(drop=True)
    pd.testing.assert_frame_equal(few.tables.outcomes, mine, check_exact=True)


def test_sets_differ_and_each_patient_belongs_to_one(whole: Trial) -> None:
    subjects = whole.tables.subjects
    assert ((subjects["patient"] - 1) % 6 + 1 == subjects["parameter_set"]).all()
    typical = run(prepare(ARMS, per_block=60), 2)
    assert not typical.tables.subjects["tumour_total"].equals(subjects["tumour_total"])


def test_an_interrupted_run_goes_on_where_it_stopped(whole: Trial, tmp_path: Path) -> None:
    prepared = prepare(ARMS, per_block=15, sets=6)

    def stop_after_two(blocks: Sequence[int]) -> Iterator[tuple[int, Block]]:
        for k, done in enumerate(run_blocks(prepared, blocks, workers=1)):
            if k == 2:
                raise KeyboardInterrupt
            yield done

    manifest = manifest_of(prepared)
    with pytest.raises(KeyboardInterrupt):
        store_trial(prepared, tmp_path, manifest=manifest, run=stop_after_two)
    assert list_missing(tmp_path, prepared.blocks) == prepared.blocks - 2
    made: list[int] = []

    def count(blocks: Sequence[int]) -> Iterator[tuple[int, Block]]:
        made.extend(blocks)
        yield from run_blocks(prepared, blocks, workers=2)

    store_trial(prepared, tmp_path, manifest=manifest, run=count)
    assert len(made) == prepared.blocks - 2
    stored = Trial(prepared.plan, pd.read_parquet(tmp_path / f"{INDEX}.parquet"), load_tables(tmp_path))
    assert_same(whole, stored)
    store_trial(prepared, tmp_path, manifest=manifest, run=count)
    assert len(made) == prepared.blocks - 2  # it is complete: nothing is run again


def test_a_folder_of_another_trial_is_refused(tmp_path: Path) -> None:
    prepared = prepare(ARMS, per_block=30, patients=30)
    store_trial(prepared, tmp_path, manifest=manifest_of(prepared), run=partial(run_blocks, prepared))
    other = prepare(ARMS, per_block=30, patients=31)
    before = (tmp_path / "tables" / "outcomes.parquet").read_bytes()
    with pytest.raises(InputError, match="another config"):
        store_trial(other, tmp_path, manifest=manifest_of(other), run=partial(run_blocks, other))
    assert (tmp_path / "tables" / "outcomes.parquet").read_bytes() == before


@pytest.mark.filterwarnings("default")
def test_two_processes_on_dask_one_of_them_killed_give_the_same_bits(whole: Trial) -> None:
    distributed = pytest.importorskip("distributed")
    prepared = prepare(ARMS, per_block=10, sets=6)
    data = prepared.conduct.data
    request = Request(prepared.plan.model_dump_json(), SEED, 6, "prior", 10, None, data.hash)
    blocks: dict[int, Block] = {}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        open_cluster(cluster.scheduler_address) as client,
    ):
        victim = next(iter(client.run(os.getpid).values()))
        for number, block in run_on_cluster(client, request, range(prepared.blocks)):
            if not blocks:
                os.kill(victim, signal.SIGKILL)
            blocks[number] = block
    assert_same(whole, join_blocks(prepared.plan, [blocks[k] for k in range(prepared.blocks)]))


@pytest.mark.filterwarnings("default")
def test_a_scheduler_that_does_not_answer_is_named() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="no scheduler answers"), open_cluster("tcp://127.0.0.1:1"):
        pass

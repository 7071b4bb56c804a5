"""One seed, the same posterior: one thread, several, after an interrupt, on a cluster that loses a worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from aftercar.calibration import CalibrationResult, CalibrationSettings, Material, WaveSettings, run_calibration
from aftercar.calibration.cohorts import CohortRequest
from aftercar.calibration.conduct import Runner, Shared, run_on_cluster, simulate_on_threads
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.targets import load_targets
from aftercar.foundation import InputError
from aftercar.trials.cluster import open_cluster

DATA = load_model_data()
SETTINGS = CalibrationSettings(waves=(WaveSettings(240, 0.5, 2.0), WaveSettings(180)), chains=8, steps=40, seed=3)
UNITS = 2 * 4 + 2 * 3 + 2 * 1  # cohorts times chunks of the waves and of the verification


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aftercar.calibration.waves._CHUNK", 60)


@pytest.fixture(scope="module")
def material() -> Material:
    """Two short cohorts, two parameters, two targets."""
    calibration = load_calibration()
    names = ("karmma_300", "karmma_450")
    one = calibration.model_copy(update={
        "parameters": {name: calibration.parameters[name] for name in ("growth_rate", "exhaustion_rate")},
        "cohorts": {name: calibration.cohorts[name].model_copy(update={"days": 200}) for name in names},
        "targets": {f"{name}_orr": calibration.targets[f"{name}_orr"] for name in names},
    })  # fmt: skip
    return Material.of(one, DATA, load_populations(), load_targets())


def calibrate(material: Material, run: Runner, folder: Path | None = None) -> CalibrationResult:
    return run_calibration(material, SETTINGS, draws=16, folder=folder, verifying=60, run=run)


def assert_same(one: CalibrationResult, other: CalibrationResult) -> None:
    assert one.sets.hash == other.sets.hash
    for name in ("parameters", "checks", "verification"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert (one.patients, one.stopped) == (other.patients, other.stopped)


@pytest.fixture(scope="module")
def alone(material: Material) -> CalibrationResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aftercar.calibration.waves._CHUNK", 60)
        return calibrate(material, partial(simulate_on_threads, data=DATA, workers=1))


def test_threads_change_nothing(material: Material, alone: CalibrationResult) -> None:
    assert_same(alone, calibrate(material, partial(simulate_on_threads, data=DATA, workers=3)))


def test_an_interrupted_run_goes_on_where_it_stopped(
    material: Material, alone: CalibrationResult, tmp_path: Path
) -> None:
    made = 0

    def stop(requests: Sequence[CohortRequest], after: int) -> Iterator[tuple[int, pd.DataFrame]]:
        nonlocal made
        for done in simulate_on_threads(requests, data=DATA, workers=1):
            if made == after:
                raise KeyboardInterrupt
            made += 1
            yield done

    with pytest.raises(KeyboardInterrupt):
        calibrate(material, partial(stop, after=3), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert_same(alone, calibrate(material, partial(stop, after=1000), tmp_path))
    assert made == UNITS, "nothing was simulated twice"


@pytest.mark.filterwarnings("default")
def test_two_processes_on_dask_one_of_them_killed_give_the_same_bits(
    material: Material, alone: CalibrationResult
) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        open_cluster(cluster.scheduler_address) as client,
    ):
        victims = [next(iter(client.run(os.getpid).values()))]

        def run(requests: Sequence[CohortRequest]) -> Iterator[tuple[int, pd.DataFrame]]:
            for done in run_on_cluster(client, Shared(None, DATA.hash), requests, data=DATA):
                if victims:
                    os.kill(victims.pop(), signal.SIGKILL)
                yield done

        assert_same(alone, calibrate(material, run))
        with pytest.raises(InputError, match="other parameters or therapies"):
            calibrate(material, partial(run_on_cluster, client, Shared(None, "of another"), data=DATA))

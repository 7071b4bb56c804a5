"""Runs to disk: whole parts, resuming, refusing to mix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.engine import Dose, IntegrationWarning, load_folder, simulate, simulate_to_folder, trace_model
from aftercar.engine import storage as module
from aftercar.foundation import InputError

MODEL = trace_model(lambda drug, ke: {"drug": -ke * drug}, states={"drug": 1.0}, parameters={"ke": 0.1}, name="pk")
PATIENTS = pd.DataFrame({"ke": np.linspace(0.05, 0.5, 25)}, index=[f"p{k}" for k in range(25)])
RUN = {"times": [0, 1, 2], "doses": [Dose(1, "drug", 5.0)], "per_part": 10}


def test_parts_hold_what_simulate_returns(tmp_path: Path) -> None:
    report = simulate_to_folder(MODEL, tmp_path, patients=PATIENTS, **RUN)
    assert (report.parts, report.made, report.patients) == (3, 3, 25)
    table = load_folder(tmp_path)
    data = simulate(MODEL, times=[0, 1, 2], doses=RUN["doses"], patients=PATIENTS)
    np.testing.assert_array_equal(table["drug"], data["drug"].to_numpy().ravel())
    assert list(table["patient"].unique()) == list(PATIENTS.index)


def test_an_interrupted_run_goes_on_and_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    simulate_to_folder(MODEL, whole, patients=PATIENTS, **RUN)
    calls = []

    def interrupted(*arguments: object, **more: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return simulate(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "simulate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate_to_folder(MODEL, broken, patients=PATIENTS, **RUN)
    assert sorted(p.name for p in broken.iterdir()) == ["manifest.json", "part-00000.parquet"]
    monkeypatch.undo()
    assert simulate_to_folder(MODEL, broken, patients=PATIENTS, **RUN).made == 2
    for path in whole.glob("part-*.parquet"):
        assert (broken / path.name).read_bytes() == path.read_bytes()


def test_another_run_is_not_mixed_in(tmp_path: Path) -> None:
    simulate_to_folder(MODEL, tmp_path, patients=PATIENTS, **RUN)
    with pytest.raises(InputError, match="another hashes"):
        simulate_to_folder(MODEL, tmp_path, patients=PATIENTS * 2, **RUN)
    with pytest.raises(InputError, match="another seed"):
        simulate_to_folder(MODEL, tmp_path, patients=PATIENTS, seed=1, **RUN)


def test_patients_may_come_from_a_function(tmp_path: Path) -> None:
    report = simulate_to_folder(MODEL, tmp_path, patients=lambda a, b: PATIENTS.iloc[a:b], n_patients=25, **RUN)
    assert report.patients == 25
    assert len(load_folder(tmp_path, ["drug"])) == 75


def test_failures_are_written_beside(tmp_path: Path) -> None:
    model = trace_model(lambda x, k: {"x": k * x**2}, states={"x": 1.0}, parameters={"k": 1.0}, name="blow up")
    with pytest.warns(IntegrationWarning):
        report = simulate_to_folder(model, tmp_path, times=[0, 2], patients=pd.DataFrame({"k": [0.1, 1.0]}))
    assert report.failures == 1
    assert pd.read_csv(tmp_path / "failures-00000.csv")["k"].to_list() == [1.0]


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no results"):
        load_folder(tmp_path)

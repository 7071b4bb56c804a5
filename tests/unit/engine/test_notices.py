"""Who waits for a compilation is told what for; later runs are silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from aftercar.engine import Settings, simulate, trace_model
from aftercar.engine.model_code import prepare


def test_the_first_compilation_of_a_model_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AFTERCAR_CACHE", str(tmp_path))
    model = trace_model(
        lambda x, k: {"x": -k * x}, states={"x": 1.0}, parameters={"k": 0.123}, name="a model of this test alone"
    )
    for quiet in (False, True):
        simulate(model, times=[0, 1], settings=Settings(progress=True))
        told = "compiling the model 'a model of this test alone' (1 states)" in capsys.readouterr().err
        assert told is not quiet
        prepare.cache_clear()


def test_without_progress_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AFTERCAR_CACHE", str(tmp_path))
    model = trace_model(lambda x, k: {"x": -k * x}, states={"x": 1.0}, parameters={"k": 0.456}, name="silent")
    simulate(model, times=[0, 1])
    assert capsys.readouterr().err == ""

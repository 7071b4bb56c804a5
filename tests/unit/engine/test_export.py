"""What is exported means the same as what is computed."""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.engine import (
    Network,
    Settings,
    exp,
    hill,
    log,
    maximum,
    named,
    read_model,
    simulate,
    trace_model,
    where,
    write_antimony,
    write_latex,
    write_sbml,
)

TIGHT = Settings(rtol=1e-10, atol=1e-12)


def tumour_and_killers(tumour, killers, time, growth, capacity, kill, half, steepness, decay):
    load = named("load", tumour / capacity)
    meeting = named("meeting", hill(tumour, half, steepness))
    return {
        "tumour": growth * tumour * log(1 / load) - kill * killers * tumour / (half + tumour),
        "killers": maximum(meeting, 0.01) * killers - where(time > 3, decay, 0.0) * killers * exp(-0.1 * time),
    }


@pytest.fixture(scope="module")
def model() -> Network:
    return trace_model(
        tumour_and_killers,
        states={"tumour": lambda capacity: capacity / 7, "killers": 2.0},
        parameters={"growth": 0.2, "capacity": 100.0, "kill": 3.0, "half": 10.0, "steepness": 1.5, "decay": 2.0},
    )


@pytest.mark.parametrize("write", [write_sbml, write_antimony])
def test_an_exported_model_comes_back_the_same(model: Network, write) -> None:
    outputs = ["tumour", "killers", "load", "meeting"]
    times = np.linspace(0, 8, 9)
    again = read_model(write(model))
    patients = {"growth": [0.2, 0.3], "steepness": [1.5, 2.5]}
    ours = simulate(model, times=times, patients=patients, outputs=outputs, settings=TIGHT)
    theirs = simulate(again, times=times, patients=patients, outputs=outputs, settings=TIGHT)
    for name in outputs:
        np.testing.assert_allclose(theirs[name], ours[name], rtol=1e-8)


def test_events_come_back_the_same() -> None:
    text = "model m\n x' = -x; x = 1; y = 0; E: at 0.5 after (x < 0.5), priority=2: x = 2, y = y + 1;\nend"
    model = read_model(text)
    again = read_model(write_sbml(model))
    for name in ("x", "y"):
        a, b = (simulate(m, times=[0, 1, 2, 5], outputs=[name], settings=TIGHT)[name] for m in (model, again))
        np.testing.assert_allclose(a, b, rtol=1e-8)


def test_a_solver_of_others_agrees_on_the_export(model: Network) -> None:
    roadrunner = pytest.importorskip("roadrunner")
    runner = roadrunner.RoadRunner(write_sbml(model))
    runner.integrator.relative_tolerance, runner.integrator.absolute_tolerance = 1e-11, 1e-14
    runner.timeCourseSelections = ["tumour", "killers"]
    reference = np.array(runner.simulate(0, 8, 9))
    ours = simulate(model, times=np.linspace(0, 8, 9), settings=TIGHT)
    found = np.stack([ours["tumour"][0], ours["killers"][0]], axis=1)
    np.testing.assert_allclose(found, reference, rtol=1e-6)


def test_latex_shows_every_equation(model: Network) -> None:
    text = write_latex(model, labels={"tumour": "N"})
    assert text.count(r"\frac{d\,") == 2
    assert r"\frac{d\,N}{dt}" in text
    assert r"\mathrm{load} &= \frac{N}{\mathrm{capacity}}" in text

"""Snapshots at moments chosen after the simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.engine import BirthDeath, Dose, Infusion, Quantity, freeze_moments, simulate, take_snapshot, trace_model
from aftercar.engine.network import Network
from aftercar.foundation import InputError

TIMES = [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


@pytest.fixture(scope="module")
def model() -> Network:
    return trace_model(
        lambda drug, effect, ke, gain: {"drug": -ke * drug, "effect": gain * drug - 0.1 * effect},
        states={"drug": 0.0, "effect": 1.0}, parameters={"ke": 0.3, "gain": 0.5}, name="frozen",
    )  # fmt: skip


def test_a_frozen_moment_is_the_snapshot_taken_at_that_time(model: Network) -> None:
    people = pd.DataFrame({"ke": [0.2, 0.4, 0.6]})
    doses = [Dose(0.0, "drug", 100.0), Infusion(3.0, "drug", 50.0, 4.0)]
    model = model.with_inputs(["drug"])
    result = simulate(model, times=TIMES, patients=people, doses=doses)
    frozen = freeze_moments(model, result, patients=people, positions=[2, 3, 5], doses=doses)
    taken = take_snapshot(model, at=[4.0, 6.0, 10.0], patients=people, doses=doses)
    slots = [model.slots[name] for name in ("drug", "effect", "ke", "gain")]
    assert np.allclose(frozen.values[:, slots], taken.values[:, slots], rtol=1e-5)
    assert np.array_equal(frozen.times, taken.times)
    assert {k: v.tolist() for k, v in frozen.running.items()} == {k: v.tolist() for k, v in taken.running.items()}


def test_going_on_from_a_frozen_moment_is_the_uninterrupted_course(model: Network) -> None:
    people = pd.DataFrame({"gain": [0.4, 0.8]})
    result = simulate(model, times=TIMES, patients=people, doses=[Dose(0.0, "drug", 10.0)])
    frozen = freeze_moments(model, result, patients=people, positions=[1, 2])
    later = simulate(model, times=[0.0, 4.0], patients=frozen)
    whole = result["effect"]
    assert later["effect"].sel(time=4.0).to_numpy() == pytest.approx(
        [whole.sel(patient=0, time=6.0).item(), whole.sel(patient=1, time=8.0).item()], rel=1e-5
    )


def test_the_counted_course_that_was_seen_is_kept() -> None:
    cells = trace_model(lambda cells, b, d: {"cells": BirthDeath(b, d)}, states={"cells": Quantity("start")},
                        parameters={"b": 0.3, "d": 0.3, "start": 20.0}, name="few")  # fmt: skip
    people = pd.DataFrame({"start": np.full(50, 20.0)})
    result = simulate(cells, times=TIMES, patients=people, seed=3)
    frozen = freeze_moments(cells, result, patients=people, positions=[3] * 50)
    assert np.array_equal(frozen.values[:, 0], result["cells"].sel(time=6.0).to_numpy())
    assert len(set(frozen.values[:, 0])) > 5


def test_only_the_patients_that_are_kept_are_in_it(model: Network) -> None:
    people = pd.DataFrame({"ke": [0.2, 0.4, 0.6]}, index=[7, 8, 9])
    result = simulate(model, times=TIMES, patients=people, doses=[Dose(0.0, "drug", 1.0)])
    frozen = freeze_moments(model, result, patients=people, positions=[1, 2, 3], kept=[0, 2])
    assert frozen.patients == (7, 9) and frozen.times.tolist() == [2.0, 6.0]
    assert frozen.values[:, model.slots["ke"]].tolist() == [0.2, 0.6]


def test_a_result_without_all_states_is_refused(model: Network) -> None:
    people = pd.DataFrame({"ke": [0.2]})
    result = simulate(model, times=TIMES, patients=people, outputs=["drug"])
    with pytest.raises(InputError, match="lacks the states effect"):
        freeze_moments(model, result, patients=people, positions=[1])

"""Arms that branch from one history, with other parameters or states where asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.engine import (
    BirthDeath,
    Dose,
    Infusion,
    Network,
    Quantity,
    Settings,
    Snapshot,
    simulate,
    take_snapshot,
    trace_model,
)
from aftercar.foundation import InputError

TIGHT = Settings(rtol=1e-9, atol=1e-12)


def elimination(drug, ke, drift):
    return {"drug": drift - ke * drug}


@pytest.fixture(scope="module")
def pk() -> Network:
    return trace_model(
        elimination, states={"drug": Quantity(0.0, "mg")}, parameters={"ke": 0.1, "drift": 0.0}, name="pk",
        may_be_negative=["drift"],
    )  # fmt: skip


@pytest.fixture
def snapshot(pk: Network) -> Snapshot:
    patients = pd.DataFrame({"ke": [0.1, 0.2]}, index=["p1", "p2"])
    return take_snapshot(pk, at=4.0, patients=patients, doses=[Dose(0, "drug", 10)], settings=TIGHT)


def test_arms_branch_from_one_snapshot(pk: Network) -> None:
    patients = pd.DataFrame({"ke": [0.1, 0.2]}, index=["p1", "p2"])
    whole = simulate(
        pk, times=[0, 4, 9], patients=patients, doses=[Dose(0, "drug", 10), Dose(6, "drug", 5)], settings=TIGHT
    )
    snapshot = take_snapshot(pk, at=4.0, patients=patients, doses=[Dose(0, "drug", 10)], settings=TIGHT)
    arm = simulate(pk, times=[0, 5], patients=snapshot, doses=[Dose(2, "drug", 5)], settings=TIGHT)
    np.testing.assert_allclose(arm["drug"][:, 1], whole["drug"][:, 2], rtol=1e-8)
    none = simulate(pk, times=[0, 5], patients=snapshot.select([1]), settings=TIGHT)
    assert list(none["patient"].to_numpy()) == ["p2"]
    assert none["drug"][0, 1].item() == pytest.approx(10 * np.exp(-0.2 * 9), rel=1e-8)


def test_an_infusion_that_runs_at_the_moment_goes_on_to_its_end(pk: Network) -> None:
    course = [Infusion(0, "drug", 10, 2.0), Infusion(3, "drug", 4, 1.0)]
    patients = {"ke": [0.1, 0.1, 0.1, 0.1]}
    whole = simulate(pk, times=[0, 2.5, 5], patients=patients, doses=course[:1], settings=TIGHT)["drug"][0].to_numpy()
    # before its end, at its end, after it
    snapshot = take_snapshot(pk, at=[0.5, 1.5, 2.0, 2.4], patients=patients, doses=course, settings=TIGHT)
    arms = simulate(pk, times=[0, 0.1], patients=snapshot, settings=TIGHT)
    again = take_snapshot(pk, at=[1.0, 0.2, 0.4, 0.05], patients=snapshot, settings=TIGHT)
    ends = take_snapshot(pk, at=5.0 - again.times, patients=again, settings=TIGHT)
    np.testing.assert_allclose(ends.values[:, 0], whole[2], rtol=1e-8)
    np.testing.assert_array_equal(ends.times, 5.0)
    assert arms["drug"][0, 1] > arms["drug"][0, 0]


def test_another_infusion_may_follow_the_running_one_but_not_overlap_it(pk: Network) -> None:
    snapshot = take_snapshot(pk, at=0.5, doses=[Infusion(0, "drug", 10, 2.0)], settings=TIGHT)
    with pytest.raises(InputError, match="dose 1: its infusion into 'drug' begins before that ends which was running"):
        simulate(pk, times=[0, 5], patients=snapshot, doses=[Infusion(1.0, "drug", 1.0, 1.0)])
    data = simulate(pk, times=[0, 2.5], patients=snapshot, doses=[Infusion(1.5, "drug", 4, 1.0)], settings=TIGHT)
    both = [Infusion(0, "drug", 10, 2.0), Infusion(2.0, "drug", 4, 1.0)]
    whole = simulate(pk, times=[0, 3.0], doses=both, settings=TIGHT)
    np.testing.assert_allclose(data["drug"][0, 1], whole["drug"][0, 1], rtol=1e-8)


@pytest.mark.parametrize(
    ("at", "words"), [([1.0, 2.0, 3.0], "3 times for 2 patients"), (np.nan, "not one time"), (0.0, "not one time")]
)
def test_moments_that_make_no_sense_are_named(pk: Network, at: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        take_snapshot(pk, at=at, patients={"ke": [0.1, 0.2]})  # type: ignore[arg-type]


def test_luck_does_not_come_again_after_a_snapshot() -> None:
    # With the same numbers drawn twice, who was lucky before would be lucky again and the spread too wide.
    runs, birth, death, time = 20_000, 0.05, 0.04, 30.0
    model = trace_model(
        lambda n, birth, death: {"n": BirthDeath(birth, death)}, states={"n": 20.0},
        parameters={"birth": birth, "death": death},
    )  # fmt: skip
    snapshot = take_snapshot(model, at=time, patients={"birth": np.full(runs, birth)}, seed=3)
    n = simulate(model, times=[0, time], patients=snapshot, seed=3)["n"].to_numpy()[:, 1]
    e = np.exp((birth - death) * 2 * time)
    gone = (death * (e - 1) / (birth * e - death)) ** 20  # Kendall 1948
    variance = 20 * (birth + death) / (birth - death) * e * (e - 1)
    spread = np.sqrt((((n - n.mean()) ** 4).mean() - n.var() ** 2) / runs)
    assert abs((n == 0).mean() - gone) < 4 * np.sqrt(gone * (1 - gone) / runs)
    assert abs(n.var() - variance) < 4 * spread
    later = simulate(model, times=[0, time], patients=snapshot, seed=3)["n"].to_numpy()[:, 1]
    np.testing.assert_array_equal(later, n)


def test_an_arm_takes_other_parameters_for_each_patient(pk: Network, snapshot: Snapshot) -> None:
    # closed form: 10 exp(-ke 4) until the branch, then exp(-new 3); integrator tolerance 1e-9
    branch = snapshot.with_values({"ke": [0.4, 0.5]})
    data = simulate(pk, times=[0, 3], patients=branch, settings=TIGHT)
    np.testing.assert_allclose(data["drug"][:, 1], 10 * np.exp([-0.4 - 1.2, -0.8 - 1.5]), rtol=1e-8)
    before = simulate(pk, times=[0, 3], patients=snapshot, settings=TIGHT)  # the snapshot itself has not moved
    np.testing.assert_allclose(before["drug"][:, 1], 10 * np.exp([-0.1 * 7, -0.2 * 7]), rtol=1e-8)


def test_an_arm_takes_one_number_for_all_and_another_state(pk: Network, snapshot: Snapshot) -> None:
    branch = snapshot.with_values({"ke": 0.0, "drug": np.array([3.0, 4.0]), "drift": -0.5})
    data = simulate(pk, times=[0, 2], patients=branch, outputs=["drug", "ke"], settings=TIGHT)
    np.testing.assert_allclose(data["drug"], [[3.0, 2.0], [4.0, 3.0]], rtol=1e-9)
    np.testing.assert_array_equal(data["ke"], 0.0)


def test_values_of_a_series_find_their_patients_by_name(pk: Network, snapshot: Snapshot) -> None:
    branch = snapshot.with_values({"drug": pd.Series([4.0, 3.0], index=["p2", "p1"])})
    np.testing.assert_array_equal(branch.values[:, 0], [3.0, 4.0])
    with pytest.raises(InputError, match="'drug' is not a finite number for 1 patients, first patient p2"):
        snapshot.with_values({"drug": pd.Series([3.0], index=["p1"])})


def test_a_dose_by_parameter_takes_the_new_value(pk: Network, snapshot: Snapshot) -> None:
    branch = snapshot.with_values({"ke": 0.0, "drift": 0.0, "drug": 0.0}).with_values({"ke": 0.25})
    data = simulate(pk, times=[0, 1], patients=branch, doses=[Dose(0, "drug", "ke", 4.0)], settings=TIGHT)
    np.testing.assert_allclose(data["drug"][:, 1], np.exp(-0.25), rtol=1e-8)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kee": 1.0}, "snapshot: the model has no 'kee'. Did you mean 'ke'"),
        ({"ke": np.nan}, "'ke' is not a finite number for 2 patients, first patient p1"),
        ({"ke": ["much", 1.0]}, "'ke' is not a finite number for 1 patients, first patient p1"),
        ({"ke": [0.1, -0.1]}, "'ke' is negative for 1 patients, first patient p2"),
        ({"drug": -1.0}, "'drug' is negative for 2 patients"),
        ({"ke": [0.1, 0.2, 0.3]}, "3 values of 'ke' for 2 patients"),
    ],
)
def test_bad_values_are_named(snapshot: Snapshot, values: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        snapshot.with_values(values)


def test_a_snapshot_of_another_model_is_refused(snapshot: Snapshot) -> None:
    other = trace_model(lambda drug, rate: {"drug": -rate * drug}, states={"drug": 0.0}, parameters={"rate": 0.1})
    with pytest.raises(InputError, match="taken of a model without rate"):
        simulate(other, times=[0, 1], patients=snapshot)

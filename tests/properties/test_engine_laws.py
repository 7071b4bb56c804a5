"""Laws that hold for every model and every patient."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercar.engine import Dose, Settings, simulate, trace_model

rates = st.floats(1e-4, 1e3)


def chain(a, b, c, k1, k2, k3):
    return {"a": -k1 * a + k3 * c, "b": k1 * a - k2 * b, "c": k2 * b - k3 * c}


CHAIN = trace_model(chain, states={"a": 1e6, "b": 0.0, "c": 0.0}, parameters={"k1": 1.0, "k2": 1.0, "k3": 1.0})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(rates, rates, rates), min_size=1, max_size=12))
def test_what_only_moves_is_neither_made_nor_lost(draws: list[tuple[float, float, float]]) -> None:
    k = np.array(draws)
    data = simulate(CHAIN, times=[0, 0.1, 1, 10], patients=dict(zip(("k1", "k2", "k3"), k.T, strict=True)))
    total = data["a"] + data["b"] + data["c"]
    # linear invariants hold to rounding at step ends; dense output is linear in the same vectors
    np.testing.assert_allclose(total, 1e6, rtol=1e-11)
    assert min(float(data[s].min()) for s in "abc") >= 0.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 40))
def test_relabelling_patients_changes_nothing(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    k = {name: np.exp(2 * rng.standard_normal(n)) for name in ("k1", "k2", "k3")}
    order = rng.permutation(n)
    doses = [Dose(2.0, "b", 10.0)]
    one = simulate(CHAIN, times=[0, 3.0], patients=k, doses=doses)["c"].to_numpy()
    other = simulate(CHAIN, times=[0, 3.0], patients={x: v[order] for x, v in k.items()}, doses=doses)["c"].to_numpy()
    np.testing.assert_array_equal(other, one[order])


@settings(max_examples=20, deadline=None)
@given(rates, st.floats(0.01, 20.0))
def test_no_dose_no_effect(rate: float, time: float) -> None:
    patients = {"k1": [rate]}
    without = simulate(CHAIN, times=[0, time], patients=patients)["a"].to_numpy()
    nothing = simulate(CHAIN, times=[0, time], patients=patients, doses=[Dose(time / 2, "a", 0.0)])["a"].to_numpy()
    np.testing.assert_allclose(nothing, without, rtol=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([1, 2, 4, 8]))
def test_every_vector_width_agrees_within_rounding(width: int) -> None:
    k = {"k1": np.geomspace(0.01, 100, 9)}
    reference = simulate(CHAIN, times=[0, 1, 5], patients=k, settings=Settings(width=1))["b"].to_numpy()
    found = simulate(CHAIN, times=[0, 1, 5], patients=k, settings=Settings(width=width))["b"].to_numpy()
    np.testing.assert_allclose(found, reference, rtol=1e-9)

"""The linear system of a step: shared values as unknowns beside the states give what a dense solver gives."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from aftercar.engine import Network, trace_model
from aftercar.engine import indices as ix
from aftercar.engine.equations import write_equations
from aftercar.engine.layout import CONTROL
from aftercar.engine.model_code import ModelCode, prepare
from aftercar.engine.readable import load_python
from aftercar.engine.rodas5p import GAMMA


def crowded(n: int) -> Network:
    """Return n cell types that all grow under one shortage and are all killed through one saturation."""
    names = [f"x{k}" for k in range(n)]

    def rates(s, p):
        whole = sum((s[name] for name in names[1:]), s[names[0]])
        room = 1.0 / (1.0 + whole / p.capacity)
        hunt = whole * whole / (p.half + whole * whole)
        return {name: s[name] * (0.1 * (k + 1) * room - 0.3 * hunt / (k + 1)) for k, name in enumerate(names)}

    return trace_model(
        lambda states, parameters: rates(states, parameters), states=dict.fromkeys(names, 1.0),
        parameters={"capacity": 5.0, "half": 2.0}, name=f"crowded{n}",
    )  # fmt: skip


def chain(n: int) -> Network:
    """Return a chain of compartments: a Jacobian with two entries a row."""
    names = [f"x{k}" for k in range(n)]

    def rates(states, parameters):
        flow = [parameters.rate * states[name] for name in names]
        return {name: (flow[k - 1] if k else 0.0) - flow[k] for k, name in enumerate(names)}

    return trace_model(rates, states=dict.fromkeys(names, 1.0), parameters={"rate": 0.5}, name="chain")


def system() -> Network:
    """Return AfterCAR's own system, deterministic."""
    from aftercar.model import build_structure, build_system

    return build_system(structure=build_structure(counted=False))


def first_stage(code: ModelCode, y: np.ndarray, p: np.ndarray, t: float, h: float) -> np.ndarray:
    """Return the first stage vector of a step, as the generated code computes it, from every lane."""
    n, width, layout = len(y), code.width, code.layout
    memory = code.workspace()
    rows = memory.reshape(-1, width)
    flat, constants = np.concatenate([[t], y, p]), np.zeros(layout.n_constants + 1)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    function(int(code.functions[ix.HOIST]))(flat.ctypes.data, constants.ctypes.data)
    rows[:n] = y[:, None]
    rows[layout.atol : layout.atol + n] = 1e-6
    rows[layout.constants : layout.constants + layout.n_constants] = constants[:-1, None]
    for name, value in (("t", t), ("h", h), ("rtol", 1e-6)):
        rows[layout.control + CONTROL.index(name)] = value
    function(int(code.functions[ix.STEP]))(memory.ctypes.data, None)
    assert rows[layout.control + CONTROL.index("pivot_loss")].max() < 1e6
    return rows[layout.k : layout.k + n].copy()


def dense_stage(network: Network, y: np.ndarray, p: np.ndarray, t: float, h: float) -> np.ndarray:
    """Return the same from numpy: (I/(h*gamma) - J) U = f, for a model without explicit time."""
    rates, jacobian = load_python(network)
    n = len(y)
    f = np.array(rates(t, y.tolist(), p.tolist(), np.zeros(n)))
    j = jacobian(t, y.tolist(), p.tolist(), np.zeros((n, n)))
    return np.linalg.solve(np.eye(n) / (h * GAMMA) - j, f)


def a_point(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Return states and parameters in which everything acts."""
    rng = np.random.default_rng(5)
    y = np.array([(1e9 if s.unit == "cell" else 0.8) * rng.uniform(0.2, 1.0) for s in network.states])
    values = [p.value if isinstance(p.value, float) else rng.uniform(0.1, 0.9) for p in network.parameters]
    p = np.array([value * rng.uniform(0.8, 1.2) if value else rng.uniform(0.1, 0.9) for value in values])
    return y, p


@pytest.mark.parametrize("model", [crowded(12), chain(9), system()], ids=["crowded", "chain", "system"])
@pytest.mark.parametrize("h", [1e-4, 0.1, 2.0])
def test_stage_is_the_solution_of_the_dense_system(model: Network, h: float) -> None:
    y, p = a_point(model)
    found = first_stage(prepare(model), y, p, 0.0, h)
    expected = dense_stage(model, y, p, 0.0, h)
    assert np.all(found == found[:, :1])
    # Rounding only: each method loses some digits of sixteen, none more than six.
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_what_many_rates_share_is_an_unknown_of_its_own() -> None:
    plain, lean = write_equations(crowded(12), shared=()), write_equations(crowded(12))
    assert plain.shared == () and len(plain.linear.slots) == 144
    assert 1 <= len(lean.shared) <= 3
    assert len(lean.linear.slots) < 60


def test_a_chain_has_nothing_to_share() -> None:
    assert write_equations(chain(9)).shared == ()


def test_without_shared_values_the_matrix_is_the_jacobian() -> None:
    model = crowded(4)
    plain = write_equations(model, shared=())
    assert plain.linear.units == frozenset() and set(plain.linear.matrix) == {
        (i, j) for i in range(4) for j in range(4)
    }


def test_own_system_needs_less_than_its_jacobian_has_entries() -> None:
    model = system()
    plain, lean = write_equations(model, shared=()), write_equations(model)
    assert len(plain.linear.plan.entries) > 1000
    assert len(lean.linear.plan.entries) < 800
    assert lean.linear.units, "pivots that are known beforehand"

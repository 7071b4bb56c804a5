"""Nothing is lost: what was given is where it should be, through binding, dosing, infusion and elimination."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aftercar.engine import Dose, Infusion, Settings, check_units, read_model, simulate, trace_model
from aftercar.engine.python_model import Quantity


def target_mediated(drug: Any, target: Any, bound: Any, gone: Any, made: Any, *,
                    on: Any, off: Any, clear: Any, make: Any, turn: Any, eat: Any) -> dict[str, Any]:  # fmt: skip
    """Drug binds a target that is made and lost; the pair is eaten. `gone`, `made`: the accounts of both."""
    binding = on * drug * target - off * bound
    return {
        "drug": -binding - clear * drug,
        "target": make - turn * target - binding,
        "bound": binding - eat * bound,
        "gone": clear * drug + eat * bound,
        "made": make - turn * target - eat * bound,
    }


MODEL = trace_model(
    target_mediated, time_unit="day",
    states={"drug": Quantity(0.0, "nM"), "target": Quantity(5.0, "nM"), "bound": Quantity(0.0, "nM"),
            "gone": Quantity(0.0, "nM"), "made": Quantity(0.0, "nM", nonnegative=False)},
    parameters={"on": Quantity(100.0, "1/nM/day"), "off": Quantity(10.0, "1/day"), "clear": Quantity(0.2, "1/day"),
                "make": Quantity(3.0, "nM/day"), "turn": Quantity(0.6, "1/day"), "eat": Quantity(1.0, "1/day")},
)  # fmt: skip
GIVEN = [Dose(1.0, "drug", 20.0), Infusion(3.0, "drug", 50.0, 2.0), Dose(10.0, "drug", 7.5)]
TIMES = np.array([0.0, 0.5, 1.0, 2.0, 3.5, 5.0, 9.0, 10.0, 30.0])


@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
def test_what_was_given_is_found_at_any_tolerance(rtol: float) -> None:
    # Sums of states are linear invariants, which a Rosenbrock method keeps to rounding however coarse its steps are.
    # The tolerance here is rounding of sums of 80 nM in about a thousand steps.
    rng = np.random.default_rng(1)
    patients = {k: v * np.exp(rng.standard_normal(64)) for k, v in (("on", 100.0), ("off", 10.0), ("eat", 1.0))}
    data = simulate(MODEL, times=TIMES, patients=patients, doses=GIVEN, settings=Settings(rtol=rtol, atol=1e-9))
    infused = 50.0 * np.clip((TIMES - 3.0) / 2.0, 0.0, 1.0)
    given = 20.0 * (TIMES >= 1.0) + infused + 7.5 * (TIMES >= 10.0)
    np.testing.assert_allclose(data["drug"] + data["bound"] + data["gone"], np.tile(given, (64, 1)), atol=1e-10)
    np.testing.assert_allclose(data["target"] + data["bound"] - data["made"], 5.0, atol=1e-10)


def test_its_units_fit() -> None:
    assert check_units(MODEL) == []


def test_amounts_are_kept_between_compartments_of_unlike_size() -> None:
    text = """model exchange
      compartment plasma = 3, tissue = 40; species A in plasma, B in tissue; A = 5; B = 0; q = 2;
      A -> B; q*A; B -> A; q*B;
    end"""
    data = simulate(read_model(text), times=[0, 1, 10, 1000], outputs=["A", "B", "[A]", "[B]"])
    np.testing.assert_allclose(data["A"] + data["B"], 15.0, rtol=1e-13)  # 3 L of 5/L, to rounding
    # both concentrations reach 15 / (3 + 40); the transient, exp(-2 (1/3 + 1/40) 1000), is gone
    np.testing.assert_allclose(data["[A]"][0, -1], 15 / 43, rtol=1e-6)
    np.testing.assert_allclose(data["[B]"][0, -1], 15 / 43, rtol=1e-6)

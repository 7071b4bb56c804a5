"""Stein 2019: cellular kinetics of tisagenlecleucel.

Equations (E: effector, M: memory, both in transgene copies per microgram of DNA; t in days):

    t < t_max:   dE/dt =  rho E,      rho = ln(fold_expansion) / t_max,    E(0) = c_max / fold_expansion
    t > t_max:   dE/dt = -alpha E     (death and turning into memory together)
                 dM/dt =  k E - beta M,    k = FB (alpha - beta),          M(t_max) = 0

The measured level is E + M. Solved, it is the closed form of equation 1 there,
(1 - FB) c_max exp(-alpha (t - t_max)) + FB c_max exp(-beta (t - t_max)); k is what makes the two agree. The area under
the curve is a third state.

Source:   stein2019, Figure 2, equation 1 and Table 1, as transcribed in nlmixr2lib; see `stein2019.toml`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aftercar.engine import Network, Quantity, log, named, trace_model, where
from aftercar.model.published.values import load_numbers

FloatArray = npt.NDArray[np.float64]


def kinetics(
    effector: Any,
    memory: Any,
    time: Any,
    fold_expansion: Any,
    t_max: Any,
    contraction_rate: Any,
    memory_fraction: Any,
    memory_decline_rate: Any,
) -> dict[str, Any]:
    """Return the rates of change of effector and memory cells [1/ug/day] and of the area under the level."""
    expansion_rate = named("expansion_rate", log(fold_expansion) / t_max, unit="1/day")
    into_memory = named("into_memory", memory_fraction * (contraction_rate - memory_decline_rate), unit="1/day")
    level = named("level", effector + memory, unit="1/ug")
    expanding = time < t_max
    return {
        "effector": where(expanding, expansion_rate, -contraction_rate) * effector,
        "memory": where(expanding, 0.0, into_memory) * effector - memory_decline_rate * memory,
        "area": level,
    }


def stein2019_model() -> Network:
    """Return the model with the typical values. Outputs: `level`, its parts `effector` and `memory`, `area`."""
    return trace_model(
        kinetics,
        states={
            "effector": Quantity(lambda c_max, fold_expansion: c_max / fold_expansion, "1/ug"),
            # Below zero in patients whose rapid decline is slower than the slow one: the closed form allows it.
            "memory": Quantity(0.0, "1/ug", nonnegative=False),
            "area": Quantity(0.0, "day/ug"),
        },
        parameters=load_numbers("stein2019").quantities(),
        name="stein2019",
        time_unit="day",
    )


def closed_form(
    time: npt.ArrayLike,
    *,
    fold_expansion: npt.ArrayLike,
    t_max: npt.ArrayLike,
    c_max: npt.ArrayLike,
    contraction_rate: npt.ArrayLike,
    memory_fraction: npt.ArrayLike,
    memory_decline_rate: npt.ArrayLike,
) -> FloatArray:
    """Return the level [copies/ug] by the formula of the paper; `time` [day], arguments broadcast."""
    t, peak, fraction = np.asarray(time, float), np.asarray(c_max, float), np.asarray(memory_fraction, float)
    since = np.maximum(t - np.asarray(t_max, float), 0.0)
    rising = peak / fold_expansion * np.exp(np.log(fold_expansion) * np.minimum(t / np.asarray(t_max, float), 1.0))
    fast = (1.0 - fraction) * np.exp(-np.asarray(contraction_rate, float) * since)
    slow = fraction * np.exp(-np.asarray(memory_decline_rate, float) * since)
    level: FloatArray = np.where(t < np.asarray(t_max, float), rising, peak * (fast + slow))
    return level


def draw_patients(n: int, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Draw the parameters of `n` patients from the published log-normal distributions, without correlation."""
    return {
        name: v.value * np.exp(np.sqrt(v.log_variance) * rng.standard_normal(n))
        for name, v in load_numbers("stein2019").values.items()
        if v.log_variance is not None
    }

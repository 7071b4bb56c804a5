"""Kimmel, Locke & Altrock 2021: T-cell competition and the chance extinction of a lymphoma under CAR T cells.

Equations (N: normal T cells, C: CAR T cells, B: tumour cells; T = N + C; days):

    dN/dt = -r_N N ln(T / K_N)                                                             (2.1)
    dC/dt = -r_C(T) C ln(T / K_C)                                                          (2.2)
    r_C(T) = rho_C + b (T - K_N)^2 / (a T^2 + (T - K_N)^2)                                 (inset of Figure 2b)
    dB/dt = r_B B - gamma_B B C / (k_B + C)                                                (2.3)

The text below equation 2.3 prints r_C with another bracket; the inset of Figure 2b, used here, is the form in which the
second term runs from b (no T cells) to 0 (T = K_N), as the text says it does.

Tumour cells are counted: below the threshold each divides at rate r_B and dies at rate gamma_B C / (k_B + C), the two
events of Figure 1b. That r_B is all birth is our reading: the supplement, which may split it, could not be read.

Source:   kimmel2021, as machine-read text; see `kimmel2021.toml`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from aftercar.engine import BirthDeath, Network, Quantity, Settings, log, named, trace_model
from aftercar.model.published.values import load_numbers

FloatArray = npt.NDArray[np.float64]
_NO_PARAMETERS = ("tumour_threshold", "progression_ratio", "cells_per_count", "cohort_variance")
_STARTS = ("normal_start", "car_t_start", "tumour_start")


def competition(states: Any, parameters: Any) -> dict[str, Any]:
    """Return the rates of change of T cells [cell/day] and the births and deaths of tumour cells [1/day]."""
    s, p = states, parameters
    lymphocytes = named("lymphocytes", s.normal + s.car_t, unit="cell")
    room = (lymphocytes - p.normal_capacity) ** 2
    signal = room / (p.signal_loss * lymphocytes**2 + room)
    growth = named("car_t_growth_rate", p.car_t_growth + p.reconstitution * signal, unit="1/day")
    killing = named("killing", p.killing_rate * s.car_t / (p.killing_half + s.car_t), unit="1/day")
    return {
        "normal": -p.normal_growth * s.normal * log(lymphocytes / p.normal_capacity),
        "car_t": -growth * s.car_t * log(lymphocytes / p.car_t_capacity),
        "tumour": BirthDeath(birth=p.tumour_growth, death=killing),
    }


def kimmel2021_model() -> Network:
    """Return the model with the values of Table 1. States: `normal`, `car_t`, `tumour` [cell]."""
    return trace_model(
        competition,
        states={
            "normal": Quantity("normal_start", "cell"),
            "car_t": Quantity("car_t_start", "cell"),
            "tumour": Quantity("tumour_start", "cell"),
        },
        parameters=load_numbers("kimmel2021").quantities(leave_out=_NO_PARAMETERS),
        name="kimmel2021",
        time_unit="day",
    )


def kimmel2021_settings(**changes: Any) -> Settings:
    """Return the settings of the paper's hybrid simulation: tumours below 100 cells are whole cells."""
    return Settings(**{"threshold": load_numbers("kimmel2021")["tumour_threshold"], "atol": 1e-3, **changes})


def outcomes(data: xr.Dataset, start: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return when each patient is cured and when they progress, in days, infinite where it does not happen.

    Cured: the first output time without a tumour cell. Progressed: the first with 1.2 times the tumour at infusion.

    Parameters
    ----------
    data
        Simulation with the output `tumour`; the resolution is that of its times.
    start
        Tumour cells at infusion: one number, or one a patient.
    """
    tumour, times = data["tumour"].to_numpy(), data["time"].to_numpy()
    limit = load_numbers("kimmel2021")["progression_ratio"] * np.broadcast_to(np.asarray(start, float), len(tumour))

    def first(happened: npt.NDArray[np.bool_]) -> FloatArray:
        return np.where(happened.any(axis=1), times[happened.argmax(axis=1)], np.inf)

    return first(tumour == 0), first(tumour >= limit[:, None])


def draw_cohort(
    n: int, rng: np.random.Generator, *, relative_sd: float | None = None, **means: float
) -> dict[str, FloatArray]:
    """Draw the parameters of `n` virtual patients as Figure 3 does: normal and independent, equal starts.

    Parameters
    ----------
    relative_sd
        Standard deviation over the mean; the root of `cohort_variance` if not given.
    means
        Means that differ from Table 1, such as ``tumour_growth=0.105``.

    Returns
    -------
    dict
        One array of shape (n,) a parameter; draws below 1 % of the mean (which then cannot be rates) are set to it.
    """
    numbers = load_numbers("kimmel2021")
    spread = numbers["cohort_variance"] ** 0.5 if relative_sd is None else relative_sd
    centre = {k: v.value for k, v in numbers.values.items() if k not in _NO_PARAMETERS + _STARTS} | means
    return {k: v * np.maximum(1.0 + spread * rng.standard_normal(n), 0.01) for k, v in centre.items()}

"""Poels 2025: elranatamab (BCMA x CD3) in relapsed or refractory myeloma, 28 differential equations.

Equations, by their number in Supplementary Note 1 (hours; pM, cells/uL; c: blood, m: marrow; D drug, S soluble BCMA):

    1       blood: absorption, exchange with periphery and marrow, binding to S and CD3, elimination
    2-5     S, D.S and D.CD3 in blood          13-19  D, S, D.BCMA, D.S, D.CD3 and the trimer in marrow
    6, 28   T cells in blood and marrow        8-9, 20-23  receptors: total and free
    7, 30-36  cytokine: release, five transits, blood; its exposure      37  reset of the exposure at each dose
    11, 12  M-protein and free light chain     24-27  myeloma: Simeoni growth, kill, three stages of death
    29, 38  retention of T cells in marrow; release of cytokine and its inhibition

Departures from the print, each needed for a sound model and each shown by a test:

- *Resistance.* kill_half (1 + a (1 - exp(-b (t - tau)))) is negative until shortly before tau. The elapsed time is
  floored at zero: no resistance before tau.
- *Complex of drug and soluble BCMA.* Equation 17 multiplies what leaves the marrow by V_BM/Vc, equation 4 multiplies
  what arrives in blood by it as well, so that mass is lost. `sbcma_complex_return` = 1 conserves it; V_BM/Vc prints.
- *Start.* The marrow values of T cells and soluble BCMA follow from the steady state that the supplement asserts.
- *Basal exposure (36).* A rate of production is subtracted from a level there; `exposure_basal` keeps the number.
- *Reset of exposure (37).* exposure = exp(log_attenuation) * scaled exposure. A dose adds the logarithm of its factor
  to `log_attenuation`, a 29th state that otherwise stands still.

Powers are taken of ratios held between 1e-12 and 1e12, so that a fractional power of zero has a slope.

Source:   poels2025, supplement as transcribed in nlmixr2lib; see `poels2025.toml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log as ln
from typing import Any

from aftercar.engine import Dose, Network, Quantity, exp, hill, maximum, minimum, named, trace_model
from aftercar.model.published.values import load_numbers

PM_PER_RECEPTOR = 1e6 * 1e12 / 6.02214076e23  # pM of one receptor a microlitre: uL/L, pmol/mol, Avogadro (SI, exact)
_TRANSITS = 5
_STAGES = 3
_NO_PARAMETERS = ("bioavailability", "attenuation_scale", "attenuation_dose", "drug_mass", "sbcma_scale")


def elranatamab(states: Any, parameters: Any, time: Any) -> dict[str, Any]:
    """Return the rates of change of every state, in the units of the states per hour."""
    s, p = states, parameters
    myeloma = named("myeloma_total", s.myeloma + sum(s[f"dying_{k + 1}"] for k in range(_STAGES)), unit="cell/uL")
    cd3 = p.cd3_per_cell * p.pm_per_receptor
    bcma = named("bcma_total", myeloma * p.bcma_per_cell * p.pm_per_receptor, unit="pM")
    free_bcma = named("bcma_free", bcma - s.drug_bcma - s.trimer, unit="pM")
    free_cd3 = named("cd3_free_marrow", s.t_cells_marrow * cd3 - s.drug_cd3_marrow - s.trimer, unit="pM")
    retained = _retention(s, p)
    return {
        **_blood(s, p, s.t_cells * cd3 - s.drug_cd3),
        **_marrow(s, p, free_cd3, free_bcma, myeloma),
        **_myeloma(s, p, time, myeloma),
        **_t_cells(s, p, retained),
        **_cytokine(s, p),
        "m_protein": p.m_protein_loss * (p.m_protein_start / p.myeloma_start * myeloma - s.m_protein),
        "flc": p.flc_loss * (p.flc_start / p.myeloma_start * myeloma - s.flc),
    }


def _ratio(x: Any, half: Any) -> Any:
    """Return x / half, held where fractional powers and their slopes are finite."""
    return minimum(maximum(x / half, 1e-12), 1e12)


def _blood(s: Any, p: Any, free_cd3: Any) -> dict[str, Any]:
    """Equations 1-5: drug, soluble BCMA and their complexes in blood; the peripheral volume and the depot."""
    share = p.volume_marrow / p.volume
    to_sbcma = p.drug_bcma_on * s.drug * s.sbcma - p.drug_bcma_off * s.drug_sbcma
    to_cd3 = p.drug_cd3_on * s.drug * free_cd3 - p.drug_cd3_off * s.drug_cd3
    elimination = p.clearance / p.volume
    to_periphery = p.exchange * (s.drug - s.drug_peripheral)
    to_marrow = p.drug_to_marrow * s.drug - p.drug_to_blood * share * s.drug_marrow
    leaving = elimination * s.drug + to_periphery / p.volume + to_marrow
    return {
        "depot": -p.absorption * s.depot,
        "drug": p.absorption * s.depot / p.volume - leaving - to_sbcma - to_cd3,
        "drug_peripheral": to_periphery / p.volume_peripheral,
        # Equations 2-3 write the arrival as kdeg S_c(0)/S_m(0) S_m; with the steady start that is transport.
        "sbcma": p.sbcma_to_blood * share * s.sbcma_marrow - p.sbcma_loss * s.sbcma - to_sbcma,
        "drug_sbcma": to_sbcma + p.sbcma_to_blood * share * s.drug_sbcma_marrow - elimination * s.drug_sbcma,
        "drug_cd3": to_cd3,
    }


def _marrow(s: Any, p: Any, free_cd3: Any, free_bcma: Any, myeloma: Any) -> dict[str, Any]:
    """Equations 13-19: drug, soluble BCMA, dimers and the trimer in marrow."""
    scale = p.volume / p.volume_marrow
    to_sbcma = p.drug_bcma_on * s.drug_marrow * s.sbcma_marrow - p.drug_bcma_off * s.drug_sbcma_marrow
    to_cd3 = p.drug_cd3_on * s.drug_marrow * free_cd3 - p.drug_cd3_off * s.drug_cd3_marrow
    to_bcma = p.drug_bcma_on * s.drug_marrow * free_bcma - p.drug_bcma_off * s.drug_bcma
    trimer_by_cd3 = p.drug_cd3_on * s.drug_bcma * free_cd3 - p.drug_cd3_off * s.trimer
    trimer_by_bcma = p.drug_bcma_on * s.drug_cd3_marrow * free_bcma - p.drug_bcma_off * s.trimer
    arriving = p.drug_to_marrow * scale * s.drug - p.drug_to_blood * s.drug_marrow
    shed = p.sbcma_loss * scale * p.sbcma_start / p.myeloma_start * myeloma
    return {
        "drug_marrow": arriving - to_sbcma - to_cd3 - to_bcma,
        "sbcma_marrow": shed - p.sbcma_to_blood * s.sbcma_marrow - to_sbcma,
        "drug_bcma": to_bcma - trimer_by_cd3,
        "drug_sbcma_marrow": to_sbcma - p.sbcma_complex_return * p.sbcma_to_blood * s.drug_sbcma_marrow,
        "drug_cd3_marrow": to_cd3 - trimer_by_bcma,
        "trimer": trimer_by_bcma + trimer_by_cd3,
    }


def _myeloma(s: Any, p: Any, time: Any, total: Any) -> dict[str, Any]:
    """Equations 24-27: growth, kill by trimers per cell with resistance that comes with time, stages of death."""
    resisting = 1.0 - exp(-p.resistance_rate * maximum(time - p.resistance_time, 0.0))
    half = named("kill_half_now", p.kill_half * (1.0 + p.resistance * resisting), unit="pM*uL/cell")
    per_cell = named("trimer_per_cell", s.trimer / (p.ratio_guard + s.myeloma), unit="pM*uL/cell")
    kill = named("kill", p.kill_rate * hill(_ratio(per_cell, half), 1.0, p.kill_hill), unit="1/hour")
    crowding = (1.0 + (p.myeloma_growth / p.myeloma_growth_linear * total) ** p.growth_switch) ** (1 / p.growth_switch)
    growth = named("growth", p.myeloma_growth * (1.0 - total / p.myeloma_capacity) / crowding, unit="1/hour")
    leaving = 4.0 / p.death_delay  # three stages at 4/tau: the mean time to death is 3/4 tau, as printed
    chain = {"dying_1": kill * s.myeloma - leaving * s.dying_1}
    chain |= {f"dying_{k}": leaving * (s[f"dying_{k - 1}"] - s[f"dying_{k}"]) for k in range(2, _STAGES + 1)}
    return {"myeloma": (growth - kill) * s.myeloma, **chain}


def _retention(s: Any, p: Any) -> Any:
    """Equation 29: the share by which the way of T cells out of the marrow is blocked."""
    mean = (s.cytokine_marrow + sum(s[f"cytokine_{k + 1}"] for k in range(_TRANSITS))) / (_TRANSITS + 1)
    by_cytokine = hill(_ratio(mean, p.retention_cytokine_half), 1.0, p.retention_cytokine_hill)
    by_trimer = hill(_ratio(s.trimer, p.retention_trimer_half), 1.0, p.retention_trimer_hill)
    return named("t_cells_retained", p.retention_max * by_cytokine * by_trimer, unit="1")


def _t_cells(s: Any, p: Any, retained: Any) -> dict[str, Any]:
    """Equations 6 and 28: T cells in blood and marrow."""
    share = p.volume_marrow / p.volume
    into, out = p.t_cells_to_marrow * s.t_cells, p.t_cells_to_blood * s.t_cells_marrow * (1.0 - retained)
    return {
        "t_cells": p.t_cell_loss * (p.t_cells_start - s.t_cells) - into + out * share,
        "t_cells_marrow": into / share - out,
    }


def _cytokine(s: Any, p: Any) -> dict[str, Any]:
    """Equations 7, 30-36 and 38: release by trimers, inhibited by past exposure; transits; blood."""
    exposure = named("cytokine_exposure", exp(s.log_attenuation) * s.scaled_exposure, unit="hour*pg/mL")
    held = p.release_inhibition * hill(_ratio(exposure, p.release_inhibition_half), 1.0, p.release_inhibition_hill)
    release = p.release_max * hill(_ratio(s.trimer, p.release_half), 1.0, p.release_hill)
    release = named("cytokine_release", release * (1.0 - held), unit="pg/mL/hour")
    leaving = p.cytokine_transit + p.cytokine_loss
    chain = ["cytokine_marrow", *(f"cytokine_{k + 1}" for k in range(_TRANSITS))]
    rates = {b: p.cytokine_transit * s[a] - leaving * s[b] for a, b in pairwise(chain)}
    arriving = p.cytokine_transit * s[chain[-1]] * p.volume_marrow / p.volume
    return {
        "cytokine_marrow": release - leaving * s.cytokine_marrow,
        **rates,
        "cytokine": p.cytokine_basal + arriving - p.cytokine_loss * s.cytokine,
        "scaled_exposure": (s.cytokine_marrow - p.exposure_basal) * exp(-s.log_attenuation),
    }


def poels2025_model() -> Network:
    """Return the model with the published parameters and the reference patient of `poels2025.toml`."""
    pm = ("drug", "drug_peripheral", "drug_marrow", "drug_sbcma", "drug_sbcma_marrow", "drug_cd3", "drug_cd3_marrow")
    zero = {name: Quantity(0.0, "pM") for name in (*pm, "drug_bcma", "trimer")}
    zero |= {f"dying_{k + 1}": Quantity(0.0, "cell/uL") for k in range(_STAGES)}
    zero |= {f"cytokine_{k + 1}": Quantity(0.0, "pg/mL") for k in range(_TRANSITS)}
    return trace_model(
        elranatamab,
        states={
            "depot": Quantity(0.0, "pmol"),
            **zero,
            "sbcma": Quantity("sbcma_start", "pM"),
            "sbcma_marrow": Quantity(_sbcma_marrow_start, "pM"),
            "t_cells": Quantity("t_cells_start", "cell/uL"),
            "t_cells_marrow": Quantity(_t_cells_marrow_start, "cell/uL"),
            "myeloma": Quantity("myeloma_start", "cell/uL"),
            "m_protein": Quantity("m_protein_start", "g/L"),
            "flc": Quantity("flc_start", "mg/L"),
            "cytokine_marrow": Quantity(0.0, "pg/mL"),
            "cytokine": Quantity("cytokine_start", "pg/mL"),
            "scaled_exposure": Quantity(0.0, "hour*pg/mL", nonnegative=False),
            "log_attenuation": Quantity(0.0, "1", nonnegative=False),
        },
        parameters={
            **load_numbers("poels2025").quantities(leave_out=_NO_PARAMETERS),
            "pm_per_receptor": Quantity(PM_PER_RECEPTOR, "pM*uL"),
        },
        name="poels2025",
        time_unit="hour",
    )


def _sbcma_marrow_start(sbcma_loss: Any, volume: Any, sbcma_to_blood: Any, volume_marrow: Any, sbcma_start: Any) -> Any:
    return sbcma_loss * volume / (sbcma_to_blood * volume_marrow) * sbcma_start


def _t_cells_marrow_start(
    t_cells_to_marrow: Any, volume: Any, t_cells_to_blood: Any, volume_marrow: Any, t_cells_start: Any
) -> Any:
    return t_cells_to_marrow * volume / (t_cells_to_blood * volume_marrow) * t_cells_start


def exposure_factor(number: int) -> float:
    """Return by what the cytokine exposure is multiplied when dose `number` (1, 2, ...) is given: equation 37."""
    numbers = load_numbers("poels2025")
    square, half = (number + 1) ** 2, numbers["attenuation_dose"] ** 2
    return 1.0 / (numbers["attenuation_scale"] * (1.0 - square / (half + square)))


def elranatamab_doses(hours: Sequence[float], milligrams: Sequence[float]) -> list[Dose]:
    """Return subcutaneous doses as the model takes them: what is absorbed [pmol], and the reset of equation 37."""
    numbers = load_numbers("poels2025")
    pmol_per_mg = numbers["bioavailability"] * 1e9 / numbers["drug_mass"]
    doses: list[Dose] = []
    for k, (hour, amount) in enumerate(zip(hours, milligrams, strict=True), start=1):
        doses.append(Dose(float(hour), "depot", amount * pmol_per_mg))
        doses.append(Dose(float(hour), "log_attenuation", ln(exposure_factor(k))))
    return doses


def micrograms_per_ml(picomolar: Any) -> Any:
    """Return a concentration of elranatamab in ug/mL."""
    return picomolar * 1e-9 * load_numbers("poels2025")["drug_mass"]

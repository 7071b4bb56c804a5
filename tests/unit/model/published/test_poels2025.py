"""Poels 2025: mass balances re-derived from the equations themselves, and the departures from the print."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from aftercar.engine import simulate
from aftercar.engine.network import symbol
from aftercar.model.published.poels2025 import elranatamab_doses, exposure_factor, poels2025_model
from aftercar.model.published.values import load_numbers

MODEL = poels2025_model()
N = load_numbers("poels2025")
RATES = {s.id: s.rate for s in MODEL.states}
BLOOD, PERIPHERY, MARROW = symbol("volume"), symbol("volume_peripheral"), symbol("volume_marrow")
DRUG = {BLOOD: ("drug", "drug_sbcma", "drug_cd3"), PERIPHERY: ("drug_peripheral",),
        MARROW: ("drug_marrow", "drug_sbcma_marrow", "drug_cd3_marrow", "drug_bcma", "trimer")}  # fmt: skip
SBCMA = {BLOOD: ("sbcma", "drug_sbcma"), MARROW: ("sbcma_marrow", "drug_sbcma_marrow")}


def change(held: dict[sp.Symbol, tuple[str, ...]]) -> sp.Expr:
    """Rate of change of an amount: the sum of volume times rate over the states that hold it."""
    return sum((volume * RATES[name] for volume, names in held.items() for name in names), start=sp.S.Zero)


def test_the_drug_leaves_only_by_clearance() -> None:
    eliminated = symbol("clearance") * (symbol("drug") + symbol("drug_sbcma"))
    rest = sp.expand(change(DRUG) + RATES["depot"] + eliminated)
    assert rest.subs(symbol("sbcma_complex_return"), 1) == 0
    # As printed (equation 17 with the factor V_BM/Vc), drug appears from nowhere.
    created = rest.subs(symbol("sbcma_complex_return"), MARROW / BLOOD)
    wanted = symbol("sbcma_to_blood") * symbol("drug_sbcma_marrow") * MARROW * (1 - MARROW / BLOOD)
    assert sp.simplify(created - wanted) == 0


def test_soluble_bcma_is_shed_and_degraded_and_nothing_else() -> None:
    shed = symbol("sbcma_loss") * BLOOD * symbol("sbcma_start") / symbol("myeloma_start") * symbol("myeloma_total")
    lost = symbol("sbcma_loss") * BLOOD * symbol("sbcma") + symbol("clearance") * symbol("drug_sbcma")
    assert sp.expand((change(SBCMA) - shed + lost).subs(symbol("sbcma_complex_return"), 1)) == 0


def test_t_cells_move_but_do_not_multiply() -> None:
    turnover = BLOOD * symbol("t_cell_loss") * (symbol("t_cells_start") - symbol("t_cells"))
    assert sp.expand(change({BLOOD: ("t_cells",), MARROW: ("t_cells_marrow",)}) - turnover) == 0


def test_hit_cells_pass_every_stage() -> None:
    stages = [RATES[f"dying_{k}"] for k in (1, 2, 3)]
    kill = symbol("kill") * symbol("myeloma")
    last = 4 / symbol("death_delay") * symbol("dying_3")
    assert sp.simplify(sum(stages) - kill + last) == 0


def test_without_treatment_nothing_but_the_tumour_moves() -> None:
    names = ["t_cells", "t_cells_marrow", "drug", "trimer", "cytokine", "myeloma_total"]
    data = simulate(MODEL, times=[0, 500, 3000], outputs=names)
    for name in ("t_cells", "t_cells_marrow"):
        assert np.ptp(data[name].to_numpy()) < 1e-6 * float(data[name][0, 0])
    assert float(data["drug"].max()) == 0 and float(data["trimer"].max()) == 0
    # Supplementary Table 2 starts cytokine at 2.857 pg/mL; production over loss is 2 pg/mL.
    assert float(data["cytokine"][0, -1]) == pytest.approx(N["cytokine_basal"] / N["cytokine_loss"], rel=1e-6)


def test_few_myeloma_cells_double_in_87_days() -> None:
    data = simulate(MODEL, times=[0, 1000], patients={"myeloma_start": [1.0]}, outputs=["myeloma_total"])
    rate = np.log(float(data["myeloma_total"][0, 1])) / 1000
    assert rate == pytest.approx(N["myeloma_growth"], rel=1e-4)  # 1e-4: the logistic term at 1 cell/uL is 3e-7
    assert np.log(2) / rate / 24 == pytest.approx(87.0, abs=0.05)


def test_resistance_as_printed_would_make_the_half_point_negative() -> None:
    def printed(hour: float) -> float:
        return N["kill_half"] * (
            1 + N["resistance"] * (1 - np.exp(-N["resistance_rate"] * (hour - N["resistance_time"])))
        )

    assert printed(0.0) < -1e20  # supplement, section 1.2.2, unnumbered equation
    hours = [0.0, 500.0, 600.0, 610.0, 2000.0]
    half = simulate(MODEL, times=hours, outputs=["kill_half_now"])["kill_half_now"].to_numpy()[0]
    assert half[:3] == pytest.approx([N["kill_half"]] * 3)
    assert half[3:] == pytest.approx([printed(610.0), printed(2000.0)])


def test_the_reset_of_exposure_is_that_of_equation_37() -> None:
    assert exposure_factor(1) == pytest.approx((1.3**2 + 4) / (5 * 1.3**2))
    data = simulate(MODEL, times=[0, 71.999999, 72], doses=elranatamab_doses([0, 72], [12, 32]),
                    outputs=["cytokine_exposure"])  # fmt: skip
    before, after = data["cytokine_exposure"].to_numpy()[0, 1:]
    assert after / before == pytest.approx(exposure_factor(2), rel=1e-5)


def test_a_dose_is_what_is_absorbed() -> None:
    data = simulate(MODEL, times=[0], doses=elranatamab_doses([0], [76]), outputs=["depot"])
    assert float(data["depot"][0, 0]) == pytest.approx(76e9 / 148_500 * 0.511)  # mg to pmol, F of Table 3


def at_start(output: str, **values: float) -> float:
    """Return a rule at given states and parameters."""
    patients = {name: [value] for name, value in values.items()}
    return float(simulate(MODEL, times=[0], patients=patients, outputs=[output])[output][0, 0])


@pytest.mark.parametrize("fold", [0.5, 1.0, 3.0])
def test_each_saturating_term_has_its_own_half_point_and_exponent(fold: float) -> None:
    # Equations 29 and 38 and section 1.2.2, with the values of Supplementary Table 3 written out.
    cytokine = {name: 150.0 * fold for name in ("cytokine_marrow", *(f"cytokine_{k}" for k in range(1, 6)))}
    held = at_start("t_cells_retained", trimer=0.02 * fold, **cytokine)
    assert held == pytest.approx(fold**2 / (1 + fold**2) * fold**1.5 / (1 + fold**1.5))
    released = at_start("cytokine_release", trimer=0.5, scaled_exposure=10_000 * fold)
    assert released == pytest.approx(80_590 / 2 / (1 + fold**2.5))
    released = at_start("cytokine_release", trimer=0.5 * fold)
    assert released == pytest.approx(80_590 * fold / (1 + fold))
    killed = at_start("kill", trimer=4.25e-4 * 1e5 * fold, myeloma=1e5)
    assert killed == pytest.approx(0.02 * fold**0.8 / (1 + fold**0.8))


def test_growth_turns_from_exponential_to_linear_and_stops_at_capacity() -> None:
    # Equation 24: kg0 while few, kg1 / total while many, nothing at MM_max.
    assert at_start("growth", myeloma=1e3) == pytest.approx(3.32e-4 * (1 - 1e3 / 3e6))
    many = 2.9e6  # kg0/kg1 times total is 0.64: still exponential, so that the turn needs a slower kg1 to show
    assert at_start("growth", myeloma=many, myeloma_growth_linear=15.0) == pytest.approx(15 / many * (1 - many / 3e6))
    assert at_start("growth", myeloma=3e6) == pytest.approx(0, abs=1e-18)

"""The kinetic figures that the system must give, with few patients; all targets stand in docs/explanation/kinetics.md.

Cmax, Tmax and half-life of cilta-cel served to set its parameters; the others did not. The bounds are wide, a factor of
two, since no population is matched: the test is that the system has not left the field, not that it is calibrated.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from validation.model.kinetic_targets import (
    END,
    NOT_READ,
    PAGE,
    RUNS,
    START,
    read_patients,
    simulate_therapy,
    single_values,
)  # fmt: skip

from aftercar.catalogue.targets import load_targets
from aftercar.foundation import DEFAULT_SEED

TARGETS = load_targets().kinetic


@pytest.fixture(scope="module")
def patients() -> dict[str, pd.DataFrame]:
    runs = {run.therapy: run for run in RUNS if run.values is None}
    return {name: read_patients(simulate_therapy(runs[name], 120, DEFAULT_SEED), name)
            for name in ("cilta_cel", "ide_cel", "ct103a")}  # fmt: skip


@pytest.fixture(scope="module")
def single() -> dict[str, float]:
    return single_values(DEFAULT_SEED)


def test_every_target_to_compare_is_read_or_left_out_with_a_reason(single: dict[str, float]) -> None:
    read = {name for run in RUNS for name in run.reads} | set(single)
    wanted = {name for name, one in TARGETS.items() if one.use == "compare"}
    assert wanted <= read | set(NOT_READ)
    assert not read & set(NOT_READ)
    page = PAGE.read_text(encoding="utf-8").split(START)[1].split(END)[0]
    assert all(f"`{name}`" in page for name in read), "run kinetic_targets.py --write"


@pytest.mark.parametrize("therapy", ["cilta_cel", "ide_cel", "ct103a"])
def test_cells_peak_in_the_second_week(patients: dict[str, pd.DataFrame], therapy: str) -> None:
    assert 8.0 <= patients[therapy]["t_max"].median() <= 17.0


@pytest.mark.parametrize("quantity", ["c_max", "auc_0_28", "auc_0_180"])
def test_peak_and_exposure_of_ciltacel_within_a_factor_of_two(patients: dict[str, pd.DataFrame], quantity: str) -> None:
    ratio = patients["cilta_cel"][quantity].mean() / TARGETS[f"cartitude1_{quantity}"].value
    assert 0.5 <= ratio <= 2.0


def test_cells_contract_and_a_fully_human_car_lasts_longer(patients: dict[str, pd.DataFrame]) -> None:
    cilta = patients["cilta_cel"]
    assert cilta["half_life_evaluable"].median() < 60.0
    assert 0.5 <= cilta["t_last"].median() / TARGETS["cartitude1_t_last"].value <= 2.0
    assert patients["ct103a"]["t_last"].median() > 2.0 * cilta["t_last"].median()


def test_soluble_bcma_of_the_first_month_is_that_of_its_middle(patients: dict[str, pd.DataFrame]) -> None:
    """17.5% of the start are left "in the first month": met by samples of any day of it, not by those of day 30."""
    cilta, printed = (
        patients["cilta_cel"],
        TARGETS["ciltacel_sbcma_month_1"].value / TARGETS["ciltacel_sbcma_month_0"].value,
    )
    start = cilta["sbcma_month_0"].median()
    assert cilta["sbcma_month_1"].median() / start < 0.5 * printed
    assert 0.5 * printed < cilta["sbcma_in_month_1"].median() / start < 2.0 * printed


def test_soluble_bcma_falls_by_nine_tenths_and_returns_at_progression(patients: dict[str, pd.DataFrame]) -> None:
    cilta = patients["cilta_cel"]
    for month in (2, 3):
        assert cilta[f"sbcma_month_{month}"].median() <= 0.1 * cilta["sbcma_month_0"].median()
    assert cilta["progressed"].sum() >= 20
    assert cilta["sbcma_rise_at_progression"].median() > 3.0


def test_serum_half_lives_after_a_clean_kill(single: dict[str, float]) -> None:
    # The fall is read from the curve, the parameter was set to the figure: numerics alone, hence 2%.
    for name in ("sbcma_half_life_poels", "m_protein_half_life_poels", "igg_half_life", "iga_half_life"):
        assert single[name] * {"hour": 24.0, "day": 1.0}[TARGETS[name].unit] == pytest.approx(
            TARGETS[name].value, rel=0.02
        )
    # Light chains go while the last cells die (outputs every 72 minutes), and look slower than they are.
    for name in ("flc_half_life_kappa", "flc_half_life_lambda"):
        low, high = TARGETS[name].low, TARGETS[name].high
        assert low is not None and high is not None and low < 24.0 * single[name] < high


def test_responders_have_more_cells(patients: dict[str, pd.DataFrame]) -> None:
    """Direction alone: 4.5 and 5.5 times as many are published, 1,000 simulated patients give 1.3 (a miss)."""
    ide = patients["ide_cel"]
    assert 0 < (~ide["responder"]).sum() < len(ide)
    for name in ("c_max", "auc_0_28"):
        medians = ide.groupby("responder")[name].median()
        assert medians[True] > medians[False]


def test_gamma_secretase_inhibition_has_its_directions(single: dict[str, float]) -> None:
    for name in ("gsi_sbcma_direction", "gsi_surface_direction"):
        assert np.sign(single[name]) == TARGETS[name].value

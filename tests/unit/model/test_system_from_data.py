"""A new target and a new therapy are rows of data: no code, and the system simulates them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.engine import check_units
from aftercar.model import Treatment, build_structure, build_system
from aftercar.patients import simulate_plan

ANTIGEN = """
[CCR10]
name = "C-C chemokine receptor 10"
source = "aftercar"

[[CCR10.variants]]
id = "null"
name = "loss of the gene"
meaning = "cells without the receptor"
mechanism = "antigen_loss"
"""
NUMBERS = {
    "resistance_new_class": (0.1, "1"),
    "ccr10_receptors": (5000.0, "molecule/cell"), "ccr10_expression": (1.0, "1"), "ccr10_on_plasma_cells": (1.0, "1"),
    "ccr10_on_progenitors": (0.5, "1"), "ccr10_null_density": (0.0, "1"), "ccr10_null_share": (1e-3, "1"),
    "ccr10_null_rate": (1e-8, "1"), "ccr10_null_cost": (0.0, "1"),
}  # fmt: skip
THERAPIES = """
[ccr10_cart.action]
kind = "product"
binds = { CCR10 = 1.0 }
lymphodepletion = "cyclophosphamide_fludarabine"
schedule = [{ day = 0.0, amount = 3e8, unit = "cell" }]

[ccr10_engager.action]
kind = "engager"
binds = { CCR10 = 1.0 }
schedule = [{ day = 0.0, amount = 0.5, unit = "mg/kg", every = 7.0 }]

[new_pill.action]
kind = "drug"
drug_class = "new_class"
schedule = [{ day = 0.0, amount = 1.0, unit = "dose", every = 1.0 }]

[new_pill.action.values]
kill_rate = { value = 0.05, unit = "1/day", grade = "assumed", source = "aftercar" }

[both.action]
kind = "combination"
parts = [{ therapy = "ccr10_engager" }, { therapy = "new_pill", day = 7.0 }]
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ModelData:
    folder = tmp_path_factory.mktemp("user")
    parameters = "".join(
        f'[{name}]\nmeaning = "of the new target"\nvalue = {value}\nunit = "{unit}"\ngrade = "assumed"\n'
        f'source = "aftercar"\n\n'
        for name, (value, unit) in NUMBERS.items()
    )
    for room, text in (("antigens", ANTIGEN), ("parameters", parameters), ("therapies", THERAPIES)):
        (folder / room).mkdir()
        Path(folder / room / "new.toml").write_text(text)
    return load_model_data(folder)


def test_a_new_variant_multiplies_the_clones(data: ModelData) -> None:
    old, new = build_structure(), build_structure(data)
    assert len(new.clones) == 2 * len(old.clones)
    assert {c.id for c in old.clones} < {c.id for c in new.clones}
    assert any(c.id == "bcma_low_ccr10_null" for c in new.clones)
    assert {c.source for c in new.changes if c.target == "ccr10_null"} >= {"bulk"}
    assert check_units(build_system(data, build_structure(data, products=1, engagers=1, drugs=1))) == []


def simulated(data: ModelData, *plan: Treatment, **how):
    values = {"switch_progenitors": 0.0, "growth_rate": 0.02}
    return simulate_plan(list(plan), days=60, every=5.0, counted=False, data=data, values=values, **how)


def test_a_car_for_the_new_target_kills_what_bears_it(data: ModelData) -> None:
    result = simulated(data, Treatment("ccr10_cart"))
    bulk, null = result["marrow_bulk"].values[0], result["marrow_ccr10_null"].values[0]
    assert bulk.min() < 0.5 * bulk[0]
    assert np.all(np.diff(null) > 0)
    assert result.attrs["slots"] == "product1: ccr10_cart"


def test_new_therapies_and_their_combination_simulate(data: ModelData) -> None:
    both = simulated(data, Treatment("both"))
    engager, alone = simulated(data, Treatment("ccr10_engager")), simulated(data)
    last = [float(x["marrow_bulk"][0, -1]) for x in (both, engager, alone)]
    assert last[0] < last[1] < last[2]
    np.testing.assert_allclose(both["marrow_ccr10_null"][0, 0], 1e-3 * both["marrow_bulk"][0, 0], rtol=2e-3)
    pill = both["drug1_signal"].values[0]
    assert pill[both["time"].values < 7].max() == 0 and pill[-1] > 0.5

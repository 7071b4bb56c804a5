"""The terms of every equation have one unit, and no parameter stands unused beside the equations."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy as sp

from aftercar.catalogue.model_data import load_model_data
from aftercar.engine import Network, check_units, list_unitless
from aftercar.model import build_structure, build_system


@pytest.fixture(scope="module")
def system() -> Network:
    """The system with few slots: every equation, and two products that may share a binder."""
    data = load_model_data()
    return build_system(data, build_structure(data, products=2, engagers=1, drugs=1))


def test_the_whole_system_has_no_fault_of_units() -> None:
    model = build_system()
    assert check_units(model) == []
    assert list_unitless(model) == []


def test_no_equation_escapes_the_check_for_want_of_a_unit(system: Network) -> None:
    assert all(quantity.unit for quantity in system.quantities)


@pytest.mark.parametrize(
    "name",
    [
        "growth_rate", "tumour_burden", "bcma_null_rate", "emd_capacity", "progenitor_output", "killing_rate",
        "half_density", "decoy_half", "sbcma_elimination", "engager1_affinity", "engager1_central_volume",
        "engager_half_trimers", "cd3_receptors", "molecules_per_nmol", "product1_fitness", "exhaustion_rate",
        "host_t_growth", "depletion_rate", "antibody_half_cells", "suppressor_turnover", "drug1_half_amount",
        "drug1_resistance_gain", "vector_copies", "blood_volume", "m_protein_start", "flc_elimination",
        "sbcma", "host_t", "marrow_bulk", "engager1_central", "drug1_amount", "product1_effector", "b_help",
    ],
)  # fmt: skip
def test_a_wrong_unit_anywhere_is_found(system: Network, name: str) -> None:
    def spoiled(group: tuple) -> tuple:
        return tuple(replace(x, unit="kg") if x.id == name else x for x in group)

    wrong = replace(system, states=spoiled(system.states), parameters=spoiled(system.parameters))
    assert check_units(wrong)


def test_every_parameter_of_the_patient_acts_on_something(system: Network) -> None:
    """An unused parameter would look like a knob and turn nothing."""
    used: set[str] = set()
    for state in system.states:
        used |= {x.name for x in state.rate.free_symbols | state.initial.free_symbols}
        if state.counted is not None:
            parts = (state.counted.birth, state.counted.death, state.counted.arrival)
            used |= {x.name for part in parts for x in sp.sympify(part).free_symbols}
    for rule in system.rules:
        used |= {x.name for x in rule.value.free_symbols}
    data = load_model_data()
    by_dose = {"body_weight"}  # scales doses per kilogram
    linked = {k for k in data.parameters if k.startswith("resistance_")}  # become the resistance of a drug's slot
    laws = [p.between_patients for p in data.parameters.values() if p.between_patients is not None]
    categories = {law.of for law in laws if law.law == "by_category"}  # set what follows them when patients are drawn
    idle = {k for k, p in data.parameters.items() if not p.slot} - used - by_dose - linked - categories
    assert idle == set()

"""Every number of the system has a source that exists, a grade that fits it, and agrees with its source."""

from __future__ import annotations

import math
import re

import pytest
from pybtex.database import parse_file

from aftercar.catalogue.biology import ModelParameter, Number
from aftercar.catalogue.loading import BUILT_IN
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.targets import load_targets

DATA = load_model_data()
PARAMETERS = DATA.parameters
CITATIONS = set(parse_file(str(BUILT_IN / "sources.bib")).entries)
REVIEW = re.compile(r"review(, sections? \d.*)?\Z")
OWN = "aftercar"


def numbers() -> dict[str, Number]:
    """Return every number of the data by a name that a reader finds: parameters, therapies' values, costimulation."""
    found: dict[str, Number] = dict(PARAMETERS)
    for key, action in DATA.actions.items():
        found |= {f"{key}.{name}": value for name, value in action.values.items()}
        if action.vein_to_vein_days is not None:
            found[f"{key}.vein_to_vein_days"] = action.vein_to_vein_days
    for key, signal in DATA.costimulation.items():
        for name in ("activation", "exhaustion", "memory_formation", "persistence"):
            found[f"{key}.{name}"] = getattr(signal, name)
    return found


NUMBERS = numbers()


def resolves(source: str) -> bool:
    return source == OWN or source in CITATIONS or REVIEW.match(source) is not None


def test_every_source_exists() -> None:
    spreads = {name: one.between_patients.source for name, one in NUMBERS.items() if one.between_patients is not None}
    assert {name: one.source for name, one in NUMBERS.items() if not resolves(one.source)} == {}
    assert {name: source for name, source in spreads.items() if source and not resolves(source)} == {}
    listed = {**{k: a.source for k, a in DATA.antigens.items()}, **{k: m.source for k, m in DATA.mechanisms.items()}}
    assert {name: source for name, source in listed.items() if not resolves(source)} == {}


def test_schedules_name_a_source_that_exists() -> None:
    """The source of a schedule is a key, or `aftercar` or the review, then what stands there."""
    first = {key: re.split(r"[:;,]", a.schedule_source)[0].strip() for key, a in DATA.actions.items() if a.schedule}
    assert {key: word for key, word in first.items() if not resolves(word)} == {}


def test_our_own_numbers_are_assumed_defined_or_fitted_here() -> None:
    """A number that we fitted ourselves says to which figures, by the key of their source."""
    own = {name: one for name, one in NUMBERS.items() if one.source == OWN}
    assert {one.grade for one in own.values()} <= {"assumed", "definition", "fitted"}
    fitted = {name: f"{one.locator} {one.note}" for name, one in own.items() if one.grade == "fitted"}
    words = {name: set(re.findall(r"[A-Za-z0-9_]+", text)) for name, text in fitted.items()}
    assert {name for name, found in words.items() if not found & CITATIONS} == set()


def test_a_number_from_a_source_says_where_it_stands() -> None:
    found = {name for name, one in PARAMETERS.items() if one.grade in {"measured", "in_vitro", "fitted"}}
    assert len(found) > 20
    assert {name for name in found if not PARAMETERS[name].locator} == set()


def test_an_assumed_parameter_says_how_far_it_may_be_wrong() -> None:
    """Sensitivity analysis draws from the range, so an assumption without one would pass for certain."""
    open_ended = {name for name, one in PARAMETERS.items() if one.grade == "assumed" and None in (one.low, one.high)}
    # Classes that the reference patient never had: nothing is resisted, by the definition of that patient.
    not_exposed = {name for name in open_ended if PARAMETERS[name].note.startswith("Not exposed")}
    assert {name for name in not_exposed if PARAMETERS[name].value != 0} == set()
    assert open_ended - not_exposed == set()


def test_a_definition_has_no_range() -> None:
    wide = {
        name for name, one in PARAMETERS.items() if one.grade == "definition" and (one.low, one.high) != (None, None)
    }
    assert wide == set()


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=list(PARAMETERS))
def test_meaning_reads_as_a_phrase(parameter: ModelParameter) -> None:
    assert parameter.meaning and not parameter.meaning.endswith(".")
    assert parameter.note == "" or parameter.note.endswith(".")


def value(name: str) -> float:
    return PARAMETERS[name].value


def by_type(name: str) -> tuple[float, ...]:
    """Return the typical value of each type of paraprotein."""
    law = PARAMETERS[name].between_patients
    assert law is not None and law.of == "paraprotein_type" and law.values is not None
    return law.values


def test_bcma_varies_between_patients_as_its_quartiles_say() -> None:
    """The source prints 670 molecules per cell with quartiles of 380 and 850."""
    before, spread = load_targets().kinetic["bcma_density_before"], PARAMETERS["bcma_expression"].between_patients
    assert spread is not None and before.low is not None and before.high is not None
    assert spread.omega == pytest.approx(math.log(before.high / before.low) / (2 * 0.6745), abs=0.01)


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        # Miao 2023, Table 2
        ("engager_absorption_rate", 0.133), ("engager_bioavailability", 0.718), ("engager_central_volume", 4.13),
        ("engager_peripheral_volume", 1.34), ("engager_exchange_clearance", 0.039), ("engager_clearance", 0.449),
        ("engager_clearance_extra", 0.547), ("engager_clearance_fall", 0.0292),
        # Chandralayam Ayyappa Menon 2026, Table S2
        ("engager_affinity", 0.5), ("engager_cd3_affinity", 20.8), ("cd38_receptors", 120_486),
        # Poels 2025, Supplementary Table 3: per hour and per uL of a marrow of 1.75 L
        ("marrow_volume", 1.75), ("marrow_capacity", 3e6 * 1.75e6), ("cd3_receptors", 6e4),
        # wikilite: IgG 21 days, kappa chains 2 to 4 h
        ("m_protein_elimination", math.log(2) / 21), ("flc_elimination", math.log(2) / 0.125),
        # Kimmel 2021, Table 1; Hibma 2026, Table 1; Park 2025, Table 1
        ("host_t_reference", 2.5e11), ("host_t_growth", 0.17), ("killing_half_effectors", 2.024e9),
        ("sbcma_start", 8.29), ("cd19_receptors", 14_000), ("blood_volume", 5e6),
    ],
)  # fmt: skip
def test_number_is_that_of_its_source(name: str, figure: float) -> None:
    # Two figures are kept of a number whose source has more: 2e9 for 2.024e9, 4.16 for 4.159.
    assert value(name) == pytest.approx(figure, rel=0.015)


@pytest.mark.parametrize(
    ("name", "cv"),
    [
        # Miao 2023, Table 2: the coefficient of variation of a lognormal law
        ("engager_clearance", 0.536), ("engager_clearance_extra", 1.07), ("engager_central_volume", 0.488),
        ("engager_absorption_rate", 0.452),
    ],
)  # fmt: skip
def test_spread_is_that_of_its_source(name: str, cv: float) -> None:
    spread = PARAMETERS[name].between_patients
    assert spread is not None and spread.omega == pytest.approx(math.sqrt(math.log(1 + cv**2)), abs=0.01)


def test_half_lives_of_the_targets_are_those_of_the_parameters() -> None:
    """The same sources give a rate to the system and a half-life to the targets."""
    targets = load_targets().kinetic
    lambda_chain = by_type("flc_elimination")[1]
    iga = by_type("m_protein_elimination")[2]
    saturation = value("m_protein_start") / (value("m_protein_start") + value("igg_catabolism_half"))
    igg_of_a_patient = value("m_protein_elimination") * (1 + value("igg_catabolism_gain") * saturation)
    for rate, target, hours in (
        (value("m_protein_elimination"), "igg_half_life", 24),
        (igg_of_a_patient, "m_protein_half_life_poels", 24),
        (iga, "iga_half_life_morell", 24),
        (value("flc_elimination"), "flc_half_life_kappa", 1),
        (lambda_chain, "flc_half_life_lambda", 1),
        (value("sbcma_elimination"), "sbcma_half_life_poels", 1),
    ):
        half_life_days = targets[target].value * hours / 24
        assert math.log(2) / rate == pytest.approx(half_life_days, rel=0.01), target
    contraction = PARAMETERS["sbcma_elimination"]
    low, high = targets["sbcma_half_life"].low, targets["sbcma_half_life"].high
    assert low is not None and high is not None
    assert contraction.low == pytest.approx(math.log(2) * 24 / high, rel=0.01)
    assert contraction.high == pytest.approx(math.log(2) * 24 / low, rel=0.02)

"""From data to a network that the engine compiles: start values, default parameters, slots."""

from __future__ import annotations

from contextlib import nullcontext
from functools import lru_cache
from typing import Any

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.engine import BirthDeath, Network, Quantity, trace_model
from aftercar.engine.expressions import intermediate_names
from aftercar.engine.network import symbol
from aftercar.model import tumour
from aftercar.model.host import host_t_capacity
from aftercar.model.structure import PROGENITOR, SITES, Structure
from aftercar.model.system import system_rates

SLOTS = ("product", "engager", "drug")


def build_structure(data: ModelData | None = None, **sizes: Any) -> Structure:
    """Return the shape of the system from the catalogue's antigens; `sizes` as in `Structure`."""
    data = data or load_model_data()
    return Structure(tuple(a for a in data.antigens.values() if not a.on_fibroblasts), **sizes)


def build_system(
    data: ModelData | None = None, structure: Structure | None = None, *, intermediates: bool = False
) -> Network:
    """Return the system as a network that the engine compiles.

    Parameters
    ----------
    data
        Parameters and antigens; the built-in ones if not given.
    structure
        Slots, and whether small populations are counted; `build_structure` if not given.
    intermediates
        Whether densities, recognition, killing rates and the like keep names of their own: the same system in
        equations that a person can read, for export and for the documentation.

    Raises
    ------
    InputError
        The data lacks something that the structure needs.
    """
    data = data or load_model_data()
    return _build(_Key(data), structure or build_structure(data), intermediates)


class _Key:
    """Model data that counts as the same as other data of the same hash."""

    def __init__(self, data: ModelData) -> None:
        self.data = data

    def __hash__(self) -> int:
        return hash(self.data.hash)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.data.hash == self.data.hash


@lru_cache(maxsize=8)
def _build(key: _Key, structure: Structure, intermediates: bool) -> Network:
    def rates(time: Any, states: Any, parameters: Any) -> dict[str, Any]:
        changes = system_rates(time, states, parameters, structure)
        return changes if structure.counted else {k: _continuous(k, rate) for k, rate in changes.items()}

    with intermediate_names() if intermediates else nullcontext():
        system = trace_model(
            rates,
            states=start_values(structure),
            parameters=default_parameters(key.data, structure),
            name="aftercar",
            time_unit="day",
            may_be_negative=_may_be_negative(key.data, structure),
        )
    # Every drug can be infused, so that one compiled kernel serves all plans.
    return system if intermediates else system.with_inputs(f"{k}_amount" for k in structure.slot_names("drug"))


def _may_be_negative(data: ModelData, structure: Structure) -> list[str]:
    free = [k for k, p in data.parameters.items() if p.may_be_negative and not p.slot]
    for kind in SLOTS:
        names = [k for k, p in data.slot_parameters(kind).items() if p.may_be_negative]
        free += [f"{slot}_{name}" for slot in structure.slot_names(kind) for name in names]
    return free


def _continuous(name: str, rate: Any) -> Any:
    if isinstance(rate, BirthDeath):
        return (rate.birth - rate.death) * symbol(name) + rate.arrival
    return rate


def default_parameters(data: ModelData, structure: Structure) -> dict[str, Quantity]:
    """Return every parameter of the system with its typical value: the patient's, then each slot's."""
    chosen = {k: Quantity(p.value, p.unit) for k, p in data.parameters.items() if not p.slot}
    for kind in SLOTS:
        template = data.slot_parameters(kind)
        for name in structure.slot_names(kind):
            chosen |= {f"{name}_{k}": Quantity(p.value, p.unit) for k, p in template.items()}
            chosen |= {f"{name}_binds_{antigen.lower()}": Quantity(0.0, "1") for antigen in data.antigens}
    return chosen


def start_values(structure: Structure) -> dict[str, Quantity]:
    """Return the state of a patient before any treatment of the plan."""
    starts = {
        f"{site}_{clone.id}": Quantity(_clone_start(structure, clone, site), "cell")
        for site in SITES
        for clone in structure.clones
    }
    starts[PROGENITOR] = Quantity(
        lambda parameters: parameters.switch_progenitors * parameters.progenitor_share * parameters.tumour_burden,
        "cell",
    )
    for name in structure.slot_names("product"):
        starts |= {f"{name}_{x}": Quantity(0.0, "cell") for x in ("infused", "memory", "effector", "exhausted")}
        starts |= {f"{name}_{x}": Quantity(0.0, "1") for x in ("antibody", "primed")}
    starts |= {
        "host_t": Quantity(lambda parameters: host_t_capacity(parameters), "cell"),
        "t_depletion": Quantity(0.0, "1"),
        "b_depletion": Quantity(0.0, "1"),
        "b_help": Quantity(1.0, "1"),
        "leukocytes": Quantity(1.0, "1"),
        "host_exhaustion": Quantity(0.0, "1"),
    }
    starts |= {kind: Quantity(f"{kind}_level", "1") for kind in ("fibroblasts", "myeloid", "regulatory")}
    for name in structure.slot_names("engager"):
        starts |= {f"{name}_{x}": Quantity(0.0, "mg") for x in ("depot", "central", "peripheral")}
    for name in structure.slot_names("drug"):
        starts[f"{name}_amount"] = Quantity(0.0, "1")  # standard doses
        starts[f"{name}_resistance"] = Quantity(f"{name}_resistance_start", "1")
    starts["sbcma"] = Quantity("sbcma_start", "nmol/L")
    starts["m_protein"] = Quantity("m_protein_start", "g/L")
    starts["free_light_chain"] = Quantity("flc_start", "mg/L")
    return starts


def _clone_start(structure: Structure, clone: Any, site: str) -> Any:
    return lambda parameters: tumour.start_count(parameters, structure, clone, site)

"""The system, assembled: this file says how every part acts on every other.

`system_rates` runs once on symbols; from that one text come the compiled simulator, its Jacobian, the LaTeX of the
docs and the SBML and Antimony exports. The parts are plain functions in the files of this room:

    tumour · recognition · car_t · host · microenvironment · engagers · drugs · soluble · observables
    · manufacturing
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aftercar.engine import named
from aftercar.model import car_t, drugs, engagers, host, microenvironment, observables, recognition, soluble, tumour
from aftercar.model.slots import Slot
from aftercar.model.smooth import positive_part
from aftercar.model.structure import PROGENITOR, SITES, Clone, Structure

Place = tuple[str, str]
"""Where tumour cells are: a site and a clone."""


@dataclass(frozen=True)
class Surroundings:
    """What all parts of the system share at one moment.

    `tumour`: cells by site; `densities`: relative antigen density by clone and antigen, gamma-secretase gain included;
    `function`: T-cell function by site (1 in the reference marrow); `access`: how well T cells reach a site; `acts`:
    sum over the drugs of one of their effects times their signal; `blocked`: the part that at least one of them blocks.
    """

    structure: Structure
    clones: Mapping[str, Clone]
    places: tuple[Place, ...]
    tumour: Mapping[str, Any]
    densities: Mapping[str, Mapping[str, Any]]
    levels: Mapping[str, Any]
    pd_l1: Any
    function: Mapping[str, Any]
    access: Mapping[str, Any]
    acts: Callable[[str], Any]
    blocked: Callable[[str], Any]

    @property
    def all_tumour(self) -> Any:
        """Tumour cells at all sites."""
        return self.tumour["marrow"] + self.tumour["emd"]


def system_rates(time: Any, s: Any, p: Any, structure: Structure) -> dict[str, Any]:
    """Return the rate of change of every state.

    Parameters
    ----------
    time
        Days since the start of the simulation.
    s, p
        States and parameters by name.
    structure
        Clones, sites and slots.
    """
    products = {name: Slot(p, name) for name in structure.slot_names("product")}
    engager_slots = {name: Slot(p, name) for name in structure.slot_names("engager")}
    drug_slots = {name: Slot(p, name) for name in structure.slot_names("drug")}
    signals = {k: named(f"{k}_signal", drugs.drug_signal(s, q, k), unit="1") for k, q in drug_slots.items()}

    def acts(effect: str) -> Any:
        return add(signals[k] * q[effect] for k, q in drug_slots.items())

    def blocked(effect: str) -> Any:
        return recognition.union([signals[k] * q[effect] for k, q in drug_slots.items()])

    near = look_around(s, p, structure, acts, blocked)
    killing: dict[Place, Any] = {place: 0.0 for place in near.places}
    cells = {k: s[f"{k}_memory"] + s[f"{k}_effector"] + s[f"{k}_exhausted"] for k in products}

    rates = act_of_products(s, p, products, cells, near, killing)
    occupied, engager_rates = act_of_engagers(s, p, engager_slots, near, killing, time)
    rates |= engager_rates
    rates |= act_of_drugs(s, p, drug_slots, signals, near, killing)
    killing = {place: piece(f"killing_{'_'.join(place)}", rate, unit="1/day") for place, rate in killing.items()}
    rates |= tumour.clone_rates(s, p, structure, killing, near.tumour)
    rates |= host.host_rates(
        s, p, car_t=add(cells.values()), t_cell_loss=acts("t_cell_loss"), b_cell_loss=acts("b_cell_loss"),
        occupancy=occupied, revival=microenvironment.revival_rate(p, open_checkpoints(blocked)),
    )  # fmt: skip
    rates |= microenvironment.cell_rates(
        s, p, tumour=near.all_tumour, losses=suppressor_losses(s, p, products, near)
    )  # fmt: skip
    bearing = bcma_bearing(s, near)
    rates |= soluble.soluble_rates(
        s, p, tumour=near.all_tumour, bcma_bearing=bearing,
        cleavage_block=p.cleavage_block_max * blocked("cleavage_block"),
    )  # fmt: skip
    observables.name_observables(
        s, p, tumour=near.all_tumour, marrow=near.tumour["marrow"], emd=near.tumour["emd"], bcma_bearing=bearing,
        car_t=add(cells.values()),
    )  # fmt: skip
    return rates


def look_around(
    s: Any, p: Any, structure: Structure, acts: Callable[[str], Any], blocked: Callable[[str], Any]
) -> Surroundings:
    """Return what all parts share: burden, antigens, microenvironment, access."""
    clones = {clone.id: clone for clone in structure.clones}
    places = (*((site, c) for site in SITES for c in clones), ("marrow", PROGENITOR))
    burden = {
        site: piece(f"burden_{site}", add(cell_count(s, place) for place in places if place[0] == site), unit="cell")
        for site in SITES
    }
    whole = burden["marrow"] + burden["emd"]
    levels = microenvironment.cytokines(s, p, adenosine_block=blocked("adenosine_block"))
    levels = {name: piece(name, level) for name, level in levels.items()}
    index = named("suppression", microenvironment.suppression(s, p, levels), unit="1")
    outside = 1.0 + p.switch_extramedullary * (p.emd_suppression - 1.0)
    reach = 1.0 + p.switch_extramedullary * (p.emd_access - 1.0)
    return Surroundings(
        structure=structure,
        clones=clones,
        places=places,
        tumour=burden,
        densities=clone_densities(p, structure, p.cleavage_block_max * blocked("cleavage_block")),
        levels=levels,
        pd_l1=piece("pd_l1", microenvironment.pd_l1(s, p, tumour=whole)),
        function={
            "marrow": piece("function_marrow", microenvironment.t_cell_function(p, index)),
            "emd": piece("function_emd", microenvironment.t_cell_function(p, index * outside)),
        },
        access={"marrow": 1.0, "emd": piece("access_emd", reach)},
        acts=acts,
        blocked=blocked,
    )


def clone_densities(p: Any, structure: Structure, cleavage_block: Any) -> dict[str, dict[str, Any]]:
    """Return the relative density of every antigen on every clone, the progenitor included."""
    gain = piece("surface_gain", recognition.surface_gain(p.cleavage_gain_max, cleavage_block))
    gains = {a.id: gain if a.shed else 1.0 for a in structure.antigens}
    densities = {
        clone.id: {
            a.id: gains[a.id] * recognition.relative_density(p, a, clone.variant(a.id)) for a in structure.antigens
        }
        for clone in structure.clones
    }
    densities[PROGENITOR] = {
        a.id: gains[a.id] * recognition.relative_density(p, a, None, progenitor=True) for a in structure.antigens
    }
    return {
        clone: {antigen: piece(f"density_{antigen.lower()}_{clone}", level) for antigen, level in found.items()}
        for clone, found in densities.items()
    }


def act_of_products(
    s: Any,
    p: Any,
    products: Mapping[str, Slot],
    cells: Mapping[str, Any],
    near: Surroundings,
    killing: dict[Place, Any],
) -> dict[str, Any]:
    """Return the rates of all CAR-T products and their antibodies; add what they kill to `killing`."""
    decoys = {"BCMA": piece("bcma_decoy", recognition.decoy_factor(p.switch_soluble_decoy * s.sbcma, p.decoy_half))}
    room = piece("car_t_room", car_t.host_room(p, s.host_t))
    crowd = piece("car_t_crowd_room", positive_part(1.0 - add(cells.values()) / p.car_t_capacity))
    effectors = add(s[f"{k}_effector"] for k in products)
    boost = 1.0 + near.acts("t_cell_boost")
    rates: dict[str, Any] = {}
    for k, q in products.items():
        seen = {
            clone: piece(
                f"{k}_recognition_{clone}",
                recognition.product_recognition(q, density, variants(near, clone), p.half_density, decoys),
            )
            for clone, density in near.densities.items()
        }
        recognised = add(near.access[site] * seen[c] * cell_count(s, (site, c)) for site, c in near.places)
        recognised = piece(f"{k}_recognised", recognised, unit="cell")
        is_open = open_checkpoints(near.blocked, q)
        around = {
            "drive": named(f"{k}_drive", car_t.antigen_drive(recognised, p.drive_half_cells), unit="1"),
            "room": room,
            "crowd_room": crowd,
            "function": near.function["marrow"],
            "help": boost,
            "brakes": piece(
                f"{k}_brakes",
                microenvironment.brakes(
                    p, cd4_share=q.cd4_share, tgf_beta=near.levels["tgf_beta"], pd_l1_level=near.pd_l1,
                    open_share=is_open,
                ),
            ),
            "revival": piece(f"{k}_revival", microenvironment.revival_rate(p, is_open), unit="1/day"),
            "antibody_loss": host.antibody_loss(p, s[f"{k}_antibody"]),
            "drug_loss": near.acts("t_cell_loss"),
        }  # fmt: skip
        rates |= car_t.product_rates(s, p, q, k, around)
        for site, clone in near.places:
            function = near.function[site] * boost
            rate = car_t.killing_rate(p, q, s[f"{k}_effector"], effectors, function, near.access[site])
            rate = piece(f"{k}_killing_{site}", rate, unit="1/day")
            killed = piece(f"{k}_killing_{site}_{clone}", rate * seen[clone], unit="1/day")
            killing[site, clone] = killing[site, clone] + killed
        shared = add(s[f"{other}_primed"] * p.antibody_cross_reactivity for other in products if other != k)
        rates |= host.antibody_rates(s, p, q, k, cells=cells[k], cross_priming=q.scfv_shared * shared)
    return rates


def act_of_engagers(
    s: Any, p: Any, slots: Mapping[str, Slot], near: Surroundings, killing: dict[Place, Any], time: Any
) -> tuple[Any, dict[str, Any]]:
    """Return the share of host T cells held and the rates of all engagers; add what they kill to `killing`."""
    fit = (1.0 - s.host_exhaustion) * s.host_t / p.host_t_reference * (1.0 + near.acts("t_cell_boost"))
    fit = piece("fit_host_t", fit)
    cd3 = piece("cd3", engagers.cd3_concentration(p, s.host_t), unit="nmol/L")
    penetration = {"marrow": 1.0, "emd": 1.0 + p.switch_extramedullary * (p.emd_penetration - 1.0)}
    held: Any = 0.0
    rates: dict[str, Any] = {}
    for k, q in slots.items():
        rates |= engagers.engager_rates(s, q, k, time)
        total = named(f"{k}_concentration", engagers.concentration(s, q, k), unit="nmol/L")
        free = engagers.free_concentration(q, total, s.sbcma, p.switch_soluble_decoy)
        free = named(f"{k}_free", free, unit="nmol/L")
        held = held + engagers.engager_occupancy(p, q, total, near.all_tumour)
        for site, clone in near.places:
            trimers = engagers.clone_trimers(
                p, q, near.densities[clone], variants(near, clone), free=free * penetration[site], cd3=cd3
            )
            trimers = piece(f"{k}_trimers_{site}_{clone}", trimers, unit="molecule/cell")
            rate = engagers.engager_killing(
                p, q, trimers, fit_t_cells=fit, function=near.function[site], access=near.access[site]
            )
            killing[site, clone] = killing[site, clone] + piece(f"{k}_killing_{site}_{clone}", rate, unit="1/day")
    return piece("host_t_held", held / (1.0 + held)), rates


def act_of_drugs(
    s: Any, p: Any, slots: Mapping[str, Slot], signals: Mapping[str, Any], near: Surroundings, killing: dict[Place, Any]
) -> dict[str, Any]:
    """Return the rates of all drugs; add what they kill to `killing`."""
    rates: dict[str, Any] = {}
    for k, q in slots.items():
        rates |= drugs.drug_rates(s, q, k)
        left = drugs.class_sensitivity(s, p, k)
        for site, clone in near.places:
            killed = drugs.drug_killing(p, q, near.densities[clone], signal=signals[k], sensitivity=left, site=site)
            killed = piece(f"{k}_killing_{site}_{clone}", killed, unit="1/day")
            cycling = p.progenitor_drug_sensitivity if clone == PROGENITOR else 1.0
            killing[site, clone] = killing[site, clone] + killed * cycling
    return rates


def suppressor_losses(s: Any, p: Any, products: Mapping[str, Slot], near: Surroundings) -> dict[str, Any]:
    """Return losses of suppressive cells [1/day]: to drugs, and of fibroblasts to CAR-T cells that bind them."""
    losses = {kind: near.acts(f"{kind}_loss") for kind in microenvironment.CELLS}
    effectors = add(s[f"{k}_effector"] for k in products)
    for k, q in products.items():
        rate = car_t.killing_rate(p, q, s[f"{k}_effector"], effectors, near.function["marrow"], 1.0)
        losses["fibroblasts"] = losses["fibroblasts"] + q.binds_fap * rate
    return losses


def open_checkpoints(blocked: Callable[[str], Any], product: Slot | None = None) -> dict[str, Any]:
    """Return for each checkpoint the part that neither a drug nor a knock-down in the product blocks."""
    # Exactly 1 without a drug: a rounded corner would leave a trace of negative revival, and effectors below zero.
    parts = {name: piece(f"{name}_open", 1.0 - blocked(f"{name}_block")) for name in microenvironment.CHECKPOINTS}
    if product is not None:
        parts["pd1"] = parts["pd1"] * (1.0 - product.pd1_knockdown)
    return parts


def bcma_bearing(s: Any, near: Surroundings) -> Any:
    """Return tumour cells weighted with their relative BCMA density [cell]."""
    cells = add(near.densities[place[1]]["BCMA"] * cell_count(s, place) for place in near.places)
    return piece("bcma_bearing", cells, unit="cell")


def piece(name: str, value: Any, *, unit: str = "1") -> Any:
    """Name an intermediate value for readers of the equations; simulations do without the name."""
    return named(name, value, unit=unit, intermediate=True)


def cell_count(s: Any, place: Place) -> Any:
    """Return the cells of a clone at a site."""
    return s[PROGENITOR] if place[1] == PROGENITOR else s[f"{place[0]}_{place[1]}"]


def variants(near: Surroundings, clone: str) -> Mapping[str, Any]:
    """Return the antigen variants of a clone; a progenitor has none."""
    return {} if clone == PROGENITOR else near.clones[clone].variants


def add(terms: Iterable[Any]) -> Any:
    """Return the sum of terms that may be symbols."""
    total: Any = 0.0
    for term in terms:
        total = total + term
    return total

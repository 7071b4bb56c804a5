"""Myeloma clones: birth, death, change of antigen, supply from progenitors, seeding outside the marrow.

Equations, for a clone i at a site s with N cells, all rates per head and day:

    birth   = turnover + r_i
    death   = turnover + r_i * T_s / K_s + killing + changes to other clones
    arrival = changes from other clones + progenitors + seeding from the marrow

with r_i = growth_rate * (1 - cost_i). Net growth is logistic; birth and death stand apart because a clone of a few
cells dies out or not by chance, and the net rate alone does not say how often. A genetic change happens at a birth
(rate = mutations per division * birth); a switch of expression happens at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aftercar.engine import BirthDeath, named
from aftercar.model.structure import PROGENITOR, SITES, Change, Clone, Structure


def growth_rate(p: Any, clone: Clone) -> Any:
    """Return the net growth of a clone at low burden [1/day]: the bulk's, less the cost of each variant."""
    rate = p.growth_rate
    for antigen, variant in clone.variants.items():
        rate = rate * (1.0 - p[f"{antigen.lower()}_{variant.id}_cost"])
    return rate


def change_rate(p: Any, change: Change, birth: Any) -> Any:
    """Return the rate per head at which cells of one clone become another [1/day]."""
    name = f"{change.antigen.lower()}_{change.variant.id}"
    if change.back:
        return p[f"{name}_return_rate"]
    rate = p[f"{name}_rate"] * p[f"switch_{change.variant.mechanism}"]
    rate = rate * birth if change.variant.genetic else rate
    return named(f"change_{change.source}_to_{change.target}", rate, unit="1/day", intermediate=True)


def start_count(p: Any, structure: Structure, clone: Clone, site: str) -> Any:
    """Return the cells of a clone at the start [cell].

    Antigens vary independently. Of one antigen, the forms have weights: a variant its share, the normal form what no
    variant takes; divided by their sum, so that the clones add up to the burden whatever the shares.
    """
    count = p.tumour_burden * (p.emd_share if site == "emd" else 1.0 - p.emd_share)
    for antigen in structure.antigens:
        normal: Any = 1.0
        weights = {}
        for v in antigen.variants:
            weights[v.id] = p[f"{antigen.id.lower()}_{v.id}_share"] * p[f"switch_{v.mechanism}"]
            normal = normal * (1.0 - weights[v.id])
        present = clone.variant(antigen.id)
        whole = sum(weights.values(), normal)
        count = count * (weights[present.id] if present else normal) / whole
    return count


def clone_rates(
    s: Any, p: Any, structure: Structure, killing: Mapping[tuple[str, str], Any], totals: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the birth, death and arrival of every clone at every site.

    Parameters
    ----------
    killing
        Rate per head [1/day] by (site, clone id).
    totals
        Tumour cells by site [cell].
    """
    growth = {
        c.id: named(f"growth_{c.id}", growth_rate(p, c), unit="1/day", intermediate=True) for c in structure.clones
    }
    birth = {name: p.turnover + rate for name, rate in growth.items()}
    capacity = {"marrow": p.marrow_capacity, "emd": p.emd_capacity}
    rates: dict[str, Any] = {}
    for site in SITES:
        crowding = totals[site] / capacity[site]
        for clone in structure.clones:
            leaving: Any = 0.0
            arriving: Any = 0.0
            for change in structure.changes:
                if change.source == clone.id:
                    leaving = leaving + change_rate(p, change, birth[clone.id])
                if change.target == clone.id:
                    arriving += change_rate(p, change, birth[change.source]) * s[f"{site}_{change.source}"]
            if site == "emd":
                arriving += p.seeding_rate * s[f"marrow_{clone.id}"]
            elif not clone.variants:
                arriving += p.progenitor_output * s[PROGENITOR]
            death = p.turnover + growth[clone.id] * crowding + killing[site, clone.id] + leaving
            rates[f"{site}_{clone.id}"] = BirthDeath(birth[clone.id], death, arriving)
    rates[PROGENITOR] = progenitor_rates(p, killing["marrow", PROGENITOR], totals["marrow"])
    return rates


def progenitor_rates(p: Any, killing: Any, marrow: Any) -> BirthDeath:
    """Return birth and death of progenitors: slow self-renewal, held by the room in the marrow."""
    birth = p.progenitor_turnover + p.progenitor_growth_rate
    death = p.progenitor_turnover + p.progenitor_growth_rate * marrow / p.marrow_capacity + killing
    return BirthDeath(birth, death)

"""T-cell engagers: pharmacokinetics, the soluble sink, trimers between T cell and tumour cell, killing.

Equations (C: concentration [nM], B: soluble antigen [nM]):

    depot, central, peripheral; clearance = CL1 + CL2 * exp(-fall * time since the first dose)    (miao2023)
    free drug   = root of the tight-binding quadratic with the soluble antigen
    trimers per cell = R * (C/K_A) / (1 + C/K_A) * X / (1 + X + C/K_3),   X = CD3 / K_3
    killing     = k * fit host T cells * suppression * trimers / (half + trimers)

The trimer term is the quasi-steady state of the binding network where the target is in excess of nothing and CD3 is
not used up; docs/explanation/engager-quasi-steady.md compares it with the full network of poels2025.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aftercar.catalogue.biology import AntigenVariant
from aftercar.engine import exp, maximum
from aftercar.model.smooth import free_ligand


def trimers_per_cell(*, receptors: Any, free_drug: Any, target_affinity: Any, cd3: Any, cd3_affinity: Any) -> Any:
    """Return trimers on one tumour cell in quasi-steady state.

    Parameters
    ----------
    receptors
        Target molecules on the cell [receptor/cell].
    free_drug, target_affinity, cd3, cd3_affinity
        Free drug, its dissociation constant for the target, CD3 molecules within reach, and the dissociation constant
        for CD3, all in nM. More drug than either partner can bind lowers the trimers again (the hook).
    """
    bound = free_drug / (free_drug + target_affinity)
    return receptors * bound * cd3 / (cd3_affinity + cd3 + free_drug)


def concentration(s: Any, q: Any, name: str) -> Any:
    """Return the total drug in plasma [nM] from the amount [mg]."""
    return s[f"{name}_central"] / (q.central_volume * q.molar_mass)


def engager_rates(s: Any, q: Any, name: str, time: Any) -> dict[str, Any]:
    """Return the rates of depot, central and peripheral amount [mg/day]."""
    depot, central, peripheral = (s[f"{name}_{x}"] for x in ("depot", "central", "peripheral"))
    since = maximum(time - q.start, 0.0)
    clearance = q.clearance + q.clearance_extra * exp(-q.clearance_fall * since)
    absorbed = q.absorption_rate * depot
    leaving = q.exchange_clearance * central / q.central_volume
    returning = q.exchange_clearance * peripheral / q.peripheral_volume
    return {
        f"{name}_depot": -absorbed,
        f"{name}_central": q.bioavailability * absorbed - clearance / q.central_volume * central - leaving + returning,
        f"{name}_peripheral": leaving - returning,
    }


def free_concentration(q: Any, total: Any, soluble: Any, switch: Any) -> Any:
    """Return the drug that soluble BCMA leaves free [nM]; a drug that does not bind BCMA meets no sink."""
    sink = switch * q.binds_bcma * soluble
    return free_ligand(total, sink, q.affinity)


def clone_trimers(
    p: Any, q: Any, densities: Mapping[str, Any], variants: Mapping[str, AntigenVariant], *, free: Any, cd3: Any
) -> Any:
    """Return the trimers on one cell of a clone, over all antigens that the engager binds."""
    receptors: Any = 0.0
    for antigen, density in densities.items():
        variant = variants.get(antigen)
        name = antigen.lower()
        part = q[f"binds_{name}"] * p[f"{name}_receptors"] * density
        if variant is not None and variant.epitope_lost:
            part = part * q.epitope_binding
        receptors = receptors + part
    return trimers_per_cell(
        receptors=receptors, free_drug=free, target_affinity=q.affinity, cd3=cd3, cd3_affinity=q.cd3_affinity
    )


def cd3_concentration(p: Any, host: Any) -> Any:
    """Return CD3 on host T cells in the marrow [nM]."""
    return p.cd3_receptors * host * p.marrow_t_share / (p.marrow_volume * p.molecules_per_nmol)


def engager_killing(p: Any, q: Any, trimers: Any, *, fit_t_cells: Any, function: Any, access: Any) -> Any:
    """Return the killing of a clone by host T cells under an engager [1/day].

    `fit_t_cells`: host T cells that are not exhausted, relative to the reference pool.
    """
    return (
        p.engager_killing_rate
        * q.potency
        * fit_t_cells
        * function
        * access
        * trimers
        / (p.engager_half_trimers + trimers)
    )


def engager_occupancy(p: Any, q: Any, total: Any, tumour: Any) -> Any:
    """Return the share of host T cells held by an engager: by drug, and more where there is tumour to be held on."""
    load = p.occupancy_without_tumour + (1.0 - p.occupancy_without_tumour) * tumour / (tumour + p.occupancy_half_tumour)
    return total / (total + p.occupancy_half_drug) * load

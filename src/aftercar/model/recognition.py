"""How well a binder sees a cell: antigen density, gamma-secretase, the soluble decoy, lost epitopes.

Equations (b: density relative to the normal clone, 0 to 1, times the gain under gamma-secretase inhibition):

    gain         = (1 + gain_max) / (1 + gain_max * (1 - block))
    decoy        = 1 + sBCMA / K_decoy                          (BCMA only)
    recognition  = b^2 / (b^2 + (b50 * decoy)^2)                (0 to 1)
    of a product = 1 - prod_antigens (1 - affinity * recognition)

A binder whose epitope is mutated binds the share `epitope_binding` of the recognition. The exponent 2 stands for the
steep dependence on density near threshold; an integer, so that no rounding error can make it undefined.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aftercar.catalogue.biology import Antigen, AntigenVariant
from aftercar.model.smooth import hill2


def surface_gain(gain_max: Any, block: Any) -> Any:
    """Return the fold of surface density of a shed antigen under gamma-secretase inhibition (block 0 to 1).

    Antigen leaves the surface by cleavage, `gain_max` times as fast as by all other ways: without any cleavage the
    density is 1 + gain_max, and what is shed falls with the block although the surface is fuller.
    """
    return (1.0 + gain_max) / (1.0 + gain_max * (1.0 - block))


def decoy_factor(soluble: Any, half: Any) -> Any:
    """Return by how much soluble antigen [nM] raises the density needed; `half` [nM] doubles it."""
    return 1.0 + soluble / half


def recognition(density: Any, half_density: Any, decoy: Any = 1.0) -> Any:
    """Return the share of contacts in which a cell of relative `density` is recognised."""
    return hill2(density, half_density * decoy)


def relative_density(p: Any, antigen: Antigen, variant: AntigenVariant | None, *, progenitor: bool = False) -> Any:
    """Return the density of an antigen relative to the normal plasma-cell clone at full expression [1].

    `<antigen>_expression` is the patient's own level (1 normal, 0 a tumour that does not make it).
    """
    name = antigen.id.lower()
    level = p[f"{name}_expression"]
    if progenitor:
        return level * p[f"{name}_on_progenitors"]
    level = level * p[f"{name}_on_plasma_cells"]
    return level if variant is None else level * p[f"{name}_{variant.id}_density"]


def union(parts: list[Any]) -> Any:
    """Return the chance that at least one of several independent binders recognises the cell."""
    missed: Any = 1.0
    for part in parts:
        missed = missed * (1.0 - part)
    return 1.0 - missed


def product_recognition(
    slot: Any,
    densities: Mapping[str, Any],
    variants: Mapping[str, AntigenVariant],
    half: Any,
    decoys: Mapping[str, Any],
) -> Any:
    """Return the recognition of one clone by one CAR-T product.

    Parameters
    ----------
    slot
        Parameters of the product: ``binds_<antigen>`` (0 to 1) and ``epitope_binding``.
    densities
        Relative density by antigen id, gamma-secretase gain included.
    variants
        The clone's variants by antigen id.
    half
        Density of half recognition.
    decoys
        Factor by antigen id where a soluble form competes.
    """
    seen = []
    for antigen, density in densities.items():
        variant = variants.get(antigen)
        part = slot[f"binds_{antigen.lower()}"] * recognition(density, half, decoys.get(antigen, 1.0))
        if variant is not None and variant.epitope_lost:
            part = part * slot["epitope_binding"]
        seen.append(part)
    return union(seen)

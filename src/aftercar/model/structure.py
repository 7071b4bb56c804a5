"""What the system is made of: clones from antigen variants, sites, and slots for treatments.

No clone is written by hand. Every antigen of the catalogue has a normal form and, if it can change, variants; the
clones are all their combinations. A new antigen, or a new way to lose one, is a row of data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from aftercar.catalogue.biology import Antigen, AntigenVariant

SITES = ("marrow", "emd")
PROGENITOR = "progenitor"


@dataclass(frozen=True, slots=True)
class Clone:
    """Myeloma cells alike in every antigen.

    `variants`: antigen id to the variant that the clone carries; antigens in their normal form are not listed.
    """

    id: str
    variants: Mapping[str, AntigenVariant]

    def variant(self, antigen: str) -> AntigenVariant | None:
        """Return the variant of an antigen, or None where the clone has the normal form."""
        return self.variants.get(antigen)


@dataclass(frozen=True, slots=True)
class Change:
    """Cells of one clone become cells of another, through one variant of one antigen."""

    source: str
    target: str
    antigen: str
    variant: AntigenVariant
    back: bool = False


@dataclass(frozen=True)
class Structure:
    """The shape of the system.

    Attributes
    ----------
    antigens
        Antigens of the catalogue that cells may carry.
    products, engagers, drugs
        Number of slots: how many CAR-T products, T-cell engagers and other drugs a patient may have in one simulation.
    counted
        Whether small populations are whole cells that live and die at random. False gives the deterministic system,
        which can be exported and compared with other solvers.
    """

    antigens: tuple[Antigen, ...]
    products: int = 2
    engagers: int = 2
    drugs: int = 4
    counted: bool = True

    @property
    def clones(self) -> tuple[Clone, ...]:
        """All combinations of variants; the first is the bulk, normal in everything."""
        choices = [(None, *a.variants) for a in self.antigens]
        return tuple(
            _clone({a.id: v for a, v in zip(self.antigens, chosen, strict=True) if v is not None})
            for chosen in product(*choices)
        )

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every way from one clone to another, one antigen at a time."""
        return tuple(change for clone in self.clones for change in self._changes_from(clone))

    def _changes_from(self, clone: Clone) -> list[Change]:
        found = []
        for antigen in self.antigens:
            now = clone.variant(antigen.id)
            for variant in antigen.variants:
                if variant is not now and (now.id if now else "normal") in variant.arises_from:
                    target = _clone({**clone.variants, antigen.id: variant})
                    found.append(Change(clone.id, target.id, antigen.id, variant))
            if now is not None and now.reversible:
                rest = {k: v for k, v in clone.variants.items() if k != antigen.id}
                found.append(Change(clone.id, _clone(rest).id, antigen.id, now, back=True))
        return found

    def slot_names(self, kind: str) -> tuple[str, ...]:
        """Return the prefixes of the slots of a kind: ``product``, ``engager`` or ``drug``."""
        count = {"product": self.products, "engager": self.engagers, "drug": self.drugs}[kind]
        return tuple(f"{kind}{k + 1}" for k in range(count))


def _clone(variants: Mapping[str, AntigenVariant]) -> Clone:
    parts = [f"{antigen.lower()}_{variant.id}" for antigen, variant in sorted(variants.items())]
    return Clone("_".join(parts) or "bulk", dict(variants))

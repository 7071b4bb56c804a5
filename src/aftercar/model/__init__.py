"""The system: myeloma clones, CAR-T cells, host, microenvironment and every salvage therapy as one set of equations."""

from aftercar.model.building import build_structure, build_system
from aftercar.model.structure import Change, Clone, Structure

__all__ = ["Change", "Clone", "Structure", "build_structure", "build_system"]

"""The system: myeloma clones, CAR-T cells, host, microenvironment and every salvage therapy as one set of equations."""

from aftercar.model.building import build_structure, build_system
from aftercar.model.exports import export_system
from aftercar.model.structure import Change, Clone, Structure
from aftercar.model.treatment import (
    Administered,
    Course,
    Treatment,
    arrange_course,
    list_administrations,
    structure_for,
)

__all__ = [
    "Administered",
    "Change",
    "Clone",
    "Course",
    "Structure",
    "Treatment",
    "arrange_course",
    "build_structure",
    "build_system",
    "export_system",
    "list_administrations",
    "structure_for",
]

"""The system: myeloma clones, CAR-T cells, host, microenvironment and every salvage therapy as one set of equations."""

from aftercar.model.building import build_structure, build_system
from aftercar.model.exports import export_system
from aftercar.model.structure import Change, Clone, Structure
from aftercar.model.treatment import Course, Treatment, arrange_course, structure_for

__all__ = [
    "Change",
    "Clone",
    "Course",
    "Structure",
    "Treatment",
    "arrange_course",
    "build_structure",
    "build_system",
    "export_system",
    "structure_for",
]

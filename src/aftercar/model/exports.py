"""The system for other programs: with its intermediate values named, and with a plan of treatment inside."""

from __future__ import annotations

from dataclasses import replace

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.engine import Network
from aftercar.engine.dosed import with_schedule
from aftercar.engine.network import symbol
from aftercar.model.building import SLOTS, build_structure, build_system
from aftercar.model.structure import Structure
from aftercar.model.treatment import Course


def export_system(data: ModelData | None = None, course: Course | None = None) -> Network:
    """Return the deterministic system as it is handed to other programs (`write_sbml`, `write_antimony`).

    What other formats cannot say is missing: that few cells are whole cells which live and die at random.

    Parameters
    ----------
    data
        Parameters and antigens; the built-in ones if not given.
    course
        A plan arranged by `arrange_course`. The file then has the slots that the plan uses, with its therapies' typical
        numbers, and gives the doses by events; its time 0 is the first day of the course, and the rule ``clock`` counts
        the days of the plan. Without a course there is one empty slot of each kind.

    Raises
    ------
    InputError
        The data lacks something that the system needs.
    """
    data = data or load_model_data()
    if course is None:
        one = build_structure(data, products=1, engagers=1, drugs=1, counted=False)
        return build_system(data, one, intermediates=True)
    network = build_system(data, _used(course), intermediates=True)
    given = {**course.parameters, **{slot: symbol(name) for slot, name in course.links.items()}}
    parameters = tuple(replace(q, value=given.get(q.id, q.value)) for q in network.parameters)
    return with_schedule(replace(network, parameters=parameters), course.doses, start=course.start)


def _used(course: Course) -> Structure:
    """Return the shape with the slots that a course fills: an empty slot adds equations and changes nothing."""
    counts = {kind: sum(slot.startswith(kind) for slot in course.slots) for kind in SLOTS}
    return replace(
        course.structure,
        counted=False,
        products=counts["product"],
        engagers=counts["engager"],
        drugs=counts["drug"],
    )

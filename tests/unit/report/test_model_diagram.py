"""The drawing follows the equations: an arrow for each influence, its kind, and the switch that ends it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.engine import BirthDeath, Network, Quantity, named, trace_model
from aftercar.report.model_diagram import (
    GROUPS,
    NODES,
    find_drawn_influences,
    merge_groups,
    render_model_diagram,
)
from aftercar.report.model_influences import Influence, drawn_system, find_influences, node_of

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def data() -> ModelData:
    return load_model_data()


@pytest.fixture(scope="module")
def found(data: ModelData) -> dict[tuple[str, str], Influence]:
    return {(one.source, one.target): one for one in find_drawn_influences(data)[0]}


@pytest.fixture(scope="module")
def drawing(data: ModelData) -> ElementTree.Element:
    return ElementTree.fromstring(render_model_diagram(data))


def toy() -> Network:
    def rates(prey, hunter, growth, kill, switch_calm, suppression_of):
        calm = named("calm", suppression_of * prey * switch_calm, unit="1")
        return {
            "prey": BirthDeath(growth / (1 + calm), kill * hunter, 0.0 * prey),
            "hunter": -0.1 * hunter + kill * prey,
        }

    return trace_model(
        rates,
        states={"prey": Quantity(10.0, "1"), "hunter": Quantity(2.0, "1")},
        parameters={"growth": 1.0, "kill": 0.5, "switch_calm": 1.0, "suppression_of": 0.2},
        name="toy",
    )


def test_influences_of_a_model_that_can_be_read_off() -> None:
    """Hunters raise the death of prey, prey makes hunters, calm lowers births and hangs on its switch."""
    nodes = {"prey": "prey", "hunter": "hunter", "calm": "calm"}
    numbers = {"growth": 1.0, "kill": 0.5, "switch_calm": 1.0, "suppression_of": 0.2, "prey": 10.0, "hunter": 2.0}
    influences, inside = find_influences(toy(), nodes, switches={"calming": "switch_calm"}, points=[numbers])
    assert {(x.source, x.target): (x.kind, x.switches) for x in influences} == {
        ("hunter", "prey"): ("suppress", ()),
        ("prey", "hunter"): ("produce", ()),
        ("prey", "calm"): ("stimulate", ("calming",)),
        ("calm", "prey"): ("suppress", ("calming",)),
    }
    assert inside == {}
    without = find_influences(toy(), nodes, switches={}, points=[numbers | {"kill": 0.0}])[0]
    assert ("hunter", "prey") not in {(x.source, x.target) for x in without}


# Each is a sentence of the review; see the mechanism's entry for the section.
@pytest.mark.parametrize(
    ("source", "target", "kind", "mechanism"),
    [
        ("car_killing", "marrow", "kill", None),
        ("engager_killing", "emd", "kill", None),
        ("drug_killing", "progenitor", "kill", None),
        ("antibodies", "effector", "suppress", "anti_car_antibodies"),
        ("sbcma", "recognition", "suppress", "soluble_decoy"),
        ("sbcma", "engager_killing", "suppress", "soluble_decoy"),
        ("suppression", "car_killing", "suppress", "microenvironment"),
        ("suppressors", "suppression", "stimulate", "microenvironment"),
        ("host_t", "effector", "suppress", "lymphodepletion"),
        ("effector", "exhausted", "produce", "exhaustion"),
        ("resistance", "drug_killing", "suppress", "class_resistance"),
        ("marrow", "sbcma", "produce", None),
        ("marrow", "drive", "stimulate", None),
        ("progenitor", "marrow", "produce", None),
        ("lymphodepletion", "b_help", "suppress", None),
    ],
)
def test_what_the_review_says_is_in_the_drawing(
    found: dict[tuple[str, str], Influence], source: str, target: str, kind: str, mechanism: str | None
) -> None:
    one = found[source, target]
    assert one.kind == kind
    assert mechanism is None or mechanism in one.switches


def test_every_state_has_a_box_and_every_box_something(data: ModelData) -> None:
    network = drawn_system(data)
    patterns = {n.id: n.names for n in NODES}
    assert [s.id for s in network.states if not node_of(s.id, patterns)] == []
    owned = {node_of(name, patterns) for name in [s.id for s in network.states] + [r.id for r in network.rules]}
    assert set(patterns) <= owned
    assert {member for members in GROUPS.values() for member in members} <= set(patterns)


def test_every_mechanism_has_its_number_in_the_drawing(data: ModelData, drawing: ElementTree.Element) -> None:
    badges = [g.findtext(f"{SVG}text") for g in drawing.iter(f"{SVG}g") if g.get("class") == "mechanism"]
    for number in range(1, len(data.mechanisms) + 1):
        assert badges.count(str(number)) >= 2, f"{number} stands in the legend alone"


def test_boxes_lie_on_the_page_and_apart(drawing: ElementTree.Element) -> None:
    left, top, width, height = (float(x) for x in drawing.attrib["viewBox"].split())
    for one in NODES:
        box = one.box
        assert left < box.x and box.x + box.width < left + width and top < box.y and box.y + box.height < top + height
        for other in NODES:
            b = other.box
            apart = (
                box.x + box.width < b.x or b.x + b.width < box.x or box.y + box.height < b.y or b.y + b.height < box.y
            )
            assert other is one or apart, f"{one.id} lies on {other.id}"


def test_influences_on_all_of_a_group_are_drawn_once() -> None:
    product = GROUPS["CAR-T product"]
    each = [Influence("antibodies", cell, "suppress", ("anti_car_antibodies",)) for cell in product]
    assert merge_groups(each) == [Influence("antibodies", "CAR-T product", "suppress", ("anti_car_antibodies",))]
    assert merge_groups(each[:2]) == each[:2]
    inner = [Influence("memory", "effector", "produce", ())]
    assert merge_groups(inner) == inner


def test_the_drawing_is_safe_to_embed_and_the_same_each_time(data: ModelData, drawing: ElementTree.Element) -> None:
    again = render_model_diagram(data)
    assert again == render_model_diagram(data)
    assert not re.search(r"<script|href=|url\((?!#)", again)
    assert drawing.get("role") == "img" and "research and trial design only" in again

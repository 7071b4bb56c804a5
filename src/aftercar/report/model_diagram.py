"""The drawing of the system: who kills, suppresses, stimulates and makes whom, and which mechanism each arrow is.

Arrows, their kinds and their numbers come from the equations (`find_influences`) and the clones from the antigens; only
where a box stands, and what it is called, is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from aftercar.catalogue.model_data import ModelData
from aftercar.model import build_structure
from aftercar.report._drawing import COLOURS, HEADS, Box, badge, curve, ports, text_lines
from aftercar.report.model_influences import KINDS, Influence, drawn_system, find_influences, treated_patients

WIDTH, HEIGHT = 1300, 1040
KIND_WORDS = {"kill": "kills", "suppress": "suppresses", "stimulate": "stimulates", "produce": "makes or becomes"}
_Y_LEGEND = 850


@dataclass(frozen=True, slots=True)
class Node:
    """A box of the drawing: the names it stands for (a pattern), what it is called, and where its middle is."""

    id: str
    names: str
    label: str
    x: float
    y: float
    process: bool = False
    width: float = 142.0
    height: float = 44.0

    @property
    def box(self) -> Box:
        """Its place on the page."""
        return Box(self.x - self.width / 2, self.y - self.height / 2, self.width, self.height)


NODES = (
    Node("infused", r"product1_infused", "Infused cells", 100, 100),
    Node("memory", r"product1_memory", "Memory cells", 330, 90),
    Node("effector", r"product1_effector", "Effector cells", 330, 190),
    Node("exhausted", r"product1_exhausted", "Exhausted cells", 330, 290),
    Node("antibodies", r"product1_(antibody|primed)", "Anti-CAR antibodies,\nprimed B cells", 100, 230),
    Node("b_help", r"b_help", "Humoral immunity", 100, 330),
    Node("lymphodepletion", r"[tb]_depletion", "Lymphodepletion", 100, 440),
    Node("drug", r"drug1_(amount|signal)", "Other drugs,\nradiation", 100, 570),
    Node("engager", r"engager1_(depot|central|peripheral)", "T-cell engager", 100, 700),
    Node("host_t", r"host_t", "Host T cells", 330, 450),
    Node("leukocytes", r"leukocytes", "Other leukocytes", 330, 540),
    Node("host_exhaustion", r"host_exhaustion", "Host T-cell\nexhaustion", 330, 630),
    Node("resistance", r"drug1_resistance", "Resistance\nto the class", 330, 770),
    Node("drive", r"product1_drive", "antigen drive", 610, 90, process=True),
    Node("recognition", r"product1_recognition_.*", "recognition", 610, 180, process=True),
    Node("car_killing", r"product1_killing_(marrow|emd)_.*", "killing by CAR-T", 610, 270, process=True),
    Node("checkpoints", r"product1_(brakes|revival)|pd_l1", "checkpoints", 610, 380, process=True),
    Node("suppression", r"suppression", "suppression", 610, 480, process=True),
    Node("engager_killing", r"engager1_killing_.*", "killing by engager", 610, 620, process=True),
    Node("drug_killing", r"drug1_killing_.*", "killing by drug", 610, 770, process=True),
    Node("sbcma", r"sbcma", "Soluble BCMA", 850, 180),
    Node("suppressors", r"fibroblasts|myeloid|regulatory", "Fibroblasts, myeloid,\nregulatory T", 850, 440, width=150),
    Node("marrow", r"marrow_(?!plasma).*", "Myeloma in the marrow", 1130, 230, width=230, height=260),
    Node("emd", r"emd_(?!total).*", "Extramedullary:\nthe same clones", 1130, 430, width=170),
    Node("progenitor", r"progenitor", "CD19+ progenitors", 1130, 520, width=170),
    Node("paraprotein", r"m_protein|free_light_chain", "M-protein,\nfree light chains", 1130, 690, width=170),
)
GROUPS = {
    "CAR-T product": ("memory", "effector", "exhausted"),
    "Myeloma": ("marrow", "emd", "progenitor"),
    "Host": ("host_t", "leukocytes", "host_exhaustion"),
    "Serum": ("sbcma",),
    "Serum ": ("paraprotein",),
    "Microenvironment": ("suppressors",),
}


def find_drawn_influences(data: ModelData) -> tuple[list[Influence], dict[str, tuple[str, ...]]]:
    """Return who acts on whom among the boxes, and the mechanisms within a box, as `find_influences`."""
    network = drawn_system(data)
    return find_influences(
        network,
        {n.id: n.names for n in NODES},
        switches={m.id: m.switch for m in data.mechanisms.values()},
        points=treated_patients(network),
    )


def render_model_diagram(data: ModelData) -> str:
    """Return the drawing as SVG; the same data gives the same bytes."""
    influences, inside = find_drawn_influences(data)
    numbers = {mechanism: k + 1 for k, mechanism in enumerate(data.mechanisms)}
    groups = {name: _around([n.box for n in NODES if n.id in members]) for name, members in GROUPS.items()}
    boxes = {n.id: n.box for n in NODES} | groups
    body = [
        *(_group(name, box) for name, box in groups.items()),
        *_arrows(merge_groups(influences), boxes, numbers),
        *(_node(n, [numbers[m] for m in inside.get(n.id, ())]) for n in NODES),
        *_clones(data, next(n.box for n in NODES if n.id == "marrow")),
        *_legend(data, numbers),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-24 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" aria-labelledby="model-title model-desc">'
        '<title id="model-title">The simulated system</title>'
        '<desc id="model-desc">Boxes are cells, drugs and serum values, rounded boxes are processes. Arrows are read '
        "from the equations. For research and trial design only.</desc>"
    )
    return (
        "\n".join([head, HEADS, f'<rect x="-24" width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', *body, "</svg>"])
        + "\n"
    )


def merge_groups(influences: Iterable[Influence]) -> list[Influence]:
    """Return the influences with those on, or from, all members of a group drawn as one."""
    left = list(influences)
    for name, members in GROUPS.items():
        for end, other in (("target", "source"), ("source", "target")):
            left = _merge(left, name, members, end, other)
    return left


def _merge(left: list[Influence], group: str, members: Sequence[str], end: str, other: str) -> list[Influence]:
    if len(members) < 2:
        return left
    for one in list(left):
        alike = [
            x for x in left
            if getattr(x, end) in members and getattr(x, other) == getattr(one, other) and x.kind == one.kind
            and getattr(x, other) not in members
        ]  # fmt: skip
        if {getattr(x, end) for x in alike} == set(members):
            common = tuple(m for m in alike[0].switches if all(m in x.switches for x in alike))
            merged = replace(alike[0], switches=common, **{end: group})
            left = [x for x in left if x not in alike] + [merged]
    return left


def _around(boxes: Sequence[Box]) -> Box:
    left, top = min(b.x for b in boxes) - 14, min(b.y for b in boxes) - 30
    right, bottom = max(b.x + b.width for b in boxes) + 14, max(b.y + b.height for b in boxes) + 14
    return Box(left, top, right - left, bottom - top)


def _group(name: str, box: Box) -> str:
    return (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="8" fill="#f4f6f8" '
        f'stroke="#c6ced6"/><text x="{box.x + 10:g}" y="{box.y + 19:g}" font-weight="600" fill="#44525f">'
        f"{escape(name)}</text>"
    )


def _node(node: Node, badges: Sequence[int]) -> str:
    box = node.box
    fill, radius, stroke = ("#fffdf3", 20, "#8a7a3a") if node.process else ("#ffffff", 5, "#44525f")
    top = node.id == "marrow"
    label = text_lines(node.label, node.x, box.y + 18 if top else node.y, weight="600" if top else "400")
    marks = "".join(badge(k, box.x + box.width - 4 - 17 * i, box.y) for i, k in enumerate(badges))
    return (
        f'<g id="node-{node.id}"><rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" '
        f'rx="{radius}" fill="{fill}" stroke="{stroke}"/>{label}{marks}</g>'
    )


def _arrows(influences: Sequence[Influence], boxes: dict[str, Box], numbers: dict[str, int]) -> Iterator[str]:
    ends = ports([(one.source, one.target) for one in influences], boxes)
    names = {n.id: n.label.replace("\n", " ") for n in NODES}
    marks = []
    for one, (start, end) in zip(influences, ends, strict=True):
        path, middle = curve(start, end)
        words = f"{names.get(one.source, one.source)} {KIND_WORDS[one.kind]} {names.get(one.target, one.target)}"
        yield (
            f'<path class="{one.kind}" d="{path}" fill="none" stroke="{COLOURS[one.kind]}" stroke-width="1.7" '
            f'marker-end="url(#head-{one.kind})"><title>{escape(words)}</title></path>'
        )
        marks += [badge(numbers[m], middle[0] + 17 * k, middle[1]) for k, m in enumerate(one.switches)]
    yield from marks


def _clones(data: ModelData, box: Box) -> Iterator[str]:
    """Draw the clones that differ from the bulk in one antigen, and how cells change into them."""
    structure = build_structure(data)
    single = [clone for clone in structure.clones if len(clone.variants) == 1]
    step = (box.height - 66) / max(len(single), 1)
    bulk = Box(box.x + 10, box.y + 30 + step * (len(single) - 1) / 2, 56, 26)
    yield _chip("bulk", bulk)
    for k, clone in enumerate(single):
        antigen, variant = next(iter(clone.variants.items()))
        chip = Box(box.x + 112, box.y + 30 + k * step, box.width - 122, 26)
        yield _chip(f"{antigen} {variant.id}", chip)
        start, end = (bulk.x + bulk.width, bulk.y + 13), (chip.x, chip.y + 13)
        tail = ' marker-start="url(#head-produce)"' if variant.reversible else ""
        yield (
            f'<path d="M{start[0]:g},{start[1]:g} L{end[0]:g},{end[1]:g}" stroke="{COLOURS["produce"]}" '
            f'stroke-width="1.3" marker-end="url(#head-produce)"{tail}/>'
        )
    rest = len(structure.clones) - len(single) - 1
    yield text_lines(f"and {rest} clones with several changes", box.x + box.width / 2, box.y + box.height - 15, size=11)


def _chip(label: str, box: Box) -> str:
    middle = (box.x + box.width / 2, box.y + box.height / 2)
    return (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="13" fill="#eef2f6" '
        f'stroke="#7d8b99"/>{text_lines(label, *middle, size=11)}'
    )


def _legend(data: ModelData, numbers: dict[str, int]) -> Iterator[str]:
    for k, kind in enumerate(KINDS):
        x = 40 + 180 * k
        yield (
            f'<path d="M{x},{_Y_LEGEND} h36" stroke="{COLOURS[kind]}" stroke-width="1.7" '
            f'marker-end="url(#head-{kind})"/>{text_lines(KIND_WORDS[kind], x + 48, _Y_LEGEND, anchor="start")}'
        )
    note = "A number: the mechanism without which the arrow, or a part of the box, is gone."
    yield text_lines(note, 40, _Y_LEGEND + 28, anchor="start")
    rows = -(-len(numbers) // 3)
    for mechanism, number in numbers.items():
        column, row = divmod(number - 1, rows)
        x, y = 40 + 400 * column, _Y_LEGEND + 58 + 21 * row
        yield badge(number, x, y) + text_lines(data.mechanisms[mechanism].name, x + 16, y, anchor="start")

"""The part of the `compare` report on where the model and the evidence disagree. Marked as simulated."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from aftercar.report import words
from aftercar.report.tension_words import (
    CANDIDATE_HEADS,
    FIGURE_HEADS,
    candidate_cells,
    figure_cells,
    say_agreed,
    say_stale,
)
from aftercar.strategy.tensions import ShownTension, Tensions


@dataclass(frozen=True, slots=True)
class TensionItem:
    """One disagreement: what is published, what is simulated, and which assumption would resolve it at what cost."""

    anchor: str
    title: str
    evidence: str
    figures: pd.DataFrame
    candidates: pd.DataFrame


@dataclass(frozen=True, slots=True)
class TensionSection:
    """What the template writes down. `stale`: the warning, empty where the answers hold."""

    items: tuple[TensionItem, ...]
    agreed: str
    size: str
    stale: str


def render_tension_section(tensions: Tensions) -> TensionSection | None:
    """Return the section, or None where no tension concerns what is shown."""
    if not tensions.shown:
        return None
    items = tuple(_item(one) for one in tensions.shown if one.disagrees)
    return TensionSection(items, say_agreed(tensions), tensions.size, say_stale(tensions))


def _item(one: ShownTension) -> TensionItem:
    figures = pd.DataFrame([figure_cells(figure) for figure in one.figures], columns=_heads(FIGURE_HEADS))
    rows = [candidate_cells(candidate, one) for candidate in one.candidates]
    candidates = pd.DataFrame(rows, columns=_heads(CANDIDATE_HEADS))
    return TensionItem(f"tension-{one.tension_id.replace('_', '-')}", one.title, one.evidence, figures, candidates)


def _heads(heads: tuple[str, ...]) -> list[str]:
    return [words.headline(head) for head in heads]

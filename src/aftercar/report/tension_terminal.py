"""Where the model and the evidence disagree, for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from aftercar.report.tension_words import say_agreed, say_stale, say_tension
from aftercar.strategy.tensions import Tensions


def render_tensions(tensions: Tensions) -> RenderableType:
    """Return a paragraph for each disagreement: observed, simulated, what would resolve it, what that would cost."""
    lines = [Text("Where the model and the evidence disagree (SIMULATED, 90% of such cohorts)", style="italic")]
    if tensions.stale:
        lines.append(Text(say_stale(tensions), style="bold"))
    lines += [Text(f"- {say_tension(one)}") for one in tensions.shown if one.disagrees]
    if say_agreed(tensions):
        lines.append(Text(say_agreed(tensions), style="dim"))
    return Group(*lines, Text(""))

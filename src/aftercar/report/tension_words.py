"""The words in which tensions between evidence and model are told, on the page, in the terminal and in the docs."""

from __future__ import annotations

from collections.abc import Iterable

from aftercar.strategy.tensions import ShownTension, TensionCandidate, TensionFigure, Tensions

FIGURE_HEADS = ("figure", "observed", "simulated, % (90%)", "verdict")
CANDIDATE_HEADS = ("assumption", "simulated then, % (90%)", "resolves", "costs")
_EFFECT = "ADA effect"
_FIRST_FEW = 3


def figure_cells(one: TensionFigure) -> tuple[str, ...]:
    """Return a figure as cells under `FIGURE_HEADS`."""
    return one.name, observed_text(one), simulated_text(one), "agrees" if one.inside else "disagrees"


def observed_text(one: TensionFigure) -> str:
    """Return what was published."""
    if one.measure == _EFFECT:
        return f"none in {one.total:.0f} patients"
    return f"{one.events:.0f}/{one.total:.0f} ({100 * one.events / one.total:.0f}%)"


def simulated_text(one: TensionFigure) -> str:
    """Return what simulation says: the rate, and in what interval such a cohort's would lie."""
    if one.measure == _EFFECT:
        return f"{100 * one.simulated:.0f} of 100 such studies would find one"
    return f"{100 * one.simulated:.0f} ({100 * one.predicted_lb:.0f}–{100 * one.predicted_ub:.0f})"


def candidate_cells(one: TensionCandidate, tension: ShownTension) -> tuple[str, ...]:
    """Return a candidate as cells under `CANDIDATE_HEADS`."""
    if not one.asked:
        return one.statement, "the model has no term for it", "not known", "not known"
    own = {figure.readout for figure in tension.figures}
    then = "; ".join(f"{figure.name}: {simulated_text(figure)}" for figure in one.figures if figure.readout in own)
    return one.statement, then, resolves_text(one, tension), costs_text(one)


def resolves_text(one: TensionCandidate, tension: ShownTension) -> str:
    """Return which disagreements an assumption resolves."""
    if not tension.disagrees:
        return "nothing to resolve"
    resolved, left = (name_figures(names, one.figures) for names in (one.resolves, one.leaves))
    if not resolved:
        return "nothing"
    return ", ".join(resolved) + (f"; not {', '.join(left)}" if left else "")


def costs_text(one: TensionCandidate) -> str:
    """Return which figures an assumption breaks that the model meets as it is."""
    return ", ".join(name_figures(one.breaks, one.figures)) or "none of the figures looked at"


def name_figures(names: Iterable[str], figures: Iterable[TensionFigure]) -> list[str]:
    """Return figures by name."""
    known = {one.readout: one.name for one in figures}
    return [known[name] for name in names]


def say_tension(tension: ShownTension) -> str:
    """Return in a sentence what disagrees, and what would resolve it."""
    apart = [
        f"{one.name}: observed {observed_text(one)}, simulated {simulated_text(one)}"
        for one in tension.figures if not one.inside
    ]  # fmt: skip
    if not apart:
        return f"{tension.title}: the figures agree with the model."
    full = [one for one in tension.candidates if one.resolves and not one.leaves]
    part = [one for one in tension.candidates if one.resolves and one.leaves]
    told = [f"{one.statement} (costs: {costs_text(one)})" for one in full]
    told += [f"in part: {one.statement} (costs: {costs_text(one)})" for one in part]
    missing = [one.statement for one in tension.candidates if not one.asked]
    answer = f"Would be resolved by: {'; '.join(told[:_FIRST_FEW])}." if told else "No candidate resolves it."
    if missing:
        answer += f" Not in the model: {'; '.join(missing)}."
    return f"{tension.title}. {'; '.join(apart)}. {answer}"


def say_agreed(tensions: Tensions) -> str:
    """Return which suspected tensions are none; empty if all are."""
    agreed = [one.title for one in tensions.shown if not one.disagrees]
    return f"Looked at, and no disagreement: {'; '.join(agreed)}." if agreed else ""


def say_stale(tensions: Tensions) -> str:
    """Return the warning over answers that rest on other numbers than are in use; empty where they hold."""
    if not tensions.stale:
        return ""
    return f"STALE: these answers rest on other numbers than are in use ({'; '.join(tensions.stale)})."

"""What an assumption resolves, leaves and breaks; and when shipped answers are stale."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from aftercar.catalogue import load_base
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.tensions import OF_SALVAGE, Candidate, load_tension_results, load_tensions
from aftercar.evidence import preferred_outcome
from aftercar.evidence.selection import poolable_counts
from aftercar.report.tension_section import render_tension_section
from aftercar.report.tension_words import say_stale, say_tension
from aftercar.strategy.tensions import Tensions, find_stale, read_tension

ASKED, DATA = load_tensions(), load_model_data()


def row(tension: str, candidate: str, readout: str, inside: bool, part: str = "own") -> dict[str, object]:
    return {
        "tension": tension, "candidate": candidate, "readout": readout, "measure": "ORR", "part": part, "events": 2.0,
        "total": 11.0, "simulated": 0.01, "predicted_lb": 0.0, "predicted_ub": 0.1, "inside": inside,
    }  # fmt: skip


TABLE = pd.DataFrame([
    row("gprc5d_cart", "", "bms986393_prior_bcma", False), row("gprc5d_cart", "", "polaris_prior_cart", False),
    row("gprc5d_cart", "", "mcarh109_prior_bcma", True),
    row("gprc5d_cart", "potent_cells", "bms986393_prior_bcma", True),
    row("gprc5d_cart", "potent_cells", "polaris_prior_cart", False),
    row("gprc5d_cart", "potent_cells", "mcarh109_prior_bcma", False),
    row("gprc5d_cart", "potent_cells", "karmma_450_orr", False, "cost"),
    row("gprc5d_cart", "potent_cells", "karmma_cr", False, "cost"),
    row("", "", "karmma_450_orr", True, "cost"), row("", "", "karmma_cr", False, "cost"),
])  # fmt: skip


def test_a_candidate_resolves_leaves_and_breaks() -> None:
    found = read_tension(ASKED["gprc5d_cart"], TABLE)
    assert found.disagrees
    one = found.candidates[0]
    assert one.resolves == ("bms986393_prior_bcma",) and one.leaves == ("polaris_prior_cart",)
    # karmma_cr is outside of the model as it is, too: no cost of the change.
    assert one.breaks == ("mcarh109_prior_bcma", "karmma_450_orr")


def test_what_the_model_has_no_term_for_resolves_nothing() -> None:
    table = pd.DataFrame([row("checkpoint_blockade", "", "nivolumab_after_cart", False)])
    found = read_tension(ASKED["checkpoint_blockade"], table)
    missing = next(one for one in found.candidates if not one.asked)
    assert missing.resolves == missing.breaks == ()
    assert "Not in the model: The patient's own T cells" in say_tension(found)
    section = render_tension_section(Tensions((found,), ("other questions",), "size"))
    assert section is not None and "STALE" in section.stale
    assert section.items[0].candidates.iloc[-1, 1] == "the model has no term for it"


def test_shipped_answers_rest_on_what_is_in_use() -> None:
    """If this fails: validation/calibration/tensions.py --write."""
    base, found = load_base(), load_tension_results()
    counts = {}
    for readout in (one for tension in ASKED.values() for one in tension.readouts if one.measure == "ORR"):
        figure = preferred_outcome(base, readout.cohort, "ORR")
        known = poolable_counts(figure, "inferred") if figure else None
        assert known is not None
        counts[readout.cohort] = known[:2]
    assert find_stale(found, counts, DATA) == ()
    answered = set(zip(found.table["tension"], found.table["candidate"], found.table["readout"], strict=True))
    for tension in ASKED.values():
        for name, candidate in (("", None), *tension.candidates.items()):
            if candidate is None or candidate.can_be_simulated:
                left_out = set(candidate.not_for) if isinstance(candidate, Candidate) else set()
                assert {(tension.id, name, one.id) for one in tension.readouts if one.id not in left_out} <= answered


def test_stale_answers_are_known_and_said() -> None:
    found = load_tension_results()
    number = DATA.parameters["revival_rate"].model_copy(update={"value": 0.06})
    other = replace(DATA, parameters={**DATA.parameters, "revival_rate": number})
    assert "other parameters" in find_stale(found, {}, other)[0]
    counts = {"karmma_reinfusion": (7, 28)}
    reasons = find_stale(found, counts, DATA)
    assert reasons == ("6/28 of karmma_reinfusion, here 7/28",)
    assert "7/28" in say_stale(Tensions((), reasons, ""))
    basis = {**found.basis, "definitions": "older"}
    assert find_stale(replace(found, basis=basis), {}, DATA) == ("other questions",)


def test_salvage_and_first_treatment_are_told_apart() -> None:
    assert {"ORR", "PFS"} <= OF_SALVAGE and "ADA" not in OF_SALVAGE

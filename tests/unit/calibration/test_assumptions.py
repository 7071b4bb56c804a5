"""One change of the model, and what it does to published figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aftercar.calibration.assumptions import (
    COLUMNS,
    CountRate,
    answer,
    change_data,
    hash_basis,
    judge_count,
    observed_count,
    prepare,
    touches_first,
)
from aftercar.catalogue import load_base
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.tensions import OF_SALVAGE, Candidate, check_tensions, load_tensions
from aftercar.evidence import preferred_outcome
from aftercar.foundation import InputError
from aftercar.trials import find_plan, load_plan

BASE, DATA, TENSIONS = load_base(), load_model_data(), load_tensions()
WORDS = {"statement": "s", "why_open": "w", "source": "aftercar", "locator": "assumed"}


def candidate(**changes: object) -> Candidate:
    return Candidate.model_validate(WORDS | changes)


def test_a_change_is_a_value_that_nothing_is_drawn_around() -> None:
    changed = change_data(DATA, candidate(values={"revival_rate": 0.2, "bms_986393.potency": 2.5}))
    rate = changed.parameters["revival_rate"]
    assert (rate.value, rate.low, rate.high) == (0.2, None, None)
    assert changed.actions["bms_986393"].values["potency"].value == 2.5
    assert "potency" not in DATA.actions["bms_986393"].values
    assert DATA.parameters["revival_rate"].value == 0.05


def test_a_changed_model_is_not_taken_for_the_model_as_it_is() -> None:
    """The system is built once for each hash: with the old one a change would do nothing, in silence."""
    assert change_data(DATA, candidate(values={"revival_rate": 0.2})).hash != DATA.hash
    off = change_data(DATA, candidate(off=("checkpoints",)))
    assert off.hash != DATA.hash and off.parameters["switch_checkpoints"].value == 0
    assert change_data(DATA, candidate()).hash == DATA.hash


def test_a_value_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="no parameter 'revival'"):
        change_data(DATA, candidate(values={"revival": 0.2}))
    with pytest.raises(InputError):
        change_data(DATA, candidate(values={"revival_rate": -1.0}))
    wrong = TENSIONS["gprc5d_cart"].model_copy(
        update={"candidates": {"x": candidate(values={"bms_986393.power": 1.0})}}
    )
    with pytest.raises(InputError, match=r"bms_986393\.power"):
        check_tensions({"gprc5d_cart": wrong}, DATA)


def test_only_what_the_first_treatment_meets_can_break_it() -> None:
    calibration = load_calibration()
    assert touches_first(candidate(off=("exhaustion",)), calibration)
    assert touches_first(candidate(values={"revival_rate": 0.2}), calibration)
    assert touches_first(candidate(values={"ide_cel.potency": 2.0}), calibration)
    assert not touches_first(candidate(values={"bms_986393.potency": 2.5}), calibration)
    assert not touches_first(candidate(first="murine_bcma_cart"), calibration)


def test_figures_are_those_of_the_evidence_base() -> None:
    check_tensions(TENSIONS, DATA)
    for readout in (one for tension in TENSIONS.values() for one in tension.readouts):
        if readout.measure in OF_SALVAGE:
            events, total, _ = observed_count(readout, BASE)
            assert 0 <= events <= total
        if readout.finding is not None:
            assert readout.finding in BASE.findings
    median = next(one for one in TENSIONS["talquetamab_duration"].readouts if one.measure == "PFS")
    figure = preferred_outcome(BASE, median.cohort, "PFS")
    assert figure is not None and figure.estimate is not None
    assert observed_count(median, BASE) == (39, 78, pytest.approx(figure.estimate * 365.25 / 12))


def test_a_count_far_from_the_simulated_rate_disagrees() -> None:
    rng = np.random.default_rng(1)
    had, sets = rng.random(2_000) < 0.4, np.tile(np.arange(20), 100)
    near, far = (judge_count(had, sets, events, 50, discrepancy=0.0) for events in (20, 35))
    assert near["inside"] and not far["inside"]
    assert far["tail"] < 0.001 < near["tail"]  # type: ignore[operator]
    # Nothing but chance: the interval of a binomial of 50 at 0.4 is 14 to 26, give or take what 2,000 patients leave.
    assert near["predicted_lb"] == pytest.approx(0.28, abs=0.03)
    assert near["predicted_ub"] == pytest.approx(0.52, abs=0.03)
    assert near["parameters_lb"] == pytest.approx(near["parameters_ub"], abs=0.05)


def test_a_change_resolves_nothing_by_leaving_fewer_patients() -> None:
    """With ten patients a width of their own would hold any count; that of the model as it is does not."""
    rng = np.random.default_rng(2)
    many, few = rng.random(2_000) < 0.1, np.array([True] * 2 + [False] * 8)
    before = judge_count(many, np.tile(np.arange(20), 100), 9, 20, discrepancy=0.0)["_rate"]
    assert isinstance(before, CountRate)
    alone = judge_count(few, np.tile([0, 1], 5), 9, 20, discrepancy=0.0)
    moved = judge_count(few, np.tile([0, 1], 5), 9, 20, discrepancy=0.0, before=before)
    assert alone["inside"] and not moved["inside"]


def test_the_basis_is_another_where_a_number_is_and_the_same_where_a_word_is() -> None:
    other = change_data(DATA, candidate(values={"revival_rate": 0.2}))
    number = DATA.parameters["revival_rate"]
    worded = {**DATA.parameters, "revival_rate": number.model_copy(update={"note": "other words"})}
    assert hash_basis(other) != hash_basis(DATA) == hash_basis(replace(DATA, parameters=worded))


def test_candidates_are_answered_in_the_same_patients() -> None:
    """The short form of validation/calibration/tensions.py."""
    plan = load_plan(find_plan("after_ide_cel"), DATA, load_populations())
    setting = prepare(plan, DATA, BASE, patients=16, sets=4, seed=7)
    asked = TENSIONS["checkpoint_blockade"]
    chosen = ("cells_present", "strong_revival", "host_t_cells")
    tension = asked.model_copy(update={"candidates": {name: asked.candidates[name] for name in chosen}})
    found = answer([tension], setting)
    assert list(found.columns) == list(COLUMNS)
    own = found[found["part"] == "own"].set_index("candidate")
    assert list(own.index) == ["", "cells_present", "strong_revival"]  # nothing stands for host T cells
    assert own.loc["cells_present", "patients"] < own.loc["", "patients"]
    assert (own["events"] == 2).all() and (own["total"] == 11).all()
    cost = found[found["part"] == "cost"].set_index(["candidate", "readout"])["simulated"].unstack(0)
    assert set(cost.columns) == {"", "strong_revival"} and "karmma_vgpr" in cost.index
    again = answer([tension], setting)
    pd.testing.assert_frame_equal(found, again)

"""Salvage arms in simulated relapsed patients: laws that hold whatever the parameters are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aftercar.foundation import InputError
from aftercar.model import Treatment, structure_for
from aftercar.patients.populations import find_population
from aftercar.trials.arms import draw_manufactured, simulate_arm
from aftercar.trials.endpoints import (
    compare_by_mechanism,
    count_responders,
    duration_of_response,
    progression_free,
    summarise_arm,
)
from aftercar.trials.relapsed import Relapsed, count_relapses, simulate_relapsed

INDEX = (Treatment("ide_cel"),)
ARMS = {
    "again": [Treatment("ide_cel_reinfusion")],
    "engager": [Treatment("talquetamab")],
    "drug": [Treatment("bortezomib")],
}


@pytest.fixture(scope="module")
def relapsed() -> Relapsed:
    structure = structure_for([[*INDEX, *arm] for arm in ARMS.values()], days=800)
    return simulate_relapsed(find_population("karmma_like"), INDEX, n=120, days=730, seed=5, structure=structure)


def test_everybody_who_enters_has_progressed_and_only_they(relapsed: Relapsed) -> None:
    progressed = relapsed.index.index[relapsed.index["progressed"]]
    assert relapsed.table.index.tolist() == progressed.tolist() == list(relapsed.snapshot.patients)
    assert np.array_equal(relapsed.snapshot.times, relapsed.table["progression_confirmed_day"])
    assert count_relapses(relapsed)["patients"].sum() == len(relapsed.table)


def test_an_arm_begins_where_the_first_treatment_ended(relapsed: Relapsed) -> None:
    arm = simulate_arm(relapsed, ARMS["engager"], name="engager", days=56, washout_days=0.0)
    start = arm.result.sel(time=0.0)["m_protein_g_per_dl"]
    assert start.to_numpy() == pytest.approx(relapsed.table["m_protein_g_per_dl"].to_numpy(), rel=1e-4)


def test_the_tumour_grows_through_the_washout(relapsed: Relapsed) -> None:
    soon, late = (simulate_arm(relapsed, ARMS["drug"], name="drug", days=28, washout_days=w) for w in (0.0, 56.0))
    first = [arm.result.sel(time=0.0)["mrd_level"].to_numpy() for arm in (soon, late)]
    assert np.median(first[1] / first[0]) > 1.1


def test_the_same_product_fails_where_its_antigen_is_lost(relapsed: Relapsed) -> None:
    """Review 2.1: BCMA-null relapse does not respond to BCMA re-treatment."""
    lost = relapsed.table["mechanism"].str.contains("null")
    arm = simulate_arm(relapsed, ARMS["again"], name="again", days=168)
    best = arm.table.loc[lost & arm.table["treated"], "best_response"]
    assert len(best) >= 3 and not best.isin(["PR", "VGPR", "CR", "sCR"]).any()


def test_one_seed_gives_the_same_arm_and_the_name_keys_its_luck(relapsed: Relapsed) -> None:
    one, again = (simulate_arm(relapsed, ARMS["drug"], name="drug", days=84) for _ in range(2))
    pd.testing.assert_frame_equal(one.table, again.table)


def test_patients_are_the_same_in_a_smaller_run(relapsed: Relapsed) -> None:
    structure = relapsed.course.structure
    few = simulate_relapsed(relapsed.population, INDEX, n=20, days=730, seed=5, structure=structure)
    pd.testing.assert_frame_equal(few.index, relapsed.index.loc[few.index.index])


def test_resistance_to_a_class_wears_off_while_it_is_not_given(relapsed: Relapsed) -> None:
    from aftercar.catalogue.model_data import load_model_data
    from aftercar.trials.arms import _fill_slots, _go_on

    data = load_model_data()
    both, _ = _go_on(relapsed, ARMS["drug"], 14.0, 100.0, data)
    filled = _fill_slots(relapsed.snapshot, relapsed, both, data)
    slot = filled.model.slots
    start, now = filled.values[:, slot["drug1_resistance_start"]], filled.values[:, slot["drug1_resistance"]]
    loss = data.slot_parameters("drug")["resistance_loss"].value
    assert now == pytest.approx(start * np.exp(-loss * relapsed.snapshot.times))
    assert np.allclose(start, relapsed.parameters["resistance_proteasome_inhibitor"])


def test_whose_cells_cannot_be_made_is_counted_and_not_treated(relapsed: Relapsed) -> None:
    from aftercar.catalogue.model_data import load_model_data

    table = relapsed.table.assign(manufacturing_failure=0.5)
    half = replace(relapsed, table=table)
    made = draw_manufactured(half, [Treatment("cilta_cel")], load_model_data())
    assert abs(made.mean() - 0.5) < 3 * 0.5 / np.sqrt(len(made))
    assert draw_manufactured(half, ARMS["drug"], load_model_data()).all()
    never = replace(relapsed, table=relapsed.table.assign(manufacturing_failure=1.0))
    with pytest.raises(InputError, match="no product can be made for any"):
        simulate_arm(never, ARMS["again"], name="again", days=56)
    arm = simulate_arm(half, ARMS["again"], name="again", days=56)
    assert set(arm.table.loc[~arm.table["treated"], "best_response"].isna()) == {True}
    assert count_responders(arm)["n"].eq(int(arm.table["treated"].sum())).all()


def test_rates_are_nested_and_follow_up_ends_with_the_arm(relapsed: Relapsed) -> None:
    arm = simulate_arm(relapsed, ARMS["engager"], name="engager", days=168)
    rates = count_responders(arm).set_index("measure")["events"]
    assert rates["CR"] <= rates["VGPR_OR_BETTER"] <= rates["ORR"] <= rates["CBR"]
    records = progression_free(arm)
    assert records["duration"].max() <= 168.0 and not records.loc[records["duration"] == 168.0, "event"].all()
    assert len(duration_of_response(arm)) == rates["ORR"]
    assert set(summarise_arm(arm)["kind"]) == {"simulated"}


def test_response_by_mechanism_adds_up_to_the_whole(relapsed: Relapsed) -> None:
    arm = simulate_arm(relapsed, ARMS["engager"], name="engager", days=84)
    parts = compare_by_mechanism(relapsed, [arm])
    whole = count_responders(arm).set_index("measure").loc["ORR"]
    assert parts["events"].sum() == whole["events"] and parts["n"].sum() == whole["n"]
    assert parts.loc[parts["n"] < 10, "estimate"].isna().all()


def test_a_structure_without_room_for_the_salvage_is_refused(relapsed: Relapsed) -> None:
    with pytest.raises(InputError, match="slots for a engager"):
        simulate_arm(relapsed, [*ARMS["engager"], Treatment("teclistamab")], name="both", days=28)

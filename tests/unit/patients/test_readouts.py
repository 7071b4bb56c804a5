"""What is read from trajectories, on small tables whose answer is known by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from aftercar.catalogue.model_data import load_model_data
from aftercar.model import build_structure
from aftercar.model.structure import SITES
from aftercar.patients.arms import Arm, reading_days
from aftercar.patients.readouts import (
    NO_TUMOUR,
    clone_words,
    count_clones,
    count_outcomes,
    find_leading_clone,
    find_rise,
    quantiles,
    read_marker,
    reading_limits,
    share_with_variant,
    tabulate_ranges,
    tabulate_typical,
)

STRUCTURE = build_structure(load_model_data())
TIMES = [-5.0, 0.0, 28.0, 90.0]


@pytest.fixture
def arm() -> Arm:
    """Three patients: one falls and comes back BCMA-null, one never falls, one is cured."""
    n, nothing = 3, np.zeros((3, 4))
    table = {f"{site}_{clone.id}": nothing for site in SITES for clone in STRUCTURE.clones} | {"progenitor": nothing}
    bulk = np.array([[9e11, 9e11, 1e6, 1e3], [5e11, 5e11, 5e11, 8e11], [4e11, 4e11, 0.2, 0.0]])
    null = np.array([[1e4, 1e4, 1e5, 6e10], [1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]])
    table |= {"marrow_bulk": 0.75 * bulk, "emd_bulk": 0.25 * bulk, "marrow_bcma_null": null}
    total = bulk + null
    protein = np.array([[3.1, 3.0, 0.2, 0.8], [2.0, 2.0, 2.1, 2.4], [4.0, 4.0, 1.9, 0.0]])
    table |= {
        "tumour_total": total, "mrd_level": total / (total + 1e12), "m_protein_g_per_dl": protein,
        "sbcma_ng_per_ml": nothing, "copies_per_ug": nothing, "bcma_density": bulk / np.maximum(total, 1.0),
    }  # fmt: skip
    data = xr.Dataset(
        {name: (("patient", "time"), values, {"units": "x"}) for name, values in table.items()}
        | {"stopped_because": ("patient", np.array(["", "", "out of steps"]))},
        coords={"patient": [1, 2, 3], "time": TIMES},
    )
    return Arm("as planned", (), pd.DataFrame(index=range(1, n + 1)), data)


def test_clones_are_counted_over_both_sites_and_named_in_words(arm: Arm) -> None:
    counts = count_clones(arm.data, STRUCTURE)
    assert counts["bulk, antigens normal"][0].tolist() == [9e11, 9e11, 1e6, 1e3]
    assert {clone_words(clone) for clone in STRUCTURE.clones} < set(counts)
    assert len(counts) == len(STRUCTURE.clones) + 1, "two clones have one name"


def test_the_leading_clone_changes_and_ends(arm: Arm) -> None:
    leading = find_leading_clone(count_clones(arm.data, STRUCTURE))
    assert leading[0].tolist() == ["bulk, antigens normal"] * 3 + ["BCMA-null"]
    assert leading[2].tolist() == ["bulk, antigens normal"] * 2 + [NO_TUMOUR] * 2


def test_share_with_a_variant_counts_all_clones_that_carry_it(arm: Arm) -> None:
    share = share_with_variant(arm.data, STRUCTURE)["BCMA-null"]
    assert share[0].round(3).tolist() == [0.0, 0.0, 0.091, 1.0]
    assert share[2].tolist()[2:] == [0.0, 0.0], "no tumour, no share"


def test_a_rise_needs_a_quarter_and_half_a_gram() -> None:
    limits = reading_limits()
    assert (limits["progression_rise"], limits["progression_rise_absolute"]) == (0.25, 0.5)  # IMWG, kumar 2016
    protein = np.array([[3.0, 1.0, 1.4, 1.5], [3.0, 4.0, 3.0, 5.0], [3.0, 0.1, 0.2, 0.55], [8.0, 4.0, 4.6, 4.9]])
    risen, first = find_rise(protein)
    assert risen.tolist() == [True, True, False, False]
    assert first[:2].tolist() == [3, 1]


def test_outcomes_are_counted_by_hand(arm: Arm) -> None:
    table = count_outcomes(arm, STRUCTURE).set_index("outcome")
    counts = {str(name): (int(row["patients"]), int(row["of"])) for name, row in table.iterrows()}
    assert counts["M-protein or light chain fallen by 50% or more"] == (2, 3)
    assert counts["M-protein or light chain fallen by 90% or more"] == (2, 3)
    assert counts["marrow below 1 myeloma cell in 100,000 at some time"] == (2, 3)
    assert counts["no tumour cell left at the end"] == (1, 3)
    assert counts["M-protein risen by 25% and 0.5 g/dL from its lowest, or light chain by 100 mg/L"] == (1, 3)
    assert counts["at that rise most cells BCMA-null"] == (1, 1)
    assert counts["at that rise most cells BCMA-low"] == (0, 1)
    assert counts["integration stopped early (left out from there on)"] == (1, 3)


def test_light_chains_stand_in_where_there_is_no_m_protein(arm: Arm) -> None:
    """Patient 2 makes light chains alone, patient 3 nothing: no division by zero, and 3 is not counted."""
    chain = np.array([[9.0, 9.0, 9.0, 9.0], [400.0, 400.0, 30.0, 140.0], [0.0, 0.0, 0.0, 0.0]])
    protein = arm.data["m_protein_g_per_dl"].to_numpy() * np.array([[1.0], [0.0], [0.0]])
    dims = ("patient", "time")
    data = arm.data.assign(m_protein_g_per_dl=(dims, protein), free_light_chain=(dims, chain))
    marker = read_marker(data.isel(time=slice(1, None)))
    assert marker.evaluable.tolist() == [True, True, False]
    np.testing.assert_allclose(marker.deepest_fall(), [1 - 0.2 / 3.0, 1 - 30 / 400, np.nan])
    risen, first = marker.find_rise()
    assert risen.tolist() == [True, True, False] and first[:2].tolist() == [2, 2]  # 140 is 110 mg/L above 30
    table = count_outcomes(Arm("x", (), arm.people, data), STRUCTURE).set_index("outcome")
    row = table.loc["M-protein or light chain fallen by 90% or more"]
    assert (row["patients"], row["of"]) == (2, 2)
    # A rise of 20 mg/L is none, though it is a quarter: the limit is 10 mg/dL, not 10 mg/L.
    assert not find_rise(np.array([[400.0, 30.0, 50.0]]), absolute=marker.absolute_rise[1:2])[0][0]


def test_without_a_rise_no_share_is_shown(arm: Arm) -> None:
    table = count_outcomes(Arm("x", (), arm.people, arm.data.isel(patient=[1])), STRUCTURE).set_index("outcome")
    assert table.loc["at that rise most cells BCMA-null", "of"] == 0
    assert pd.isna(table.loc["at that rise most cells BCMA-null", "share"])


def test_patients_who_stopped_count_up_to_there() -> None:
    table = quantiles(np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan]]), np.array([0.0, 1.0, 2.0]))
    assert table["patients"].tolist() == [2, 1, 0]
    assert table["median"].tolist()[:2] == [2.0, 2.0] and np.isnan(table["median"].iloc[2])


def test_tables_read_the_asked_days(arm: Arm) -> None:
    typical = tabulate_typical(arm, STRUCTURE, [0.0, 90.0])
    assert typical["leading_clone"].tolist() == ["bulk, antigens normal", "BCMA-null"]
    ranges = tabulate_ranges(arm, [28.0], ["m_protein_g_per_dl"])
    assert ranges[["day", "median", "unit"]].to_numpy().tolist() == [[28.0, 1.9, "x"]]


def test_reading_days_hold_visits_and_treatments_once() -> None:
    from aftercar.model import Treatment

    days = reading_days([Treatment("a", 0.0), Treatment("b", 400.0)], 500.0)
    assert days == (0, 7, 14, 28, 60, 90, 180, 365, 400, 428, 490, 500)

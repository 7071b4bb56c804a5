"""The clinic sees simulated patients at visits only, and the table it makes is one that the grading takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from aftercar.clinic import Schedule, grade_response, name_categories, observe_visits
from aftercar.foundation import InputError

TIMES = np.arange(0.0, 366.0, 7.0)


def simulated(**levels: object) -> xr.Dataset:
    """A data set as the simulation gives it, of levels as functions of the day or numbers; one row per patient."""
    given: dict[str, object] = {"m_protein_g_per_dl": 3.0, "free_light_chain": 200.0, "mrd_level": 0.4} | levels
    n = max((len(value) for value in given.values() if isinstance(value, list)), default=1)
    variables = {}
    for name, value in given.items():
        rows = value if isinstance(value, list) else [value] * n
        variables[name] = (
            ("patient", "time"),
            np.array([one(TIMES) if callable(one) else np.full(len(TIMES), one) for one in rows]),
        )
    return xr.Dataset(variables, coords={"patient": np.arange(1, n + 1), "time": TIMES})


def clearing(start: float, half_life: float = 7.0) -> object:
    return lambda day: start * 0.5 ** (day / half_life)


def test_visits_are_at_baseline_day_28_and_every_28_days() -> None:
    table = observe_visits(simulated(), seed=1)
    assert table["day"].tolist() == [0.0, *np.arange(28.0, 365.0, 28.0)]


def test_a_stable_patient_is_stable_despite_noise() -> None:
    data = simulated(m_protein_g_per_dl=[3.0] * 200)
    best = name_categories(grade_response(observe_visits(data, seed=2)).best)
    # A fall by 25% twice, or a rise by 25% twice, in noise of 8% is rare.
    assert np.mean(best == "SD") > 0.97


def test_marrow_waits_for_suspected_complete_response() -> None:
    data = simulated(m_protein_g_per_dl=clearing(3.0), free_light_chain=clearing(200.0), mrd_level=clearing(0.4))
    table = observe_visits(data, seed=3)
    negative = (table["serum_ife"] == 0) & (table["urine_ife"] == 0) & (table["day"] > 0)
    first = table.loc[negative, "day"].iloc[0]
    assert table.loc[table["marrow_plasma_cells_percent"].notna(), "day"].tolist() == [0.0, first]
    assert first > 28.0
    assert name_categories(grade_response(table).best)[0] in {"CR", "sCR"}


def test_residual_disease_is_not_looked_for_at_baseline() -> None:
    table = observe_visits(simulated(m_protein_g_per_dl=clearing(3.0), mrd_level=clearing(0.4)), seed=3)
    assert table.loc[table["day"] <= 0, "mrd_fraction"].isna().all()
    assert table["mrd_fraction"].notna().any()


def test_marrow_is_examined_again_where_it_was_not_clear() -> None:
    data = simulated(m_protein_g_per_dl=clearing(3.0), mrd_level=0.3)
    table = observe_visits(data, seed=4)
    examined = table.loc[table["marrow_plasma_cells_percent"].notna() & (table["day"] > 0), "day"]
    negative = table.loc[(table["serum_ife"] == 0) & (table["day"] > 0), "day"]
    assert examined.tolist() == negative.tolist()


def test_only_patients_with_plasmacytomas_are_imaged_regularly() -> None:
    data = simulated(emd_total=[0.0, 1e10])
    table = observe_visits(data, seed=5)
    days = table[table["plasmacytoma_spd_mm2"].notna()].groupby("patient")["day"].apply(list)
    assert days[1] == [0.0]
    assert days[2] == [0.0, 84.0, 168.0, 252.0, 336.0]


def test_what_is_below_the_limit_is_flagged() -> None:
    table = observe_visits(simulated(m_protein_g_per_dl=clearing(3.0), copies_per_ug=10.0), seed=6)
    assert (table["copies_per_ug"] == 50.0).all() and (table["copies_per_ug_below"] == 1.0).all()
    spikeless = table["serum_m_g_per_dl"] == 0.0
    assert spikeless.any() and (table.loc[spikeless, "serum_m_g_per_dl_below"] == 1.0).all()


def test_a_patient_whose_integration_stopped_is_not_seen_afterwards() -> None:
    data = simulated()
    data["m_protein_g_per_dl"][0, 20:] = np.nan  # from day 140
    assert observe_visits(data, seed=7)["day"].max() == 112.0


def test_missed_visits_are_left_out_and_baseline_never_is() -> None:
    data = simulated(m_protein_g_per_dl=[3.0] * 300)
    table = observe_visits(data, seed=8, schedule=Schedule(missed=0.2))
    assert (table.groupby("patient")["day"].min() == 0.0).all()
    share = 1 - (table["day"] > 0).sum() / (300 * 13)
    assert share == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / 3900))


def test_the_same_patient_has_the_same_luck_in_another_company() -> None:
    many = observe_visits(simulated(m_protein_g_per_dl=[3.0] * 5), seed=9)
    one = observe_visits(simulated(m_protein_g_per_dl=[3.0] * 5).isel(patient=[3]), seed=9)
    pd.testing.assert_frame_equal(
        many[many["patient"] == 4].reset_index(drop=True), one.reset_index(drop=True), check_exact=True
    )


def test_levels_between_output_times_lie_on_a_straight_line() -> None:
    data = simulated(m_protein_g_per_dl=lambda day: 1.0 + day / 100).isel(time=slice(0, None, 2))  # every 14 days
    coarse = observe_visits(data, seed=10, schedule=Schedule(first=7, every=7))
    fine = observe_visits(
        simulated(m_protein_g_per_dl=lambda day: 1.0 + day / 100), seed=10, schedule=Schedule(first=7, every=7)
    )
    both = min(len(coarse), len(fine))
    np.testing.assert_allclose(coarse["serum_m_g_per_dl"][:both], fine["serum_m_g_per_dl"][:both], rtol=1e-12)


def test_what_cannot_be_observed_is_refused() -> None:
    with pytest.raises(InputError, match="free_light_chain"):
        observe_visits(simulated().drop_vars("free_light_chain"), seed=1)
    with pytest.raises(InputError, match="before the simulation"):
        observe_visits(simulated(), seed=1, schedule=Schedule(baseline=-5))
    with pytest.raises(InputError, match="intervals above 0"):
        Schedule(every=0)

"""Laws of the ranges and of the sets, for any range and any patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercar.catalogue.biology import Number
from aftercar.patients import ParameterSets
from aftercar.patients.parameter_sets import prior_quantiles

ranges = st.tuples(*[st.floats(0, 1e6, allow_subnormal=False) | st.floats(0, 0.999)] * 3).map(sorted)


@settings(deadline=None)
@given(ranges, st.sampled_from(["growth_rate", "emd_access", "ide_cel.potency", "cd28.persistence"]))
def test_quantiles_rise_and_stay_between_the_ends(ends: list[float], place: str) -> None:
    low, value, high = ends
    if low == high:
        return
    number = Number(value=value, low=low, high=high, unit="1", grade="assumed", source="aftercar")
    found = prior_quantiles(place, number, np.linspace(0, 1, 41))
    assert np.isfinite(found).all() and low <= found.min() and found.max() <= high
    assert np.all(np.diff(found) >= -1e-12 * high)
    if low < value < high:
        assert np.isclose(found[20], value, rtol=1e-6)


@settings(deadline=None)
@given(st.integers(1, 40), st.lists(st.integers(1, 10**9), min_size=1, max_size=30))
def test_the_set_of_a_patient_hangs_on_the_number_alone(k: int, patients: list[int]) -> None:
    sets = ParameterSets(pd.DataFrame({"growth_rate": np.linspace(0.01, 0.02, k)}), origin="prior")
    together = sets.of_patients(patients)["growth_rate"]
    alone = [sets.of_patients([one])["growth_rate"][0] for one in patients]
    np.testing.assert_array_equal(together, alone)
    assert all(1 <= s <= k and (s - one) % k == 0 for s, one in zip(sets.sets_of(patients), patients, strict=True))

"""What is said of a posterior: summaries of known laws, verdicts on known figures, the emulator held to account."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from tests.unit.calibration import toy

from aftercar.calibration import check_targets, find_directions, summarise_parameters, verify_emulation
from aftercar.calibration.emulator import Design, Emulator
from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.posterior import count_verdicts, posterior_sets
from aftercar.calibration.sampling import Chains
from aftercar.calibration.space import build_space
from aftercar.catalogue.calibration import load_calibration
from aftercar.catalogue.model_data import load_model_data

WHOLE = load_calibration()
NAMES = ("growth_rate", "exhaustion_rate", "killing_rate")
SPACE = build_space(
    WHOLE.model_copy(update={"parameters": {name: WHOLE.parameters[name] for name in NAMES}}), load_model_data()
)


def chains(mean, sd, *, mix=None) -> Chains:
    z = np.random.default_rng(1).standard_normal((10, 2000, 3)) @ (np.eye(3) if mix is None else mix)
    return Chains(np.asarray(mean) + z * np.asarray(sd), np.ones(3), np.full(3, 20_000.0))


def flat(shares: list[float], counts: list[tuple[float, float]]) -> EmulatedTargets:
    """Chances that are the same wherever the parameters are."""
    emulators = {
        (f"t{k}", "one"): Emulator(np.array([logit(p), 0, 0]), np.zeros((3, 3)), 0.1, 10, 5)
        for k, p in enumerate(shares)
    }
    targets = tuple(toy.target(k, events=x, n=n) for k, (x, n) in enumerate(counts))
    return EmulatedTargets(Design(np.zeros(1), np.eye(1)), targets, emulators)


def test_the_prior_itself_has_no_shrinkage_and_the_intervals_of_the_catalogue() -> None:
    table = summarise_parameters(SPACE, chains([0, 0, 0], [1, 1, 1])).set_index("parameter")
    np.testing.assert_allclose(table["shrinkage"], 0.0, atol=0.05)
    np.testing.assert_allclose(table["median"], table["prior_median"], rtol=0.05)
    np.testing.assert_allclose(table["lb"], table["prior_lb"], rtol=0.1)
    assert (table["presses"] == "").all()
    assert table.loc["growth_rate", "prior_median"] == pytest.approx(0.012)


def test_what_is_learnt_and_what_presses_is_told() -> None:
    table = summarise_parameters(SPACE, chains([-2.0, 0.2, 1.8], [0.3, 0.5, 1.1])).set_index("parameter")
    np.testing.assert_allclose(table["shrinkage"], [0.91, 0.75, -0.21], atol=0.03)
    assert list(table["presses"]) == ["low", "", "high"]


def test_a_ridge_is_found_and_named() -> None:
    """Growth and exhaustion along one line: their difference is known, their sum is not."""
    mix = np.array([[1.0, 1.0, 0.0], [0.1, -0.1, 0.0], [0.0, 0.0, 0.7]])
    table = find_directions(SPACE, chains([0, 0, 0], [1, 1, 1], mix=mix))
    assert table["variance"].tolist() == pytest.approx([0.02, 0.49, 2.0], rel=0.05)
    assert table["parameters"][0].count("rate") == 2 and "-" in table["parameters"][0]
    assert table["parameters"][1] == "+1.00 killing_rate"
    assert "-" not in table["parameters"][2]


@pytest.mark.parametrize(
    ("events", "verdict", "strict"),
    [(50, "met", "met"), (62, "met", "simulated too low"), (80, "simulated too low", "simulated too low"),
     (34, "simulated too high", "simulated too high"), (38, "met", "simulated too high")],
)  # fmt: skip
def test_verdicts(events: int, verdict: str, strict: str) -> None:
    """At 90%. Chance 0.5, 100 patients: binomial alone 42 to 58; with a discrepancy of 0.3 about 36 to 64."""
    found = check_targets(
        flat([0.5], [(events, 100)]), np.zeros((20_000, 1)), discrepancy=0.3, rng=np.random.default_rng(1)
    )
    row = found.iloc[0]
    assert (row["verdict"], row["strict"]) == (verdict, strict)
    assert (row["simulated"], row["lb"], row["ub"]) == pytest.approx((0.5, 0.5, 0.5))
    assert (row["pi_lb"], row["pi_ub"]) == pytest.approx((0.355, 0.645), abs=0.011)
    # Standard deviation: binomial 0.05, discrepancy 0.3 / 4.
    assert row["z"] == pytest.approx((events / 100 - 0.5) / np.hypot(0.05, 0.073), abs=0.1)


def test_verdicts_are_counted_by_use() -> None:
    emulated = flat([0.5, 0.5, 0.9], [(50, 100), (90, 100), (90, 100)])
    held = (*emulated.targets[:2], replace(emulated.targets[2], use="check"))
    found = check_targets(replace(emulated, targets=held), np.zeros((2000, 1)), discrepancy=0.1,
                          rng=np.random.default_rng(1))  # fmt: skip
    counts = count_verdicts(found).set_index("use")
    assert counts.loc["fit", ["met", "targets"]].tolist() == [1, 2] and counts.loc["check", "met"] == 1
    assert counts.loc["fit", "mean_difference"] == pytest.approx(0.2)


def patients(share: float, n: int = 4000) -> dict[str, pd.DataFrame]:
    best = np.where(np.random.default_rng(2).random(n) < share, "PR", "SD")
    facts = {"best": best, "row": np.arange(n) % 50, "emd": False, "antigen_lost": np.nan, "progression_day": np.nan}
    return {"one": pd.DataFrame(facts)}


def test_an_emulator_that_is_right_is_told_from_one_that_is_not() -> None:
    emulated = flat([0.7], [(30, 60)])
    right, wrong = (verify_emulation(emulated, np.zeros((50, 1)), patients(p)).iloc[0] for p in (0.7, 0.75))
    assert abs(right["z"]) < 4 and right["patients"] == 4000 and right["emulated"] == pytest.approx(0.7)
    assert wrong["z"] > 4


def test_sets_are_what_a_file_of_six_digits_gives_back() -> None:
    sets = posterior_sets(SPACE, chains([0, 0, 0], [1, 1, 1]).flat()[:40])
    text = sets.values.to_csv(index=False, float_format="%.6g")
    from io import StringIO

    again = pd.read_csv(StringIO(text), float_precision="round_trip")
    np.testing.assert_array_equal(again.to_numpy(), sets.values.to_numpy())

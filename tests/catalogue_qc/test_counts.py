"""Counts that no source prints: enumerated anew, so that 'the only count that fits' is shown and not only said."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest
from scipy.stats import beta

from aftercar.catalogue import load_base
from aftercar.catalogue.counts import parse_counts, prints_as

BASE = load_base()
Count = tuple[int, int]
# In the order of the review's sentence on Van Oekelen et al.
VAN_OEKELEN = (
    "cart_trial", "non_bcma_bsab", "venetoclax", "chemo", "bcma_bsab", "selinexor", "auto_hsct", "approved", "other",
    "adc",
)  # fmt: skip


def prints_to(events: int, total: int, text: str) -> bool:
    """Say whether a count rounds to a printed percentage, trailing zeros included ('50.0' is not '50')."""
    decimals = len(text.partition(".")[2])
    return abs(100 * events / total - float(text)) <= 0.5 * 10.0**-decimals + 1e-9


def fitting(text: str, largest: int, smallest: int = 1) -> list[Count]:
    return [(k, n) for n in range(smallest, largest + 1) for k in range(n + 1) if prints_to(k, n, text)]


def feasible(outcome_id: str) -> list[Count]:
    return list(parse_counts(BASE.outcomes[outcome_id].feasible_counts))


def entered(outcome_id: str) -> Count:
    outcome = BASE.outcomes[outcome_id]
    assert outcome.events is not None and outcome.total is not None
    return outcome.events, outcome.total


def solutions(options: list[list[Count]], events: int, total: int) -> list[set[Count]]:
    """Return, per class, the counts that occur in some choice of one count a class with the given sums."""
    ways_before: list[set[Count]] = [{(0, 0)}]
    for counts in options:
        ways_before.append(_sums(ways_before[-1], counts, events, total))
    ways_after: list[set[Count]] = [{(0, 0)}]
    for counts in reversed(options):
        ways_after.append(_sums(ways_after[-1], counts, events, total))
    ways_after.reverse()
    return [
        {
            (k, n)
            for k, n in counts
            if any((events - k - e, total - n - t) in ways_after[place + 1] for e, t in ways_before[place])
        }
        for place, counts in enumerate(options)
    ]


def _sums(sums: Iterable[Count], counts: list[Count], events: int, total: int) -> set[Count]:
    return {(e + k, t + n) for (e, t), (k, n) in product(sums, counts) if e + k <= events and t + n <= total}


def test_van_oekelen_whole_is_33_of_76() -> None:
    assert fitting("43.4", 79) == [(23, 53), (33, 76)]
    # One decimal throughout: the sentence prints 66.7% beside 75%, so 75% is 75.0% with its zero left out.
    rates = [f"{BASE.outcomes[f'vanoekelen_{name}_orr'].percent:.1f}" for name in VAN_OEKELEN]
    assert not any(solutions([fitting(rate, 53) for rate in rates], 23, 53))
    found = solutions([fitting(rate, 76) for rate in rates], 33, 76)
    for name, counts in zip(VAN_OEKELEN, found, strict=True):
        outcome_id = f"vanoekelen_{name}_orr"
        listed = feasible(outcome_id) or [entered(outcome_id)]
        assert listed == sorted(counts, key=lambda count: count[1]), name
        status = BASE.outcomes[outcome_id].count_status
        assert status == ("inferred" if len(counts) == 1 else "not_reported"), name
    for source in ("review", "abstract"):
        assert entered(f"vanoekelen_first_orr_{source}") == (33, 76)


def test_legend2_classes() -> None:
    """PI: 80% respond and 67% were exposed, at most 16 responders. CAR-T and chemotherapy: what then remains."""
    pi = [
        (k, n) for k, n in fitting("80", 32) if k <= 16 and any(prints_to(exposed, n, "67") for exposed in range(n + 1))
    ]
    assert pi == feasible("legend2_salvage_pi_orr") == [(12, 15)]
    cart = [(k, n) for k, n in fitting("30", 32 - 15) if k <= 4]
    assert cart == feasible("legend2_salvage_cart_orr") == [(3, 10)]
    # Seven patients remain, one of whom responded without chemotherapy.
    assert feasible("legend2_salvage_chemo_orr") == [(0, n) for n in range(1, 7)]
    # With three classes only, nothing adds up as printed; 4/13 would need 30.8% to print as 30%.
    assert not [1 for (k, n), (j, m) in product(fitting("80", 32), fitting("30", 32)) if k + j == 16 and n + m < 32]
    assert not prints_to(4, 13, "30")


def test_modakafusp_denominator_is_15() -> None:
    both = [(k, j, n) for k, n in fitting("27", 16) for j, m in fitting("13", 16) if m == n]
    assert both == [(4, 2, 15)]
    assert feasible("modakafusp_prior_bcma_orr") == [(4, 15)]
    assert feasible("modakafusp_prior_bcma_vgpr") == [(2, 15)]


def test_talquetamab_denominator_is_48() -> None:
    assert fitting("72.9", 50) == feasible("monumental1_cart_ash23_orr") == [(35, 48)]


def test_trimm2_exposed_are_35() -> None:
    assert [n for n in range(66) if prints_to(n, 65, "54")] == [35]
    assert [n for n in range(66) if prints_to(n, 65, "17")] == [BASE.cohorts["trimm2_prior_bcma"].n_prior_bcma_cart]
    assert fitting("74", 35, 35) == feasible("trimm2_prior_bcma_orr") == [(26, 35)]


def test_sequencing_is_7_of_8() -> None:
    pairs = [((k, n), (j, m)) for k, n in fitting("87.5", 17) for j, m in fitting("50.0", 17) if n + m <= 17]
    assert {first for first, _ in pairs} == set(feasible("sequencing_cart_bsab_orr_abstract")) == {(7, 8)}
    assert [second for _, second in pairs] == feasible("sequencing_cart_other_orr")
    assert fitting("38", 8, 8) == feasible("sequencing_cart_bsab_cr") == [(3, 8)]


def test_chen_is_17_or_20() -> None:
    assert fitting("35", 20, 17) == feasible("chen_first_orr")
    assert fitting("65", 20, 17) == feasible("chen_first_cbr")


def test_majestec1_early_count_is_of_the_11() -> None:
    assert fitting("45", 11, 11) == [(5, 11)] == [entered("majestec1c_early_cart_orr")]
    assert not fitting("45", 25, 25)


def test_legend2_relapse_is_53_of_74() -> None:
    assert fitting("71.6", 74, 74) == feasible("legend2_index_relapse_review") == [(53, 74)]
    assert [n for n in range(34, 75) if prints_to(34, n, "76")] == [45]


def test_reyes_first_line_fits_its_interval() -> None:
    """The exact (Clopper-Pearson) interval printed to whole percent: 28 to 55."""
    fits = [
        (k, n)
        for k, n in fitting("41", 58)
        if n > 1 and prints_limit(beta.ppf(0.025, k, n - k + 1), 28) and prints_limit(beta.ppf(0.975, k + 1, n - k), 55)
    ]
    assert fits == feasible("reyes_first_line_orr_abstract") == [(22, 54), (23, 56)]


def prints_limit(limit: float, percent: int) -> bool:
    return abs(100 * limit - percent) <= 0.5


@pytest.mark.parametrize("name", ["cd38", "alkylator", "pi"])
def test_reyes_classes_list_every_count_up_to_64_lines(name: str) -> None:
    outcome = BASE.outcomes[f"reyes_first_{name}_orr"]
    assert feasible(outcome.outcome_id) == fitting(f"{outcome.percent:g}", 64)


def test_computed_counts_are_the_only_ones_of_their_total() -> None:
    for outcome in BASE.outcomes.values():
        if outcome.count_status == "computed" and outcome.percent is not None and outcome.total is not None:
            others = [k for k in range(outcome.total + 1) if prints_as(k, outcome.total, outcome.percent)]
            assert others == [outcome.events], outcome.outcome_id


def test_feasible_counts_print_and_rise() -> None:
    for outcome in BASE.outcomes.values():
        counts = feasible(outcome.outcome_id)
        assert counts == sorted(counts, key=lambda count: count[1]), outcome.outcome_id
        assert all(prints_as(k, n, outcome.percent) for k, n in counts if outcome.percent is not None)
        if counts:
            assert outcome.percent is not None and outcome.derivation and outcome.count_status == "not_reported"

"""No patient twice; narrower exposure and later reports first; what is passed over is said with its reason."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from tests.end_to_end.malformed import write_good

from aftercar.catalogue import Cohort, EvidenceBase, load_base
from aftercar.catalogue.counts import parse_counts, prints_as
from aftercar.evidence import Filters, filter_cohorts, resolve_therapies, select_cohorts, share_patients
from aftercar.evidence.selection import PRIOR_LEVELS
from aftercar.foundation import InputError


@pytest.fixture(scope="module")
def base() -> EvidenceBase:
    return load_base()


def cohort(name: str, family: tuple[str, ...] = (), part: str = "") -> Cohort:
    return Cohort(
        cohort_id=name, study_id="s", therapy_id="t", role="salvage", population="p", prior_bcma="bcma_cart",
        line="first_salvage", unit_of_analysis="patient", overlap_family=family, overlap_part=part,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (cohort("a"), cohort("b"), False),
        (cohort("a", ("f",)), cohort("b", ("f",)), True),
        (cohort("a", ("f",), "x"), cohort("b", ("f",), "y"), False),
        (cohort("a", ("f",), "x"), cohort("b", ("f",), "x"), True),
        (cohort("a", ("f",), "x"), cohort("b", ("f",)), True),
        (cohort("a", ("f", "g")), cohort("b", ("g",), "x"), True),
        (cohort("a", ("f",)), cohort("b", ("g",)), False),
        (cohort("a"), cohort("a"), True),
    ],
)
def test_cohorts_share_patients_by_family_and_part(one: Cohort, other: Cohort, shared: bool) -> None:
    assert share_patients(one, other) is shared
    assert share_patients(other, one) is shared


@pytest.mark.parametrize("prior", ["strict", "inclusive", "any"])
@pytest.mark.parametrize("counts", ["reported", "inferred"])
@pytest.mark.parametrize("measure", ["ORR", "CR", "VGPR", "CBR"])
def test_no_selection_of_the_base_counts_a_patient_twice(
    base: EvidenceBase, prior: str, counts: str, measure: str
) -> None:
    for strategy in base.strategies:
        selection = select_cohorts(base, measure, Filters(strategies=(strategy,), prior=prior, counts=counts))  # type: ignore[arg-type]
        pairs = combinations([one.cohort for one in selection.used], 2)
        assert [(a.cohort_id, b.cohort_id) for a, b in pairs if share_patients(a, b)] == []


def test_every_cohort_with_the_measure_is_used_or_left_out_with_a_reason(base: EvidenceBase) -> None:
    filters = Filters(strategies=("bcma_bsab",))
    selection = select_cohorts(base, "ORR", filters)
    seen = {one.cohort.cohort_id for one in (*selection.used, *selection.left_out)}
    measured = {outcome.cohort_id for outcome in base.outcomes.values() if outcome.measure == "ORR"}
    assert seen == {one.cohort_id for one in filter_cohorts(base, filters)} & measured
    assert all(one.reason for one in selection.left_out)


def test_a_later_report_replaces_the_earlier_one_of_the_same_patients(base: EvidenceBase) -> None:
    selection = select_cohorts(base, "ORR", Filters(strategies=("gprc5d_bsab",), prior="strict"))
    assert [one.cohort.cohort_id for one in selection.used] == ["monumental1_cart_ash23"]
    passed = {one.cohort.cohort_id: one for one in selection.left_out}
    assert passed["monumental1_cart_ash22"].because_of == "monumental1_cart_ash23"
    assert "superseded" in passed["monumental1_cart_ash22"].reason


def test_an_earlier_report_with_printed_counts_is_used_when_reconstruction_is_off(base: EvidenceBase) -> None:
    selection = select_cohorts(base, "ORR", Filters(strategies=("gprc5d_bsab",), counts="reported"))
    assert [(one.cohort.cohort_id, one.events, one.total) for one in selection.used] == [
        ("monumental1_cart_ash22", 26, 36)
    ]


def test_the_subgroup_after_car_t_is_preferred_to_the_whole_of_any_anti_bcma_therapy(base: EvidenceBase) -> None:
    selection = select_cohorts(base, "ORR", Filters(strategies=("bcma_bsab",)))
    used = {one.cohort.cohort_id for one in selection.used}
    assert "majestec1c_early_cart" in used
    assert "majestec1c_final" not in used


def test_mixed_populations_are_never_salvage_after_car_t(base: EvidenceBase) -> None:
    for prior in ("strict", "inclusive"):
        assert all(one.prior_bcma in PRIOR_LEVELS[prior] for one in filter_cohorts(base, Filters(prior=prior)))  # type: ignore[arg-type]
    assert "mixed" not in PRIOR_LEVELS["inclusive"]


def test_of_several_feasible_counts_the_smallest_is_used_and_said(base: EvidenceBase) -> None:
    selection = select_cohorts(base, "ORR", Filters(strategies=("venetoclax",)))
    (one,) = selection.used
    assert (one.events, one.total, one.status) == (2, 3, "feasible")


def test_a_percentage_without_denominator_is_left_out_with_the_reason(base: EvidenceBase) -> None:
    selection = select_cohorts(base, "ORR", Filters(strategies=("imid",)))
    assert selection.used == ()
    assert {one.reason for one in selection.left_out} == {"not pooled: the denominator is not reported"}


def test_a_class_and_a_strategy_narrow_each_other(base: EvidenceBase) -> None:
    """Else a class asked for beside a row of the comparison would be counted in that row."""
    both = Filters(classes=("BsAb_BCMA",), strategies=("gprc5d_cart",))
    assert filter_cohorts(base, both) == ()
    inside = filter_cohorts(base, Filters(classes=("BsAb_BCMA",), strategies=("bcma_bsab", "gprc5d_cart")))
    assert inside == filter_cohorts(base, Filters(classes=("BsAb_BCMA",)))
    assert len(inside) > 3


@pytest.mark.parametrize("filters", [{"roles": ("salvag",)}, {"prior": "loose"}, {"counts": "guessed"}])
def test_a_word_that_no_filter_knows_is_refused(base: EvidenceBase, filters: dict[str, object]) -> None:
    with pytest.raises(InputError, match="not in the base"):
        filter_cohorts(base, Filters(**filters))  # type: ignore[arg-type]


def test_therapies_are_found_by_synonym_and_in_any_case(base: EvidenceBase) -> None:
    assert resolve_therapies(base, ["Ide-Cel", "ORICAR-017"]) == ("ide_cel", "oricar_017")
    with pytest.raises(InputError, match="talquetamab"):
        resolve_therapies(base, ["talquetumab"])


def test_a_median_cannot_be_asked_for_as_a_proportion(base: EvidenceBase) -> None:
    with pytest.raises(InputError, match="PFS"):
        select_cohorts(base, "PFS", Filters())


def test_a_users_rows_extend_or_replace_the_base(tmp_path: Path, base: EvidenceBase) -> None:
    folder = write_good(tmp_path)
    extended, alone = load_base(folder), load_base(folder, mode="replace")
    assert len(extended.cohorts) == len(base.cohorts) + 2
    assert set(alone.cohorts) == {"alpha_all", "beta_all"}
    assert len({base.hash, extended.hash, alone.hash}) == 3
    used = {one.cohort.cohort_id for one in select_cohorts(extended, "ORR", Filters(strategies=("bcma_bsab",))).used}
    assert "alpha_all" in used


def test_a_users_row_replaces_the_one_with_its_id(tmp_path: Path, base: EvidenceBase) -> None:
    (tmp_path / "outcomes.csv").write_text(
        "outcome_id,cohort_id,measure,source_id,preferred,events,total,count_status,percent\n"
        "karmma_reinfusion_orr,karmma_reinfusion,ORR,review_karmma,yes,7,28,reported,25\n"
    )
    assert load_base(tmp_path).outcomes["karmma_reinfusion_orr"].events == 7
    assert base.outcomes["karmma_reinfusion_orr"].events == 6


@pytest.mark.parametrize(
    ("events", "total", "percent", "prints"),
    [
        (33, 76, 43.4, True),  # Van Oekelen: the one count of 76 that prints so
        (34, 79, 43.4, False),
        (34, 79, 43.0, True),
        (13, 16, 81, True),
        (1, 8, 12, True),  # 12.5 is rounded both ways in print
        (1, 8, 13, True),
        (1, 8, 14, False),
        (0, 5, 0, True),
        (5, 5, 100, True),
    ],
)
def test_counts_agree_with_a_percentage_to_its_last_digit(
    events: int, total: int, percent: float, prints: bool
) -> None:
    assert prints_as(events, total, percent) is prints


@pytest.mark.parametrize("text", ["2of3", "3/2", "1/0", "1/2,2/4", "-1/2"])
def test_what_is_no_pair_of_counts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no pair|no proportion|not a pair"):
        parse_counts(text)

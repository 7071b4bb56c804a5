"""Rules of risk of bias: each level for its reason, a reader's own judgement, a user's own rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aftercar.catalogue import records
from aftercar.foundation import InputError
from aftercar.synthesis.risk_of_bias import LEVELS, CohortFeatures, judge_bias, load_bias_rules

BEST = CohortFeatures(
    "phase2", 40, "reported", "patient", "bcma_cart", "primary_paper", "against_primary", n_treated=40
)


def test_a_checked_phase_2_trial_is_low_in_every_domain() -> None:
    assessment = judge_bias(BEST)
    assert {one.level for one in assessment.judgements} == {"low"}
    assert assessment.overall == "low"
    assert [one.domain for one in assessment.judgements] == [
        "selection",
        "denominator",
        "measurement",
        "unit",
        "reporting",
        "directness",
    ]


@pytest.mark.parametrize(
    ("change", "domain", "level"),
    [
        ({"design": "case_report"}, "selection", "high"),
        ({"n_total": 4}, "selection", "high"),
        ({"n_total": 5}, "selection", "low"),
        ({"design": "phase1"}, "selection", "some"),
        ({"design": "retrospective", "n_total": 9}, "selection", "high"),
        ({"design": "retrospective"}, "selection", "some"),
        ({"design": "case_series"}, "selection", "high"),
        ({"count_status": "not_reported"}, "denominator", "high"),
        ({"count_status": "inferred"}, "denominator", "some"),
        ({"n_treated": 51}, "denominator", "high"),
        ({"n_treated": 50}, "denominator", "some"),
        ({"n_treated": 42}, "denominator", "low"),
        ({"n_treated": None}, "denominator", "low"),
        ({"design": "retrospective"}, "measurement", "some"),
        ({"design": "retrospective", "response_assessment": "independent_review"}, "measurement", "low"),
        ({"unit_of_analysis": "line_of_therapy"}, "unit", "high"),
        ({"source_kind": "review", "checked": "against_review_text"}, "reporting", "some"),
        ({"checked": "not_checked"}, "reporting", "high"),
        ({"source_kind": "sponsor_page"}, "reporting", "high"),
        ({"prior_bcma": "bcma_any"}, "directness", "some"),
        ({"prior_bcma": "mixed"}, "directness", "high"),
        ({"prior_bcma": "none"}, "directness", "high"),
    ],
)
def test_each_rule_gives_its_level(change: dict[str, object], domain: str, level: str) -> None:
    assert judge_bias(replace(BEST, **change)).level_of(domain) == level  # type: ignore[arg-type]


def test_overall_is_the_worst_domain_and_directness_is_left_out_of_it() -> None:
    assert judge_bias(replace(BEST, unit_of_analysis="line_of_therapy")).overall == "high"
    assert judge_bias(replace(BEST, count_status="computed")).overall == "some"
    assert judge_bias(replace(BEST, prior_bcma="none")).overall == "low"


def test_a_reader_may_override_and_add_domains() -> None:
    given = {"selection": ("high", "screening log shows 30 declined"), "funding": "some"}
    assessment = judge_bias(BEST, overrides=given)
    first, last = assessment.judgements[0], assessment.judgements[-1]
    assert (first.level, first.reason, first.by_user) == ("high", "screening log shows 30 declined", True)
    assert (last.domain, last.level, last.by_user) == ("funding", "some", True)
    assert assessment.overall == "high"


def test_faults_are_named_with_the_words_that_are_known() -> None:
    with pytest.raises(InputError, match=r"'maybe'.*low, some, high"):
        judge_bias(BEST, overrides={"selection": "maybe"})
    with pytest.raises(InputError) as caught:
        judge_bias(replace(BEST, design="rct", checked="twice", n_total=0))
    assert {fault.column for fault in caught.value.faults} == {"design", "checked", "n_total"}


def test_a_users_own_rules_are_read_and_their_faults_named(tmp_path: Path) -> None:
    words = "\n".join(f'{name} = ["{getattr(BEST, name)}"]' for name in ("design", "prior_bcma"))
    head = f'title = "own"\n[vocabulary]\n{words}\n[[domain]]\nid = "size"\nname = "Size"\n'
    small = '[[domain.rule]]\nlevel = "high"\nwhen = { n_total_below = 50 }\nreason = "small"\n'
    own = tmp_path / "own.toml"
    own.write_text(f'{head}{small}[[domain.rule]]\nlevel = "low"\nreason = "large"\n')
    rules = load_bias_rules(own)
    assert judge_bias(BEST, rules=rules).overall == "high"
    assert judge_bias(replace(BEST, n_total=50), rules=rules).overall == "low"
    own.write_text(head + small.replace("n_total", "weight"))
    with pytest.raises(InputError) as caught:
        load_bias_rules(own)
    text = str(caught.value)
    assert "'weight_below' is no feature" in text and "no last rule" in text
    own.write_text("title = ")
    with pytest.raises(InputError, match="not TOML"):
        load_bias_rules(own)
    with pytest.raises(InputError, match="cannot be read"):
        load_bias_rules(tmp_path / "absent.toml")


def test_vocabulary_is_that_of_the_evidence_tables() -> None:
    words = load_bias_rules()["vocabulary"]
    assert set(words["design"]) == set(records.DESIGNS)
    assert set(words["count_status"]) == set(records.COUNT_STATUS)
    assert set(words["unit_of_analysis"]) == set(records.UNITS_OF_ANALYSIS)
    assert set(words["prior_bcma"]) == set(records.PRIOR_BCMA)
    assert set(words["source_kind"]) == set(records.SOURCE_KINDS)
    assert set(words["checked"]) == set(records.CHECKED)


def test_every_word_of_the_vocabulary_is_judged_in_every_domain() -> None:
    for name, words in load_bias_rules()["vocabulary"].items():
        for word in words:
            assessment = judge_bias(replace(BEST, **{name: word}))
            assert all(one.level in LEVELS and one.reason for one in assessment.judgements)

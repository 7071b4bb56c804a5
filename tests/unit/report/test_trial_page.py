"""The page of a virtual trial: what it says first, what it carries, what it leaves out, how large it grows."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import pytest
from tests.unit.report.sample import HOSTILE
from tests.unit.report.trial_sample import MANIFEST, NAMES, bare_results, no_tables_kept, plausible_results

from aftercar.report import read_manifest, read_result, render_trial_page
from aftercar.report.trial_endpoints import endpoint_text, full_table, main_table
from aftercar.report.trial_page import TrialResults, fate_table
from aftercar.trials.summary import count_fates


@pytest.fixture(scope="module")
def trial() -> TrialResults:
    return plausible_results(40, arms=NAMES[:4])


@pytest.fixture(scope="module")
def page(trial: TrialResults) -> str:
    return render_trial_page(trial)


def test_the_page_says_first_that_all_is_simulated(page: str) -> None:
    body = page.split("<body>")[1]
    assert body.index("SIMULATED, uncalibrated") < body.index("<table")
    assert (
        "KarMMa-like" in body and "<dt>Seed</dt><dd>7</dd>" in body and "<dt>Virtual patients</dt><dd>40</dd>" in body
    )
    assert len(re.findall('class="tag simulated"', body)) == 7  # summary and six parts
    calibrated = render_trial_page(replace(plausible_results(20, arms=NAMES[:2]), calibrated=True))
    assert "SIMULATED, first treatment calibrated" in calibrated and "not been calibrated" not in calibrated


def test_every_figure_has_its_words_its_buttons_and_its_data(page: str) -> None:
    drawn = re.findall(r'role="img" tabindex="0" aria-label="([^"]+)" data-figure="([^"]+)"', page)
    assert len(drawn) == 12 and all(len(label) > 20 for label, _ in drawn)
    for _, name in drawn:
        assert f'data-table="{name}"' in page and f'data-save="csv" data-of="{name}"' in page
    figures = json.loads(re.search(r'id="aftercar-figures">(.*?)</script>', page, re.DOTALL)[1])["figures"]  # type: ignore[index]
    assert set(figures) == {name for _, name in drawn}
    assert "steps" in figures["survival-pfs"]["shared"] and not figures["survival-pfs"]["narrow"]["datasets"].get(
        "steps"
    )


def test_the_page_needs_no_network_and_carries_its_results(trial: TrialResults, page: str) -> None:
    assert "default-src 'none'" in html.unescape(page)
    markup = re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", markup)
    assert read_manifest(page) == MANIFEST.to_dict()
    result = read_result(page)
    assert result["kind"] == "simulated" and len(result["endpoints"]) == len(trial.endpoints)
    assert {row["arm"] for row in result["by_mechanism"]} == set(NAMES[:4])
    assert render_trial_page(trial) == page


def test_hostile_names_stay_text() -> None:
    page = render_trial_page(bare_results())
    assert HOSTILE not in page and "<img" not in re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)
    assert html.escape(HOSTILE, quote=False).split("'")[0][:40] in page


def test_what_a_run_did_not_keep_is_named_and_leaves_no_empty_part(trial: TrialResults) -> None:
    page = render_trial_page(no_tables_kept(replace(trial, beside=None)))
    for absent in ("waterfall", "clones", "events", "beside"):
        assert f'data-figure="{absent}"' not in page and f'<section id="{absent}">' not in page
    assert "the run kept no visits" in page and "No clones: the run kept none." in page
    assert "No adverse events" in page


def test_22_arms_of_500_patients_stay_below_5_mb() -> None:
    assert len(render_trial_page(plausible_results(500)).encode()) < 5_000_000


def test_endpoints_are_written_with_both_intervals(trial: TrialResults) -> None:
    share = {"unit": "share", "n": 20, "estimate": 0.45, "ci_lb": 0.26, "ci_ub": 0.65, "parameters_lb": 0.1,
             "parameters_ub": 0.8}  # fmt: skip
    nan = float("nan")
    assert endpoint_text(share).replace("\xa0", " ") == "45% [26, 65]; [10, 80]"
    month = {"unit": "month", "n": 20, "estimate": 7.42, "ci_lb": 5.0, "ci_ub": nan}
    assert endpoint_text(month).replace("\xa0", " ") == "7.4 [5.0, NR]"
    assert endpoint_text(month | {"estimate": nan, "ci_lb": nan}).replace("\xa0", " ") == "not reached"
    assert endpoint_text(month | {"estimate": nan, "ci_lb": nan, "n": 0}) == "—" and endpoint_text(None) == "—"
    assert list(main_table(trial.endpoints).columns) == ["Arm", "Treated", "ORR", "CR", "PFS, months", "OS, months"]
    assert len(full_table(trial.endpoints)) == len(trial.endpoints)


def test_fates_are_counted_from_the_outcomes(trial: TrialResults) -> None:
    table = fate_table(count_fates(trial.tables)).set_index("Arm")
    outcomes = trial.tables.outcomes
    for arm, own in outcomes.groupby("arm"):
        row = table.loc[arm].astype(int)
        assert row["Entered"] == 40 and row["Died"] == own["death_day"].notna().sum()
        assert row["Began another line"] == own["next_treatment_day"].notna().sum()

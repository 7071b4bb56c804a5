"""`aftercar validate` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.commands import run

FEW = ("--patients", "16", "--sets", "4", "--seed", "3")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "mine.csv"
    file.write_text(
        "cohort_id,study_id,therapy_id,measure,events,total,remark\n"
        "ward_tal,ward,talquetamab,ORR,13,20,so\n"
        "ward_both,ward,talquetamab+pomalidomide_alone,ORR,4,6,\n"
        "ward_any,ward,any_salvage,ORR,4,6,\n"
        "ward_tal,ward,talquetamab,CR,2,20,\n"
    )
    return file


def test_a_table_is_predicted_scored_and_written(table: Path, tmp_path: Path) -> None:
    result = run("validate", str(table), *FEW, "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    for words in ("SIMULATED", "too few studies for a verdict", "Not predicted", "mixture", "13/20 (65)"):
        assert words in result.stdout, words
    cohorts = pd.read_csv(tmp_path / "out" / "cohorts.csv")
    assert cohorts["cohort"].tolist() == ["ward_tal", "ward_both"]
    assert (cohorts["mechanism_lb"] <= cohorts["mechanism_rate"]).all()
    arms = pd.read_csv(tmp_path / "out" / "arms.csv")
    assert set(arms["arm"]) == {"talquetamab", "talquetamab+pomalidomide_alone"}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert set(manifest["hashes"]) == {"evidence", "model_data", "posterior", "table"}
    assert manifest["config"]["discrepancy"] == 0.3 and manifest["seed"] == 3


def test_medians_of_a_table_are_predicted_scored_and_written(tmp_path: Path) -> None:
    file = tmp_path / "medians.csv"
    file.write_text(
        "cohort_id,study_id,therapy_id,measure,first_therapy,median,patients,follow_up_months\n"
        "ward_tal,ward,talquetamab,PFS,cilta_cel,7.5,20,\n"
        "ward_tec,ward,teclistamab,PFS,,,12,9\n"
    )
    result = run("validate", str(file), "--measure", "PFS", *FEW, "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    for words in ("SIMULATED", "Prediction of PFS", "7.5, n = 20", ">9.0, n = 12", "(ide_cel)", "log months"):
        assert words in result.stdout, words
    cohorts = pd.read_csv(tmp_path / "out" / "cohorts.csv")
    assert cohorts["first"].tolist() == ["cilta_cel", "ide_cel"] and cohorts["first_known"].tolist() == [True, False]
    assert (cohorts["mechanism_lb"] <= cohorts["mechanism_median"]).all()
    patients = pd.read_csv(tmp_path / "out" / "arms.csv")
    assert set(zip(patients["first"], patients["arm"], strict=True)) == {
        ("cilta_cel", "talquetamab"), ("ide_cel", "teclistamab"),
    }  # fmt: skip
    bad = run("validate", str(file), "--measure", "ORR")
    assert bad.returncode == 2 and "the column 'events' is missing" in bad.stderr


def test_the_same_seed_prints_the_same_numbers_for_a_program(table: Path) -> None:
    first, second = (run("validate", str(table), *FEW, "--format", "json", "--workers", k) for k in ("1", "2"))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    found = json.loads(first.stdout)
    assert found["kind"] == "simulated predictions of observed counts"
    assert [one["cohort"] for one in found["not_predicted"]] == ["ward_any"]
    assert found["differences"]["class"]["verdict"] == "too few"


def test_a_folder_of_evidence_tables_is_predicted_alone(tmp_path: Path) -> None:
    tables = {
        "studies": "study_id,name,design,first_author,year\nward,Our ward,retrospective,,2027\n",
        "cohorts": "cohort_id,study_id,therapy_id,role,population,prior_bcma,line,unit_of_analysis,n_treated\n"
        "ward_tal,ward,talquetamab,salvage,relapse,bcma_cart,first_salvage,patient,20\n",
        "sources": "source_id,study_id,kind,locator,quote,checked\n"
        "ward_report,ward,primary_paper,table 2,13 of 20 responded,against_primary\n",
        "outcomes": "outcome_id,cohort_id,measure,source_id,preferred,events,total,count_status,percent\n"
        "ward_orr,ward_tal,ORR,ward_report,yes,13,20,reported,65\n",
    }
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text)
    result = run("validate", str(tmp_path), "--patients", "16", "--sets", "0", "--format", "csv")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1].startswith("ward_tal,ward,talquetamab,gprc5d_bsab")
    assert len(result.stdout.splitlines()) == 2
    (tmp_path / "cohorts.csv").write_text(tables["cohorts"].replace("talquetamab", "talquetamb"))
    bad = run("validate", str(tmp_path))
    assert bad.returncode == 2 and "cohorts.csv row 2, column therapy_id" in bad.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.csv",), "the file does not exist"),
        (("--patients", "0"), "option --patients: 0 is below 1"),
        (("--discrepancy", "-1"), "option --discrepancy"),
        (("--measure", "CR", "--sets", "100000", "--patients", "2"), "100000 sets, the posterior has"),
    ],
)
def test_bad_requests_end_with_a_message(arguments: tuple[str, ...], message: str) -> None:
    result = run("validate", *arguments)
    assert result.returncode == 2
    assert message in result.stderr and "Traceback" not in result.stderr

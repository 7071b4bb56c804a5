"""The commands as a user meets them: output, exit codes, files whole or absent."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.commands import run
from tests.end_to_end.malformed import write_good


def test_the_installed_program_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aftercar", "evidence", "list", "--target", "GPRC5D"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "talquetamab" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("compare",),
        ("reproduce",),
        ("pool",),
        ("curve",),
        ("evidence",),
        ("evidence", "list"),
        ("evidence", "show"),
        ("evidence", "check"),
        ("evidence", "export"),
        ("evidence", "therapies"),
        ("evidence", "findings"),
        ("evidence", "conflicts"),
    ],
)
def test_help_shows_an_example(arguments: tuple[str, ...]) -> None:
    result = run(*arguments, "--help")
    assert result.returncode == 0
    assert "Example" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "--prior", "loose"), "loose"),
        (("compare", "--strategy", "gprc5d"), "gprc5d_cart"),
        (("compare", "--therapy", "talquetumab"), "talquetamab"),
        (("compare", "--level", "95"), "--level"),
        (("compare", "--draws", "0"), "--draws"),
        (("compare", "--out", "table.xlsx"), ".html"),
        (("evidence", "show", "karmma"), "karmma_reinfusion"),
        (("evidence", "check", "nowhere"), "folder"),
        (("evidence", "export", "base.xlsx"), ".parquet"),
        (("evidence", "list", "--target", "BCMAA"), "BCMA"),
        (("evidence", "list", "--role", "index", "--prior", "strict"), "no cohort fits"),
        (("pool", "nowhere.csv", "--events", "r", "--total", "n"), "does not exist"),
        (("pool", "--events", "r"), "no file"),
        (("pool", "--strategy", "imid"), "Loosen"),
        (("pool", "--measure", "PFS"), "no proportion"),
        (("pool", "--strategy", "gprc5d_cart", "--covariate", "year"), "--covariate"),
        (("pool", "--strategy", "gprc5d_cart", "--order", "year"), "--order"),
        (("pool", "mine.csv", "--events", "r", "--total", "n", "--prior", "strict"), "--prior"),
        (("pool", "mine.csv", "--events", "r", "--total", "n", "--measure", "CR"), "--measure"),
        (("pool", "mine.csv", "--median", "m", "--out", "plot.svg"), "--out"),
        (("pool", "mine.csv", "--median", "m", "--method", "reml"), "--method"),
        (("compare", "--replace"), "--evidence"),
        (("evidence", "list", "--replace"), "--evidence"),
        (("evidence", "list", "--target", "GPRC5D", "--measure", "local_control"), "no figure"),
        (("reproduce", "nowhere.html"), "does not exist"),
        (("frobnicate",), "No such command"),
    ],
)
def test_a_wrong_word_exits_with_two_and_says_what_would_do(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_evidence_is_listed_for_people_and_programs() -> None:
    table = run("evidence", "list", "--target", "GPRC5D", "--prior", "strict")
    assert table.returncode == 0
    assert "talquetamab" in table.stdout
    frame = pd.read_csv(StringIO(run("evidence", "list", "--target", "GPRC5D", "--format", "csv").stdout))
    assert {"events", "total", "source_quote", "cohort_prior_bcma"} <= set(frame.columns)
    assert all("GPRC5D" in targets.split(";") for targets in frame["targets"])
    rows = json.loads(run("evidence", "therapies", "--format", "json").stdout)
    assert {"ide_cel", "cilta_cel", "teclistamab"} <= {row["therapy_id"] for row in rows}


def test_a_cohort_is_shown_with_quotes_and_conflicts() -> None:
    text = run("evidence", "show", "vanoekelen_first").stdout
    assert "33/76" in text
    assert "43.4%" in text
    assert "conflict" in text


def test_a_percentage_is_shown_with_the_counts_that_stand_for_it() -> None:
    """52.6% of an unknown number is pooled as 10/19: the reader must find that where the figure stands."""
    text = " ".join(run("evidence", "show", "reyes_first_cd38").stdout.split())
    assert "pooled as 10/19, the smallest of 3 feasible counts" in text
    assert "pooled as 12/15, the only feasible count" in " ".join(
        run("evidence", "show", "legend2_salvage_pi").stdout.split()
    )
    assert "pooled as" not in run("evidence", "show", "karmma_reinfusion").stdout
    assert "not pooled: the denominator is not reported" in " ".join(
        run("evidence", "show", "reyes_first_imid").stdout.split()
    )


def test_a_cohort_is_shown_with_its_citation_and_not_a_key_alone() -> None:
    text = " ".join(run("evidence", "show", "vanoekelen_first").stdout.split())
    assert "[vanoekelen2023]" in text
    assert "Blood" in text
    assert "Van Oekelen" in text
    numbered = " ".join(run("evidence", "show", "bms986393_prior_bcma").stdout.split())
    assert "reference 82 of the review" in numbered


def test_the_base_goes_out_and_comes_back_unchanged(tmp_path: Path) -> None:
    assert run("evidence", "export", "base.csv", cwd=tmp_path).returncode == 0
    assert run("evidence", "export", "base.parquet", cwd=tmp_path).returncode == 0
    assert run("evidence", "export", "tables", cwd=tmp_path).returncode == 0
    one, other = pd.read_csv(tmp_path / "base.csv"), pd.read_parquet(tmp_path / "base.parquet")
    assert list(one.columns) == list(other.columns)
    assert len(one) == len(other) > 150
    check = run("evidence", "check", "tables", "--replace", cwd=tmp_path)
    assert check.returncode == 0, check.stderr
    first = run("compare", "--format", "csv", "--draws", "2000")
    again = run("compare", "--format", "csv", "--draws", "2000", "--evidence", str(tmp_path / "tables"), "--replace")
    assert first.stdout == again.stdout


def test_a_users_table_is_pooled_like_the_published_one(tmp_path: Path) -> None:
    """dat.pritz1997 of R's metadat; reference values: metafor 3.8-1, rma(measure = "PLO", method = "REML")."""
    counts = "16/17 10/12 4/8 43/58 10/10 25/42 13/14 12/12 22/41 4/5 5/6 18/23 58/68 6/10".split()
    lines = ["study,r,n", *(f"{i},{pair.replace('/', ',')}" for i, pair in enumerate(counts, start=1))]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    result = run(
        "pool", "mine.csv", "--events", "r", "--total", "n", "--method", "reml", "--format", "json", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    overall = json.loads(result.stdout)["overall"]
    assert overall["estimate"] == pytest.approx(0.757479, abs=2e-6)  # the reference has six decimals
    assert overall["ci_lb"] == pytest.approx(0.660522, abs=2e-6)
    assert overall["pi_ub"] == pytest.approx(0.917850, abs=2e-6)
    assert overall["heterogeneity"]["tau2"] == pytest.approx(0.364588, abs=2e-6)
    panel = {row["label"]: row["estimate"] for row in json.loads(result.stdout)["panel"]}
    assert {round(value, 3) for value in panel.values()} >= {0.757, 0.798, 0.813}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study,r,n\na,5,4\n", "row 2, column r: 5 exceeds n = 4"),
        ("study,r,n\na,x,4\n", "row 2, column r"),
        ("study,r,n\na,1,\n", "row 2, column n: the cell is empty"),
        ("study,r,n\na,1,0\n", "row 2, column n: 0 is below 1"),
        ("study,r,n\na,-1,3\n", "row 2, column r: -1 is below 0"),
        ("study,r,n\na,1.5,3\n", "row 2, column r: 1.5 is not whole"),
        ("study,r\na,1\n", "column n"),
        ("study,r,n\n", "no rows"),
        ("study,r,n,n\na,1,2,3\n", "twice"),
        ("", "empty"),
    ],
)
def test_a_users_faulty_table_is_named_by_row_and_column(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.csv").write_text(text)
    result = run("pool", "mine.csv", "--events", "r", "--total", "n", cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("rows", "low", "high"),
    [("a,0,5\n", 0, 0.6), ("a,0,5\nb,0,9\nc,0,4\n", 0, 0.3), ("a,5,5\nb,9,9\n", 0.7, 1), ("a,1,1\n", 0, 1)],
)
@pytest.mark.parametrize("method", ["glmm", "reml", "dl", "bayes"])
def test_degenerate_tables_have_an_answer_inside_zero_and_one(
    tmp_path: Path, rows: str, low: float, high: float, method: str
) -> None:
    (tmp_path / "mine.csv").write_text("study,r,n\n" + rows)
    result = run(
        "pool", "mine.csv", "--events", "r", "--total", "n", "--method", method, "--format", "json", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    overall = json.loads(result.stdout)["overall"]
    assert 0 <= overall["ci_lb"] <= overall["estimate"] <= overall["ci_ub"] <= 1
    assert low <= overall["estimate"] <= high or method == "bayes"


def test_medians_are_pooled_and_those_without_interval_are_listed(tmp_path: Path) -> None:
    (tmp_path / "pfs.csv").write_text("study,pfs,lo,hi\nA,3.5,2.5,4.6\nB,3.6,1.4,\nC,16.3,,\n")
    result = run(
        "pool", "pfs.csv", "--median", "pfs", "--lower", "lo", "--upper", "hi", "--format", "json", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    pooled = json.loads(result.stdout)["medians"]["all"]
    assert pooled["k"] == 2
    assert [row["label"] for row in pooled["left_out"]] == ["C"]


def test_compare_writes_a_report_that_reproduces_itself(tmp_path: Path) -> None:
    made = run("compare", "--prior", "strict", "--draws", "2000", "--out", "report.html", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "report: report.html" in made.stdout
    told = " ".join(made.stdout.split())
    assert "never for treating a patient" in told
    assert "ORR, observed: of " in told and "SIMULATED" not in told
    report = tmp_path / "report.html"
    assert report.stat().st_size < 5_000_000
    same = run("reproduce", "report.html", cwd=tmp_path)
    assert same.returncode == 0, same.stdout + same.stderr
    assert "the same, byte for byte" in same.stdout
    original = report.read_text()
    report.write_text(original.replace("never for treating a patient", "good for treating a patient", 1))
    edited = run("reproduce", "report.html", cwd=tmp_path)
    assert edited.returncode == 1
    assert "somebody edited it" in edited.stdout
    report.write_text(original.replace('"seed":20240601', '"seed":7'))
    differs = run("reproduce", "report.html", cwd=tmp_path)
    assert differs.returncode == 1
    assert "not the same" in differs.stdout


def test_both_halves_say_what_is_identified_and_where_they_disagree(tmp_path: Path) -> None:
    chosen = ("--strategy", "gprc5d_cart", "--strategy", "checkpoint_inhibition", "--patients", "24", "--sets", "8")
    made = run("compare", *chosen, "--draws", "2000", "--out", "report.html", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    told = " ".join(made.stdout.split())
    for half in ("ORR, observed: of 1 pair ", "ORR, simulated: of 1 pair ", "PFS, simulated: of 1 pair "):
        assert half in told
    assert "Where the model and the evidence disagree (SIMULATED" in told and "STALE" not in told
    assert "Nivolumab after CAR-T" in told and "BCMA CAR-T again" not in told  # none of its cohorts is shown
    page = (tmp_path / "report.html").read_text()
    assert 'id="tension-checkpoint-blockade"' in page and "Rank by ORR simulated, 90%" in page
    assert "the same, byte for byte" in run("reproduce", "report.html", cwd=tmp_path).stdout


def test_a_report_on_own_tables_never_reads_a_path_from_the_report(tmp_path: Path) -> None:
    write_good(tmp_path / "mine")
    made = run("compare", "--evidence", "mine", "--replace", "--draws", "2000", "--out", "r.html", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert run("reproduce", "r.html", cwd=tmp_path).returncode == 2
    same = run("reproduce", "r.html", "--evidence", "mine", cwd=tmp_path)
    assert same.returncode == 0, same.stdout + same.stderr


def test_tables_in_the_folder_where_one_stands_are_named_by_it(tmp_path: Path) -> None:
    """`--evidence .` has no name of its own: the report must still say that it used tables of a user."""
    mine = write_good(tmp_path / "mine")
    made = run("compare", "--evidence", ".", "--replace", "--draws", "2000", "--out", "../r.html", cwd=mine)
    assert made.returncode == 0, made.stderr
    refused = run("reproduce", "r.html", cwd=tmp_path)
    assert refused.returncode == 2
    assert "used tables of its own ('mine')" in refused.stderr
    assert run("reproduce", "../r.html", "--evidence", ".", cwd=mine).returncode == 0


def test_pooling_the_base_says_on_which_question_it_rests(tmp_path: Path) -> None:
    """The manifest must hold every setting that can move the result, also those left at their defaults."""
    result = run("pool", "--strategy", "gprc5d_cart", "--format", "json", cwd=tmp_path)
    config = json.loads(result.stdout)["manifest"]["config"]
    assert config["measure"] == "ORR"
    assert config["filters"]["prior"] == "inclusive"
    assert config["filters"]["strategies"] == ["gprc5d_cart"]


@pytest.mark.parametrize(
    "damage",
    [
        ('"config":{', '"config":[1],"x":{'),
        ('"config":{', '"config":null,"x":{'),
        ('"version":"', '"version":"\\u001b[31m'),
    ],
)
def test_a_report_that_was_tampered_with_is_refused_or_shown_plainly(tmp_path: Path, damage: tuple[str, str]) -> None:
    assert run("compare", "--strategy", "imid", "--draws", "2000", "--out", "r.html", cwd=tmp_path).returncode == 0
    report = tmp_path / "r.html"
    text = report.read_text()
    assert damage[0] in text
    report.write_text(text.replace(*damage, 1))
    result = run("reproduce", "r.html", cwd=tmp_path)
    assert result.returncode in {1, 2}
    assert "\x1b" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout + result.stderr


def test_whole_numbers_stay_whole_in_exported_tables(tmp_path: Path) -> None:
    assert run("evidence", "export", "base.csv", cwd=tmp_path).returncode == 0
    assert run("evidence", "export", "tables", cwd=tmp_path).returncode == 0
    for name, column in (("base.csv", "events"), ("tables/cohorts.csv", "n_treated"), ("tables/studies.csv", "year")):
        cells = pd.read_csv(tmp_path / name, dtype=str)[column].dropna()
        assert cells.str.fullmatch("[0-9]+").all(), name
    table = pd.read_csv(StringIO(run("compare", "--format", "csv", "--draws", "2000").stdout), dtype=str)
    assert table["orr_k"].dropna().str.fullmatch("[0-9]+").all()


def test_an_empty_table_is_exported_with_its_header(tmp_path: Path) -> None:
    mine = str(write_good(tmp_path / "mine"))
    assert run("evidence", "export", "tables", "--evidence", mine, "--replace", cwd=tmp_path).returncode == 0
    assert (tmp_path / "tables" / "findings.csv").read_text().startswith("finding_id,")
    check = run("evidence", "check", "tables", "--replace", cwd=tmp_path)
    assert check.returncode == 0, check.stderr


def test_an_unwritable_place_is_named_as_the_user_wrote_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("evidence", "export", "file/base.csv", cwd=tmp_path)
    assert result.returncode == 2
    assert "file" in result.stderr
    assert ".tmp" not in result.stderr
    assert run("evidence", "export", "", cwd=tmp_path).returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_compare_in_json_and_csv_carries_every_strategy() -> None:
    result = json.loads(run("compare", "--format", "json", "--draws", "2000").stdout)
    frame = pd.read_csv(StringIO(run("compare", "--format", "csv", "--draws", "2000").stdout))
    assert [row["strategy"]["strategy_id"] for row in result["strategies"]] == frame["strategy_id"].tolist()
    assert {"orr_estimate", "orr_pi_lb", "cr_estimate", "certainty", "prob_best"} <= set(frame.columns)


def test_a_digitised_curve_gives_back_the_published_median(tmp_path: Path) -> None:
    """6-MP arm of Freireich 1963: 21 patients, 9 relapses, median remission 23 weeks (as printed in textbooks)."""
    examples = Path(__file__).parents[2] / "src" / "aftercar" / "catalogue" / "examples"
    points, risk = str(examples / "digitised_curve.csv"), str(examples / "risk_table.csv")
    command = ("curve", points, "--at-risk", risk, "--unit", "percent", "--events", "9")
    result = run(*command, "--format", "json", "--out", "patients.csv", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["patients"], answer["events"]) == (21, 9)
    assert answer["median"]["estimate"] == pytest.approx(23, abs=0.25)  # the reading error of the axis
    assert len(pd.read_csv(tmp_path / "patients.csv")) == 21
    wrong = run("curve", points, "--at-risk", risk, "--unit", "fraction", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "percent" in wrong.stderr

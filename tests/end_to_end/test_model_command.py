"""`aftercar model` as a user meets it: what is printed, what is written, what is refused and how."""

from __future__ import annotations

import io
from pathlib import Path

import libsbml
import pandas as pd
import pytest

from aftercar.catalogue.model_data import load_model_data
from tests.end_to_end.commands import run

MINE = """
[mine_cart.action]
kind = "product"
binds = { BCMA = 1.0, GPRC5D = 0.5 }
schedule = [{ day = 0, amount = 1e8, unit = "cell" }]
schedule_source = "invented"
"""


def test_all_is_printed_with_the_assumptions_first() -> None:
    result = run("model")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("For research and trial design only.")
    head = result.stdout.splitlines()[1]
    data = load_model_data()
    numbers = [*data.parameters.values(), *(n for a in data.actions.values() for n in a.values.values())]
    assert f"{sum(n.grade == 'assumed' for n in numbers)} assumed" in head
    titles = ("States (", "Equations of one product", "Parameters (", "Mechanisms (", "Antigens (", "Therapies (")
    places = [result.stdout.index(title) for title in titles]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("option", "column", "kind"),
    [
        ("--states", "state", None),
        ("--equations", "name", None),
        ("--parameters", "parameter", "parameters"),
        ("--mechanisms", "mechanism", "mechanisms"),
        ("--antigens", "antigen", "antigens"),
        ("--therapies", "therapy", "actions"),
    ],
)
def test_one_part_as_a_table_for_programs(option: str, column: str, kind: str | None) -> None:
    result = run("model", option, "--csv")
    frame = pd.read_csv(io.StringIO(result.stdout))
    if kind is not None:
        assert list(frame[column]) == list(getattr(load_model_data(), kind))
    else:
        assert len(frame) > 40 and frame[column].notna().all()
    assert run("model", option, "--format", "csv").stdout == result.stdout
    printed = run("model", option).stdout
    assert printed.startswith("For research and trial design only.")


def test_parameters_of_one_grade() -> None:
    frame = pd.read_csv(io.StringIO(run("model", "--grade", "measured", "--csv").stdout))
    assert set(frame["grade"]) == {"measured"} and frame["source"].ne("aftercar").all()


def test_one_therapy_with_its_sources() -> None:
    result = run("model", "--therapy", "ide_cel")
    assert result.returncode == 0
    assert "BCMA" in result.stdout and "4.5e+08 cell" in result.stdout and "[assumed: " in result.stdout


def test_sbml_with_a_plan_holds_the_doses(tmp_path: Path) -> None:
    words = ("model", "--export", "sbml", "--with", "ide_cel", "--with", "teclistamab@100:30", "--days", "200")
    result = run(*words, "--out", "a.xml", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "ide_cel from day 0, teclistamab from day 100; doses up to day 200" in result.stdout
    model = libsbml.readSBMLFromFile(str(tmp_path / "a.xml")).getModel()
    events = {model.getEvent(k).getId(): model.getEvent(k) for k in range(model.getNumEvents())}
    targets = [
        [e.getEventAssignment(k).getVariable() for k in range(e.getNumEventAssignments())] for e in events.values()
    ]
    # Three days of lymphodepletion into two pools, one infusion of cells, then doses of the engager within 30 days.
    assert targets[:3] == [["t_depletion", "b_depletion"]] * 3
    assert targets[3] == ["product1_infused"]
    assert all(t == ["engager1_depot"] for t in targets[4:]) and len(targets) > 6
    assert run(*words, "--out", "b.xml", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.xml").read_bytes() == (tmp_path / "b.xml").read_bytes()


def test_other_forms_hold_the_same_names(tmp_path: Path) -> None:
    for form, words in (("antimony", "product1_effector' = "), ("latex", r"\frac{d\,\mathrm{product1\_effector}}{dt}")):
        assert run("model", "--export", form, "--out", f"{form}.txt", cwd=tmp_path).returncode == 0
        assert words in (tmp_path / f"{form}.txt").read_text()


def test_data_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own" / "therapies").mkdir(parents=True)
    (tmp_path / "own" / "therapies" / "mine.toml").write_text(MINE)
    result = run("model", "--therapy", "mine_cart", "--data", "own", cwd=tmp_path)
    assert "BCMA; GPRC5D (0.5)" in result.stdout
    assert run("model", "--therapy", "mine_cart", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--therapy", "ide_cell"), "Did you mean ide_cel"),
        (("--grade", "asumed"), "Did you mean assumed"),
        (("--csv",), "Ask for one"),
        (("--states", "--antigens", "--format", "json"), "2 parts are asked for"),
        (("--out", "x.xml"), "Give --export sbml"),
        (("--export", "sbml"), "Name one, e.g. --out"),
        (("--with", "ide_cel", "--out", "x.xml"), "Give --export sbml"),
        (("--export", "sbml", "--out", "x.xml", "--with", "ide-cel"), "Did you mean ide_cel"),
        (("--export", "sbml", "--out", "x.xml", "--with", "ide_cel@soon"), "is no number"),
        (("--export", "sbml", "--out", "x.xml", "--with", "ide_cel@10:-5"), "Give a length above zero"),
        (("--export", "sbml", "--out", "x.xml", "--with", "ide_cel@nan"), "number"),
        (("--export", "sbml", "--out", "x.xml", "--days", "-3", "--with", "ide_cel"), "Give a length above zero"),
        (("--data", "nowhere"), "this is not a folder"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(
    tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    result = run("model", *words, cwd=tmp_path)
    assert result.returncode == 2
    assert complaint in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == [] and "Traceback" not in result.stderr


def test_a_folder_without_the_models_folders_is_not_taken_for_data(tmp_path: Path) -> None:
    """As `--data mine/therapies` instead of `--data mine`: before, it was read as nothing, and nothing was said."""
    (tmp_path / "therapies").mkdir()
    result = run("model", "--therapy", "ide_cel", "--data", "therapies", cwd=tmp_path)
    assert result.returncode == 2
    assert "none of the model's folders is in it" in result.stderr and "parameters/" in result.stderr


def test_a_therapy_says_what_it_is_and_from_whom() -> None:
    printed = " ".join(run("model", "--therapy", "talquetamab_daratumumab").stdout.split())
    assert "talquetamab with daratumumab" in printed and "review, section 3.4" in printed
    assert "from day 0: day 0: 0.01 mg/kg" in printed and "aftercar model --therapy daratumumab" in printed

"""`aftercar respond` as a user meets it: units, names, forms, faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest

from aftercar.catalogue.laboratory_tables import load_laboratory
from aftercar.foundation import InputError
from tests.end_to_end.commands import run
from tests.end_to_end.malformed_laboratory import GOOD, KINDS, LONG

EXAMPLE = str(files("aftercar.catalogue") / "examples" / "laboratory.csv")


def write(folder: Path, text: str) -> str:
    path = folder / "labs.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def answer(*arguments: str) -> dict[str, object]:
    done = run("respond", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_the_example_is_classified_with_its_reasons() -> None:
    done = run("respond", EXAMPLE)
    assert done.returncode == 0
    text = " ".join(done.stdout.replace("│", " ").split())
    assert "response by imwg2016. For research only" in text
    assert "ORR 3/4 = 75.0% (19.4 to 99.4)" in text  # Clopper-Pearson of 3/4
    found = answer(EXAMPLE)
    assert [row["best_response"] for row in found["patients"]] == ["sCR", "VGPR", "PR", "SD"]  # type: ignore[attr-defined]
    reasons = [row["reason"] for row in found["visits"]]  # type: ignore[attr-defined]
    assert (
        "serum M-protein down 92.5% from 4 to 0.3 g/dL; urine M-protein 40 mg/24 h: VGPR; confirmed on day 57"
        in reasons
    )
    assert found["criteria"] == "imwg2016"
    assert found["options"]["nadir"] == "confirmed"  # type: ignore[index]


def test_units_and_names_of_a_user_give_the_same_answer(tmp_path: Path) -> None:
    house = answer(write(tmp_path, GOOD))
    own = GOOD.replace("serum_m_g_per_dl", "Spike").replace("urine_m_mg_per_24h", "BJP")
    for there, turned in ((",4.0,", ",40,"), (",2.5,", ",25,"), (",0.3,", ",3,"), ("<0.1", "<1")):
        own = own.replace(there, turned)
    (tmp_path / "own").mkdir()
    mapped = answer(
        write(tmp_path / "own", own), "--map", "Spike=serum_m", "--unit", "Spike=g/L", "--map", "BJP=urine_m_mg_per_24h"
    )
    for part in ("patients", "visits", "rates"):
        assert mapped[part] == house[part]


def test_a_long_table_in_dates_is_the_wide_one_in_days(tmp_path: Path) -> None:
    found = answer(write(tmp_path, LONG))
    assert [row["day"] for row in found["visits"]] == [0, 28, 57]  # type: ignore[attr-defined]
    assert found["patients"][0]["best_response"] == "PR"  # type: ignore[index]


def test_a_start_date_counts_the_days(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_text(LONG.replace("USUBJID", "USUBJID,TRTSDT").replace("\nA,", "\nA,2024-01-05,"))
    assert load_laboratory(path).table["day"].tolist() == [-3, 25, 54]


def test_what_was_not_read_is_said(tmp_path: Path) -> None:
    done = run("respond", write(tmp_path, GOOD.replace("plasmacytomas", "plasmacytomass")))
    assert done.returncode == 0
    assert "note: the column 'plasmacytomass' was not read; if it is plasmacytomas, add --map" in done.stderr
    assert "not read" in done.stdout


def test_patients_without_baseline_are_named(tmp_path: Path) -> None:
    done = run("respond", write(tmp_path, GOOD.replace("B,0,", "B,5,")))
    assert "no visit at or before day 0, so no baseline: B" in done.stderr


def test_csv_and_files_hold_the_same_rows(tmp_path: Path) -> None:
    done = run("respond", EXAMPLE, "--visits", "--format", "csv", "--out", str(tmp_path / "visits.csv"))
    assert done.stdout == (tmp_path / "visits.csv").read_text()
    table = pd.read_csv(tmp_path / "visits.csv")
    assert len(table) == 19 and set(table["criteria"]) == {"imwg2016"}
    run("respond", EXAMPLE, "--out", str(tmp_path / "all.json"))
    stored = json.loads((tmp_path / "all.json").read_text())
    assert stored["patients"] == answer(EXAMPLE)["patients"]


def test_nothing_is_stored_unless_asked(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert run("respond", path, cwd=tmp_path).returncode == 0
    assert [one.name for one in tmp_path.iterdir()] == ["labs.csv"]


def test_options_reach_the_rules(tmp_path: Path) -> None:
    table = "patient,day,serum_m_g_per_dl\nA,0,4\nA,28,1.6\nA,56,\nA,84,1.6\n"
    path = write(tmp_path, table)
    assert answer(path)["patients"][0]["best_response"] == "PR"  # type: ignore[index]
    assert answer(path, "--not-evaluable", "break")["patients"][0]["best_response"] == "SD"  # type: ignore[index]
    assert answer(path, "--max-interval", "40")["patients"][0]["best_response"] == "SD"  # type: ignore[index]
    assert answer(path, "--min-interval", "57")["patients"][0]["best_response"] == "SD"  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "pieces"),
    [
        (("--map", "serum"), ("option --map", "no pair")),
        (("--map", "serum_m_g_per_dl=serum", "--map", "serum_m_g_per_dl=kappa"), ("option --map", "twice")),
        (("--map", "urine_m_mg_per_24h=urin"), ("column urine_m_mg_per_24h", "no name of ours", "urine_m")),
        (("--map", "nothing=serum_m"), ("option --map", "no column or test 'nothing'")),
        (("--unit", "nothing=g/L"), ("option --unit", "no column or test 'nothing'")),
        (("--unit", "serum_m_g_per_dl=g/L"), ("its name says g/dL, --unit says g/L",)),
        (("--unit", "serum_m_g_per_dl=mmol/L"), ("no unit of serum_m",)),
        (("--unit", "serum_ife=g/L"), ("no unit of serum_ife", "it has no unit")),
        (("--criteria", "imwg2026"), ("criteria", "no published text")),
        (("--criteria", "imwg2017"), ("criteria", "imwg2016")),
        (("--min-interval", "30", "--max-interval", "20"), ("options", "30")),
        (("--mrd-threshold", "0"), ("mrd_threshold",)),
        (("--out", "answer.xlsx"), ("option --out", ".csv or .json")),
    ],
)
def test_options_that_cannot_be_are_refused(
    tmp_path: Path, arguments: tuple[str, ...], pieces: tuple[str, ...]
) -> None:
    done = run("respond", write(tmp_path, GOOD), *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert all(piece in done.stderr for piece in pieces), done.stderr


def test_the_undamaged_tables_load(tmp_path: Path) -> None:
    path = Path(write(tmp_path, GOOD))
    found = load_laboratory(path)
    assert len(found.table) == 5 and not found.unused and not found.notes
    assert found.table["serum_m_g_per_dl_below"].tolist()[-1] == 1.0


@pytest.mark.parametrize(("damage", "pieces"), [pytest.param(d, p, id=n) for n, d, p in KINDS])
def test_damage_is_named_with_its_place_and_mend(
    tmp_path: Path, damage: Callable[[Path], None], pieces: tuple[str, ...]
) -> None:
    path = tmp_path / "labs.csv"
    damage(path)
    with pytest.raises(InputError) as caught:
        load_laboratory(path)
    message = str(caught.value)
    assert all(piece in message for piece in pieces), message
    assert all(fault.mend.strip() for fault in caught.value.faults)


def test_every_fault_is_reported_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    broken = GOOD.replace("A,28,0.3", "A,28,NA").replace("57,0.3,20,negative", "57,0.3,20,weak").replace("B,28", "B,")
    out = tmp_path / "answer.csv"
    done = run("respond", write(tmp_path, broken), "--out", str(out))
    assert done.returncode == 2 and done.stdout == ""
    assert [line.split(", column ")[0] for line in done.stderr.splitlines()] == [
        "error: labs.csv row 3", "error: labs.csv row 4", "error: labs.csv row 6",
    ]  # fmt: skip
    assert not out.exists()


def test_help_has_an_example() -> None:
    done = run("respond", "--help")
    assert done.returncode == 0
    assert "Example: aftercar respond labs.csv" in done.stdout and "research" in done.stdout

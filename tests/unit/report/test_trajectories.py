"""Figures, table and page of `aftercar simulate`."""

from __future__ import annotations

import html
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from tests.unit.report.reading import check_schema

from aftercar.catalogue.model_data import load_model_data
from aftercar.foundation import Manifest
from aftercar.model import Treatment
from aftercar.patients import draw_prior
from aftercar.patients.arms import Trajectories, simulate_arms
from aftercar.report import Figure, read_manifest, read_result, render_svg
from aftercar.report.trajectories import render_trajectories
from aftercar.report.trajectories_figures import trajectory_figures
from aftercar.report.trajectories_frames import treatment_spans
from aftercar.report.trajectories_lines import thinned
from aftercar.report.trajectories_terminal import render_trajectories_table
from aftercar.report.trajectories_words import level_text, scientific, simulated_sentence

MANIFEST = Manifest("aftercar simulate x", {}, 1, {"model_data": "0" * 64}, version="0.0.test", environment={})
HOSTILE = "</script><script>alert(1)</script>"
THERAPIES = """
[test_cart.action]
kind = "product"
binds = { BCMA = 1.0 }
schedule = [{ day = 0.0, amount = 4.5e8, unit = "cell" }]

["<b>engager</b>".action]
kind = "engager"
binds = { GPRC5D = 1.0 }
schedule = [{ day = 0.0, amount = 0.4, unit = "mg/kg", every = 7.0 }]

[test_drug.action]
kind = "drug"
schedule = [{ day = 0.0, amount = 1.0, unit = "dose", every = 1.0 }]
"""
MECHANISM = f"""
[anti_car_antibodies]
name = "{HOSTILE}"
section = "2.2.1"
switch = "switch_anti_car_antibodies"
meaning = "of the test"
seen_when_off = "{HOSTILE}"
source = "test"
"""
PLAN = (Treatment("test_cart"), Treatment("<b>engager</b>", 40.0, 21.0), Treatment("test_drug", 70.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name, text in (("therapies", THERAPIES), ("mechanisms", MECHANISM)):
        (folder / name).mkdir()
        (folder / name / "tests.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def one(folder: Path) -> Trajectories:
    return simulate_arms(PLAN, days=100.0, seed=1, data=load_model_data(folder))


@pytest.fixture(scope="module")
def many(folder: Path) -> Trajectories:
    return simulate_arms(
        PLAN, days=100.0, patients=12, seed=1, every=7.0, compare_off=["anti_car_antibodies"],
        data=load_model_data(folder),
    )  # fmt: skip


@pytest.fixture(scope="module")
def under_sets(folder: Path) -> Trajectories:
    sets = draw_prior(5, seed=1, names=["growth_rate", "killing_rate"])
    return simulate_arms(PLAN, days=100.0, seed=1, sets=sets, data=load_model_data(folder))


@pytest.fixture(scope="module")
def figures_of_one(one: Trajectories) -> dict[str, Figure]:
    return {figure.figure_id: figure for figure in trajectory_figures(one)}


@pytest.fixture(scope="module")
def figures_of_many(many: Trajectories) -> dict[str, Figure]:
    return {figure.figure_id: figure for figure in trajectory_figures(many)}


@pytest.fixture(scope="module")
def page(many: Trajectories) -> str:
    return render_trajectories(many, MANIFEST)


def test_every_figure_is_valid_and_can_be_drawn(
    figures_of_one: dict[str, Figure], figures_of_many: dict[str, Figure]
) -> None:
    for figure in (*figures_of_one.values(), *figures_of_many.values()):
        assert "simulated" in figure.title and figure.summary and len(figure.table)
    # One of each kind: log with guides, log with gaps, log with ranges and arms, stacked.
    for figure in (figures_of_one["m-protein"], figures_of_one["clones"], *list(figures_of_many.values())[:2]):
        check_schema(figure)
        assert render_svg(figure, width=680).startswith("<svg")


def test_which_figures_there_are(figures_of_one: dict[str, Figure], figures_of_many: dict[str, Figure]) -> None:
    shared = ["m-protein", "car-t", "sbcma", "engagers", "drugs", "host"]
    assert list(figures_of_one) == ["clones", *shared]
    assert list(figures_of_many) == ["burden", "leading-1", "leading-2", *shared]


def test_treatments_stand_on_the_axis_of_time(one: Trajectories, figures_of_one: dict[str, Figure]) -> None:
    spans = [(span.name, span.first, span.last) for span in treatment_spans(one)]
    assert spans == [("test_cart", 0, 0), ("<b>engager</b>", 40, 54), ("test_drug", 70, 99)]
    drawn = json.dumps(dict(figures_of_one["clones"].spec))
    assert all(f'"text": "{name}"' in drawn for name, _, _ in spans)


def test_guides_of_response_stand_at_falls_from_day_0(one: Trajectories, figures_of_one: dict[str, Figure]) -> None:
    figure = figures_of_one["m-protein"]
    rows = [row for data in figure.spec["datasets"].values() for row in data]
    guides = {row["text"]: row["median"] for row in rows if "end" in row}
    start = float(one.arms[0].data["m_protein_g_per_dl"].sel(time=0.0)[0])
    assert guides["PR −50%"] == pytest.approx(0.5 * start, rel=1e-4)  # drawn with five digits
    assert guides["VGPR −90%"] == pytest.approx(0.1 * start, rel=1e-4)
    assert "no grading" in figure.caption


def test_lines_are_the_simulated_values(one: Trajectories, figures_of_one: dict[str, Figure]) -> None:
    figure = figures_of_one["m-protein"]
    drawn = {row["day"]: row["median"] for row in figure.spec["datasets"]["lines"]}
    real = one.arms[0].data["m_protein_g_per_dl"][0]
    assert drawn[50.0] == pytest.approx(float(real.sel(time=50.0)), rel=1e-4)


def test_ranges_hold_their_median_and_arms_have_names(many: Trajectories, figures_of_many: dict[str, Figure]) -> None:
    figure = figures_of_many["burden"]
    rows = figure.spec["datasets"]["lines"]
    assert all(r["q05"] <= r["q25"] <= r["median"] <= r["q75"] <= r["q95"] for r in rows)
    assert {row["line"] for row in rows} == {arm.name for arm in many.arms}


def test_the_typical_patient_has_a_band_of_sets_and_none_of_patients(under_sets: Trajectories) -> None:
    figures = {figure.figure_id: figure for figure in trajectory_figures(under_sets)}
    assert list(figures)[:2] == ["burden", "clones"]
    figure = figures["burden"]
    rows = figure.spec["datasets"]["lines"]
    assert not [row for row in rows if "q05" in row]
    assert max(row["parameters_ub"] / row["parameters_lb"] for row in rows) > 1.5
    assert "90% of the parameter sets" in figure.caption and "of the patients" not in figure.caption
    check_schema(figure)
    assert render_svg(figure, width=680).startswith("<svg")
    last = under_sets.arms[0].under_sets
    assert last is not None and last.data.sizes["patient"] == 5
    page = render_trajectories(under_sets, MANIFEST)
    assert "typical patient [5%, 95% of the parameter sets]" in page and "5 sets of the prior" in page
    assert "SIMULATED, uncalibrated" in page and "drawn from its range" in page


def test_threads_change_nothing_of_the_band(under_sets: Trajectories, folder: Path) -> None:
    again = simulate_arms(
        PLAN, days=100.0, seed=1, sets=under_sets.sets, data=load_model_data(folder), workers=3
    )  # fmt: skip
    one, other = (run.arms[0].under_sets for run in (under_sets, again))
    assert one is not None and other is not None and one.data.identical(other.data)


def test_shares_of_leading_clones_add_up(figures_of_many: dict[str, Figure]) -> None:
    figure = figures_of_many["leading-1"]
    shares = pd.DataFrame(figure.spec["datasets"]["shares"]).groupby("day")["share"].sum()
    np.testing.assert_allclose(shares, 1.0, atol=1e-3)  # five digits each


def test_thinning_keeps_both_ends_and_the_bend() -> None:
    day = np.arange(2001.0)
    table = pd.DataFrame({"day": day, "median": np.where(day < 1000, 1e12, 1e3)})
    kept = thinned(table, 1.0)["day"].to_numpy()
    assert len(kept) <= 245 and kept[0] == 0 and kept[-1] == 2000
    assert {999.0, 1000.0} & set(kept)
    assert (thinned(pd.DataFrame({"day": [0.0], "median": [1e-9]}), 1.0)["median"] == 1.0).all()


def test_hostile_text_stays_text(page: str) -> None:
    assert HOSTILE not in page and "<b>engager</b>" not in page
    assert "&lt;b&gt;engager&lt;/b&gt;" in page
    assert "alert(1)" in page.split("<body>")[1]


def test_the_page_needs_no_network_and_carries_its_data(many: Trajectories, page: str) -> None:
    assert "default-src 'none'" in html.unescape(page)
    markup = re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)  # the chart library talks of images
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", markup)
    assert read_manifest(page) == MANIFEST.to_dict()
    assert set(read_result(page)["arms"]) == {arm.name for arm in many.arms}
    assert page == render_trajectories(many, MANIFEST)


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_terminal_shows_the_warning_first_at_every_width(width: int, one: Trajectories, many: Trajectories) -> None:
    for run in (one, many):
        written = io.StringIO()
        Console(file=written, width=width).print(render_trajectories_table(run))
        text = written.getvalue()
        assert text.startswith("SIMULATED, uncalibrated: ")
        assert max(len(line) for line in text.splitlines()) <= width
    assert ("A wider terminal" in text) == (width < 152)


def test_the_sentence_counts_assumptions(one: Trajectories) -> None:
    found = re.match(r"SIMULATED, uncalibrated: (\d+) of the (\d+) parameters", simulated_sentence(one))
    assert found is not None and 0 < int(found[1]) < int(found[2])
    own = simulate_arms(PLAN[:1], days=10.0, seed=1, data=one.model_data, values={"growth_rate": 0.03})
    assert "1 set by you" in simulated_sentence(own)


def test_levels_are_written_for_readers() -> None:
    assert scientific(4.39e11) == "4.4e11" and scientific(3e-5) == "3.0e−5"
    assert level_text("tumour_total", 0.2) == "0" and level_text("copies_per_ug", 3.0) == "<50"
    assert level_text("copies_per_ug", 38_737.0) == "39,000" and level_text("bcma_density", 0.655) == "66%"
    assert level_text("m_protein_g_per_dl", 0.0027) == "<0.01" and level_text("mrd_level", 3e-7) == "<1e−6"
    assert level_text("sbcma_ng_per_ml", 1460.4) == "1,460" and level_text("sbcma_ng_per_ml", float("nan")) == "—"

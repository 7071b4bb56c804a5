"""The page of a virtual trial in Chromium, on a screen and on a phone, from disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aftercar.report import render_report, render_trial_page
from aftercar.strategy.agreement import Simulated
from tests.end_to_end.test_report_browser import (
    CHROMIUM,
    COLLISIONS,
    DRIVER,
    OPEN_ALL,
    SMALL_TEXT,
    open_browser,
    open_page,
    wait_for,
)
from tests.unit.report.sample import sample_comparison
from tests.unit.report.trial_sample import NAMES, bare_results, beside_of, fabricated_results, plausible_results

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver"),
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A trial of 22 arms, one of plain random tables, one with every empty case, and the section in a comparison."""
    room = tmp_path_factory.mktemp("pages")
    whole = plausible_results(40)
    simulated = Simulated(beside_of(whole), whole.by_mechanism, {"Population": "KarMMa-like"}, False, {})
    made = {
        "whole": render_trial_page(whole),
        "random": render_trial_page(fabricated_results()),
        "bare": render_trial_page(bare_results()),
        "comparison": render_report(replace(sample_comparison(), simulated=simulated)),
    }
    for name, page in made.items():
        (room / f"{name}.html").write_text(page, encoding="utf-8")
    return {name: room / f"{name}.html" for name in made}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("name", ["whole", "random", "bare", "comparison"])
def test_figures_are_drawn_and_can_be_read(name: str, width: int, driver: Any, pages: dict[str, Path]) -> None:
    for log in ("browser", "performance"):  # what Chromium itself asked for at its start
        driver.get_log(log)
    open_page(driver, pages[name], width=width)
    driver.execute_script(OPEN_ALL)
    states = driver.execute_script("return [...document.querySelectorAll('.canvas')].map((c) => c.dataset.drawn)")
    assert states and set(states) == {"yes"}
    assert driver.execute_script(COLLISIONS) == []
    assert driver.execute_script(SMALL_TEXT) == []
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert driver.execute_script("return window.hacked") is None
    assert [line["message"] for line in driver.get_log("browser")] == []
    events = [json.loads(line["message"])["message"] for line in driver.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert {address for address in asked if not address.startswith(("about:", "data:"))} == {pages[name].as_uri()}


def texts_of(driver: Any, figure: str) -> list[str]:
    """Return what a figure's picture says."""
    script = "return [...document.querySelectorAll('#' + arguments[0] + ' svg text')].map((one) => one.textContent)"
    found: list[str] = driver.execute_script(script, figure)
    return found


def test_arms_and_bands_can_be_chosen_and_a_turned_phone_keeps_the_choice(driver: Any, pages: dict[str, Path]) -> None:
    open_page(driver, pages["whole"], width=1200)

    def named() -> set[str]:
        return set(NAMES) & set(texts_of(driver, "survival-pfs"))

    assert named() == set(NAMES[:6])
    boxes = "const boxes = document.querySelectorAll('#survival-pfs input[data-param=shown]');"
    driver.execute_script(boxes + "boxes[0].click(); boxes[10].click();")
    chosen = {*NAMES[1:6], NAMES[10]}
    wait_for(lambda: named() == chosen)
    bands = "return document.querySelectorAll('#survival-pfs svg .mark-area path').length"
    before = driver.execute_script(bands)
    driver.execute_script("document.querySelector('#survival-pfs input[data-param=bands]').click()")
    wait_for(lambda: driver.execute_script(bands) > before)
    width = "return document.querySelector('#survival-pfs svg').getBoundingClientRect().width"
    wide = driver.execute_script(width)
    metrics = {"width": 500, "height": 390, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    wait_for(lambda: driver.execute_script(width) < wide - 100)
    wait_for(lambda: named() == chosen)


def test_all_22_arms_at_once_are_still_told_apart_by_their_words(driver: Any, pages: dict[str, Path]) -> None:
    open_page(driver, pages["whole"], width=390)
    boxes = "document.querySelectorAll('#survival-os input[data-param=shown]')"
    driver.execute_script(f"for (const box of {boxes}) if (!box.checked) box.click()")
    starts = {name[:15] for name in NAMES}  # a long name is cut
    wait_for(lambda: starts == starts & {text[:15] for text in texts_of(driver, "survival-os")})
    assert driver.execute_script(COLLISIONS) == []


@pytest.mark.parametrize("figure", ["swimmer", "waterfall", "clones-by-patient", "events"])
def test_another_arm_or_event_can_be_chosen(figure: str, driver: Any, pages: dict[str, Path]) -> None:
    open_page(driver, pages["whole"], width=1200)
    drawn = f"return document.querySelector('#{figure} svg').innerHTML"
    before = driver.execute_script(drawn)
    driver.execute_script(
        f"const one = document.querySelector('#{figure} select'); one.value = '2';"
        "one.dispatchEvent(new Event('change', {bubbles: true}));"
    )
    wait_for(lambda: driver.execute_script(drawn) != before)
    assert driver.execute_script(f"return document.querySelector('#{figure} .canvas').dataset.drawn") == "yes"


def test_choices_can_be_reached_by_keyboard_and_have_names(driver: Any, pages: dict[str, Path]) -> None:
    open_page(driver, pages["whole"], width=1200)
    driver.execute_script(OPEN_ALL)
    nameless = driver.execute_script(
        "return [...document.querySelectorAll('.choices input, .choices select')]"
        ".filter((one) => one.tabIndex < 0 || !one.closest('label').textContent.trim()).length"
    )
    assert nameless == 0

"""The report as a reader meets it: in Chromium, from disk, on a screen and a phone, with nothing but the file."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aftercar.report import render_report
from tests.unit.report.sample import sample_comparison

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver"),
]
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root, for whom Chromium has no sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OPEN_ALL = "document.querySelectorAll('main details').forEach((one) => { one.open = true; })"
# Texts of one picture that stand on one another, or beyond its edge. Two pixels are left for the boxes that browsers
# draw around letters, which are taller than the letters.
COLLISIONS = """
const found = [];
for (const svg of document.querySelectorAll('.canvas svg')) {
  const name = svg.closest('.canvas').dataset.figure, edge = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll('text')].filter((one) => one.textContent.trim() !== '').map((one) => {
    const box = one.getBoundingClientRect();
    return {text: one.textContent, left: box.left, right: box.right, top: box.top + 2, bottom: box.bottom - 2};
  });
  boxes.forEach((a, i) => {
    if (a.left < edge.left - 1 || a.right > edge.right + 1 || a.top < edge.top - 3 || a.bottom > edge.bottom + 3)
      found.push([name, 'beyond the edge', a.text]);
    for (const b of boxes.slice(i + 1))
      if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
        found.push([name, a.text, b.text]);
  });
}
return found;
"""
SMALL_TEXT = """
return [...document.querySelectorAll('.canvas svg text')]
  .map((one) => parseFloat(getComputedStyle(one).fontSize) * one.ownerSVGElement.getBoundingClientRect().width
    / one.ownerSVGElement.viewBox.baseVal.width).filter((size) => size < 10.9);
"""


def wait_for(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Return the first true answer; fail when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError("the page did not answer in time")


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "compare.html"
    path.write_text(render_report(sample_comparison()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
        yield browser


@contextmanager
def open_browser(profile: Path) -> Iterator[Any]:
    """Start Chromium with a profile of its own, its console and its network logged."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    assert CHROMIUM is not None and DRIVER is not None
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=Service(DRIVER)) as browser:
        yield browser


def open_page(driver: Any, report: Path, *, width: int, anchor: str = "") -> None:
    """Load the report at a width and wait until all figures are drawn."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.get("about:blank")
    driver.get(report.as_uri() + anchor)
    wait_for(lambda: driver.execute_script("return document.body.dataset.drawn === 'yes'"))


def test_all_figures_are_drawn_without_network_errors_or_breach_of_policy(driver: Any, report: Path) -> None:
    driver.get_log("browser")
    driver.get_log("performance")
    open_page(driver, report, width=1200)
    drawn, figures = driver.execute_script(
        "return [document.querySelectorAll('.canvas[data-drawn=yes] svg').length,"
        " document.querySelectorAll('figure').length]"
    )
    assert drawn == figures >= 10
    assert [entry["message"] for entry in driver.get_log("browser")] == []
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert {address for address in asked if not address.startswith(("about:", "data:"))} == {report.as_uri()}


def test_hostile_text_runs_nothing(driver: Any, report: Path) -> None:
    open_page(driver, report, width=1200)
    driver.execute_script(OPEN_ALL)
    assert driver.execute_script("return window.hacked") is None
    assert driver.execute_script("return document.querySelectorAll('img, main script, main b').length") == 0


def test_the_policy_stops_a_script_that_was_slipped_in(driver: Any, report: Path, tmp_path: Path) -> None:
    slipped = tmp_path / "slipped.html"
    page = report.read_text(encoding="utf-8")
    slipped.write_text(page.replace("<main>", "<main><script>window.hacked = 1</script>"), encoding="utf-8")
    open_page(driver, slipped, width=1200)
    assert driver.execute_script("return window.hacked") is None
    assert "Content Security Policy" in " ".join(entry["message"] for entry in driver.get_log("browser"))


@pytest.mark.parametrize("width", [360, 390, 768, 1200])
def test_pictures_are_legible_at_every_width(driver: Any, report: Path, width: int) -> None:
    open_page(driver, report, width=width)
    driver.execute_script(OPEN_ALL)
    assert driver.execute_script(COLLISIONS) == []
    assert driver.execute_script(SMALL_TEXT) == []
    wide, screen = driver.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= screen == width


def test_a_picture_follows_a_turned_phone(driver: Any, report: Path) -> None:
    open_page(driver, report, width=390)
    width = "return document.querySelector('.canvas svg').getBoundingClientRect().width"
    before = driver.execute_script(width)
    metrics = {"width": 844, "height": 390, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    wait_for(lambda: driver.execute_script(width) > before + 200)


def test_a_link_opens_its_strategy(driver: Any, report: Path) -> None:
    open_page(driver, report, width=1200, anchor="#strategy-strategy_3")
    opened = "return [...document.querySelectorAll('details.strategy[open]')].map((one) => one.id)"
    assert driver.execute_script(opened) == ["strategy-strategy_3"]


def test_columns_sort_both_ways_and_say_so(driver: Any, report: Path) -> None:
    open_page(driver, report, width=1200)
    first = "return document.querySelector('#summary-table tbody tr th').textContent.trim()"
    assert driver.execute_script(first).startswith("Second BCMA CAR-T")
    button = driver.find_elements("css selector", "#summary-table thead button")[3]
    button.click()
    assert driver.execute_script(first).startswith("GPRC5D")
    sort = "return document.querySelectorAll('#summary-table thead th')[3].getAttribute('aria-sort')"
    assert driver.execute_script(sort) == "descending"
    button.click()
    assert driver.execute_script(sort) == "ascending"


def test_conflicts_can_be_filtered_by_severity(driver: Any, report: Path) -> None:
    open_page(driver, report, width=1200)
    visible = "return [...document.querySelectorAll('#conflict-table tbody tr')].filter((one) => !one.hidden).length"
    assert driver.execute_script(visible) == 2
    driver.find_element("css selector", "input[data-severity=wording]").click()
    assert driver.execute_script(visible) == 1


def test_search_finds_figures_by_their_source(driver: Any, report: Path) -> None:
    open_page(driver, report, width=1200)
    driver.find_element("id", "search").send_keys("MCARH109")
    found = "return document.getElementById('found').textContent"
    assert driver.execute_script(found) == "1 figure"
    shown = (
        "return [...document.querySelectorAll('details.strategy')].filter((one) => !one.hidden).map((one) => one.id)"
    )
    assert driver.execute_script(shown) == ["strategy-strategy_2"]


def test_a_point_tells_its_story_as_text(driver: Any, report: Path) -> None:
    from selenium.webdriver import ActionChains

    open_page(driver, report, width=1200, anchor="#strategy-strategy_3")
    mark = driver.find_elements("css selector", "#orr-strategy-strategy_3 .canvas svg .mark-symbol path")
    squares = [one for one in mark if one.get_attribute("d") and one.is_displayed()]
    tip = driver.find_element("id", "tip")
    for square in squares:
        ActionChains(driver).move_to_element(square).perform()
        if tip.text.startswith("Hostile"):
            break
    assert "window.hacked=1" in tip.text
    assert driver.execute_script("return document.querySelectorAll('#tip *').length") == 0
    assert driver.execute_script("return window.hacked") is None


@pytest.mark.parametrize(("kind", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("csv", b"\xef\xbb\xbf")])
def test_each_form_of_a_figure_can_be_saved(
    driver: Any, report: Path, downloads: Path, kind: str, start: bytes
) -> None:
    open_page(driver, report, width=390)
    driver.execute_script(f"document.querySelector('[data-save={kind}][data-of=summary-orr]').click()")
    saved = downloads / f"summary-orr.{kind}"
    wait_for(lambda: saved.exists() and saved.stat().st_size > 0)
    content = saved.read_bytes()
    assert content.startswith(start)
    if kind == "csv":
        assert b"GPRC5D CAR-T" in content


def test_paper_shows_what_the_screen_hides(driver: Any, report: Path) -> None:
    open_page(driver, report, width=1200)
    opened = "return document.querySelectorAll('main details[open]').length"
    assert driver.execute_script(opened) == 0
    driver.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    hidden = "return document.querySelectorAll('main details:not(.data):not([open])').length"
    assert driver.execute_script(hidden) == 0
    driver.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert driver.execute_script(opened) == 0
    paper = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert paper.startswith(b"%PDF")


def test_all_can_be_reached_by_keyboard(driver: Any, report: Path) -> None:
    open_page(driver, report, width=1200)
    unreachable = driver.execute_script(
        "return [...document.querySelectorAll('main button, main input, main summary, main a, .canvas, .scroll')]"
        ".filter((one) => one.tabIndex < 0).length"
    )
    assert unreachable == 0

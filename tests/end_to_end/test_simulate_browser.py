"""The page of `aftercar simulate` in Chromium, on a screen and on a phone, from disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.commands import run
from tests.end_to_end.test_report_browser import CHROMIUM, COLLISIONS, DRIVER, OPEN_ALL, open_browser, open_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver"),
]
THERAPIES = """
[test_cart.action]
kind = "product"
binds = { BCMA = 1.0 }
schedule = [{ day = 0.0, amount = 4.5e8, unit = "cell" }]

[test_engager.action]
kind = "engager"
binds = { GPRC5D = 1.0 }
schedule = [{ day = 0.0, amount = 0.4, unit = "mg/kg", every = 7.0 }]
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One patient, and many side by side."""
    room = tmp_path_factory.mktemp("pages")
    (room / "data" / "therapies").mkdir(parents=True)
    (room / "data" / "therapies" / "tests.toml").write_text(THERAPIES, encoding="utf-8")
    words = ("simulate", "test_cart", "test_engager@150", "--days", "240", "--data", "data")
    made = [
        (*words, "--out", "one"),
        (*words, "--patients", "10", "--compare-off", "exhaustion", "--out", "many"),
    ]
    for command in made:
        ended = run(*command, cwd=room)
        assert ended.returncode == 0, ended.stderr
    return [room / name / "report.html" for name in ("one", "many")]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize("width", [1200, 390])
def test_figures_are_drawn_and_can_be_read(width: int, driver: Any, pages: list[Path]) -> None:
    for page in pages:
        for log in ("browser", "performance"):  # what Chromium itself asked for at its start
            driver.get_log(log)
        open_page(driver, page, width=width)
        driver.execute_script(OPEN_ALL)
        states = driver.execute_script("return [...document.querySelectorAll('.canvas')].map((c) => c.dataset.drawn)")
        assert states and set(states) == {"yes"}
        assert driver.execute_script(COLLISIONS) == []
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        assert [line["message"] for line in driver.get_log("browser")] == []
        events = [json.loads(line["message"])["message"] for line in driver.get_log("performance")]
        asked = {
            event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
        }
        assert {address for address in asked if not address.startswith(("about:", "data:"))} == {page.as_uri()}

"""One specification gives SVG and PNG of the size asked for."""

from __future__ import annotations

import json
import struct
from xml.etree import ElementTree

import pytest

from aftercar.report import Figure, render_png, render_summary, render_svg
from aftercar.report.figure import AXIS_TEXT_SIZE, TEXT_SIZE, figure_config, sized_spec
from aftercar.strategy.results import Comparison


@pytest.fixture(scope="module")
def figure(comparison: Comparison) -> Figure:
    return render_summary(comparison)


@pytest.mark.parametrize("width", [336, 680])
def test_svg_is_as_wide_as_asked_and_says_what_it_shows(figure: Figure, width: int) -> None:
    svg = ElementTree.fromstring(render_svg(figure, width=width))
    assert svg.tag.endswith("svg")
    # The first tick's label stands out at the left by half its width, which depends on the font: 12 px are kept for it.
    assert width - 12 <= float(svg.attrib["width"]) <= width + 4
    assert [child.text for child in list(svg)[:2]] == [figure.title, figure.summary]


def test_png_has_the_pixels_of_width_times_scale(figure: Figure) -> None:
    picture = render_png(figure, width=680, scale=2)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert abs(struct.unpack(">I", picture[16:20])[0] - 2 * 680) < 40


def test_the_same_figure_gives_the_same_bytes(figure: Figure) -> None:
    assert render_svg(figure) == render_svg(figure)


def test_narrow_pictures_use_the_narrow_layout(figure: Figure) -> None:
    assert sized_spec(figure, width=336)["hconcat"][0]["height"] > sized_spec(figure, width=680)["hconcat"][0]["height"]
    assert sized_spec(figure, width=336)["hconcat"][0]["width"] == 336 - figure.side_width


def test_no_text_is_smaller_than_11_pixels_on_a_phone() -> None:
    config = figure_config()
    sizes = [config["axis"]["labelFontSize"], config["axis"]["titleFontSize"], config["text"]["fontSize"]]
    assert min(sizes) >= 11
    assert min(TEXT_SIZE, AXIS_TEXT_SIZE) >= 11


def test_a_figure_loads_nothing_from_elsewhere(figure: Figure) -> None:
    text = json.dumps(sized_spec(figure, width=680))
    assert '"url"' not in text
    assert "http" not in text.replace("https://vega.github.io/schema/", "")

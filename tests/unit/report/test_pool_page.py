"""The page of `aftercar pool`."""

from __future__ import annotations

import pandas as pd
import pytest

from aftercar.foundation import Manifest
from aftercar.report import read_manifest, render_pool
from aftercar.synthesis.analysis import ProportionAnalysis, analyse_proportions

MANIFEST = Manifest("aftercar pool own.csv", {}, None, {"data": "0" * 64}, version="0.0.test", environment={})


@pytest.fixture(scope="module")
def analysis() -> ProportionAnalysis:
    frame = pd.DataFrame(
        {"label": ["A", "<b>B</b>", "C", "D"], "events": [6, 4, 3, 9], "total": [28, 6, 7, 20], "group": list("xxyy")}
    )
    return analyse_proportions(frame)


def test_the_page_holds_figures_reasons_and_its_manifest(analysis: ProportionAnalysis) -> None:
    page = render_pool(analysis, title="own.csv", form="html", manifest=MANIFEST)
    assert isinstance(page, str)
    assert read_manifest(page) == MANIFEST.to_dict()
    for part in ("forest", "leave-one-out", "cumulative", "funnel", "method-panel"):
        assert f'id="{part}"' in page
    assert "<b>B</b>" not in page
    assert "What the data do not allow" in page  # four cohorts are too few for tests of asymmetry


def test_pictures_are_of_the_kind_asked_for(analysis: ProportionAnalysis) -> None:
    assert str(render_pool(analysis, title="own", form="svg", manifest=MANIFEST)).startswith("<svg")
    png = render_pool(analysis, title="own", form="png", manifest=MANIFEST)
    assert isinstance(png, bytes)
    assert png.startswith(b"\x89PNG")


def test_another_form_is_refused(analysis: ProportionAnalysis) -> None:
    with pytest.raises(ValueError, match="html, svg or png"):
        render_pool(analysis, title="own", form="pdf", manifest=MANIFEST)

"""What a report carries is read back as it was, and nothing else is believed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercar.foundation import InputError
from aftercar.report import read_manifest, read_result
from aftercar.report.embedding import MAX_CHARACTERS, embed_json
from aftercar.strategy.export import comparison_to_dict
from aftercar.strategy.results import Comparison

PART = '<script type="application/json" id="aftercar-manifest">{}</script>'
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_manifest_and_result_come_back_as_they_were(comparison: Comparison, page: str) -> None:
    assert read_manifest(page) == json.loads(json.dumps(comparison.manifest.to_dict()))
    assert read_result(page) == json.loads(json.dumps(comparison_to_dict(comparison)))


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_any_json_survives_the_page(content: dict[str, object]) -> None:
    assert read_manifest("<html>" + PART.format(embed_json(content)) + "</html>") == content


def test_embedded_text_cannot_end_its_element() -> None:
    text = embed_json({"a": "</script><!--<script>&\u2028"})
    assert not set("<>&\u2028") & set(text)


def test_not_a_number_is_refused_when_written() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        embed_json({"a": float("nan")})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no part named"),
        ("<html><p>another page</p></html>", "no part named"),
        (PART.format('{"a": 1}') * 2, "2 times"),
        (PART.format('{"a": '), "no valid JSON"),
        (PART.format('{"a": NaN}'), "no valid JSON"),
        (PART.format("[1, 2]"), "no JSON object"),
        (PART.format("[" * 100_000), "no valid JSON"),
        ('<script id="aftercar-manifest">{"a": 1}</script>', "no part named"),
        ('<p id="aftercar-manifest">{"a": 1}</p>', "no part named"),
        ('<!-- <script type="application/json" id="aftercar-manifest">{}</script> -->', "no part named"),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_manifest(text)


def test_a_text_without_end_is_refused_before_it_is_read() -> None:
    with pytest.raises(InputError, match="more than"):
        read_manifest(" " * (MAX_CHARACTERS + 1))

"""The security of the document: nothing from the data becomes markup, and the policy admits two scripts only."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from aftercar.report.document import chart_library, link_sources, load_asset, security_policy


def test_the_policy_admits_exactly_these_scripts(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    text = policy[1].replace("&#39;", "'")
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    assert "http" not in text
    # Every inline script that a browser would run has its hash in the policy.
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in text
    styles = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert len(styles) == 1
    assert f"style-src 'sha256-{digest}'" in text


def test_another_script_gives_another_policy() -> None:
    assert security_policy("a", ["b"]) != security_policy("a", ["c"])


def test_the_library_can_stand_in_a_script_element() -> None:
    assert "</script" not in chart_library().lower()


def test_the_page_script_sets_text_and_never_html() -> None:
    script = load_asset("report.js")
    for risky in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert risky not in script


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://example.org/a?b=1&c=2", "https://example.org/a?b=1&amp;c=2"),
        ("see https://example.org/a.", "https://example.org/a"),
        ("doi 10.1182/blood-2020-1", "https://doi.org/10.1182/blood-2020-1"),
        ("PMID: 12345678", "https://pubmed.ncbi.nlm.nih.gov/12345678/"),
    ],
)
def test_sources_become_links(text: str, address: str) -> None:
    assert f'href="{address}"' in str(link_sources(text))


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "<a href='https://x.org'>",
        'https://x.org/"onmouseover="alert(1)',
    ],
)
def test_nothing_else_becomes_markup(text: str) -> None:
    linked = str(link_sources(text))
    # Taking our own anchors away leaves only escaped text, and no anchor has more than the attributes that we write.
    for anchor in re.findall(r"<a [^>]*>", linked):
        assert re.fullmatch(r'<a href="https?://[^"<>\s]*" rel="noopener noreferrer">', anchor)
    rest = re.sub(r"</?a\b[^>]*>", "", linked)
    assert "<" not in rest
    assert '"' not in rest

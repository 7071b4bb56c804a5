"""What reaches a terminal."""

from __future__ import annotations

from aftercar.cli.printing import plain


def test_text_of_unknown_origin_cannot_steer_a_terminal() -> None:
    """A report to reproduce comes from anybody, and its words are printed where they differ."""
    assert (
        plain("a\x1b[31mb\x9b0m\u202ec\nd\te")
        == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}0m\N{REPLACEMENT CHARACTER}c\nd\te"
    )

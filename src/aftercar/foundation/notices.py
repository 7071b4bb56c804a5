"""Notices: what a user is waiting for, told on stderr by whoever shows them; silent otherwise."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

NOTICES = logging.getLogger("aftercar.notices")


@contextmanager
def show_notices(wanted: bool = True) -> Iterator[None]:
    """Print notices on stderr within this block."""
    handler, level = logging.StreamHandler(), NOTICES.level
    if wanted:
        handler.setFormatter(logging.Formatter("%(message)s"))
        NOTICES.addHandler(handler)
        NOTICES.setLevel(logging.INFO)
    try:
        yield
    finally:
        NOTICES.removeHandler(handler)
        NOTICES.setLevel(level)

"""A record with the place where it was read, so that a check can point at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aftercar.foundation import Fault


@dataclass(frozen=True, slots=True)
class Placed:
    """A record, its file and its line (None where the format has no lines)."""

    record: Any
    file: str
    line: int | None

    def fault(self, column: str, found: str, mend: str) -> Fault:
        """Return a fault at this row."""
        return Fault(self.file, found, mend, self.line, column)

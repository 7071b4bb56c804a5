"""Errors and warnings. Each error says what was found, where, which rule it breaks, and the mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class AftercarError(Exception):
    """Root of every error that AfterCAR raises on purpose. The command line exits with code 2 on it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a table, a file or an option.

    `row` counts lines as an editor shows them: the header is line 1.
    """

    file: str
    found: str
    mend: str
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f" row {self.row}"
        if self.column is not None:
            place += f", column {self.column}"
        return f"{place}: {self.found} {self.mend}"


class InputError(AftercarError):
    """Input that cannot be used. Carries every fault found, not only the first."""

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        if not self.faults:
            raise ValueError("an InputError needs at least one fault")
        super().__init__("\n".join(str(fault) for fault in self.faults))


class NotPoolableError(AftercarError):
    """The data at hand cannot be pooled in the way asked; the message says why and what can be done instead."""


class AftercarWarning(UserWarning):
    """Root of the warnings, so that a user can filter them as one."""


class ConvergenceWarning(AftercarWarning):
    """An iterative fit stopped before its tolerance was met."""


class SmallSampleWarning(AftercarWarning):
    """The answer is right but rests on so little that the method's assumptions are strained."""

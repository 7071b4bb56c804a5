"""Where each number of the generated code stands in memory."""

from __future__ import annotations

from dataclasses import dataclass

from aftercar.engine.indices import PIECES
from aftercar.engine.rodas5p import STAGES


@dataclass(frozen=True, slots=True)
class Layout:
    """Row numbers in the workspace of a batch of lanes. A row holds one double for each lane.

    One flat array with offsets known when the code is made: then no two rows can overlap, and the compiler need not
    ask at run time whether they do.
    """

    n_states: int
    n_constants: int
    n_entries: int
    n_counted: int = 0

    @property
    def y(self) -> int:
        """States at the beginning of the step."""
        return 0

    @property
    def u(self) -> int:
        """States at its end."""
        return self.n_states

    @property
    def k(self) -> int:
        """The eight stage vectors."""
        return 2 * self.n_states

    @property
    def dense(self) -> int:
        """The three vectors of the dense output."""
        return self.k + STAGES * self.n_states

    @property
    def slope_in_time(self) -> int:
        """df/dt."""
        return self.dense + 3 * self.n_states

    @property
    def atol(self) -> int:
        """Absolute tolerances."""
        return self.slope_in_time + self.n_states

    @property
    def factors(self) -> int:
        """L, U and the inverse pivots."""
        return self.atol + self.n_states

    @property
    def constants(self) -> int:
        """What depends on parameters only."""
        return self.factors + self.n_entries

    @property
    def control(self) -> int:
        """Single rows: see `CONTROL`."""
        return self.constants + self.n_constants

    @property
    def shift(self) -> int:
        """By how much the drawn end of each counted state differs from its mean."""
        return self.control + len(CONTROL)

    @property
    def turnover(self) -> int:
        """Birth, death and arrival of each counted state in each piece of the step."""
        return self.shift + self.n_counted

    @property
    def rows(self) -> int:
        """Total number of rows."""
        return self.turnover + 3 * PIECES * self.n_counted


# 1/h is written by the step, the part of it that is kept by the integrator.
CONTROL = ("t", "h", "rtol", "error", "negativity", "pivot_loss", "accepted", "factor", "inverse_h", "kept")

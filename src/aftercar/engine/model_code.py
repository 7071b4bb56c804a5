"""A network made ready to run: generated code, its sizes and the tables of its events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import sympy as sp

from aftercar.engine import indices as ix
from aftercar.engine.equations import Equations, write_equations
from aftercar.engine.jit import is_cold
from aftercar.engine.kernel_text import kernel_text
from aftercar.engine.layout import Layout
from aftercar.engine.machine_code import MachineCode, best_width, compile_text
from aftercar.engine.network import Network
from aftercar.engine.triggers import crossings, time_stops
from aftercar.foundation import NOTICES

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ModelCode:
    """Everything that `integrate` needs to know about a model."""

    network: Network
    width: int
    layout: Layout
    machine: MachineCode
    functions: IntArray
    sizes: IntArray
    event_table: IntArray
    assignment_table: IntArray
    counted: IntArray
    floors: npt.NDArray[np.float64]

    def workspace(self) -> npt.NDArray[np.float64]:
        """Return cleared memory for one batch of lanes, aligned to 64 bytes."""
        size = self.layout.rows * self.width
        raw = np.zeros(size + 8)
        offset = (-raw.ctypes.data % 64) // 8
        return raw[offset : offset + size]


@lru_cache(maxsize=32)
def prepare(network: Network, width: int = 0) -> ModelCode:
    """Generate and compile a network for `width` lanes (0: what suits the processor)."""
    width = width or best_width()
    if is_cold():
        NOTICES.info("compiling the integrator, once on this machine (about 15 s) ...")
    equations = write_equations(network)
    what = f"the model '{network.name}' ({len(network.states)} states)"
    machine = compile_text(kernel_text(equations, width), ix.FUNCTIONS, what=what)
    functions = np.array([machine.addresses[name] for name in ix.FUNCTIONS], dtype=np.int64)
    events, assignments = _event_tables(network)
    counted = [k for k, s in enumerate(network.states) if s.counted is not None]
    sizes = _sizes(equations, network, width, len(assignments), len(counted))
    return ModelCode(
        network, width, equations.layout, machine, functions, sizes, events, assignments,
        np.array(counted, dtype=np.int64), np.array([0.0 if s.nonnegative else -np.inf for s in network.states]),
    )  # fmt: skip


def _sizes(equations: Equations, network: Network, width: int, n_assignments: int, n_counted: int) -> IntArray:
    layout = equations.layout
    sizes = np.zeros(ix.N_SIZES, dtype=np.int64)
    sizes[ix.WIDTH] = width
    sizes[ix.N_STATES] = layout.n_states
    sizes[ix.N_PARAMETERS] = len(network.parameters)
    sizes[ix.N_RULES] = len(network.rules)
    sizes[ix.N_CONSTANTS] = layout.n_constants
    sizes[ix.N_STOPS] = len(time_stops(network))
    sizes[ix.N_CROSSINGS] = len(crossings(network))
    sizes[ix.N_EVENTS] = len(network.events)
    sizes[ix.N_ASSIGNMENTS] = n_assignments
    sizes[ix.N_COUNTED] = n_counted
    sizes[ix.ROW_U], sizes[ix.ROW_K], sizes[ix.ROW_DENSE] = layout.u, layout.k, layout.dense
    sizes[ix.ROW_ATOL], sizes[ix.ROW_CONSTANTS] = layout.atol, layout.constants
    sizes[ix.ROW_CONTROL], sizes[ix.N_ROWS] = layout.control, layout.rows
    sizes[ix.ROW_SHIFT], sizes[ix.ROW_TURNOVER] = layout.shift, layout.turnover
    return sizes


def _event_tables(network: Network) -> tuple[IntArray, IntArray]:
    slot = network.slots
    events = np.zeros((len(network.events), 7), dtype=np.int64)
    rows: list[tuple[int, int]] = []
    for k, e in enumerate(network.events):
        events[k] = (
            e.delay is not None, e.priority is not None, e.persistent, e.initial_value, e.values_from_trigger_time,
            len(rows), len(e.assignments),
        )  # fmt: skip
        rows += [(slot[a.target], int(a.scale != sp.Integer(1))) for a in e.assignments]
    return events, np.array(rows, dtype=np.int64).reshape(-1, 2)

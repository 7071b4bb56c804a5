"""A network made ready to run: generated code, its sizes and the tables of its events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import sympy as sp

from aftercar.engine import integrator as it
from aftercar.engine.kernel_text import Equations, kernel_text, write_equations
from aftercar.engine.layout import Layout
from aftercar.engine.machine_code import MachineCode, best_width, compile_text
from aftercar.engine.network import Network
from aftercar.engine.triggers import crossings, time_stops

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
    equations = write_equations(network)
    machine = compile_text(kernel_text(equations, width), it.FUNCTIONS)
    functions = np.array([machine.addresses[name] for name in it.FUNCTIONS], dtype=np.int64)
    events, assignments = _event_tables(network)
    counted = [k for k, s in enumerate(network.states) if s.counted is not None]
    sizes = _sizes(equations, network, width, len(assignments), len(counted))
    return ModelCode(
        network, width, equations.layout, machine, functions, sizes, events, assignments,
        np.array(counted, dtype=np.int64),
    )  # fmt: skip


def _sizes(equations: Equations, network: Network, width: int, n_assignments: int, n_counted: int) -> IntArray:
    layout = equations.layout
    sizes = np.zeros(19, dtype=np.int64)
    sizes[it.WIDTH] = width
    sizes[it.N_STATES] = layout.n_states
    sizes[it.N_PARAMETERS] = len(network.parameters)
    sizes[it.N_RULES] = len(network.rules)
    sizes[it.N_CONSTANTS] = layout.n_constants
    sizes[it.N_STOPS] = len(time_stops(network))
    sizes[it.N_CROSSINGS] = len(crossings(network))
    sizes[it.N_EVENTS] = len(network.events)
    sizes[it.N_ASSIGNMENTS] = n_assignments
    sizes[it.N_COUNTED] = n_counted
    sizes[it.ROW_U], sizes[it.ROW_DENSE] = layout.u, layout.dense
    sizes[it.ROW_ATOL], sizes[it.ROW_CONSTANTS] = layout.atol, layout.constants
    sizes[it.ROW_CONTROL], sizes[it.N_ROWS] = layout.control, layout.rows
    return sizes


def _event_tables(network: Network) -> tuple[IntArray, IntArray]:
    slot = {x.id: k for k, x in enumerate((*network.states, *network.parameters))}
    events = np.zeros((len(network.events), 7), dtype=np.int64)
    rows: list[tuple[int, int]] = []
    for k, e in enumerate(network.events):
        events[k] = (
            e.delay is not None, e.priority is not None, e.persistent, e.initial_value, e.values_from_trigger_time,
            len(rows), len(e.assignments),
        )  # fmt: skip
        rows += [(slot[a.target], int(a.scale != sp.Integer(1))) for a in e.assignments]
    return events, np.array(rows, dtype=np.int64).reshape(-1, 2)

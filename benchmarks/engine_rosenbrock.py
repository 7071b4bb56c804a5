"""A plain Rosenbrock integrator for studies: any tableau, any step rule, one patient at a time, dense matrices.

It follows the engine's loop decision by decision (`integrator.py`, `kernel_text.py`), so that with Rodas5P it takes
the engine's steps; what is to be tried can then be exchanged alone. Steps, refusals and errors are its results, its
time says nothing. There are no events, conditions in time or counted states.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import numba
import numpy as np
from engine_peers import start

from aftercar.engine import rodas5p
from aftercar.engine.equations import write_equations
from aftercar.engine.readable import _function, write_python
from aftercar.engine.simulate import Plan, Settings

DOUBLE, SINGLE, REFINED, SINGLE_FACTORS = range(4)
_TABLEAUS = Path(__file__).with_name("engine_tableaus.toml")
_COMPILED = {"error_model": "numpy", "boundscheck": False}


@dataclass(frozen=True)
class Method:
    """A tableau: a_ij and as last row the result, c_ij, weights of the error, rows of dense output (or none)."""

    name: str
    order: int
    gamma: float
    weights: np.ndarray
    memory: np.ndarray
    error: np.ndarray
    dense: np.ndarray
    source: str = ""

    @property
    def stages(self) -> int:
        """Stages of a step; those behind serve the dense output only."""
        s = len(self.error)
        while s > 1 and self.weights[-1, s - 1] == 0.0 and self.error[s - 1] == 0.0:
            s -= 1
        return s

    def without_dense(self) -> Method:
        """Return the method without dense output and without the stages that serve only that."""
        s = self.stages
        weights = np.vstack([self.weights[:s, :s], self.weights[-1:, :s]])
        return replace(self, weights=weights, memory=self.memory[:s, :s], error=self.error[:s], dense=np.zeros((0, s)))

    def original(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (alpha_ij, gamma_ij, b_i) as Rosenbrock wrote them."""
        s = len(self.error)
        gamma = np.linalg.inv(np.eye(s) / self.gamma - self.memory)
        return self.weights[:s] @ gamma, gamma, self.weights[s] @ gamma


def load_methods() -> dict[str, Method]:
    """Return the engine's own method first, then those of `engine_tableaus.toml`."""
    last = np.eye(rodas5p.STAGES)[-1]
    found = {"Rodas5P": Method("Rodas5P", 5, rodas5p.GAMMA, rodas5p.argument_weights(), rodas5p.memory_weights(), last,
                               np.array(rodas5p.H), "Steinebach 2023")}  # fmt: skip
    for name, table in tomllib.loads(_TABLEAUS.read_text()).items():
        if "like" in table:
            error = np.array(table["error"], dtype=float)
            found[name] = replace(found[table["like"]], name=name, error=error, source=table["source"])
            continue
        s = len(table["result"])
        weights, memory = np.zeros((s + 1, s)), np.zeros((s, s))
        for i in range(1, s):
            weights[i, :i], memory[i, :i] = table["arguments"][i - 1], table["memory"][i - 1]
        weights[s] = table["result"]
        dense = np.array(table.get("dense", np.zeros((0, s))), dtype=float)
        error = np.array(table["error"], dtype=float)
        found[name] = Method(name, table["order"], table["gamma"], weights, memory, error, dense, table["source"])
    return found


@dataclass(frozen=True)
class Rule:
    """How the next step follows from the error.

    factor = safety * error**(-now/order) * previous error**(-before/order), within `shrink` and `grow`; `predictive`
    takes Gustafsson's rule where that is shorter (rules with memory: engine_variants.py only). `precision` is that of
    factors and solves; the Jacobian is computed every `keep` accepted steps.
    """

    safety: float = 0.9
    grow: float = 8.0
    shrink: float = 0.1
    now: float = 1.0
    before: float = 0.0
    predictive: bool = False
    precision: int = DOUBLE
    keep: int = 1

    def numbers(self) -> np.ndarray:
        """Return it as an array for compiled code."""
        if self.now != 1.0 or self.before != 0.0 or self.predictive:
            raise ValueError("the plain integrator has no memory of errors")
        return np.array([self.safety, self.grow, self.shrink, self.precision, self.keep], dtype=float)


OWN_RULE = Rule()


@numba.njit(**_COMPILED)
def factorise(m, loss):
    """LU in place, pivots on the diagonal; return the largest loss of digits in a pivot."""
    n = len(m)
    for i in range(n):
        size = abs(m[i, i])
        for k in range(i):
            if m[i, k] != 0.0:
                m[i, k] /= m[k, k]
                size += abs(m[i, k] * m[k, i])
                for j in range(k + 1, n):
                    m[i, j] -= m[i, k] * m[k, j]
        loss = max(loss, abs(size / m[i, i]))
    return loss


@numba.njit(**_COMPILED)
def substitute(m, x):
    """Solve in place with the factors of `factorise`."""
    n = len(m)
    for i in range(n):
        for k in range(i):
            x[i] -= m[i, k] * x[k]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            x[i] -= m[i, k] * x[k]
        x[i] /= m[i, i]


@numba.njit(**_COMPILED)
def solve(m, m32, matrix, b, precision):
    """Return the solution of matrix x = b, from factors in double or single precision."""
    if precision == DOUBLE:
        x = b.copy()
        substitute(m, x)
        return x
    if precision == SINGLE_FACTORS:  # stored in single, computed with in double precision
        x = b.copy()
        substitute(m32.astype(np.float64), x)
        return x
    x32 = b.astype(np.float32)
    substitute(m32, x32)
    x = x32.astype(np.float64)
    if precision == REFINED:
        rest32 = (b - matrix @ x).astype(np.float32)
        substitute(m32, rest32)
        x += rest32
    return x


@numba.njit(**_COMPILED)
def prepare(jac, diagonal, order_of, matrix, m, m32, precision):
    """Write I/(h gamma) - J in the order of elimination and factorise it; return the loss of digits."""
    n = len(jac)
    for i in range(n):
        for j in range(n):
            matrix[i, j] = -jac[order_of[i], order_of[j]]
        matrix[i, i] += diagonal
    if precision == DOUBLE:
        m[:] = matrix
        return factorise(m, 1.0)
    m32[:] = matrix.astype(np.float32)
    return float(factorise(m32, 1.0))


@numba.njit(**_COMPILED)
def judge(y, new, u, error_weights, weights, last, atol, rtol, nonnegative):
    """Fill in the new states; return the norm of the error and how far states fell below zero."""
    total, negative, s = 0.0, 0.0, len(error_weights)
    for j in range(len(y)):
        new[j], off = y[j], 0.0
        for i in range(last):
            new[j] += weights[s, i] * u[i, j]
            off += error_weights[i] * u[i, j]
        total += (off / (atol[j] + rtol * max(abs(y[j]), abs(new[j])))) ** 4
        if nonnegative[j]:
            negative = max(negative, -(new[j] + atol[j]))
    return total**0.25, negative


@numba.njit(**_COMPILED)
def between(y, new, f, slope, u, dense, theta, used, nonnegative, value):
    """Fill in the states within a step: by the method's own dense output, else by Hermite's cubic."""
    rest = 1.0 - theta
    for j in range(len(y)):
        inner = 0.0
        if len(dense) == 0:
            gap = new[j] - y[j]
            inner = rest * (used * f[j] - gap) - theta * (used * slope[j] - gap)
        for row in range(len(dense) - 1, -1, -1):
            inner *= theta
            for i in range(dense.shape[1]):
                inner += dense[row, i] * u[i, j]
        value[j] = rest * y[j] + theta * (new[j] + rest * inner)
        if nonnegative[j]:
            value[j] = max(value[j], 0.0)


@numba.njit(**_COMPILED)
def give(y, t, dose, doses_at, slots, kinds, amounts):
    """Give the doses that are due; return the position of the next one."""
    while dose < len(doses_at) and doses_at[dose] <= t:
        y[slots[dose]] = amounts[dose] + (y[slots[dose]] if kinds[dose] == 0 else 0.0)
        dose += 1
    return dose


@numba.njit(**_COMPILED)
def first_step(slope, y, atol, rtol, span):
    """As `lanes.starting_step`."""
    size, speed = 0.0, 0.0
    for j in range(len(y)):
        scale = atol[j] + rtol * abs(y[j])
        size = max(size, abs(y[j]) / scale)
        speed = max(speed, abs(slope[j]) / scale)
    if speed == 0.0:
        return span
    if not speed < 1e300:
        return 1e-6 * span
    return min(span, 0.01 * max(size, 1.0) / speed)


def make_integrator(rates, jacobian, slopes):
    """Return the compiled integrator of one patient for the given equations."""

    @numba.njit(**_COMPILED)
    def stages(u, t, h, y, p, in_time, m, m32, matrix, order_of, weights, memory, alpha, d, last, precision, arg, f, b):
        """Fill u with the stage vectors."""
        n = len(y)
        for i in range(last):
            arg[:] = y
            for j in range(i):
                if weights[i, j] != 0.0:
                    arg += weights[i, j] * u[j]
            rates(t + alpha[i] * h, arg, p, f)
            f += h * d[i] * in_time
            for j in range(i):
                if memory[i, j] != 0.0:
                    f += memory[i, j] / h * u[j]
            for a in range(n):
                b[a] = f[order_of[a]]
            x = solve(m, m32, matrix, b, precision)
            for a in range(n):
                u[i, order_of[a]] = x[a]

    @numba.njit(**_COMPILED)
    def integrate(y, p, doses_at, slots, kinds, amounts, times, atol, rtol, nonnegative, order_of, gamma, weights,
                  memory, alpha, d, error_weights, dense, last, order, rule, most, values, counts):  # fmt: skip
        n, s = len(y), len(error_weights)
        safety, grow, shrink = rule[:3]
        precision, keep = int(rule[3]), int(rule[4])
        u, jac = np.zeros((s, n)), np.zeros((n, n))
        matrix, m = np.zeros((n, n)), np.zeros((n, n))
        m32 = np.zeros((n, n), np.float32)
        f, b, arg, in_time, new, slope = (np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))
        t, end, dose, k = times[0], times[-1], 0, 0
        dose = give(y, t, dose, doses_at, slots, kinds, amounts)
        while k < len(times) and times[k] <= t:
            values[k] = y
            k += 1
        rates(t, y, p, f)
        h = first_step(f, y, atol, rtol, end - t)
        after_dose, dosed, streak, age = 0.0, False, 0, keep
        while t < end:
            stop = min(end, doses_at[dose]) if dose < len(doses_at) else end
            used, room, target = h, stop - t, t + h
            if h * 1.0000001 >= room:
                used, target = room, stop
            elif 2.0 * h > room:
                used = 0.5 * room
                target = t + used
            if age >= keep:
                jacobian(t, y, p, jac)
                counts[2] += 1
                age = 0
            slopes(t, y, p, in_time)
            loss = prepare(jac, 1.0 / (used * gamma), order_of, matrix, m, m32, precision)
            stages(u, t, used, y, p, in_time, m, m32, matrix, order_of, weights, memory, alpha, d, last, precision,
                   arg, f, b)  # fmt: skip
            error, negative = judge(y, new, u, error_weights, weights, last, atol, rtol, nonnegative)
            factor = min(max(safety * max(error, 1e-300) ** (-1.0 / order), shrink), grow) if error < 1e300 else shrink
            counts[0] += 1
            if dosed and error > 1e-4:
                after_dose = used * factor
            good = error <= 1.0 and negative <= 0.0 and loss <= 1e10
            if dosed and error > 1e-4:
                dosed = not good
            if not good:
                counts[1] += 1
                streak += 1
                age = keep
                h = used * (factor if not error <= 1.0 else 0.25)
                if h <= 1e-15 * abs(t) or h < 1e-280:
                    counts[3] = 1
                    return
            else:
                if k < len(times) and times[k] < target:
                    if len(dense) == 0:
                        rates(t, y, p, f)
                        rates(target, new, p, slope)
                    elif last < s:
                        stages(u, t, used, y, p, in_time, m, m32, matrix, order_of, weights, memory, alpha, d, s,
                               precision, arg, f, b)  # fmt: skip
                while k < len(times) and times[k] < target:
                    between(y, new, f, slope, u, dense, (times[k] - t) / used, used, nonnegative, values[k])
                    k += 1
                if streak > 0:
                    factor = min(factor, 1.0)
                h = max(used * factor, h if used < h else 0.0)
                streak, t = 0, target
                age += 1
                for j in range(n):
                    y[j] = 0.0 if nonnegative[j] and new[j] < 1e-140 else new[j]
                due = dose < len(doses_at) and doses_at[dose] <= t
                dose = give(y, t, dose, doses_at, slots, kinds, amounts)
                if due:
                    rates(t, y, p, f)
                    begin = 0.6 * after_dose
                    if begin == 0.0:
                        begin = first_step(f, y, atol, rtol, end - t)
                    h = min(h, begin)
                    dosed, age = True, keep
                while k < len(times) and times[k] <= t:
                    values[k] = y
                    k += 1
            if counts[0] >= most:
                counts[3] = 1
                return

    return integrate


@dataclass
class Solver:
    """A problem (`engine_problems.Problem`) with its compiled integrator."""

    problem: object
    most: int = 100_000

    def __post_init__(self) -> None:
        """Write the equations, compile them."""
        equations = write_equations(self.problem.model, shared=())
        changing = [(f"out[{j}]", node) for j, node in enumerate(equations.slope_in_time)
                    if not equations.tape.is_number(node, 0.0)]  # fmt: skip
        text = write_python(self.problem.model)
        text += "\n\n" + _function("slopes", equations, changing)
        space: dict = {"numba": numba}
        exec(text.replace("def ", "@numba.njit(error_model='numpy')\ndef "), space)
        self.integrate = make_integrator(space["rates"], space["jacobian"], space["slopes"])
        self.order_of = np.array(equations.linear.plan.order)
        self.plan = Plan.make(self.problem.model, times=self.problem.times, patients=self.problem.draws,
                              doses=self.problem.doses, outputs=None, seed=0, arm="", settings=Settings())  # fmt: skip
        self.states, self.parameters = start(self.plan)

    def run(self, method: Method, rtol: float, rule: Rule = OWN_RULE):
        """Return (values, counts): counts are steps, refused steps, Jacobians, failed; one row a patient."""
        task = self.plan.task
        n_patients, n = self.states.shape
        alpha, gamma, _ = method.original()
        nonnegative = np.array([s.nonnegative for s in self.problem.model.states])
        values = np.full((n_patients, len(self.problem.times), n), np.nan)
        counts = np.zeros((n_patients, 4), dtype=np.int64)
        for i in range(n_patients):
            doses = task.doses
            row = doses.amounts[i if len(doses.amounts) > 1 else 0]
            self.integrate(
                self.states[i].copy(), self.parameters[i].copy(), doses.times[0], doses.slots, doses.kinds, row,
                self.problem.times, np.full(n, rtol), rtol, nonnegative, self.order_of, method.gamma, method.weights,
                method.memory, alpha.sum(axis=1), gamma.sum(axis=1), method.error, method.dense, method.stages,
                float(method.order), rule.numbers(), self.most, values[i], counts[i],
            )  # fmt: skip
        return values, counts

"""What other methods, step rules and single precision would give: steps, errors and operations at equal error.

Usage: python benchmarks/engine_methods.py PART [--model cart25|own] [--doses 2|30] [--patients 100]

PART: `orders` (order conditions of every tableau), `methods` (all tableaus in the engine's own loop), `rules` (step
rules), `single` (factors and solves in single precision), `plain` (what only the plain integrator can do: the sixth
order, iterative refinement, a Jacobian that is kept; model of 25 states), `lsoda` (how much work LSODA does).

Models, draws, doses and errors as in engine_peers.py; the reference is the engine at 1e-11. Costs are floating-point
operations as written (engine_growth.py) times steps, refused ones included, so that they do not depend on what else
the machine does. They are compared at equal median error, between tolerances half a decade apart by interpolation.
"""

from __future__ import annotations

import argparse
import ctypes
import re
import time
from dataclasses import dataclass

import numpy as np
from engine_peers import engine, segments, start
from engine_problems import Problem, cart25, own_model
from engine_rosenbrock import DOUBLE, REFINED, SINGLE, SINGLE_FACTORS, Method, Rule, Solver, load_methods
from engine_variants import Variant, make_variant

from aftercar.engine.run import empty_outcome, run_range
from aftercar.engine.simulate import Plan, Settings

GRID = 10.0 ** -np.arange(2.0, 8.25, 0.5)
TARGETS = (2e-4, 3e-5, 4e-6)
RULES = {
    "engine": Rule(),
    "safety 0.8": Rule(safety=0.8),
    "safety 1.0": Rule(safety=1.0),
    "growth at most 3": Rule(grow=3.0),
    "growth at most 20": Rule(grow=20.0),
    "predictive (Gustafsson)": Rule(predictive=True),
    "PI 0.7, -0.4": Rule(now=0.7, before=-0.4),
    "PI 0.6, -0.2": Rule(now=0.6, before=-0.2),
    "filter 1/4, 1/4": Rule(now=0.25, before=0.25),
}


@dataclass(frozen=True)
class Curve:
    """Steps, refused steps, median and 95% error of a variant at each tolerance; operations of a step."""

    name: str
    operations: int
    rtol: np.ndarray
    steps: np.ndarray
    refused: np.ndarray
    median: np.ndarray
    high: np.ndarray
    failed: np.ndarray

    def steps_at(self, error: float, which: str = "median") -> float:
        """Return the steps at an error, NaN where no tolerance reaches it."""
        errors = getattr(self, which)
        good = np.isfinite(errors)
        x, y = np.log(errors[good])[::-1], np.log(self.steps[good])[::-1]
        rising = np.maximum.accumulate(x)
        if not rising[0] <= np.log(error) <= rising[-1]:
            return np.nan
        return float(np.exp(np.interp(np.log(error), rising, y)))

    def high_at(self, median: float) -> float:
        """Return the 95% error where the median is the given one."""
        order = np.argsort(self.median)
        return float(np.exp(np.interp(np.log(median), np.log(self.median[order]), np.log(self.high[order]))))


def parts(text: str) -> dict[str, int]:
    """Count the operations, as written, of each function of the generated text, without what it calls."""
    bodies = re.findall(r"define (?:internal )?void @(\w+)\(.*?\{\n(.*?)\n\}", text, re.DOTALL)
    return {name: sum(body.count(f" = {op} ") for op in ("fadd", "fsub", "fmul", "fdiv")) for name, body in bodies}


def operations(variant: Variant, method: Method) -> dict[str, int]:
    """Operations of a step: right-hand sides but the first, solves, the first with Jacobian and factors, the rest."""
    count, s = parts(variant.text), method.stages
    alpha = method.original()[0].sum(axis=1)
    # A stage at the start of the step has the rates of the first one, which a careful writer would keep.
    again = sum(not np.any(method.weights[i]) and alpha[i] == 0.0 for i in range(1, s))
    begin = sum(n for name, n in count.items() if name.startswith("begin"))
    sums = sum(n for name, n in count.items() if name.startswith("stage") or name == "judge")
    rates = count["rates"]
    return {"rates": (s - 1 - again) * rates, "solves": s * count["solve"], "begin": begin, "sums": sums}


def trace(problem: Problem, variant: Variant, name: str, cost: int, reference: np.ndarray, grid=GRID) -> Curve:
    """Run a variant of the engine over all tolerances."""
    rows = []
    for rtol in grid:
        settings = Settings(rtol=float(rtol), atol=float(rtol), max_steps=100_000)
        plan = Plan.make(problem.model, times=problem.times, patients=problem.draws, doses=problem.doses, outputs=None,
                         seed=0, arm="", settings=settings)  # fmt: skip
        outcome = empty_outcome(plan.task, variant.code)
        run_range(variant.code, plan.task, outcome, 0, plan.task.n_patients, variant.code.workspace())
        errors = problem.error(outcome.values, reference)
        good = errors[(outcome.status == 0) & np.isfinite(errors)]
        rows.append((*outcome.steps.mean(axis=0), *np.quantile(good, (0.5, 0.95)), len(errors) - len(good)))
    return Curve(name, cost, np.array(grid), *np.array(rows).T)


def show_curves(curves: list[Curve]) -> None:
    """Print steps and errors at whole decades."""
    print("\n| | operations | rtol = atol | steps | refused | error median | 95% | failed |\n" + "|---" * 8 + "|")
    for c in curves:
        for k, rtol in enumerate(c.rtol):
            if k % 2 == 0 and 1e-8 <= rtol <= 1.1e-3:
                print(f"| {c.name} | {c.operations:,} | {rtol:.0e} | {c.steps[k]:,.0f} | {c.refused[k]:.0f} "
                      f"| {c.median[k]:.1e} | {c.high[k]:.1e} | {c.failed[k]:.0f} |")  # fmt: skip


def show_costs(curves: list[Curve]) -> None:
    """Print steps and cost relative to the first curve at equal median, and at its 95% error."""
    first = curves[0]
    print("\n| | operations a step |" + "".join(f" steps at {e:.0e} | cost | at equal 95% |" for e in TARGETS))
    print("|---" * (2 + 3 * len(TARGETS)) + "|")
    for c in curves:
        cells = []
        for e in TARGETS:
            high = first.high_at(e)
            cost = c.operations * c.steps_at(e) / (first.operations * first.steps_at(e))
            tail = c.operations * c.steps_at(high, "high") / (first.operations * first.steps_at(high, "high"))
            cells += [f"{c.steps_at(e):,.0f}", f"{cost:.2f}", f"{tail:.2f}"]
        print(f"| {c.name} | {c.operations:,} | " + " | ".join(cells) + " |", flush=True)


def show_methods(problem: Problem, reference: np.ndarray, names: list[str]) -> None:
    """Print what each tableau gives."""
    curves = []
    print("| | stages | later rates | solves | first rates, Jacobian, factors | sums | step |\n" + "|---" * 7 + "|")
    for name, method in load_methods().items():
        if len(method.dense) > 3 or (names and name not in names):
            continue
        variant = make_variant(problem.model, method)
        share = operations(variant, method)
        total = sum(share.values())
        print(f"| {name} | {method.stages} | " + " | ".join(f"{n:,}" for n in share.values()) + f" | {total:,} |",
              flush=True)  # fmt: skip
        curves.append(trace(problem, variant, name, total, reference))
    show_curves(curves)
    show_costs(curves)


def show_rules(problem: Problem, reference: np.ndarray, names: list[str]) -> None:
    """Print what each step rule gives."""
    for name in names or ["Rodas5P"]:
        method, curves = load_methods()[name], []
        for rule_name, rule in RULES.items():
            variant = make_variant(problem.model, method, rule)
            curves.append(trace(problem, variant, f"{name}, {rule_name}", 1, reference))
        show_costs(curves)


def show_single(problem: Problem, reference: np.ndarray, names: list[str]) -> None:
    """Print what single precision in factors and solves does to steps, errors and time."""
    method, curves, variants = load_methods()[(names or ["Rodas5P"])[0]], [], {}
    for label, precision in (
        ("double", DOUBLE),
        ("factors single", SINGLE_FACTORS),
        ("factors, solves single", SINGLE),
    ):
        variant = make_variant(problem.model, method, Rule(precision=precision))
        cost = sum(operations(variant, method).values())
        curves.append(trace(problem, variant, f"{method.name}, {label}", cost, reference, GRID[2:11]))
        variants |= {(label, width): make_variant(problem.model, method, Rule(precision=precision), width)
                     for width in (4, 8)}  # fmt: skip
    show_curves(curves)
    show_times(problem, variants)


def show_times(problem: Problem, variants: dict[tuple[str, int], Variant], rtol: float = 1e-5, turns: int = 12) -> None:
    """Print the processor time of a step, outputs and doses included: the best of turns, the variants in turn."""
    settings = Settings(rtol=rtol, atol=rtol)
    plan = Plan.make(problem.model, times=problem.times, patients=problem.draws, doses=problem.doses, outputs=None,
                     seed=0, arm="", settings=settings)  # fmt: skip
    best = dict.fromkeys(variants, np.inf)
    for _ in range(turns):
        for key, variant in variants.items():
            outcome, workspace = empty_outcome(plan.task, variant.code), variant.code.workspace()
            begin = time.process_time()
            run_range(variant.code, plan.task, outcome, 0, plan.task.n_patients, workspace)
            best[key] = min(best[key], (time.process_time() - begin) / outcome.steps[:, 0].sum())
    print(f"\n| at {rtol:.0e} | lanes | ns of a step and patient |\n|---|---|---|")
    for (label, width), seconds in best.items():
        print(f"| {label} | {width} | {seconds * 1e9:,.0f} |")


def order_residuals(method: Method, b: np.ndarray) -> dict[int, float]:
    """Return the largest deviation from the order conditions of orders 1 to 5 (Hairer & Wanner 1996, IV.7, 7.1)."""
    a, gamma, _ = method.original()
    beta = a + gamma
    a1, b1, ab, aa = a.sum(axis=1), beta.sum(axis=1), a @ beta.sum(axis=1), a @ a.sum(axis=1) ** 2
    wanted = {
        1: [(b.sum(), 1)],
        2: [(b @ b1, 2)],
        3: [(b @ a1**2, 3), (b @ beta @ b1, 6)],
        4: [(b @ a1**3, 4), (b @ (a1 * ab), 8), (b @ beta @ a1**2, 12), (b @ beta @ beta @ b1, 24)],
        5: [(b @ a1**4, 5), (b @ (a1**2 * ab), 10), (b @ ab**2, 20), (b @ (a1 * aa), 15),
            (b @ (a1 * (a @ beta @ b1)), 30), (b @ beta @ a1**3, 20), (b @ beta @ (a1 * ab), 40),
            (b @ beta @ beta @ a1**2, 60), (b @ beta @ beta @ beta @ b1, 120)],
    }  # fmt: skip
    return {order: max(abs(found - 1 / n) for found, n in pairs) for order, pairs in wanted.items()}


def free_residual(method: Method) -> float:
    """Return the deviation from the further conditions to order 3 under which the Jacobian may be any matrix."""
    a, gamma, b = method.original()
    a1, g1 = a.sum(axis=1), gamma.sum(axis=1)
    return float(np.abs([b @ a1 - 1 / 2, b @ g1, b @ a @ a1 - 1 / 6, b @ a @ g1, b @ gamma @ a1, b @ gamma @ g1]).max())


def damping(method: Method) -> float:
    """Return |R| at infinity: 0 for an L-stable method."""
    a, gamma, b = method.original()
    return float(abs(1 - b @ np.linalg.solve(a + gamma, np.ones(len(b)))))


def show_orders() -> None:
    """Print which order conditions each tableau meets."""
    print(
        "| | source | order | of the estimate | deviation | next order | any Jacobian | damping |\n" + "|---" * 8 + "|"
    )
    for name, method in load_methods().items():
        gamma, b = method.original()[1:]
        found, other = order_residuals(method, b), order_residuals(method, b - method.error @ gamma)
        met = max(o for o in found if all(found[k] < 1e-9 for k in range(1, o + 1)))
        second = max(o for o in other if all(other[k] < 1e-9 for k in range(1, o + 1)))
        missed = f"{found[met + 1]:.0e}" if met < 5 else ""
        print(f"| {name} | {method.source} | {met}{' or more' if met == 5 and method.order > 5 else ''} | {second} "
              f"| {max(found[k] for k in range(1, met + 1)):.0e} | {missed} | {free_residual(method):.0e} "
              f"| {damping(method):.0e} |")  # fmt: skip


def show_plain(problem: Problem, reference: np.ndarray, names: list[str]) -> None:
    """Print what needs the plain integrator: is it the engine, the sixth order, refinement, a kept Jacobian."""
    solver, methods, costs, curves = Solver(problem), load_methods(), {}, []
    for name in ("Rodas5P", "Rodas6P", "ROS34PW2", "ROS34PW3"):
        short = methods[name].without_dense()
        share = operations(make_variant(problem.model, short), short)
        costs[name] = sum(share.values())
        print(f"{name}, operations of a step: {costs[name]:,} {share}")
    for rtol in (1e-4, 1e-5, 1e-6):
        own = engine(problem.model, problem.draws, problem.doses, rtol)[0].steps[:, 0]
        print(f"the engine at {rtol:.0e}: {own.mean():,.0f} steps")
    print()
    print("| | rtol = atol | steps | refused | Jacobians | error median | 95% | failed |\n" + "|---" * 8 + "|")
    cases = [("Rodas5P", "", Rule(), (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)), ("Rodas6P", "", Rule(), (1e-3, 1e-4, 1e-5, 1e-6)),
             ("Rodas5P", ", single", Rule(precision=SINGLE), (1e-4, 1e-5, 1e-6)),
             ("Rodas5P", ", single and refined", Rule(precision=REFINED), (1e-4, 1e-5, 1e-6))]  # fmt: skip
    for name in ("ROS34PW2", "ROS34PW3"):
        cases += [(name, f", Jacobian every {keep}", Rule(keep=keep), (1e-4, 1e-5)) for keep in (1, 2, 4, 8)]
    for name, label, rule, grid in cases:
        rows = []
        for rtol in grid:
            values, counts = solver.run(methods[name], rtol, rule)
            errors = problem.error(values, reference)
            good = errors[(counts[:, 3] == 0) & np.isfinite(errors)]
            steps, refused, jacobians = counts[:, :3].mean(axis=0)
            middle, high = np.quantile(good, (0.5, 0.95)) if len(good) else (np.nan, np.nan)
            rows.append((steps, refused, middle, high, len(errors) - len(good)))
            print(f"| {name}{label} | {rtol:.0e} | {steps:,.0f} | {refused:.0f} | {jacobians:,.0f} | {middle:.1e} "
                  f"| {high:.1e} | {len(errors) - len(good)} |", flush=True)  # fmt: skip
        curves.append(Curve(name + label, costs[name], np.array(grid), *np.array(rows).T))
    show_costs(curves)


def show_lsoda(problem: Problem, reference: np.ndarray, names: list[str]) -> None:
    """Print the steps, right-hand sides and Jacobians of LSODA (scipy's ODEPACK), restarted at every dose."""
    from scipy.integrate import odeint

    settings = Settings()
    plan = Plan.make(problem.model, times=problem.times, patients=problem.draws, doses=problem.doses, outputs=None,
                     seed=0, arm="", settings=settings)  # fmt: skip
    states, parameters = start(plan)
    slope = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(plan.code.machine.addresses["slope"])
    n_patients, n = states.shape
    pieces, doses = list(segments(plan)), plan.task.doses
    print("| rtol = atol | steps | right-hand sides | Jacobians | error median | 95% |\n" + "|---" * 6 + "|")
    for rtol in (1e-5, 1e-6, 1e-7):
        values, totals = np.full((n_patients, len(problem.times), n), np.nan), np.zeros((n_patients, 3))
        for i in range(n_patients):
            flat, out, y = np.concatenate([[0.0], states[i], parameters[i]]), np.zeros(n), states[i].copy()
            source, target = flat.ctypes.data, out.ctypes.data

            def rates(y, t, flat=flat, out=out, source=source, target=target):
                flat[0], flat[1 : 1 + n] = t, y
                slope(source, target)
                return out

            for begin, end, given, shown in pieces:
                for d in given:
                    y[doses.slots[d]] += doses.amounts[i if len(doses.amounts) > 1 else 0, d]
                moments = np.unique(np.concatenate([[begin], problem.times[shown], [end]]))
                path, told = odeint(rates, y, moments, rtol=rtol, atol=rtol, full_output=True, mxstep=100_000)
                values[i, shown] = path[np.searchsorted(moments, problem.times[shown])]
                totals[i] += told["nst"][-1], told["nfe"][-1], told["nje"][-1]
                y = path[-1].copy()
        errors = problem.error(values, reference)
        print(f"| {rtol:.0e} | " + " | ".join(f"{x:,.0f}" for x in totals.mean(axis=0))
              + f" | {np.nanmedian(errors):.1e} | {np.nanquantile(errors, 0.95):.1e} |", flush=True)  # fmt: skip


PARTS = {"methods": show_methods, "rules": show_rules, "single": show_single, "plain": show_plain, "lsoda": show_lsoda}


def main() -> None:
    """Print one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["orders", *PARTS])
    parser.add_argument("--model", choices=("cart25", "own"), default="cart25")
    parser.add_argument("--doses", type=int, choices=(2, 30), default=30)
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--methods", nargs="*", default=[])
    given = parser.parse_args()
    if given.part == "orders":
        show_orders()
        return
    problem = cart25(given.doses, given.patients) if given.model == "cart25" else own_model(given.patients)
    reference = engine(problem.model, problem.draws, problem.doses, 1e-11)[0].values
    print(f"{problem.model.name}: {len(problem.names)} states, {len(problem.doses)} doses, {given.patients} patients\n")
    PARTS[given.part](problem, reference, given.methods)


if __name__ == "__main__":
    main()

"""How cost grows with the number of patients: wall time and memory, and the share of the machine's peak.

Usage: python benchmarks/engine_growth.py [--most 100000]

The 25-state model with 30 doses, weekly outputs of four states, rtol 1e-4, streamed to disk in parts of 5,000 on all
cores. Memory is the process's own peak.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import resource
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import engine_peers as peers
import numpy as np
import pandas as pd

from aftercar.engine import Settings, load_model, simulate_to_folder
from aftercar.engine.equations import write_equations
from aftercar.engine.kernel_text import kernel_text
from aftercar.engine.machine_code import best_width, compile_text


def operations(model) -> int:
    """Count the floating-point operations of one step, as written: sums, products, quotients, in all that it calls."""
    text = kernel_text(write_equations(model), best_width())
    bodies = dict(re.findall(r"define (?:internal )?void @(\w+)\(.*?\{\n(.*?)\n\}", text, re.DOTALL))

    def count(name: str) -> int:
        own = sum(bodies[name].count(f" = {op} ") for op in ("fadd", "fsub", "fmul", "fdiv"))
        return own + sum(count(called) for called in re.findall(r"call void @(\w+)\(", bodies[name]))

    return count("step")


def peak() -> float:
    """Measure the processor's peak in GFLOP/s on one core: sixteen independent chains of multiply-and-add."""
    width, chains, turns = best_width(), 16, 20_000_000
    kind = f"<{width} x double>"
    vectors = [f"  %x{k} = phi {kind} [ zeroinitializer, %entry ], [ %y{k}, %loop ]" for k in range(chains)]
    sums = [f"  %y{k} = call {kind} @llvm.fma.v{width}f64({kind} %m, {kind} %x{k}, {kind} %m)" for k in range(chains)]
    total, lines = "%y0", []
    for k in range(1, chains):
        lines.append(f"  %t{k} = fadd {kind} {total}, %y{k}")
        total = f"%t{k}"
    text = "\n".join([
        "define void @peak(ptr %a, ptr %b) #0 {", "entry:", f"  %m = load {kind}, ptr %a, align 8", "  br label %loop",
        "loop:", *vectors, "  %i = phi i64 [ 0, %entry ], [ %j, %loop ]", *sums, "  %j = add i64 %i, 1",
        f"  %go = icmp slt i64 %j, {turns}", "  br i1 %go, label %loop, label %end", "end:", *lines,
        f"  store {kind} {total}, ptr %b, align 8", "  ret void", "}",
        'attributes #0 = { "prefer-vector-width"="512" "min-legal-vector-width"="512" }', "",
    ])  # fmt: skip
    code = compile_text(text, ("peak",))
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(code.addresses["peak"])
    a, b = np.full(width, 0.5), np.zeros(width)
    best = np.inf
    for _ in range(5):
        begin = time.process_time()
        run(a.ctypes.data, b.ctypes.data)
        best = min(best, time.process_time() - begin)
    return 2 * width * chains * turns / best / 1e9


def n_per_second(outcome, seconds: float) -> str:
    """Return the speed in words."""
    return f"{len(outcome.values) / seconds:,.0f} patients/s"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=100_000)
    most = parser.parse_args().most
    model, schedule = load_model(peers.MODEL), peers.doses(30)
    draws = peers.draw(model, 200)
    outcome, seconds = peers.engine(model, draws, schedule, 1e-6)
    count = operations(model)
    rate = count * outcome.steps[:, 0].sum() / seconds / 1e9
    most_possible = peak()
    print(
        f"{count} operations a step, {outcome.steps[:, 0].mean():.0f} steps a patient, {n_per_second(outcome, seconds)}"
    )
    print(f"{rate:.1f} of {most_possible:.1f} GFLOP/s on one core: {rate / most_possible:.0%} of peak\n")
    print("| patients | seconds | patients/s | peak memory, MB |\n|---|---|---|---|")
    workers = os.cpu_count() or 1
    settings = Settings(rtol=1e-4, atol=1e-4, workers=workers)

    def some(first: int, last: int) -> pd.DataFrame:
        base = pd.DataFrame(peers.draw(model, 5_000))
        return base.iloc[: last - first].set_axis(np.arange(first, last), axis=0)

    n = 100
    while n <= most:
        folder = Path(tempfile.mkdtemp())
        begin = time.perf_counter()
        simulate_to_folder(
            model, folder, times=peers.TIMES, patients=some, n_patients=n, doses=schedule,
            outputs=["M1", "M3", "CTe", "Mp"], settings=replace(settings), per_part=5_000,
        )  # fmt: skip
        seconds = time.perf_counter() - begin
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {n:,} | {seconds:.2f} | {n / seconds:,.0f} | {memory:.0f} |", flush=True)
        shutil.rmtree(folder)
        n *= 10


if __name__ == "__main__":
    main()

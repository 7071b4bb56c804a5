"""The peers of the engine: the same equations in solvers of other people. Each is imported where it is used.

Solvers of the first kind integrate from one moment to the next and are given doses between (`numbalsoda`, `scipy`,
`diffrax`); the others read SBML with the doses as events (libRoadRunner, COPASI, AMICI).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from aftercar.engine.readable import load_python, write_python


def peer_numbalsoda(model, rtol: float):
    """LSODA in C through numbalsoda, with our equations compiled by numba."""
    import numba
    from numbalsoda import lsoda, lsoda_sig

    n, n_p = len(model.states), len(model.parameters)
    space: dict = {}
    text = write_python(model).replace("def ", "@numba.njit(error_model='numpy')\ndef ")
    exec("import numba\n" + text, space)
    rates = space["rates"]

    @numba.cfunc(lsoda_sig)
    def right_hand_side(t, y, dy, p):
        rates(t, numba.carray(y, (n,)), numba.carray(p, (n_p,)), numba.carray(dy, (n,)))

    address = right_hand_side.address

    def solve(y, moments, p):
        path, success = lsoda(address, y, moments, data=p, rtol=rtol, atol=rtol, mxstep=100_000)
        if not success:
            raise RuntimeError("LSODA failed")
        return path

    return solve


def peer_scipy(model, rtol: float, method: str = "LSODA"):
    """scipy with our equations as plain Python."""
    from scipy.integrate import solve_ivp

    rates, _ = load_python(model)
    out = np.zeros(len(model.states))

    def solve(y, moments, p):
        p = p.tolist()
        path = solve_ivp(
            lambda t, y: rates(t, y.tolist(), p, out.copy()),
            (moments[0], moments[-1]), y, method=method, t_eval=moments, rtol=rtol, atol=rtol,
        )  # fmt: skip
        return path.y.T

    return solve


def peer_roadrunner(sbml: str, draws, times, names: list[str], rtol: float, atol: dict[str, float] | float):
    """libRoadRunner (CVODE), doses as events of the model."""
    import roadrunner

    runner = roadrunner.RoadRunner(sbml)
    runner.integrator.relative_tolerance = rtol
    if isinstance(atol, dict):
        order = list(runner.model.getFloatingSpeciesIds())
        runner.integrator.setValue("absolute_tolerance", [atol[s] for s in order])
    else:
        runner.integrator.absolute_tolerance = atol
    runner.integrator.maximum_num_steps = 200_000
    runner.timeCourseSelections = ["time", *names]
    ids = list(runner.model.getGlobalParameterIds())
    positions = [ids.index(k) for k in draws]

    def solve(i: int) -> np.ndarray:
        runner.resetAll()
        runner.model.setGlobalParameterValues(positions, [float(draws[k][i]) for k in draws])
        runner.reset()
        return np.array(runner.simulate(times=list(times)))[:, 1:]

    return solve


def peer_copasi(sbml: str, draws, times, names: list[str], rtol: float):
    """COPASI (LSODA), doses as events, weekly outputs; reading the values out one by one is part of its time."""
    import basico
    import COPASI

    model = basico.load_model(sbml).getModel()
    values = {value.getObjectName(): value for value in model.getModelValues()}
    task = model.getObjectDataModel().getTask("Time-Course")
    task.setMethodType(COPASI.CTaskEnum.Method_deterministic)
    problem, method = task.getProblem(), task.getMethod()
    weeks = int(times[-1] // 7)
    problem.setDuration(7.0 * weeks)
    problem.setStepNumber(weeks)
    problem.setTimeSeriesRequested(True)
    problem.setAutomaticStepSize(False)
    for word, number in (("Relative Tolerance", rtol), ("Absolute Tolerance", rtol)):
        method.getParameter(word).setDblValue(number)
    method.getParameter("Max Internal Steps").setIntValue(1_000_000)

    def solve(i: int) -> np.ndarray:
        for k in draws:
            values[k].setInitialValue(float(draws[k][i]))
        model.updateInitialValues(COPASI.CCore.Framework_Concentration)
        task.initializeRaw(COPASI.CCopasiTask.OUTPUT_UI)
        if not task.processRaw(True):
            raise RuntimeError("COPASI failed")
        series = task.getTimeSeries()
        titles = [series.getTitle(k) for k in range(series.getNumVariables())]
        columns = [titles.index(s) for s in names]
        rows = [[series.getConcentrationData(r, c) for c in columns] for r in range(series.getRecordedSteps())]
        task.restore()
        return np.array(rows)

    return solve


def peer_amici(sbml: str, draws, times, names: list[str], rtol: float):
    """AMICI (CVODES with KLU): C++ generated from the model and compiled, doses as events."""
    from amici.importers.sbml import SbmlImporter
    from amici.sim.sundials import AMICI_SUCCESS, run_simulation

    folder = Path(tempfile.mkdtemp()) / "benchmark_model"
    file = folder.with_suffix(".xml")
    file.write_text(sbml, encoding="utf-8")
    # Needs the very swig that built AMICI in PATH: another does not share its types.
    model = SbmlImporter(str(file)).sbml2amici("benchmark_model", str(folder), generate_sensitivity_code=False)
    solver = model.create_solver()
    solver.set_relative_tolerance(rtol)
    solver.set_absolute_tolerance(rtol)
    solver.set_max_steps(1_000_000)
    model.set_timepoints(list(times))
    ids = list(model.get_free_parameter_ids())
    values = dict(zip(ids, model.get_free_parameters(), strict=True))
    order = [list(model.get_state_ids()).index(s) for s in names]

    def solve(i: int) -> np.ndarray:
        model.set_free_parameters([float(draws[k][i]) if k in draws else values[k] for k in ids])
        result = run_simulation(model, solver)
        if result.status != AMICI_SUCCESS:
            raise RuntimeError("AMICI failed")
        return np.array(result.x)[:, order]

    return solve


def peer_diffrax(model, rtol: float, method: str = "Kvaerno5"):
    """diffrax in 64 bits on one thread: many patients at once (vmap), one compiled program per number of outputs."""
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    space: dict = {"math": jnp}
    text = write_python(model).replace("import math", "").split("def jacobian")[0]
    exec(text, space)
    space |= {"power": jnp.power, "root": lambda x: jnp.sqrt(jnp.maximum(x, 0.0))}
    n = len(model.states)

    def field(t, y, p):
        return jnp.stack([jnp.asarray(r, dtype=y.dtype) for r in space["rates"](t, y, p, [0.0] * n)])

    solver, control = getattr(diffrax, method)(), diffrax.PIDController(rtol=rtol, atol=rtol)

    def one(y, p, begin, end, moments):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(field), solver, begin, end, jnp.minimum(1e-3, end - begin), y, args=p,
            saveat=diffrax.SaveAt(ts=moments, t1=True), stepsize_controller=control, max_steps=10**7, throw=False,
            adjoint=diffrax.ForwardMode(),
        ).ys  # fmt: skip

    batch = jax.jit(jax.vmap(one, in_axes=(0, 0, None, None, None)))

    def solve(y, moments, p):
        """Return states at the moments, shape (patients, moments, states), for all patients at once."""
        inner = moments[1:-1]
        room = 1 if len(inner) <= 1 else 4 if len(inner) <= 4 else len(inner)  # few sizes: each is compiled anew
        padded = np.concatenate([inner, np.full(room - len(inner), moments[-1])])
        path = np.asarray(batch(y, p, moments[0], moments[-1], padded))
        return np.concatenate([y[:, None], path[:, : len(inner)], path[:, -1:]], axis=1)

    return solve

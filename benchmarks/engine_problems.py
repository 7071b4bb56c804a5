"""What the engine and its peers are given to solve: models, doses, draws, outputs, and what counts as an error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aftercar.engine import Dose, Event, EventAssignment, Infusion, Network, load_model, write_sbml
from aftercar.engine.network import TIME, symbol

MODEL = Path(__file__).resolve().parent / "engine_cart25.ant"
TIMES = np.append(np.arange(0, 261) * 7.0, 1825.0)
KEY = "CTe CTm Ec Ea M1 M2 M3 Mq sB Mp FLC Ac R3 Tri IL6 IL15".split()
CELLS = set("CTe CTm CTx Ec Ea Ex M1 M2 M3 Mq".split())
FIXED = {"tB", "doseLD", "doseCT", "doseB", "Vd", "V"}
WIDE = {"M0": 0.8, "KB": 0.5, "rho": 0.12, "kC": 0.3, "f2": 1.0, "f3": 1.0, "fq": 0.6, "g1": 0.3, "g2": 0.3, "g3": 0.3,
        "Kmax": 0.1}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """A model with doses and drawn parameters.

    `floors`: for each state that is judged, what is added to the denominator of its relative error. `sbml`: the same
    with the doses as events, for solvers that read files.
    """

    model: Network
    doses: list[Dose | Infusion]
    draws: dict[str, np.ndarray]
    floors: dict[str, float]
    sbml: str
    times: np.ndarray

    @property
    def names(self) -> list[str]:
        """States in the order of the model."""
        return [s.id for s in self.model.states]

    def error(self, values: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Largest relative error of each patient, over the states that are judged."""
        return error(values, reference, self.names, self.floors)


def error(
    values: np.ndarray, reference: np.ndarray, names: list[str], floors: dict[str, float] | None = None
) -> np.ndarray:
    """Largest of |y - reference| / (|reference| + floor) of each patient; arrays of (patients, times, states)."""
    floors = floors or {name: 1.0 if name in CELLS else 1e-3 for name in KEY}
    worst = np.zeros(len(values))
    for name, floor in floors.items():
        j = names.index(name)
        gap = np.abs(values[:, :, j] - reference[:, :, j]) / (np.abs(reference[:, :, j]) + floor)
        worst = np.maximum(worst, gap.max(axis=1))
    return worst


def doses(number: int) -> list[Dose | Infusion]:
    """Lymphodepletion, CAR-T and a bispecific antibody: 30 doses, or only CAR-T and one of the antibody."""
    course = [Dose(t, "LD", "doseLD") for t in (1.0, 2.0, 3.0)] + [Dose(6.0, "CTe", "doseCT")]
    course += [Dose(540.0, "Asc", "doseB", 0.05), Dose(543.0, "Asc", "doseB", 0.25)]
    course += [Dose(540.0 + 7 * (k + 1), "Asc", "doseB") for k in range(12)]
    course += [Dose(624.0 + 28 * (k + 1), "Asc", "doseB") for k in range(12)]
    return list(course) if number == 30 else [course[3], course[6]]


def draw(model: Network, n: int) -> dict[str, np.ndarray]:
    """Lognormal parameters, seed 1; the first patient is the nominal one."""
    names = [p.id for p in model.parameters if p.id != "V"]
    nominal = np.array([p.value for p in model.parameters if p.id != "V"])
    spread = np.array([0.0 if k in FIXED else WIDE.get(k, 0.2) for k in names])
    values = nominal * np.exp(np.random.default_rng(1).standard_normal((n, len(names))) * spread)
    values[0] = nominal
    return dict(zip(names, values.T, strict=True))


def cart25(number: int, n: int, file: Path = MODEL) -> Problem:
    """The model made for benchmarks: 25 states, five years, weekly outputs of all states."""
    import antimony

    model, schedule = load_model(file), doses(number)
    lines = [f"  D{k}: at (time >= {d.time}): {d.target} = {d.target} + {d.factor}*{d.amount};"
             for k, d in enumerate(schedule)]  # fmt: skip
    antimony.clearPreviousLoads()
    antimony.loadAntimonyString(file.read_text().replace("// EVENTS_END", "\n".join(lines)))
    sbml = antimony.getSBMLString(antimony.getMainModuleName())
    return Problem(model, schedule, draw(model, n), {k: 1.0 if k in CELLS else 1e-3 for k in KEY}, sbml, TIMES)


def own_model(n: int, *, all_slots: bool = False) -> Problem:
    """AfterCAR's own system, deterministic: a second line of BCMA CAR-T and teclistamab at relapse; five years.

    `all_slots`: with two products, two engagers and four drugs, of which most stay empty, instead of what is needed.
    """
    from aftercar.model import Treatment, arrange_course, build_structure, build_system
    from aftercar.patients.draws import draw_patients

    plan = [Treatment("ide_cel", day=10.0), Treatment("teclistamab", day=540.0)]
    shape = build_structure(products=2, engagers=2, drugs=4) if all_slots else None
    course = arrange_course(plan, days=1825.0, structure=shape)
    model = build_system(structure=replace(course.structure, counted=False))
    if course.start < 0 or any(isinstance(d, Infusion) for d in course.doses):
        raise RuntimeError("the peers are given doses after the start only")
    people = draw_patients(course, n=n, seed=1)
    floors = {s.id: 1.0 if s.unit == "cell" else 1e-3 for s in model.states}
    draws = {name: people[name].to_numpy(dtype=float) for name in people.columns}
    events = tuple(
        Event(f"D{k}", sp_ge(d.time), (EventAssignment(d.target, symbol(d.target) + d.factor * _amount(d)),))
        for k, d in enumerate(course.doses)
    )
    return Problem(model, list(course.doses), draws, floors, write_sbml(replace(model, events=events)), TIMES)


def sp_ge(time):
    """Return the condition that a moment has come."""
    import sympy as sp

    return sp.Ge(TIME, sp.Float(time))


def _amount(dose: Dose | Infusion):
    return symbol(dose.amount) if isinstance(dose.amount, str) else dose.amount

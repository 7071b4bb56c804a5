# ruff: noqa: E501 -- a table is read by lines
"""Print what each mechanism of the review does in 200 simulated patients: the term on, the term off or varied.

Run as `.venv/bin/python validation/model/mechanisms.py` (about a minute). Every figure is simulated from uncalibrated
parameters; the table of `docs/explanation/mechanisms.md` is this output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from aftercar.model import Treatment
from aftercar.patients import simulate_plan
from aftercar.patients.readouts import Marker, read_marker

PATIENTS = 200
SEEN = 1e9  # cells outside the marrow, about a gram, that imaging would find: assumed
IDE, LCAR = Treatment("ide_cel"), Treatment("lcar_b38m")
Measure = Callable[[xr.Dataset], float]
Arm = tuple[Sequence[Treatment], Sequence[str], Mapping[str, float]]


def response(part: float, start: float = 0.0) -> Measure:
    """Return the share of patients [%] whose M-protein, or light chain, fell by `part` or more after day `start`."""

    def measure(data: xr.Dataset) -> float:
        marker = marker_of(data, start)
        return 100 * float(np.mean(marker.deepest_fall()[marker.evaluable] >= part))

    return measure


def nadir(data: xr.Dataset) -> float:
    """Return the median of log10 of the fewest tumour cells."""
    return float(np.median(np.log10(data["tumour_total"].sel(time=slice(0, None)).to_numpy().min(axis=1) + 1)))


def cells(day: float) -> Measure:
    """Return the median of log10 of CAR-T cells on a day."""
    return lambda data: float(np.median(np.log10(np.maximum(on(data, "car_t_total", day), 0) + 1)))


def exhausted(day: float) -> Measure:
    """Return the median share [%] of exhausted cells among CAR-T cells on a day."""
    return lambda data: 100 * float(np.median(on(data, "product1_exhausted", day) / (on(data, "car_t_total", day) + 1)))


def antibodies(day: float) -> Measure:
    """Return the share of patients [%] whose antibody index is above 0.1 on a day."""
    return lambda data: 100 * float(np.mean(on(data, "product1_antibody", day) > 0.1))


def ever_antibodies(data: xr.Dataset) -> float:
    """Return the share of patients [%] whose antibody index is above 0.1 at some time."""
    return 100 * float(np.mean(data["product1_antibody"].to_numpy().max(axis=1) > 0.1))


def lowest(name: str) -> Measure:
    """Return the median over patients of the lowest value of an output."""
    return lambda data: float(np.median(data[name].to_numpy().min(axis=1)))


def lowest_density(data: xr.Dataset) -> float:
    """Return the median over patients of the lowest BCMA per tumour cell, relative to the patient's own at the start."""
    density = data["bcma_density"].sel(time=slice(0, None)).to_numpy()
    return float(np.median(density.min(axis=1) / density[:, 0]))


def level(name: str, day: float) -> Measure:
    """Return the median of an output on a day."""
    return lambda data: float(np.median(on(data, name, day)))


def relapsed(data: xr.Dataset) -> float:
    """Return the share of patients [%] with a rise of M-protein, or light chain, as progression asks for."""
    marker = marker_of(data)
    return 100 * float(np.mean(marker.find_rise()[0][marker.evaluable]))


def failed(data: xr.Dataset) -> float:
    """Return the mean chance [%] that an apheresis gives no product."""
    return 100 * float(data["manufacturing_failure"].mean())


def null_at_relapse(data: xr.Dataset) -> float:
    """Return the share of relapses [%] in which most cells are BCMA-null."""
    after = data.sel(time=slice(0, None))
    risen, first = marker_of(data).find_rise()
    clones = [c for c in after if "bcma_null" in str(c) and str(c).startswith(("marrow_", "emd_"))]
    share = sum((after[c].to_numpy() for c in clones), np.zeros(())) / (after["tumour_total"].to_numpy() + 1)
    return 100 * float(np.mean(share[np.arange(len(share)), first][risen] > 0.5))


def dim_at_relapse(data: xr.Dataset) -> float:
    """Return the share of relapses [%] at which the tumour has less than half of its BCMA at the start."""
    density = data["bcma_density"].sel(time=slice(0, None)).to_numpy()
    risen, first = marker_of(data).find_rise()
    left = density[np.arange(len(density)), first] / density[:, 0]
    return 100 * float(np.mean(left[risen] < 0.5))


def density_left(day: float) -> Measure:
    """Return the median BCMA per tumour cell on a day, relative to the patient's own at the start."""
    return lambda data: float(np.median(on(data, "bcma_density", day) / on(data, "bcma_density", 0)))


def response_with_lesions(data: xr.Dataset) -> float:
    """Return the share of patients [%] with a fall by half on day 91, of the marker and of what lies outside the marrow."""
    early = data.sel(time=slice(0, 91))
    marker, lesions = read_marker(early), early["emd_total"].to_numpy()
    smaller = lesions.min(axis=1) <= 0.5 * lesions[:, 0]
    answered = (marker.deepest_fall() >= 0.5) & ((lesions[:, 0] < SEEN) | smaller)
    return 100 * float(np.mean(answered[marker.evaluable]))


def marker_of(data: xr.Dataset, start: float = 0.0) -> Marker:
    """Return M-protein, or the light chain of those without one, from a day on."""
    return read_marker(data.sel(time=slice(start, None)))


def on(data: xr.Dataset, name: str, day: float) -> npt.NDArray[np.float64]:
    """Return an output on the output day nearest to `day`, shape (patients,)."""
    return np.asarray(data[name].sel(time=day, method="nearest").to_numpy(), dtype=np.float64)


def arm(*plan: Treatment, off: Sequence[str] = (), **values: float) -> Arm:
    """Return a plan with what is switched off and the values that are set."""
    return plan, off, values


def off(mechanism: str, *plan: Treatment, **values: float) -> tuple[Arm, Arm]:
    """Return the two arms of a mechanism: on and off."""
    return arm(*plan, **values), arm(*plan, off=[mechanism], **values)


MUTATED, NULL = {"bcma_epitope_share": 0.999}, {"bcma_null_share": 0.999}
MANY_CAF, DIM = {"fibroblasts_level": 2.5}, {"bcma_expression": 0.3}
GSI, CD28 = Treatment("gamma_secretase_inhibitor"), Treatment("nci_bcma_cart")
VGPR = response(0.9)
NO_ADA = ["anti_car_antibodies"]
# Section, mechanism, what is compared, measure, its arms (first and second), days.
ROWS: list[tuple[str, str, str, str, Measure, tuple[Arm, Arm], float]] = [
    ("2.1", "clonal selection", "on, off", "lowest BCMA, relative to the start", lowest_density, off("clonal_selection", IDE), 730),
    ("2.1", "clonal selection", "on, off", "BCMA on day 91, relative to the start", density_left(91), off("clonal_selection", IDE), 180),
    ("2.1", "pressure: antibodies clear CAR-T cells", "on, off", "lowest BCMA, relative to the start", lowest_density, off("anti_car_antibodies", IDE), 730),
    ("2.1", "pressure: antibodies clear CAR-T cells", "on, off", "relapses with less than half of the BCMA, %", dim_at_relapse, off("anti_car_antibodies", IDE), 730),
    ("2.1", "biallelic loss", "on, off", "BCMA-null at relapse, %", null_at_relapse, off("antigen_loss", IDE), 1095),
    ("2.1", "biallelic loss", "BCMA, GPRC5D CAR-T in a null tumour", "response, %", response(0.5), (arm(IDE, **NULL), arm(Treatment("bms_986393"), **NULL)), 180),
    ("2.1", "epitope mutation", "ide-cel, cilta-cel in a mutant tumour", "response, %", response(0.5), (arm(IDE, **MUTATED), arm(Treatment("cilta_cel"), **MUTATED)), 180),
    ("2.1", "gamma-secretase inhibitor", "without, with", "soluble BCMA, day 7, ng/mL", level("sbcma_ng_per_ml", 7), (arm(), arm(GSI)), 8),
    ("2.1", "gamma-secretase inhibitor", "without, with", "log10 nadir", nadir, (arm(IDE), arm(IDE, GSI)), 180),
    ("2.1", "gamma-secretase inhibitor", "without, with (30% of the BCMA)", "log10 nadir", nadir, (arm(IDE, **DIM), arm(IDE, GSI, **DIM)), 180),
    ("2.1", "gamma-secretase inhibitor", "without, with (30% of the BCMA)", "M-protein down 90%, %", VGPR, (arm(IDE, **DIM), arm(IDE, GSI, **DIM)), 180),
    ("2.1", "gamma-secretase inhibitor", "without, with", "BCMA density, day 7", level("bcma_density", 7), (arm(IDE), arm(IDE, GSI)), 180),
    ("2.2.1", "apheresis", "fitness 0.85, 1.15", "log10 CAR-T, day 7", cells(7), (arm(IDE, apheresis_fitness=0.85), arm(IDE, apheresis_fitness=1.15)), 180),
    ("2.2.1", "apheresis", "memory x0.5, x2", "log10 CAR-T, day 7", cells(7), (arm(IDE, apheresis_memory=0.5), arm(IDE, apheresis_memory=2.0)), 180),
    ("2.2.1", "apheresis", "memory x0.5, x2", "log10 CAR-T, day 56", cells(56), (arm(IDE, apheresis_memory=0.5), arm(IDE, apheresis_memory=2.0)), 180),
    ("2.2.1", "apheresis", "memory x0.5, x2, antibodies off", "log10 CAR-T, day 180", cells(180), (arm(IDE, off=NO_ADA, apheresis_memory=0.5), arm(IDE, off=NO_ADA, apheresis_memory=2.0)), 180),
    ("2.2.1", "apheresis", "lines 2, 8, antibodies off", "log10 CAR-T, day 180", cells(180), (arm(IDE, off=NO_ADA, prior_lines=2.0), arm(IDE, off=NO_ADA, prior_lines=8.0)), 180),
    ("2.2.1", "costimulation", "CD28, as if 4-1BB", "exhausted on day 14, %", exhausted(14), off("costimulation", CD28), 180),
    ("2.2.1", "costimulation", "CD28, as if 4-1BB", "log10 CAR-T, day 90", cells(90), off("costimulation", CD28), 180),
    ("2.2.1", "anti-CAR antibodies", "Cy, Flu/Cy (LCAR-B38M)", "with antibodies, day 56, %", antibodies(56), (arm(LCAR), arm(Treatment("lcar_b38m", lymphodepletion="cyclophosphamide_fludarabine"))), 365),
    ("2.2.1", "anti-CAR antibodies", "Cy, Flu/Cy (LCAR-B38M)", "with antibodies, day 182, %", antibodies(182), (arm(LCAR), arm(Treatment("lcar_b38m", lymphodepletion="cyclophosphamide_fludarabine"))), 365),
    ("2.2.1", "anti-CAR antibodies", "Cy, Flu/Cy (LCAR-B38M)", "ever with antibodies in a year, %", ever_antibodies, (arm(LCAR), arm(Treatment("lcar_b38m", lymphodepletion="cyclophosphamide_fludarabine"))), 365),
    ("2.2.1", "anti-CAR antibodies", "murine, human binder", "with antibodies, day 182, %", antibodies(182), (arm(IDE), arm(Treatment("ct103a"))), 365),
    ("2.2.1", "anti-CAR antibodies", "on, off", "log10 CAR-T, day 90", cells(90), off("anti_car_antibodies", IDE), 180),
    ("2.2.1", "anti-CAR antibodies", "ide-cel again, CT103A on day 400", "M-protein down 90%, %", response(0.9, 393), (arm(IDE, Treatment("ide_cel", day=400)), arm(IDE, Treatment("ct103a", day=400))), 600),
    ("2.2.2", "exhaustion", "burden 5e10, 1.5e12", "exhausted on day 28, %", exhausted(28), (arm(IDE, tumour_burden=5e10), arm(IDE, tumour_burden=1.5e12)), 180),
    ("2.2.2", "checkpoints", "without, with nivolumab", "exhausted on day 28, %", exhausted(28), (arm(IDE), arm(IDE, Treatment("nivolumab"))), 180),
    ("2.2.2", "checkpoints", "without, with PD-1 knock-down", "log10 nadir", nadir, (arm(IDE), arm(Treatment("bcma_cart_anti_pd1_shrna"))), 180),
    ("2.2.2", "TGF-beta on CD4+", "on, off (70% CD4+)", "exhausted on day 28, %", exhausted(28), off("tgfb_on_cd4", Treatment("ide_cel", values={"cd4_share": 0.7})), 180),
    ("2.3", "microenvironment", "on, off", "log10 nadir", nadir, off("microenvironment", IDE), 180),
    ("2.3", "fibroblasts x2.5", "BCMA CAR, dual CAR", "log10 nadir", nadir, (arm(Treatment("bcma_cart"), **MANY_CAF), arm(Treatment("caf_dual_cart"), **MANY_CAF)), 180),
    ("2.4", "alkylator before apheresis", "none, given", "M-protein down 90%, %", VGPR, (arm(IDE), arm(IDE, prior_alkylator=1.0)), 180),
    ("2.4", "bendamustine before apheresis", "none, given", "M-protein down 90%, %", VGPR, (arm(IDE), arm(IDE, prior_bendamustine=1.0)), 180),
    ("2.4", "lines before apheresis", "2, 8", "log10 nadir", nadir, (arm(IDE, prior_lines=2.0), arm(IDE, prior_lines=8.0)), 180),
    ("2.4", "alkylator before apheresis", "none, given", "no product, %", failed, (arm(IDE), arm(IDE, prior_alkylator=1.0)), 7),
    ("2.4", "bendamustine before apheresis", "none, given", "no product, %", failed, (arm(IDE), arm(IDE, prior_bendamustine=1.0)), 7),
    ("2.4", "lines before apheresis", "2, 8", "no product, %", failed, (arm(IDE, prior_lines=2.0), arm(IDE, prior_lines=8.0)), 7),
    ("2.4", "lymphodepletion", "Flu/Cy, bendamustine", "relapsed in a year, %", relapsed, (arm(IDE), arm(Treatment("ide_cel", lymphodepletion="bendamustine"))), 365),
    ("2.4", "daratumumab bridging", "without, with", "response, %", response(0.5), (arm(IDE), arm(Treatment("daratumumab", day=-42, days=42), IDE)), 180),
    ("3", "extramedullary disease", "none, 30% of cells", "M-protein down 90%, %", VGPR, (arm(IDE, emd_share=0.0), arm(IDE, emd_share=0.3)), 180),
    ("3", "extramedullary disease", "none, 21% of cells", "response of marker and lesions, day 91, %", response_with_lesions, (arm(IDE, emd_share=0.0), arm(IDE, emd_share=0.21)), 91),
    ("3.3", "progenitors", "BCMA CAR, BCMA/CD19 CAR", "log10 of fewest progenitors", lambda d: float(np.log10(lowest("progenitor")(d) + 1)), (arm(Treatment("bcma_cart")), arm(Treatment("bc19"))), 180),
    ("5", "class resistance", "on, off (bortezomib)", "response, %", response(0.5), off("class_resistance", Treatment("bortezomib")), 180),
    ("5", "maintenance", "without, lenalidomide from day 28", "relapsed in a year, %", relapsed, (arm(IDE), arm(IDE, Treatment("lenalidomide_maintenance", day=28))), 365),
]  # fmt: skip


def main() -> None:
    """Print the table in the form of the docs."""
    print(
        "| Review | Mechanism | First, second | Measure (simulated) | First | Second |\n| --- | --- | --- | --- | ---: | ---: |"
    )
    for section, mechanism, compared, words, measure, arms, days in ROWS:
        found = [
            measure(simulate_plan(plan, days=days, patients=PATIENTS, every=7.0, switched_off=out, values=values))
            for plan, out, values in arms
        ]
        print(f"| {section} | {mechanism} | {compared} | {words} | {found[0]:.3g} | {found[1]:.3g} |", flush=True)


if __name__ == "__main__":
    main()

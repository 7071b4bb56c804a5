"""The README of an exported problem: what is in it, what is not, and what a refit of it can and cannot say."""

from __future__ import annotations

from aftercar.calibration.petab.problem import PetabProblem
from aftercar.catalogue.citations import load_citation

_HEAD = """# Index treatment with BCMA CAR-T: a PEtab problem

**For research only. This is not the calibration of AfterCAR, but the part of it that a deterministic model of one
typical patient can hold.** AfterCAR calibrates populations: its figures are counts of patients. Here the typical
patient of each cohort is set against published levels on given days. A refit says which rates give these levels; it
says nothing of response rates, and its estimates are not to be put back into AfterCAR as if they did.

PEtab, format version 1 (https://petab.readthedocs.io). `petablint problem.yaml` checks it.

| file | holds |
| --- | --- |
| `problem.yaml` | which file is what |
| `system.xml` | the deterministic system, SBML level 3 version 2; doses of all cohorts as events |
| `conditions.tsv` | one row per cohort: what differs between cohorts, and the amount of each dose |
| `observables.tsv`, `measurements.tsv` | published levels; noise as standard deviation of the natural logarithm |
| `parameters.tsv` | what is estimated: bounds, scale, prior |
| `sources.tsv` | source, locator, quote and note of each figure and each prior |
| `manifest.json` | version, command, hashes of the data behind it |
"""


def render_readme(problem: PetabProblem) -> str:
    """Return the README of a problem as Markdown."""
    return "\n".join([_HEAD, *_how(problem), *_what(problem), *_priors(problem), *_missing(problem), *_origin(problem)])


def _how(problem: PetabProblem) -> list[str]:
    largest = max(problem.estimated, key=lambda one: one.prior.distance)
    return [
        "## How it is written", "",
        f"- **Time.** In days. Time 0 of the file is day {problem.start:g} of treatment (day 0 is the infusion), so "
        f"that a measurement of day d stands at time d + {-problem.start:g}. The rule `clock` counts the days of "
        "treatment.",
        "- **Doses.** PEtab 1 has none. Events of the SBML file give them; the amount of each is a parameter "
        "`dose_...` that the conditions set, 0 where a cohort gets nothing. A dose per kilogram is that of the typical "
        "weight. The first dose is given at time 0: the tool must let an event fire at the start "
        '(`initialValue="false"`).',
        "- **Scale of states.** From fractions of a cell to 1e13 cells: absolute tolerances of 1e-2 for cells and 1e-9 "
        "for other states, relative 1e-5 or less. One tolerance for all is useless for one of the two kinds.",
        "- **Noise.** A published median of n patients, who differ by the standard deviation s (natural logarithm): "
        "s * sqrt(pi / (2n) + (0.6267 d)^2), d the calibration's discrepancy between cohorts on the logit scale. A "
        "mean with its standard deviation is read as a log-normal law. `patients` and `spread_log` in `sources.tsv`.",
        "- **Priors.** Normal on the scale of the parameter and cut at the bounds: the law nearest to the catalogue's "
        "prior, which is two halves of normal laws. Greatest distance of the two distributions: "
        f"{largest.prior.distance:.2f} (`{largest.id}`; each in `sources.tsv`, `prior_distance`).",
        "",
    ]  # fmt: skip


def _what(problem: PetabProblem) -> list[str]:
    head = ["## Measurements", "", "| id | condition | observable | day | level | noise (log) | source |",
            "| --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    rows = [
        f"| `{one.id}` | {one.cohort} | {one.observable} | {one.day:g} | {one.level:.5g} | {one.noise:.3f} "
        f"| {one.row.citation} |"
        for one in problem.measured
    ]
    notes = [f"- `{one.id}`: {one.note}" for one in problem.measured]
    unmeasured = [c for c in problem.conditions["conditionId"] if c not in {one.cohort for one in problem.measured}]
    last = [f"- Conditions without a measurement: {', '.join(unmeasured)}."] if unmeasured else []
    return [*head, *rows, "", *notes, *last, ""]


def _priors(problem: PetabProblem) -> list[str]:
    few = len(problem.measured) < len(problem.parameters)
    return [
        "## Parameters", "",
        f"{len(problem.parameters)} parameters, {len(problem.measured)} measurements. "
        + ("There are more parameters than measurements: without the priors the problem has no unique solution, and "
           "most posteriors will be their priors. " if few else "")
        + "A typical patient has no extramedullary disease (`emd_share` 0): what concerns it alone is free.",
        "", "| id | value | bounds | grade | source |", "| --- | --- | --- | --- | --- |",
        *(f"| `{one.id}` | {one.number.value:g} | {one.number.low:g} to {one.number.high:g} | {one.number.grade} "
          f"| {one.number.source} |" for one in problem.estimated),
        "",
    ]  # fmt: skip


def _missing(problem: PetabProblem) -> list[str]:
    return ["## What is not in it", "", *(f"- `{name}`: {reason}" for name, reason in problem.left.items()), ""]


def _origin(problem: PetabProblem) -> list[str]:
    keys = sorted(set(problem.sources["source"]) - {"aftercar"})
    return [
        "## Licence and sources", "",
        "The system and these files: Apache License 2.0, the AfterCAR authors. Published figures are facts of the "
        "works below; quotes stand in `sources.tsv` so that each can be checked. `aftercar` as a source is an "
        "assumption or a definition of AfterCAR.", "", *(f"- {load_citation(key)}" for key in keys), "",
    ]  # fmt: skip

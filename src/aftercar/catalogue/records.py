"""The records of the evidence base. A field here is a column of the CSV table of the same name in `cohorts/`.

To correct a published number, edit the CSV; to give a table a new column, add a field here.
"""

from __future__ import annotations

from dataclasses import dataclass

from aftercar.foundation import column

DESIGNS = (
    "phase1",
    "phase1_2",
    "phase2",
    "phase3",
    "prospective",
    "retrospective",
    "case_series",
    "case_report",
    "meta_analysis",
)
# From the narrowest to the widest: what anti-BCMA treatment the cohort's patients had before the therapy studied.
PRIOR_BCMA = (
    "bcma_cart",  # every patient had BCMA CAR-T
    "cart",  # every patient had CAR-T, nearly all of it against BCMA
    "bcma_any",  # every patient had some anti-BCMA therapy: CAR-T, bispecific or conjugate
    "tcell_redirection",  # CAR-T or bispecific of any target
    "bcma_bsab",  # bispecific antibody, no CAR-T
    "mixed",  # only a part of the patients had anti-BCMA therapy
    "none",
    "not_stated",
)
LINES = ("index", "first_salvage", "any_salvage", "not_stated")
UNITS_OF_ANALYSIS = ("patient", "line_of_therapy")
ROLES = ("salvage", "index", "comparator")
MEASURES = (
    "ORR", "CR", "sCR", "VGPR", "PR", "MR", "SD", "PD", "CBR", "MRD_negative",
    "PFS", "PFS2", "DOR", "OS", "EFS", "local_control", "relapse", "relapse_free",
    "PFS_rate", "OS_rate", "DOR_rate",
)  # fmt: skip
PROPORTIONS = (
    "ORR", "CR", "sCR", "VGPR", "PR", "MR", "SD", "PD", "CBR", "MRD_negative",
    "local_control", "relapse", "relapse_free",
)  # fmt: skip
MEDIANS = ("PFS", "PFS2", "DOR", "OS", "EFS")
RATES = ("PFS_rate", "OS_rate", "DOR_rate")
COUNT_STATUS = ("reported", "computed", "inferred", "not_reported")
SOURCE_KINDS = (
    "review",
    "primary_abstract",
    "primary_paper",
    "conference_report",
    "sponsor_page",
    "registry",
    "news",
    "derived",
)
MOST_MONTHS = 1_200  # no patient is followed for a hundred years: a larger figure is a slip
CHECKED = ("against_review_text", "against_primary", "against_secondary", "not_checked")


@dataclass(frozen=True, slots=True)
class Study:
    """One trial, registry or series; its citation stands in `sources.bib` under `citation`."""

    study_id: str = column("id", "id of the study", required=True, key=True)
    name: str = column("text", "short name of the study", required=True)
    design: str = column("choice", "design of the study", required=True, choices=DESIGNS)
    first_author: str = column("text", "family name of the first author, where known")
    year: int | None = column("year", "year of the report")
    registry: str = column("text", "registry numbers, parted by /")
    citation: str = column("id", "key of the citation in sources.bib")
    review_reference: str = column("text", "number of the reference in the review, or the text that it gives")
    note: str = column("text", "what a reader should know about the study")


@dataclass(frozen=True, slots=True)
class Cohort:
    """One group of patients who had one therapy in one study.

    Overlap: two cohorts share patients when they name a common `overlap_family` and their `overlap_part` is the same or
    one of them has none (it is the whole family). Different parts of a family are disjoint patients.
    """

    cohort_id: str = column("id", "id of the cohort", required=True, key=True)
    study_id: str = column("id", "study in which it stands", required=True)
    therapy_id: str = column("id", "therapy of the catalogue that it had", required=True)
    role: str = column(
        "choice", "salvage (after BCMA CAR-T), index (the CAR-T itself) or comparator", required=True, choices=ROLES
    )
    population: str = column("text", "who the patients were", required=True)
    prior_bcma: str = column("choice", "anti-BCMA therapy before this one", required=True, choices=PRIOR_BCMA)
    line: str = column("choice", "position of the therapy after the index CAR-T", required=True, choices=LINES)
    unit_of_analysis: str = column("choice", "what the denominator counts", required=True, choices=UNITS_OF_ANALYSIS)
    n_treated: int | None = column("count", "patients (or lines) treated")
    n_evaluable: int | None = column("count", "patients (or lines) evaluable for response")
    n_prior_bcma_cart: int | None = column("count", "patients among the treated who had BCMA CAR-T before")
    overlap_family: tuple[str, ...] = column("ids", "families of cohorts that share patients with this one")
    overlap_part: str = column("id", "part of the family, disjoint from its other parts; empty for the whole")
    superseded_by: str = column("id", "cohort that reports the same patients later or better")
    note: str = column("text", "what a reader should know about the cohort")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One figure of one cohort as one source prints it. Two sources that differ give two rows.

    Proportions carry `events` of `total` and `percent`; medians and rates carry `estimate` with its interval.
    `preferred` marks the row used when several sources give the same measure of the same cohort.
    """

    outcome_id: str = column("id", "id of the figure", required=True, key=True)
    cohort_id: str = column("id", "cohort that it describes", required=True)
    measure: str = column("choice", "what was measured", required=True, choices=MEASURES)
    source_id: str = column("id", "where it stands", required=True)
    preferred: str = column(
        "choice", "whether this row is used when sources differ", required=True, choices=("yes", "no")
    )
    events: int | None = column("count", "patients with the outcome")
    total: int | None = column("count", "patients evaluable for the outcome", minimum=1)
    count_status: str = column("choice", "where events and total come from", choices=COUNT_STATUS)
    percent: float | None = column("percent", "percentage as printed", unit="%")
    feasible_counts: str = column(
        "text", "counts that print as this percentage under the stated constraints, e.g. 2/3;4/6"
    )
    estimate: float | None = column("number", "median or rate as printed", minimum=0, maximum=MOST_MONTHS)
    ci_lb: float | None = column("number", "lower limit of the interval as printed", minimum=0, maximum=MOST_MONTHS)
    ci_ub: float | None = column(
        "number", "upper limit as printed; empty where not reached", minimum=0, maximum=MOST_MONTHS
    )
    ci_level: float | None = column("percent", "level of the interval", unit="%", minimum=50, maximum=99.99)
    unit: str = column("choice", "unit of estimate and interval", choices=("months", "%"))
    timepoint_months: float | None = column(
        "number", "time at which a rate is read, or follow-up", unit="months", minimum=0, maximum=MOST_MONTHS
    )
    derivation: str = column("text", "how the count or figure follows from what is printed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a figure stands, so that a reader finds it within a minute."""

    source_id: str = column("id", "id of the place", required=True, key=True)
    study_id: str = column("id", "study that it reports; empty for the review as a whole")
    kind: str = column("choice", "kind of source", required=True, choices=SOURCE_KINDS)
    locator: str = column("text", "section of the review, or URL, DOI or PMID", required=True)
    quote: str = column("text", "the words in which the figure stands", required=True)
    checked: str = column("choice", "against what it was read a second time", required=True, choices=CHECKED)
    note: str = column("text", "what a reader should know about the source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A result that is no proportion and no time: a mechanism observed, a case, a feasibility."""

    finding_id: str = column("id", "id of the finding", required=True, key=True)
    study_id: str = column("id", "study in which it stands")
    therapy_id: str = column("id", "therapy that it concerns")
    topic: str = column(
        "choice",
        "what it is about",
        required=True,
        choices=(
            "antigen_escape", "soluble_bcma", "anti_car_antibodies", "manufacturing", "costimulation", "exhaustion",
            "microenvironment", "prior_treatment", "durability", "immune_activation", "case", "feasibility",
            "sequencing", "combination", "target", "maintenance", "safety",
        ),
    )  # fmt: skip
    statement: str = column("text", "the finding in one sentence", required=True)
    events: int | None = column("count", "patients with it, where counted")
    total: int | None = column("count", "patients looked at, where counted", minimum=1)
    source_id: str = column("id", "where it stands", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A figure on which sources disagree, or that cannot be right as printed. Both stay in the base."""

    discrepancy_id: str = column("id", "id of the discrepancy", required=True, key=True)
    severity: str = column(
        "choice",
        "number (moves a pooled figure), population (moves who is counted) or wording",
        required=True,
        choices=("number", "population", "wording"),
    )
    study_id: str = column("id", "study concerned")
    cohort_ids: tuple[str, ...] = column("ids", "cohorts concerned")
    review_says: str = column("text", "what the review prints", required=True)
    other_says: str = column("text", "what the other source, or arithmetic, says", required=True)
    used_here: str = column("text", "which is used here and why", required=True)


@dataclass(frozen=True, slots=True)
class Therapy:
    """A therapy of the review: what it is and what it acts on."""

    therapy_id: str
    name: str
    strategy_class: str
    targets: tuple[str, ...]
    mechanism: str
    synonyms: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Strategy:
    """A row of the comparison: a class of therapies that a clinician would choose between."""

    strategy_id: str
    name: str
    classes: tuple[str, ...]
    ranked: bool
    note: str = ""

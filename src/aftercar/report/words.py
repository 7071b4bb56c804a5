"""How numbers and the words of the evidence base are written for a reader. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping

from aftercar.strategy.results import FigureLine, MeasureResult
from aftercar.synthesis.ranking import Identification
from aftercar.synthesis.results import PooledProportion

MISSING = "—"
GUESSED_SIGN = "*"
GUESSED_NOTE = f"{GUESSED_SIGN} some of the counts are reconstructed, not printed."
FEW_PATIENTS = 10  # below it a hierarchical estimate says more of the other strategies than of its own patients
FEW_SIGN = "†"
FEW_NOTE = f"{FEW_SIGN} fewer than {FEW_PATIENTS} patients: mostly the mean of the other strategies."

MEASURE_NAMES = {
    "ORR": "overall response rate (ORR: partial response or better)",
    "CR": "complete response or better (CR)",
    "PFS": "progression-free survival (PFS)",
}
PRIOR_BCMA_WORDS = {
    "bcma_cart": "all had BCMA CAR-T",
    "cart": "all had CAR-T, nearly all against BCMA",
    "bcma_any": "all had an anti-BCMA therapy of some kind",
    "tcell_redirection": "all had CAR-T or a bispecific of some target",
    "bcma_bsab": "BCMA bispecific, no CAR-T",
    "mixed": "only a part had anti-BCMA therapy",
    "none": "no anti-BCMA therapy",
    "not_stated": "not stated",
}
LINE_WORDS = {
    "index": "the CAR-T itself",
    "first_salvage": "first line after CAR-T",
    "any_salvage": "any line after CAR-T",
    "not_stated": "line not stated",
}
UNIT_WORDS = {"patient": "patients", "line_of_therapy": "lines of therapy"}
STATUS_WORDS = {
    "reported": "counts as printed",
    "computed": "counts follow from the printed percentage and n",
    "inferred": "counts inferred by arithmetic: the only ones that fit",
    "feasible": "the smallest of several counts that fit",
    "not_reported": "n not reported",
}
STATUS_SIGNS = {"reported": "", "computed": "", "inferred": "*", "feasible": "†", "not_reported": ""}
CHECKED_WORDS = {
    "against_review_text": "against the review's text",
    "against_primary": "against the primary source",
    "against_secondary": "against a secondary source",
    "not_checked": "not checked",
}
SOURCE_WORDS = {
    "review": "review",
    "primary_abstract": "primary abstract",
    "primary_paper": "primary paper",
    "conference_report": "conference report",
    "sponsor_page": "sponsor's page",
    "registry": "registry",
    "news": "news",
    "derived": "derived",
}
SEVERITY_WORDS = {
    "number": "moves a pooled figure",
    "population": "moves who is counted",
    "wording": "wording only",
}
BIAS_SYMBOLS = {"low": "+", "some": "?", "high": "−"}
BIAS_WORDS = {"low": "low", "some": "some concern", "high": "high"}


METHOD_NAMES = {
    "bayes": "hierarchical (Bayesian)",
    "exact": "one cohort, exact",
    "glmm": "GLMM",
    "fe": "common effect",
    "dl": "DerSimonian-Laird",
    "reml": "REML",
    "ml": "maximum likelihood",
    "pm": "Paule-Mandel",
}


def method_name(pooled: PooledProportion) -> str:
    """Return the name of the method behind a pooled estimate."""
    return METHOD_NAMES.get(pooled.method, str(pooled.method))


def plain(word: str) -> str:
    """Return a word of the vocabulary as a reader would write it, for words without an entry of their own."""
    return word.replace("_", " ")


def percent(value: float | None) -> str:
    """Write a fraction of one as a whole percentage; never a false 0% or 100%.

    Examples
    --------
    >>> percent(0.214), percent(0.002), percent(0.998), percent(1.0), percent(None)
    ('21%', '<1%', '>99%', '100%', '—')
    """
    if value is None:
        return MISSING
    if 0 < value < 0.005:
        return "<1%"
    if 0.995 < value < 1:
        return ">99%"
    return f"{100 * value:.0f}%"


def level_text(level: float) -> str:
    """Write the level of intervals: ``95%``."""
    return f"{100 * level:g}%"


def interval(lower: float | None, upper: float | None) -> str:
    """Write an interval of fractions in percent: ``[8, 41]``; empty where either limit is missing."""
    if lower is None or upper is None:
        return ""
    return f"[{100 * lower:.0f}, {100 * upper:.0f}]"


def span_text(lower: float | None, upper: float | None) -> str:
    """Write an interval in words: ``8 to 41%``."""
    return MISSING if lower is None or upper is None else f"{100 * lower:.0f} to {100 * upper:.0f}%"


def proportion(value: float | None, lower: float | None, upper: float | None) -> str:
    """Write a proportion with its interval: ``21% [8, 41]``."""
    return f"{percent(value)} {interval(lower, upper)}".strip()


def pooled_text(pooled: PooledProportion | None) -> str:
    """Write a pooled proportion with its interval, or a dash."""
    return MISSING if pooled is None else proportion(pooled.estimate, pooled.ci_lb, pooled.ci_ub)


def counts_sign(measure: MeasureResult) -> str:
    """Return the sign of counts that are wholly or partly reconstructed, else nothing."""
    guessed = any(line.used and line.status in ("inferred", "feasible") for line in measure.cohorts)
    return GUESSED_SIGN if guessed else ""


def few_sign(pooled: PooledProportion | None) -> str:
    """Return the sign of an estimate that rests on few patients, else nothing."""
    return FEW_SIGN if pooled is not None and pooled.total < FEW_PATIENTS else ""


def prediction_text(pooled: PooledProportion | None) -> str:
    """Write the prediction interval in percent, or a dash."""
    return MISSING if pooled is None else interval(pooled.pi_lb, pooled.pi_ub) or MISSING


def months(value: float | None, lower: float | None = None, upper: float | None = None) -> str:
    """Write a median in months; an upper limit that is not known is written NR (not reached or not reported)."""
    if value is None:
        return MISSING
    if lower is None and upper is None:
        return f"{value:.1f}"
    return f"{value:.1f} [{'?' if lower is None else f'{lower:.1f}'}, {'NR' if upper is None else f'{upper:.1f}'}]"


def count(events: int | None, total: int | None, status: str = "reported") -> str:
    """Write responders over evaluable, with the sign of reconstructed counts."""
    if events is None or total is None:
        return "n not reported"
    return f"{events}/{total}{STATUS_SIGNS.get(status, '')}"


def plural(number: int, noun: str) -> str:
    """Write a number with its noun in the right form; nouns here take a plain s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def headline(text: str) -> str:
    """Return text with a capital first letter, the others untouched."""
    return text[:1].upper() + text[1:]


def dash(text: object) -> str:
    """Return text, or a dash where there is none."""
    return str(text) if text not in (None, "") else MISSING


def reason_for_nothing(measure: MeasureResult) -> str:
    """Say in a few words why a measure has no pooled figure."""
    if not measure.cohorts:
        return "not reported"
    if all(line.total is None for line in measure.cohorts):
        return "n not reported"
    return f"{plural(len(measure.cohorts), 'cohort')}, none poolable"


def figure_text(line: FigureLine) -> str:
    """Write any printed figure: ``6/28 (21%)``, ``74% of n not reported``, ``8.8 months``, ``58% at 12 months``."""
    if line.events is not None and line.total is not None:
        return f"{count(line.events, line.total)} ({percent(line.events / line.total)})"
    if line.percent is not None:
        return f"{line.percent:g}% of n not reported"
    if line.unit == "%":
        limits = "" if line.ci_lb is None or line.ci_ub is None else f" [{line.ci_lb:g}, {line.ci_ub:g}]"
        time = "" if line.timepoint_months is None else f" at {line.timepoint_months:g} months"
        return f"{line.estimate:g}%{limits}{time}" if line.estimate is not None else MISSING
    return f"{months(line.estimate, line.ci_lb, line.ci_ub)} months"


def identified_text(found: Identification, *, what: str, names: Mapping[str, str] | None = None) -> str:
    """Return in a sentence which order is identified.

    Parameters
    ----------
    what
        What strategies are ordered by, e.g. ``ORR, observed``.
    names
        Strategies' names where `found` holds ids.
    """
    known = names or {}
    pairs = f"{what}: of {plural(found.pairs, 'pair')} of strategies {found.apart or 'none'}"
    pairs += f" {'is' if found.apart == 1 else 'are'} told apart (order with probability {found.certainty:.0%} or more)"
    if found.best:
        return f"{pairs}; the best is {headline(known.get(found.best, found.best))}."
    return f"{pairs}; which is best is not identified: {len(found.may_be_best)} may be."


def rank_text(low: float | None, high: float | None) -> str:
    """Return an interval of ranks."""
    if low is None or high is None or low != low or high != high:
        return MISSING
    return f"{low:.0f}" if low == high else f"{low:.0f}–{high:.0f}"

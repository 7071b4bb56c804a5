"""Risk of bias of one figure of one single-arm cohort, by rules that stand in `rules/risk_of_bias.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from aftercar.foundation import Fault, InputError

LEVELS = ("low", "some", "high")
Override = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class CohortFeatures:
    """What the rules look at, in the vocabulary of the evidence tables.

    Attributes
    ----------
    n_total
        Patients (or lines) that the figure counts; None where they are not known.
    n_treated
        Patients treated; None where not known.
    """

    design: str
    n_total: int | None
    count_status: str
    unit_of_analysis: str
    prior_bcma: str
    source_kind: str
    checked: str
    n_treated: int | None = None
    response_assessment: str = "not_stated"

    @property
    def missing_share(self) -> float | None:
        """Share of the treated that the figure does not count; None where either number is not known."""
        if self.n_total is None or not self.n_treated:
            return None
        return max(0.0, 1.0 - self.n_total / self.n_treated)


@dataclass(frozen=True, slots=True)
class DomainJudgement:
    """One domain: its level (low, some, high), the reason that the rule gives, and whether a user set it."""

    domain: str
    name: str
    level: str
    reason: str
    counts: bool = True
    by_user: bool = False


@dataclass(frozen=True, slots=True)
class BiasAssessment:
    """All domains, in the order of the rules, and the overall level: the worst of those that count."""

    judgements: tuple[DomainJudgement, ...]
    overall: str
    rules: str

    def level_of(self, domain: str) -> str:
        """Return the level of one domain by its id."""
        return next(one.level for one in self.judgements if one.domain == domain)


def load_bias_rules(path: Path | None = None) -> Mapping[str, Any]:
    """Return the rules of the package, or of a user's own file of the same form.

    Raises
    ------
    InputError
        The file cannot be read or is not of the form.
    """
    return _built_in() if path is None else _checked(_parse(path), path.name)


def judge_bias(
    features: CohortFeatures,
    *,
    rules: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Override] | None = None,
) -> BiasAssessment:
    """Judge a cohort's figure in every domain.

    The rules read only what the tables record; a reader of the paper may know better. `overrides` carries such
    judgements, and a domain that the rules do not have is added as the reader's own.

    Parameters
    ----------
    rules
        From `load_bias_rules`; the package's own by default.
    overrides
        Domain id to level, or to (level, reason).

    Raises
    ------
    InputError
        A feature outside the vocabulary, or a level that is none of low, some, high.

    References
    ----------
    munn2020; slim2003; sterne2016; docs/explanation/certainty.md.
    """
    table = _built_in() if rules is None else rules
    given = {name: _split(name, value) for name, value in (overrides or {}).items()}
    values = asdict(features) | {"missing_share": features.missing_share}
    _check_features(values, table["vocabulary"])
    judgements = []
    for domain in table["domain"]:
        counts = bool(domain.get("overall", True))
        if domain["id"] in given:
            level, reason = given.pop(domain["id"])
            judgements.append(DomainJudgement(domain["id"], domain["name"], level, reason, counts, True))
        else:
            rule = next(rule for rule in domain["rule"] if _fits(rule.get("when", {}), values))
            judgements.append(DomainJudgement(domain["id"], domain["name"], rule["level"], rule["reason"], counts))
    judgements += [DomainJudgement(name, name, level, reason, True, True) for name, (level, reason) in given.items()]
    overall = max((one.level for one in judgements if one.counts), key=LEVELS.index, default="low")
    return BiasAssessment(tuple(judgements), overall, str(table["title"]))


@cache
def _built_in() -> Mapping[str, Any]:
    text = files("aftercar.synthesis").joinpath("rules", "risk_of_bias.toml").read_text(encoding="utf-8")
    return _checked(tomllib.loads(text), "risk_of_bias.toml")


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(Fault(path.name, f"the file cannot be read ({error.strerror}).", "Check the path.")) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(Fault(path.name, f"not TOML: {error}.", "Mend the line that it names.")) from error


def _checked(table: dict[str, Any], file: str) -> dict[str, Any]:
    faults = [
        Fault(file, f"[{key}] is missing.", "Take the package's own rules as a pattern.")
        for key in ("title", "vocabulary", "domain")
        if key not in table
    ]
    for domain in table.get("domain", []):
        name, rules = domain.get("id", "a domain"), domain.get("rule", [])
        if not {"id", "name", "rule"} <= domain.keys():
            faults.append(Fault(file, f"{name} lacks id, name or rule.", "Give all three.", column="domain"))
        if not rules or "when" in rules[-1]:
            faults.append(Fault(file, f"{name}: no last rule that always fits.", "End with a rule without 'when'."))
        for rule in rules:
            if rule.get("level") not in LEVELS or not rule.get("reason"):
                faults.append(Fault(file, f"{name}: a rule without level or reason.", f"Levels: {', '.join(LEVELS)}."))
            faults += [
                Fault(file, f"{name}: '{key}' is no feature.", f"Features: {', '.join(sorted(_FEATURES))}.")
                for key in rule.get("when", {})
                if _feature_of(key) not in _FEATURES
            ]
    if faults:
        raise InputError(faults)
    return table


_FEATURES = {*CohortFeatures.__dataclass_fields__, "missing_share"}


def _feature_of(key: str) -> str:
    return key.removesuffix("_below").removesuffix("_above")


def _fits(when: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Return whether all conditions hold; a number that is not known fits no limit."""
    for key, wanted in when.items():
        value = values[_feature_of(key)]
        if key.endswith(("_below", "_above")):
            if value is None or (value >= wanted if key.endswith("_below") else value <= wanted):
                return False
        elif value not in wanted:
            return False
    return True


def _check_features(values: Mapping[str, Any], vocabulary: Mapping[str, list[str]]) -> None:
    faults = [
        Fault("cohort features", f"'{values[name]}' is not known.", f"Use one of: {', '.join(words)}.", column=name)
        for name, words in vocabulary.items()
        if values[name] not in words
    ]
    faults += [
        Fault("cohort features", f"{values[name]} patients.", "Give 1 or more, or None.", column=name)
        for name in ("n_total", "n_treated")
        if values[name] is not None and values[name] < 1
    ]
    if faults:
        raise InputError(faults)


def _split(name: str, value: Override) -> tuple[str, str]:
    level, reason = (value, "set by the user") if isinstance(value, str) else value
    if level not in LEVELS:
        found = f"domain '{name}' is judged '{level}'."
        raise InputError(Fault("overrides", found, f"Use one of: {', '.join(LEVELS)}."))
    return level, reason

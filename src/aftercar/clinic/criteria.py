"""A version of the response criteria: its thresholds, each with its place in the published text."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from aftercar.foundation import Fault, InputError

DEFAULT_CRITERIA = "imwg2016"
# Of the revision presented in 2026 only a lay report of a talk could be found, without its rules.
_KNOWN_BUT_ABSENT = {
    "imwg2025": "no published text of a revision of 2025 could be found",
    "imwg2026": "of the revision presented at a congress no published text could be found",
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """One number of the criteria with its unit and place."""

    name: str
    meaning: str
    value: float
    unit: str
    locator: str
    read_in: str
    note: str = ""


@dataclass(frozen=True)
class Criteria:
    """A version of the criteria. `criteria["pd_serum_rise"]` is the number."""

    id: str
    title: str
    source: str
    checked_by: str
    thresholds: Mapping[str, Threshold]

    def __getitem__(self, name: str) -> float:
        """Return the value of a threshold in the unit that its entry names."""
        return self.thresholds[name].value


NadirRule = Literal["confirmed", "lowest"]
NotEvaluableRule = Literal["skip", "break"]
UrineRule = Literal["downgrade", "absent"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the published text leaves open, with our defaults.

    Attributes
    ----------
    minimum_interval_days, maximum_interval_days
        Bounds on the time between an assessment and the one that confirms it. By default a later day is enough and
        there is no upper bound: the paper asks for two consecutive assessments and names no interval.
    not_evaluable
        ``skip``: an assessment that cannot be evaluated is passed over when the next one is looked for. ``break``: it
        ends the attempt to confirm.
    nadir
        ``confirmed``: the lowest level that two consecutive assessments reached (2016: "lowest confirmed response
        value"). ``lowest``: the lowest single value, as before 2016.
    missing_urine
        ``downgrade``: VGPR needs a urine value and CR a urine immunofixation, whatever the baseline. ``absent``: where
        urine was measured at baseline and was not measurable, a missing one counts as negative.
    plasmacytoma_only
        Whether plasmacytomas alone may be followed where nothing else is measurable. The paper has no rule for it.
    mrd_threshold
        Level below which residual disease is called negative; None takes that of the criteria.
    """

    minimum_interval_days: float = 0.0
    maximum_interval_days: float | None = None
    not_evaluable: NotEvaluableRule = "skip"
    nadir: NadirRule = "confirmed"
    missing_urine: UrineRule = "downgrade"
    plasmacytoma_only: bool = True
    mrd_threshold: float | None = None

    def __post_init__(self) -> None:
        """Raise InputError for values that cannot be."""
        for fault in self._faults():
            raise InputError(fault)

    def _faults(self) -> Iterator[Fault]:
        least, most = self.minimum_interval_days, self.maximum_interval_days
        if not least >= 0 or (most is not None and not most >= max(least, 1e-9)):
            yield Fault("options", f"an interval from {least} to {most} days.", "Give days, the lower one first.")
        for name, words in (
            ("not_evaluable", ("skip", "break")),
            ("nadir", ("confirmed", "lowest")),
            ("missing_urine", ("downgrade", "absent")),
        ):
            if getattr(self, name) not in words:
                yield Fault("options", f"{name} = '{getattr(self, name)}'.", f"Use {' or '.join(words)}.")
        if self.mrd_threshold is not None and not 0 < self.mrd_threshold < 1:
            yield Fault("options", f"mrd_threshold = {self.mrd_threshold}.", "Give a share between 0 and 1, e.g. 1e-5.")


def list_criteria() -> tuple[str, ...]:
    """Return the ids of the versions at hand."""
    folder = files("aftercar.clinic") / "criteria"
    return tuple(sorted(path.name.removesuffix(".toml") for path in folder.iterdir() if path.name.endswith(".toml")))


@lru_cache(maxsize=8)
def load_criteria(version: str = DEFAULT_CRITERIA) -> Criteria:
    """Return a version of the criteria by its id.

    Raises
    ------
    InputError
        There is no such version; for those that exist without a text that could be found, it says so.
    """
    if version not in list_criteria():
        why = _KNOWN_BUT_ABSENT.get(version, "there is no such version")
        raise InputError(Fault("criteria", f"'{version}': {why}.", f"Use {', '.join(list_criteria())}."))
    text = (files("aftercar.clinic") / "criteria" / f"{version}.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    head = data.pop("version")
    return Criteria(
        id=head["id"], title=head["title"], source=head["source"], checked_by=head["checked_by"],
        thresholds={name: Threshold(name=name, **entry) for name, entry in data.items()},
    )  # fmt: skip

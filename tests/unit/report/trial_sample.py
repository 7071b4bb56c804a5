"""Made-up results of virtual trials for tests of their page. Nobody simulated them, and no number describes a therapy.

`fabricated_results` are plain random tables; `plausible_results` look like a trial (M-protein falls, rises, responses
follow, clones are selected); `bare_results` hold every empty case at once, and names with signs of HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from tests.unit.report.sample import HOSTILE, exact
from tests.unit.trials.fabricated import fabricate_tables

from aftercar.foundation import Manifest
from aftercar.report.trial_page import TrialResults
from aftercar.trials.tables import TABLES, TrialTables

MANIFEST = Manifest("aftercar trial x", {"patients": 1}, 7, {"plan": "0" * 64}, version="0.0.test", environment={})
NAMES = (
    "ide-cel again", "CT103A", "BMS-986393", "CS1-BCMA CAR-T", "teclistamab", "talquetamab", "cevostamab",
    "talquetamab + daratumumab", "anti-CD38 combination", "PI combination", "IMiD combination",
    "combination chemotherapy", "selinexor combination", "venetoclax-based", "belantamab mafodotin",
    "radiotherapy", "autologous transplant", "allogeneic transplant", "checkpoint inhibitor combination",
    "mezigdomide, then lenalidomide maintenance until progression", "bridging alone", "best supportive care",
)  # fmt: skip
MECHANISMS = ("antigen kept, CAR-T cells gone", "antigen kept, CAR-T cells present", "BCMA-low", "BCMA-null")
CLONES = ("bulk, antigens normal", "BCMA-low", "BCMA-null", "GPRC5D-null", "BCMA-null, GPRC5D-null",
          "progenitors (CD19+, BCMA-dim)")  # fmt: skip
PRODUCTS = NAMES[:4]
_CR, _VGPR, _PR, _MR = 0.01, 0.1, 0.5, 0.75


def fabricated_results(n: int = 40) -> TrialResults:
    """Return the page's arguments from the plain random tables."""
    return results_of(fabricate_tables(n), title="fabricated")


def plausible_results(n: int = 60, *, arms: Sequence[str] = NAMES, seed: int = 3) -> TrialResults:
    """Return a trial as one looks: arms of different worth, in the same patients."""
    tables = plausible_tables(n, arms=arms, seed=seed)
    settings = {"Population": "KarMMa-like", "First treatment": "ide_cel", "Design": "paired", "Criteria": "imwg2016"}
    trial = results_of(tables, title="Salvage after ide-cel", settings=settings)
    return replace(trial, beside=beside_of(trial))


def bare_results() -> TrialResults:
    """Return arms without responders, without events, with one patient, with nobody treated; hostile names."""
    tables = plausible_tables(12, arms=("none responds", "all censored", HOSTILE, "nobody treated"), seed=5)
    out, visits = tables.outcomes.copy(), tables.visits.copy()
    none, free = out["arm"] == "none responds", out["arm"] == "all censored"
    out.loc[none, "best_response"] = "PD"
    visits.loc[visits["arm"] == "none responds", ["response", "confirmed_response"]] = "PD"
    out.loc[free, ["progression_day", "second_progression_day", "next_treatment_day", "death_day", "drop_out_day"]] = (
        np.nan
    )
    out.loc[free, ["last_visit_day", "end_day"]] = 742.0
    out = out[(out["arm"] != HOSTILE) | (out["patient"] == 1)]
    absent = out["arm"] == "nobody treated"
    out.loc[absent, "treated"] = False
    out.loc[absent, ["start_day", "progression_day", "next_treatment_day", "last_visit_day"]] = np.nan
    lines = tables.lines.copy()
    lines.loc[lines["arm"] == "nobody treated", ["treated", "start_day"]] = (False, np.nan)
    visits = visits[visits["arm"] != "nobody treated"]
    events = tables.events[tables.events["arm"] != "nobody treated"]
    clones = tables.clones[(tables.clones["arm"] == "") | (tables.clones["arm"] == "none responds")]
    bare = replace(tables, outcomes=out, visits=visits, lines=lines, events=events, clones=clones)
    return results_of(bare, title=HOSTILE, settings={HOSTILE: HOSTILE})


def no_tables_kept(trial: TrialResults) -> TrialResults:
    """Return a trial whose run kept neither visits nor doses nor clones, and in which no adverse event happened."""
    empty = {name: getattr(trial.tables, name).iloc[:0] for name in ("visits", "doses", "clones", "events")}
    return replace(trial, tables=replace(trial.tables, **empty))


def records_of(tables: TrialTables, *, death_alone: bool) -> pd.DataFrame:
    """Return duration and event from the first day of treatment: death, or progression too."""
    own = tables.outcomes[tables.outcomes["treated"].astype(bool)]
    days = own["death_day"] if death_alone else own[["progression_day", "death_day"]].min(axis=1)
    censored = own["end_day"] if death_alone else own["last_visit_day"]
    duration = (days.fillna(censored) - own["start_day"]).clip(lower=0.5)
    return pd.DataFrame({"arm": own["arm"], "patient": own["patient"], "duration": duration, "event": days.notna()})


def results_of(tables: TrialTables, *, title: str, settings: dict[str, object] | None = None) -> TrialResults:
    """Return the page's arguments: endpoints and rates counted from the tables, intervals made up but ordered."""
    survival = {name: records_of(tables, death_alone=name == "OS") for name in ("PFS", "OS")}
    return TrialResults(
        title=title, tables=tables, endpoints=_endpoints(tables, survival), by_mechanism=_by_mechanism(tables),
        survival=survival, manifest=MANIFEST, settings=settings or {},
    )  # fmt: skip


def beside_of(trial: TrialResults) -> pd.DataFrame:
    """Return made-up observed figures around the simulated ones: some meet, some do not, some are missing."""
    rates = {(r["arm"], r["measure"]): r for r in trial.endpoints.to_dict("records")}
    rows = []
    for k, arm in enumerate(dict.fromkeys(trial.endpoints["arm"])):
        row: dict[str, object] = {"strategy": f"strategy of {arm}", "arm": arm}
        for short, measure in (("orr", "ORR"), ("cr", "CR")):
            one = rates[arm, measure]
            seen = (
                float(np.clip(one["estimate"] + 0.35 * np.sin(2.3 * k + len(short)), 0.03, 0.97))
                if k % 7 != 6
                else np.nan
            )
            low, high = max(seen - 0.09, 0.0), min(seen + 0.11, 1.0)
            meets = bool(low <= one["ci_ub"] and one["ci_lb"] <= high) if not np.isnan(seen) else pd.NA
            row |= {f"{short}_observed": seen, f"{short}_observed_lb": low, f"{short}_observed_ub": high,
                    f"{short}_observed_n": 20 + 3 * k, f"{short}_simulated": one["estimate"],
                    f"{short}_simulated_lb": one["ci_lb"], f"{short}_simulated_ub": one["ci_ub"],
                    f"{short}_simulated_parameters_lb": one["parameters_lb"],
                    f"{short}_simulated_parameters_ub": one["parameters_ub"], f"{short}_agrees": meets}  # fmt: skip
        row |= {"pfs_observed": 4.0 + k / 3 if k % 3 else np.nan, "pfs_simulated": rates[arm, "PFS"]["estimate"]}
        rows.append(row)
    return pd.DataFrame(rows)


def _endpoints(tables: TrialTables, survival: dict[str, pd.DataFrame]) -> pd.DataFrame:
    rows = []
    for arm, own in tables.outcomes.groupby("arm", sort=False):
        treated = own[own["treated"].astype(bool)]
        for measure, good in (("ORR", {"sCR", "CR", "VGPR", "PR"}), ("CR", {"sCR", "CR"})):
            events, n = int(treated["best_response"].isin(good).sum()), len(treated)
            estimate = events / n if n else np.nan
            low, high = exact(events, n) if n else (np.nan, np.nan)
            rows.append((arm, measure, events, n, estimate, low, high, max(low - 0.1, 0), min(high + 0.1, 1), "share"))
        for measure, records in survival.items():
            mine = records[records["arm"] == arm]
            middle = mine["duration"].median() / 30.4375 if mine["event"].sum() > len(mine) / 2 else np.nan
            rows.append((arm, measure, int(mine["event"].sum()), len(mine), middle, middle * 0.8, middle * 1.3,
                         middle * 0.6, np.nan, "month"))  # fmt: skip
    columns = ["arm", "measure", "events", "n", "estimate", "ci_lb", "ci_ub", "parameters_lb", "parameters_ub", "unit"]
    return pd.DataFrame(rows, columns=columns).assign(kind="simulated")


def _by_mechanism(tables: TrialTables) -> pd.DataFrame:
    treated = tables.outcomes[tables.outcomes["treated"].astype(bool)]
    both = treated.merge(tables.subjects[["patient", "mechanism"]], on="patient")
    rows = []
    for (arm, mechanism), own in both.groupby(["arm", "mechanism"], sort=False):
        events, n = int(own["best_response"].isin(["sCR", "CR", "VGPR", "PR"]).sum()), len(own)
        found = (events / n, *exact(events, n)) if n >= 10 else (np.nan,) * 3
        rows.append((arm, mechanism, events, n, *found))
    return pd.DataFrame(rows, columns=["arm", "mechanism", "events", "n", "estimate", "ci_lb", "ci_ub"])


def plausible_tables(n: int, *, arms: Sequence[str], seed: int) -> TrialTables:
    """Return tables in which responses, progression, clones and events of a patient fit one another."""
    rng = np.random.default_rng(seed)
    subjects = fabricate_tables(n, seed=seed).subjects
    subjects["mechanism"] = rng.choice(MECHANISMS, n, p=[0.5, 0.25, 0.17, 0.08])
    baseline = rng.lognormal(0.7, 0.6, n)
    baseline[rng.uniform(size=n) < 0.2] = 0.1  # light chains alone
    parts: dict[str, list[tuple[object, ...]]] = {name: [] for name in TABLES if name != "subjects"}
    for i in range(n):
        parts["clones"] += _clones(rng, "", i + 1, 0, bulk=6.0)
        for k, arm in enumerate(arms):
            strength = 1.5 - 1.4 * k / max(len(arms) - 1, 1) + rng.normal(0, 0.8)
            _patient(rng, parts, arm, i + 1, float(baseline[i]), strength)
    frames = {name: pd.DataFrame(rows, columns=list(TABLES[name])) for name, rows in parts.items()}
    outcomes = frames["outcomes"]
    order = {arm: k for k, arm in enumerate(arms)}
    frames["outcomes"] = outcomes.iloc[outcomes["arm"].map(order).argsort(kind="stable")].reset_index(drop=True)
    return TrialTables(subjects, **frames)


def _patient(
    rng: np.random.Generator, parts: dict[str, list[tuple[object, ...]]], arm: str, patient: int, baseline: float,
    strength: float,
) -> None:  # fmt: skip
    product, last = arm in PRODUCTS, 742.0
    start = 42.0 if product else 14.0
    death = rng.exponential(650 + 250 * max(strength, 0))
    drop = rng.exponential(4000)
    stop = float(round(min(death, drop, last)))
    if stop <= start or (product and rng.uniform() < 0.06):
        why = "died" if death <= start else "product not made"
        parts["lines"].append(
            (arm, patient, 1, arm, arm, np.nan, False, why, "", *(np.nan,) * 4, "", np.nan, np.nan, stop, "")
        )
        parts["outcomes"].append(
            (arm, patient, False, np.nan, "", *(np.nan,) * 6, stop if death <= last else np.nan, "", np.nan, stop)
        )
        return
    days = np.arange(start, stop + 1, 28.0)
    t = (days - start) / 28.0
    kill, back = max(strength, 0.05) * 1.4, rng.exponential(0.25) + 0.03
    share = np.exp(-kill * (1 - np.exp(-0.9 * t)) * 3 + back * np.maximum(t - 2, 0)) + 0.002
    share = np.minimum(share * rng.lognormal(0, 0.04, len(t)), 6.0)
    lowest = np.minimum.accumulate(share)
    risen = np.flatnonzero((share > 1.25 * lowest) & (share - lowest > 0.2))
    first = int(risen[0]) if len(risen) and risen[0] + 1 < len(t) else None
    words = [
        "CR" if s < _CR else "VGPR" if s < _VGPR else "PR" if s < _PR else "MR" if s < _MR else "SD" for s in lowest
    ]
    words[0] = ""
    if first is not None:
        words = [*words[:first], "PD", "PD"]
    days, share = days[: len(words)], share[: len(words)]
    graded = [w for w in words if w not in ("", "PD")]
    best = graded[-1] if graded else "PD" if first is not None else "NE"
    progression = float(days[first]) if first is not None else np.nan
    responded = [d for d, w in zip(days, words, strict=True) if w in ("CR", "VGPR", "PR")]
    for day, level, word in zip(days, share, words, strict=True):
        parts["visits"].append((arm, patient, 1, day, word, word, level * baseline, *(np.nan,) * 5, 40.0, 60.0))
    parts["doses"].append((arm, patient, 1, arm, start, 4e8 if product else 1.5, "cell" if product else "mg/kg"))
    for event, p in (("crs", 0.7 if product else 0.3), ("infection", 0.4), ("neutropenia", 0.6)):
        if rng.uniform() < p:
            parts["events"].append(
                (arm, patient, 1, arm, event, int(rng.choice([1, 2, 3, 4], p=[0.4, 0.3, 0.2, 0.1])), start + 3)
            )
    end_line = progression + 28 if first is not None else stop
    dead = stop if death <= min(drop, last) else np.nan
    dropped = stop if drop < min(death, last) else np.nan
    parts["lines"].append((
        arm, patient, 1, arm, arm, start, True, "", best, days[-1], responded[0] if responded else np.nan, progression,
        end_line if first is not None else np.nan, "serum" if first is not None else "", np.nan, days[-1], end_line,
        "progression" if first is not None else "end of follow-up", "",
    ))  # fmt: skip
    following = end_line + 35.0 if first is not None and end_line + 35.0 < stop else np.nan
    if not np.isnan(following):
        second = (arm, patient, 2, "next", "selinexor_combination", following, True, "", "SD", *(np.nan,) * 4)
        parts["lines"].append((*second, "", np.nan, following + 28, stop, "end of follow-up", ""))
        for day in np.arange(following, min(stop, following + 120), 28.0):
            word = "" if day == following else "SD"
            parts["visits"].append((arm, patient, 2, day, word, word, baseline, *(np.nan,) * 5, 40.0, 60.0))
    if first is not None:
        parts["clones"] += _clones(rng, arm, patient, 1, bulk=2.0 + 3 * (hash_of(arm) % 3))
    parts["outcomes"].append((
        arm, patient, True, start, best, responded[0] if responded else np.nan, np.nan, progression, np.nan, following,
        days[-1], dead, "myeloma" if not np.isnan(dead) else "", dropped, stop,
    ))  # fmt: skip


def hash_of(name: str) -> int:
    """Return a number that a name has in every process."""
    return sum(name.encode())


def _clones(rng: np.random.Generator, arm: str, patient: int, line: int, *, bulk: float) -> list[tuple[object, ...]]:
    weights = rng.dirichlet([bulk, 0.6, 0.25, 0.15, 0.05, 0.05])
    cells = weights * rng.lognormal(26, 1)
    return [(arm, patient, line, name, float(c)) for name, c in zip(CLONES, cells, strict=True) if c >= 1]

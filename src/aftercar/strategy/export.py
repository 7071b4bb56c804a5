"""A comparison as plain data, for JSON, CSV and the machine-readable part of the report."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pandas as pd

from aftercar.foundation import hash_bytes
from aftercar.strategy.results import DISCLAIMER, Comparison, MeasureResult, StrategyResult


def comparison_to_dict(comparison: Comparison) -> dict[str, Any]:
    """Return every number of a comparison as plain types, with its manifest and disclaimer."""
    return {
        "disclaimer": DISCLAIMER,
        "kind": "observed",
        "manifest": comparison.manifest.to_dict(),
        "method_card": dict(comparison.method_card),
        "notes": list(comparison.notes),
        "strategies": [asdict(row) for row in comparison.results],
        "sensitivity": _records(comparison.sensitivity),
        "confounding": _records(comparison.confounding),
        "discrepancies": [asdict(entry) for entry in comparison.discrepancies],
        "identified": asdict(comparison.identified) if comparison.identified else None,
        "simulated": _simulated(comparison),
    }


def comparison_to_json(comparison: Comparison) -> str:
    """Return the same as JSON, sorted and indented."""
    return json.dumps(comparison_to_dict(comparison), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)


def hash_result(comparison: Comparison) -> str:
    """Return the SHA-256 of all results, without what describes the machine that made them."""
    content = comparison_to_dict(comparison)
    content["manifest"].pop("environment")
    return hash_bytes(json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False).encode())


def comparison_frame(comparison: Comparison) -> pd.DataFrame:
    """Return the table of the comparison: one row a strategy, proportions as fractions of one, times in months."""
    frame = pd.DataFrame([_row(row) for row in comparison.results])
    return frame.astype({f"{name}_{field}": "Int64" for name in ("orr", "cr") for field in ("k", "events", "total")})


def _row(row: StrategyResult) -> dict[str, Any]:
    pfs = row.pfs_pooled
    return {
        "strategy_id": row.strategy.strategy_id,
        "strategy": row.strategy.name,
        "ranked": row.strategy.ranked,
        **_measure("orr", row.orr),
        **_measure("cr", row.cr),
        "pfs_median_months": pfs.median if pfs else None,
        "pfs_ci_lb": pfs.ci_lb if pfs else None,
        "pfs_ci_ub": pfs.ci_ub if pfs else None,
        "pfs_cohorts": len([line for line in row.pfs if line.used]),
        "certainty": row.certainty.level if row.certainty else None,
        "prob_best": row.rank.prob_best if row.rank else None,
        "prob_top3": row.rank.prob_top3 if row.rank else None,
        "mean_rank": row.rank.mean_rank if row.rank else None,
        "rank_lb": row.rank.rank_lb if row.rank else None,
        "rank_ub": row.rank.rank_ub if row.rank else None,
    }


def _measure(name: str, result: MeasureResult) -> dict[str, Any]:
    pooled = result.pooled
    fields = ("k", "events", "total", "estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub")
    return {f"{name}_{field}": getattr(pooled, field) if pooled else None for field in fields}


def _simulated(comparison: Comparison) -> dict[str, Any] | None:
    if comparison.simulated is None:
        return None
    found = comparison.simulated
    return {
        "kind": "simulated",
        "facts": dict(found.facts),
        "beside": _records(found.beside),
        "by_mechanism": _records(found.by_mechanism),
        "identified": {name: asdict(one) for name, one in found.identified.items()},
        "tensions": _known(asdict(found.tensions)) if found.tensions else None,
    }


def _known(value: Any) -> Any:
    """Return plain data with None for what is missing."""
    if isinstance(value, dict):
        return {key: _known(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_known(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what is missing: JSON knows no NaN."""
    if frame.empty:
        return []
    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()} for row in frame.to_dict("records")
    ]

from __future__ import annotations

from aftercar.synthesis.method_panel import SUMMED, method_panel


def test_a_refusal_is_a_row_with_its_reason() -> None:
    panel = method_panel([3, 0], [3, 4]).set_index("label")
    refused = panel.loc["GLMM, t interval"]
    assert refused[["estimate", "ci_lb", "ci_ub", "tau2"]].isna().all() and "no estimate" in refused["note"]
    assert panel.loc["logit, REML", "estimate"] > 0
    assert panel.loc[SUMMED, "estimate"] == 3 / 7


def test_every_row_is_inside() -> None:
    panel = method_panel([16, 10, 4, 43], [17, 12, 8, 58])
    assert len(panel) == 12 and panel["label"].is_unique
    assert ((panel["ci_lb"] <= panel["estimate"]) & (panel["estimate"] <= panel["ci_ub"])).all()
    assert panel[["ci_lb", "ci_ub"]].min().min() >= 0 and panel[["ci_lb", "ci_ub"]].max().max() <= 1

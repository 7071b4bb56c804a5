"""The comparison as a table for a terminal of 80 columns or more."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from aftercar.report import words
from aftercar.report._sections import describe_identified
from aftercar.strategy.results import DISCLAIMER, RANK_LEVEL, Comparison, StrategyResult

# Below this width the columns of least weight give way: top 3, then ranks, then CR and PFS.
_WIDE, _RANKED, _MIDDLE = 118, 106, 96
_NARROWEST = 80


def render_table(comparison: Comparison) -> RenderableType:
    """Return the comparison for a terminal; it takes the width that it finds, down to 80 columns.

    One row a strategy: cohorts, responders of patients, pooled ORR with interval and prediction interval, CR and PFS
    where there is room, certainty, probability of the highest ORR. Below it: why dashes are dashes, and the disclaimer.
    """
    return _TerminalTable(comparison)


class _TerminalTable:
    """Chooses its columns when it learns the width."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        identified = describe_identified(self.comparison)
        yield Group(
            _build_table(self.comparison, options.max_width), *([Text(identified)] if identified else []),
            *_footnotes(self.comparison, options.max_width),
        )  # fmt: skip


def _build_table(comparison: Comparison, width: int) -> Table:
    level = words.level_text(comparison.settings.level)
    table = Table(
        title="Salvage after BCMA CAR-T relapse: observed response by strategy",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    table.add_column("Strategy", overflow="fold", min_width=18, ratio=1 if width < _WIDE else None)
    table.add_column("k", justify="right", no_wrap=True)
    table.add_column("r/n", justify="right", no_wrap=True)
    table.add_column(f"ORR [{level}]", no_wrap=True)
    table.add_column("new", no_wrap=True)
    if width >= _MIDDLE:
        table.add_column(f"CR [{level}]", no_wrap=True)
        table.add_column("PFS", no_wrap=True)
    table.add_column("certainty", no_wrap=True)
    table.add_column("best", justify="right", no_wrap=True)
    if width >= _RANKED:
        table.add_column("rank", justify="right", no_wrap=True)
    if width >= _WIDE:
        table.add_column("top 3", justify="right", no_wrap=True)
    ranked = [result for result in comparison.results if result.strategy.ranked]
    context = [result for result in comparison.results if not result.strategy.ranked]
    for number, group in enumerate((ranked, context)):
        for result in group:
            style = "dim" if number else ""
            table.add_row(*(Text(cell) for cell in _cells(result, width)), style=style)
        if number == 0 and ranked and context:
            table.add_section()
    return table


def _cells(result: StrategyResult, width: int) -> Iterable[str]:
    orr, cr, pfs, rank = result.orr.pooled, result.cr.pooled, result.pfs_pooled, result.rank
    yield words.headline(result.strategy.name)
    yield str(orr.k) if orr else "0"
    yield f"{orr.events}/{orr.total}{words.counts_sign(result.orr) or ' '}" if orr else words.MISSING
    yield words.pooled_text(orr) + words.few_sign(orr)
    yield words.prediction_text(orr)
    if width >= _MIDDLE:
        yield words.pooled_text(cr)
        yield f"{pfs.median:.1f}" if pfs else _range_of_medians(result)
    yield result.certainty.level if result.certainty else words.MISSING
    yield words.percent(rank.prob_best) if rank else words.MISSING
    if width >= _RANKED:
        yield words.rank_text(rank.rank_lb, rank.rank_ub) if rank else words.MISSING
    if width >= _WIDE:
        yield words.percent(rank.prob_top3) if rank else words.MISSING


def _range_of_medians(result: StrategyResult) -> str:
    medians = [line.median for line in result.pfs]
    if not medians:
        return words.MISSING
    lowest, highest = f"{min(medians):.1f}", f"{max(medians):.1f}"
    return lowest if lowest == highest else f"{lowest}–{highest}"


def _footnotes(comparison: Comparison, width: int) -> list[Text]:
    level = words.level_text(comparison.settings.level)
    notes = [
        f"k: cohorts pooled; r/n: responders of patients; ORR: pooled, with {level} interval; new: where the true "
        "rate of a new cohort would lie. With few patients ORR is drawn towards the mean of all ranked strategies: "
        f"compare it with r/n. {words.GUESSED_NOTE} {words.FEW_NOTE} "
        "best: probability of the highest ORR among ranked strategies; "
        f"rank: {words.level_text(RANK_LEVEL)} interval of the rank by ORR."
    ]
    if width >= _MIDDLE:
        notes.append(
            "PFS: median in months, pooled where several cohorts give one with its interval; a range where none can "
            "be pooled."
        )
    else:
        notes.append(f"CR, PFS and more columns: widen the terminal to {_MIDDLE} columns, or --out FILE.html.")
    empty: dict[str, list[str]] = {}
    for result in comparison.results:
        if result.orr.pooled is None:
            empty.setdefault(words.reason_for_nothing(result.orr), []).append(result.strategy.name)
    notes += [f"— ORR {reason}: {'; '.join(names)}." for reason, names in empty.items()]
    if any(not result.strategy.ranked for result in comparison.results):
        notes.append("Dimmed rows give context and are not ranked.")
    return [*(Text(note, style="dim") for note in notes), Text(""), Text(DISCLAIMER, style="bold")]

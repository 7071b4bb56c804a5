"""What the pages print can be typed: commands end with exit code 0, Python runs, the output shown is the output.

When results move, the lines that a page shows are stale: the failure names them; run the command and correct the page.
"""

from __future__ import annotations

import contextlib
import io
import shlex
from pathlib import Path

import pytest
from tests.unit.docs.blocks import DOCS, Block, pages, read_blocks
from tests.unit.trials.fabricated import fabricate_tables

from aftercar import cli
from aftercar.foundation import Manifest, write_atomic
from aftercar.trials import write_tables

# Pages that begin where a reader already has a report.
BEGIN_WITH_A_REPORT = {"how-to/read-the-report.md"}
# Pages that begin where a reader already has a trial: it is fabricated, which takes a moment and not minutes.
BEGIN_WITH_A_TRIAL = {"how-to/export-adam.md"}


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


def has_examples(page: Path) -> bool:
    return any(block.language in {"sh", "python"} for block in read_blocks(page))


def run_command(line: str, monkeypatch: pytest.MonkeyPatch, *, exit_code: int = 0) -> str:
    """Run one line in this process and return what it prints; fail unless it ends with the exit code."""
    words = shlex.split(line, comments=True)
    assert not {"|", ">", "&&", ";"} & set(words), f"one plain command a line, please: {line}"
    printed, complaint = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.argv", words)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaint):
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert (ended.value.code or 0) == exit_code, f"{line}\n{complaint.getvalue()}"
    return complaint.getvalue() if exit_code else printed.getvalue()


def missing_lines(shown: str, printed: str) -> list[str]:
    """Return the lines shown in a page that the program did not print. Widths do not count; … stands for anything."""
    real = " ".join(printed.split())
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    return [line for line in lines if any(part.strip() not in real for part in line.split("…"))]


def run_block(block: Block, names: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> str:
    if block.language == "python":
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.body, "<page>", "exec"), names)
        return printed.getvalue()
    lines = [line for line in block.body.splitlines() if line.startswith("aftercar ")]
    return "\n".join(run_command(line, monkeypatch) for line in lines)


@pytest.mark.parametrize("page", [page for page in pages() if has_examples(page)], ids=name_of)
def test_examples_run_and_print_what_is_shown(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name_of(page) in BEGIN_WITH_A_REPORT:
        asked = "--strategy gprc5d_cart --strategy gprc5d_bsab --patients 0"
        run_command(f"aftercar compare {asked} --out compare.html", monkeypatch)
    if name_of(page) in BEGIN_WITH_A_TRIAL:
        write_tables(fabricate_tables(20), tmp_path / "results" / "trial")
        write_atomic(tmp_path / "results" / "trial" / "manifest.json", Manifest("aftercar trial", {}, 1, {}).to_json())
    names: dict[str, object] = {"__name__": "page"}
    printed = None
    for block in read_blocks(page):
        if block.caption:
            path = tmp_path / block.caption
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.language in {"sh", "python"}:
            printed = run_block(block, names, monkeypatch)
        elif block.language == "console" and "\nerror: " in block.body:
            command, _, shown = block.body.partition("\n")
            complaint = run_command(command.removeprefix("$ "), monkeypatch, exit_code=2)
            assert missing_lines(shown, complaint) == []
        elif block.language == "text" and printed is not None:  # the output of the block before
            assert missing_lines(block.body, printed) == [], "shown, but not printed any more"


def test_no_page_was_overlooked() -> None:
    found = {name_of(page) for page in pages()}
    assert {"index.md", "glossary.md", "tutorials/first-comparison.md", "how-to/use-your-own-tables.md"} <= found
    commands = [b for page in pages() for b in read_blocks(page) if b.language == "sh" and "aftercar " in b.body]
    assert len(commands) > 15


def test_a_line_that_was_not_printed_is_noticed() -> None:
    assert missing_lines("ORR  34%\nreport: … (…)", "ORR 34% of\nreport: x (1)") == []
    assert missing_lines("ORR 35%", "ORR 34%") == ["ORR 35%"]

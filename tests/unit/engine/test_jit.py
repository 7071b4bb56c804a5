"""What makes compiled loops stale."""

from __future__ import annotations

import ast

from aftercar.engine.jit import loop_sources


def test_every_file_that_loops_take_something_from_counts() -> None:
    files = {f.stem: f for f in loop_sources()}
    assert {"draws", "events", "indices", "integrator", "jit", "lanes", "small_numbers"} <= set(files)
    for stem in set(files) - {"jit"}:  # jit itself takes nothing into a loop
        for node in ast.walk(ast.parse(files[stem].read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aftercar.engine."):
                assert node.module is not None and node.module.rsplit(".", 1)[1] in files, f"{stem} uses {node.module}"

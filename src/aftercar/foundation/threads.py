"""Work over threads, handed back as it is done; what fails, or an interrupt, ends the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_on_threads(
    work: Callable[[Item], Result], items: Sequence[Item], *, workers: int | None = None
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with its result as it is done, so that none waits for another.

    Parameters
    ----------
    workers
        Threads; by default one for each processor.
    """
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        waiting = {pool.submit(work, item): item for item in items}
        try:
            for done in as_completed(list(waiting)):
                yield waiting.pop(done), done.result()
        except BaseException:
            for one in waiting:
                one.cancel()
            raise

"""Two tasks timed in turns, and a row about them."""

import statistics
import time
from collections.abc import Callable
from typing import Any

THREADS = 2
TURNS = 5
Task = Callable[[], Any]


def in_turns(first: Task, second: Task, turns: int = TURNS) -> tuple[float, float, float]:
    """Median seconds of both tasks, and the median of first / second pair by pair."""
    first(), second()
    pairs = [(seconds(first), seconds(second)) for _ in range(turns)]
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    return a, b, statistics.median(x / y for x, y in pairs)


def seconds(task: Task) -> float:
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def row(
    name: str, ours: str, reference: str, ratio: float, target: str, met: bool | None
) -> dict[str, Any]:
    return {
        "Benchmark": name,
        "Ours": ours,
        "Reference": reference,
        "Ratio": ratio,
        "Target": target,
        "Met": met,
    }

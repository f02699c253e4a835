"""How long a trace's orders last, as tables of quantiles by the number of GPUs."""

from __future__ import annotations

from typing import Final

import numpy as np

from aurora_sim.lab.trace.trace import Times, Trace
from aurora_sim.scenario.demand import DurationTable

SHARES: Final = (*(round(step / 40, 3) for step in range(40)), 0.99, 0.995, 0.999, 1.0)
"""Every fortieth, so that no law is further than that from the trace's; finer in the tail, which holds the GPU-hours."""
ORDERS_MIN: Final = 5
"""A number of GPUs with fewer orders takes the law of all of them."""


def duration_table(trace: Trace) -> DurationTable:
    """The table: a law for each number of GPUs, and one for all."""
    laws = {"*": _points(trace.duration_s)}
    for count in np.unique(trace.gpus).tolist():
        mine = trace.duration_s[trace.gpus == count]
        if mine.size >= ORDERS_MIN:
            laws[str(count)] = _points(mine)
    return DurationTable(by_gpus=laws)


def gpu_shares(trace: Trace) -> dict[str, float]:
    """The share of the orders by number of GPUs."""
    counts, orders = np.unique(trace.gpus, return_counts=True)
    return {
        str(count): round(n / trace.gpus.size, 6) for count, n in zip(counts.tolist(), orders.tolist(), strict=True)
    }


def _points(duration_s: Times) -> list[list[float]]:
    shares = SHARES if duration_s.size > 40 else tuple(n / (duration_s.size - 1) for n in range(duration_s.size))
    seconds = np.maximum.accumulate(np.quantile(duration_s, shares))
    return [[round(share, 6), float(f"{value:.7g}")] for share, value in zip(shares, seconds.tolist(), strict=True)]

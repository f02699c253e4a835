"""What is counted: per step while it lasts, and over the whole run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aurora_sim.observe.rows import GPU_HOURS, LATENCY, PRICE, PROVIDER, RTT, FilledOrder, UnfilledOrder

ENTRY_REFUSED: Final = ("rejected", "denied")
"""Outcomes of orders that never were the router's: they are in no fill rate."""
_NONE: Final = np.empty(0)


class StepTally:
    """The counts of one step (60 s). Orders count in the step in which they end, arrivals in the one in which they come.

    While it lasts, orders are only put on `ended`, and of those the unfilled are counted; `close` works out the rest at its end.
    `dropped` were allowed by the policy and not filled; `refused_entry` were rejected by the gateway or denied by the policy.
    """

    __slots__ = (
        "arrived",
        "cost_usd",
        "dropped",
        "ended",
        "ended_unfilled",
        "failovers",
        "filled",
        "filled_by",
        "gpu_hours_dropped",
        "gpu_hours_filled",
        "jobs_killed",
        "jobs_lost",
        "latency_ms_sum",
        "refused_entry",
        "rtts_ms",
        "unfilled",
    )

    def __init__(self) -> None:
        self.ended: list[FilledOrder | UnfilledOrder] = []
        self.ended_unfilled = 0
        self.arrived = 0
        self.filled = 0
        self.dropped = 0
        self.refused_entry = 0
        self.filled_by: Mapping[str, int] = {}
        self.unfilled: Mapping[tuple[str, str], int] = {}
        self.gpu_hours_filled = 0.0
        self.gpu_hours_dropped = 0.0
        self.cost_usd = 0.0
        self.latency_ms_sum = 0.0
        self.failovers = 0
        self.jobs_killed = 0
        self.jobs_lost = 0
        self.rtts_ms = _NONE  # in no order; five minutes of them are sorted each minute

    def close(self, filled: Sequence[FilledOrder], unfilled: Sequence[UnfilledOrder]) -> None:
        """Count the orders that ended in the step."""
        self.filled = len(filled)
        if filled:
            rows: Sequence[tuple[Any, ...]] = filled  # that compiled code takes none of them apart
            gpu_hours: list[Any] = []
            costs_usd: list[float] = []
            latencies_ms: list[Any] = []
            rtts_ms: list[Any] = []
            filled_by: dict[str, int] = {}
            for order in rows:
                hours: float = order[GPU_HOURS]
                price: float = order[PRICE]
                provider: str = order[PROVIDER]
                gpu_hours.append(order[GPU_HOURS])
                costs_usd.append(hours * price)
                latencies_ms.append(order[LATENCY])
                rtts_ms.append(order[RTT])
                filled_by[provider] = filled_by.get(provider, 0) + 1
            self.rtts_ms = np.array(rtts_ms)
            self.filled_by = filled_by
            self.gpu_hours_filled = math.fsum(gpu_hours)
            self.cost_usd = math.fsum(costs_usd)
            self.latency_ms_sum = math.fsum(latencies_ms)
        if not unfilled:
            return
        self.unfilled = Counter([(order.outcome, order.reason) for order in unfilled])
        allowed = [order for order in unfilled if order.outcome not in ENTRY_REFUSED]
        self.dropped = len(allowed)
        self.refused_entry = len(unfilled) - len(allowed)
        self.gpu_hours_dropped = math.fsum([order.gpu_hours for order in allowed])


class RttHistogram:
    """Round trips counted in buckets of 1 ms: quantiles to the millisecond in flat memory. Above a minute, one bucket."""

    LAST_MS: Final = 60_000

    def __init__(self) -> None:
        self._counts: list[int] = []  # by the upper bound in ms, up to the highest that was seen
        self.sum_ms = 0.0
        self.total = 0

    def add(self, rtts_ms: list[float]) -> None:
        """Count round trips; a bucket is named for its upper bound."""
        counts = self._counts
        for rtt_ms in rtts_ms:
            bucket = self.LAST_MS
            if rtt_ms < bucket:
                bucket = int(rtt_ms)
                if bucket < rtt_ms:
                    bucket += 1
            if bucket >= len(counts):
                counts += [0] * (bucket + 1 - len(counts))
            counts[bucket] += 1
        self.sum_ms += math.fsum(rtts_ms)
        self.total += len(rtts_ms)

    def quantile(self, share: float) -> float | None:
        """The least millisecond bound that at least `share` of the round trips keep to; None without any."""
        if not self.total:
            return None
        wanted = math.ceil(share * self.total - 1e-9)
        seen = 0
        for bound, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return float(bound)
        raise AssertionError("the counts do not add up to the total")

    def cumulative(self, bounds_ms: Sequence[int]) -> list[int]:
        """How many round trips are within each of the ascending bounds, for an exporter."""
        counts, seen, totals, place = [*self._counts], 0, [], 0
        for bound in bounds_ms:
            while place <= bound and place < len(counts):
                seen += counts[place]
                place += 1
            totals.append(seen)
        return totals


def quantile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile: the least value that at least `share` of the values do not exceed; None without any."""
    return ranked(sorted(values), share)


def ranked(ascending: Sequence[float] | NDArray[np.float64], share: float) -> float | None:
    """The same of values that are sorted."""
    if not len(ascending):
        return None
    return float(ascending[max(0, math.ceil(share * len(ascending) - 1e-9) - 1)])


class DecisionTimes:
    """Measured wall time of policy decisions, in a histogram with Prometheus's cumulative reading. Never in a reproducible file."""

    BOUNDS_MS: Final = (
        0.001,
        0.002,
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1.0,
        2.5,
        5.0,
        10.0,
        25.0,
        50.0,
        100.0,
        250.0,
    )

    def __init__(self, wait_ms: float = 0.0) -> None:
        self._bounds_ns = [int(bound * 1e6) for bound in self.BOUNDS_MS]
        self.wait_ns = round(wait_ms * 1e6)
        self.waited: Counter[int] = Counter()
        """How many decisions orders waited how many nanoseconds for, beside the measured call."""
        self.counts = [0] * (len(self.BOUNDS_MS) + 1)
        self.sum_ns = 0

    def add(self, measured_ns: list[int]) -> None:
        """Count decisions: what each call took, and what the scenario lets each order wait beside it."""
        wait_ns, bounds_ns, counts, sum_ns = self.wait_ns, self._bounds_ns, self.counts, self.sum_ns
        for call_ns in measured_ns:
            took_ns = call_ns + wait_ns
            sum_ns += took_ns
            place = 0
            while place < len(bounds_ns) and took_ns > bounds_ns[place]:
                place += 1
            counts[place] += 1
        self.sum_ns = sum_ns
        self.waited[wait_ns] += len(measured_ns)

    def quantile_ms(self, share: float) -> float | None:
        """The upper bound of the bucket that holds the quantile; infinite above the last bound; None without decisions."""
        total = sum(self.counts)
        if not total:
            return None
        seen = 0
        for bound, count in zip((*self.BOUNDS_MS, math.inf), self.counts, strict=True):
            seen += count
            if seen >= share * total:
                return bound
        raise AssertionError("the counts do not add up to the total")

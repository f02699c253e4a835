"""What one serving process counts while it works: plain numbers, which the collector reads when somebody asks."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from aurora_sim.treaty.store.answers import Answer

RTT_WINDOW_S: Final = 300.0
RTTS_MAX: Final = 100_000
DECISION_BOUNDS_MS: Final = (
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
)
ANSWER_BOUNDS_S: Final = (
    0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.0125, 0.015, 0.02, 0.025,
    0.035, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0,
)  # fmt: skip
"""25 and 50 ms are the runbook's thresholds for a decision: at these the histograms are exact."""
BATCH_BOUNDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


class Histogram:
    """Counts of values at or below each bound, and their sum. One thread writes; another may read."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """By bucket, not cumulative; the last is for what lies above every bound."""
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Meter:
    """The counters of one process since its start. It is the desk's observer, and is told of batches and requests."""

    def __init__(self) -> None:
        self.decisions_ms = Histogram(DECISION_BOUNDS_MS)
        self.answers_s = Histogram(ANSWER_BOUNDS_S)
        self.batches = Histogram(BATCH_BOUNDS)
        self.failovers: Counter[tuple[str, str]] = Counter()
        self.filled_by: Counter[str] = Counter()
        self.ended_by: Counter[tuple[str, str]] = Counter()
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.request_seconds: dict[str, Histogram] = {}
        self._rtts: deque[tuple[float, float]] = deque(maxlen=RTTS_MAX)

    # The desk's observer; on the desk's thread.

    def decided(self, duration_ms: float, code: int) -> None:
        """The policy answered."""
        self.decisions_ms.add(duration_ms)

    def acknowledged(self, provider_id: str, rtt_ms: float) -> None:
        """A provider's good ack came."""
        self.filled_by[provider_id] += 1
        self._rtts.append((time.monotonic(), rtt_ms))

    def failed_over(self, provider_id: str, reason: str) -> None:
        """A provider did not take an order."""
        self.failovers[provider_id, reason] += 1

    def ended(self, outcome: str, reason: str, gpu_hours: float) -> None:
        """An order ended."""
        self.ended_by[outcome, reason] += 1

    def batch_answered(self, answers: Sequence[Answer], waits_s: Sequence[float]) -> None:
        """A batch was answered, each of its orders so long after it stood in the line."""
        self.batches.add(len(answers))
        for wait_s in waits_s:
            self.answers_s.add(wait_s)

    # On the event loop's thread.

    def request_answered(self, method: str, path: str, status: int, duration_s: float) -> None:
        """A request was answered; `method` and `path` are bounded by the caller."""
        self.requests[method, path, status] += 1
        histogram = self.request_seconds.get(path)
        if histogram is None:
            histogram = self.request_seconds[path] = Histogram(ANSWER_BOUNDS_S)
        histogram.add(duration_s)

    # For the collector; on any thread.

    def rtt_p95_ms(self) -> float | None:
        """The 95th percentile of the round trips of the trailing five minutes; None when there are none."""
        since_s = time.monotonic() - RTT_WINDOW_S
        recent = sorted(rtt_ms for at_s, rtt_ms in self._rtts.copy() if at_s >= since_s)
        return recent[max(0, -(-95 * len(recent) // 100) - 1)] if recent else None

"""Where orders wait at the client while their bridge does not answer, and the pace at which they leave again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

T = TypeVar("T")
CLOCK_GRACE_S: Final = 1e-6
"""How much too early one may leave: a clock that waits for an instant may come to the float before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How many orders may wait, and the share of the bridge's capacity at which they leave.

    Below 1 the drain leaves the relayer room to catch up with what it still has in front of it; 0.65 is the calibrated one.
    """

    orders_max: int = 10_000
    drain_fraction: float = 0.65

    def __post_init__(self) -> None:
        if self.orders_max < 1:
            raise ValueError(f"`orders_max` ({self.orders_max}) must be at least 1")
        if not 0.0 < self.drain_fraction <= 1.0:
            raise ValueError(f"`drain_fraction` ({self.drain_fraction}) must be in (0, 1]")


class LocalQueue(Generic[T]):
    """Things that wait, first come, first served, each until its deadline at the latest.

    A thing is in the queue from `put` until `take` or `expire` returns it, once. Its place is by when it *came*, which the
    caller says: so one that was tried and failed takes its old place again, and an outage does not reorder those who wait.
    At equal times the one put first is first. In any t seconds `take` returns at most 1 + t x `pace_per_s` things; a pause
    saves nothing up, because a burst is what the bridge must be spared.
    """

    __slots__ = ("_by_coming", "_by_deadline", "_leave_at_s", "_puts", "_waiting", "orders_max", "pace_per_s")

    def __init__(self, orders_max: int, pace_per_s: float) -> None:
        self.orders_max = orders_max
        self.pace_per_s = pace_per_s
        self._puts = 0
        self._waiting: dict[int, T] = {}
        # Both hold numbers of things that may have left; those are skipped when they come up.
        self._by_coming: list[tuple[float, int]] = []
        self._by_deadline: list[tuple[float, int]] = []
        self._leave_at_s = -math.inf

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def leave_at_s(self) -> float:
        """When the pace lets the next one go."""
        return self._leave_at_s

    @property
    def deadline_s(self) -> float:
        """The earliest deadline of those who wait, or never."""
        self._skip_the_gone(self._by_deadline)
        return self._by_deadline[0][0] if self._by_deadline else math.inf

    def put(self, thing: T, came_s: float, deadline_s: float) -> bool:
        """Let it wait; False if the queue is full, and then it does not."""
        if len(self._waiting) >= self.orders_max:
            return False
        number = self._puts
        self._puts += 1
        self._waiting[number] = thing
        heappush(self._by_coming, (came_s, number))
        heappush(self._by_deadline, (deadline_s, number))
        return True

    def __iter__(self) -> Iterator[T]:
        """Who waits, in the order of coming to wait."""
        return iter(self._waiting.values())

    def take(self, now_s: float) -> T | None:
        """The first in the queue, if the pace lets one go now. Its deadline has not passed if `expire` was called before."""
        if now_s < self._leave_at_s - CLOCK_GRACE_S or not self._waiting:
            return None
        self._skip_the_gone(self._by_coming)
        # From when it was due, not from when it was fetched, or the grace would add up.
        self._leave_at_s = max(now_s, self._leave_at_s) + 1.0 / self.pace_per_s
        return self._waiting.pop(heappop(self._by_coming)[1])

    def expire(self, now_s: float) -> list[T]:
        """All whose deadline has come, the earliest first; they wait no more."""
        gone: list[T] = []
        while self.deadline_s <= now_s:
            gone.append(self._waiting.pop(heappop(self._by_deadline)[1]))
        return gone

    def _skip_the_gone(self, heap: list[tuple[float, int]]) -> None:
        while heap and heap[0][1] not in self._waiting:
            heappop(heap)

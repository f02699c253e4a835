"""The client of one bridge: for each try it says whether it goes now, over the failover bridge, or waits.

try --> orders wait here already --------> wait      behind them
        breaker closed ------------------> send
        open, with a failover bridge ----> failover  but for a probe each `breaker_probe_s`
        open, with a local queue --------> wait      its head is the probe; once one is answered, drained at the pace
        open, with neither --------------> send      as if it were closed
"""

from __future__ import annotations

import math
from typing import Generic, Literal, TypeVar

from aurora_sim.treaty.breaker import Breaker
from aurora_sim.treaty.client import ClientSettings
from aurora_sim.treaty.local_queue import CLOCK_GRACE_S, LocalQueue

T = TypeVar("T")
Way = Literal["send", "failover", "wait"]


class BridgeClient(Generic[T]):
    """What the client knows of one bridge, and the orders that wait for it. Knows no clock: every `now_s` is the caller's.

    *Unhindered*: every try is sent. *Hindered*: a try failed since the last answer, orders wait, or the failover bridge is
    preferred; then `way` is to be asked before each try. `capacity_per_s` is the messages a second that the bridge is known
    to relay (workers / mean service time, from its configuration: a client is not told of faults), the measure of the drain.

    An order waits for *its* bridge, with its place among the candidates kept, and does not go to the next provider: the
    router had reasons for its choice, the next one's GPUs are others' first choice, and moving a whole bridge's traffic to
    the others within seconds is how one congested bridge makes the next. Only an order that finds the queue full moves on.
    """

    __slots__ = ("_capacity_per_s", "_holds", "breaker", "failover", "failover_preferred", "hindered", "queue", "settings",
                 "timeout_s")  # fmt: skip

    def __init__(self, settings: ClientSettings, capacity_per_s: float) -> None:
        self._capacity_per_s = capacity_per_s
        self.failover: BridgeClient[T] | None = None
        self.failover_preferred = False
        self.hindered = False
        self.breaker = Breaker(settings.breaker_failures, settings.breaker_probe_s)
        self.queue: LocalQueue[T] = LocalQueue(1, capacity_per_s)
        self.use(settings)

    # Settings, also while orders are under way.

    def use(self, settings: ClientSettings) -> None:
        """Go by these settings from now on.

        What was counted and who waits stay. A try under way keeps its time-out. A breaker may open at once by the failures
        that it has seen. Without a queue nobody is added, and those in it still leave by its old pace: no order is lost.
        """
        self.settings = settings
        self.timeout_s = settings.timeout_ms / 1000.0
        self.breaker.adjust(settings.breaker_failures, settings.breaker_probe_s)
        self._holds = settings.queue is not None
        if settings.queue is not None:
            self.queue.orders_max = settings.queue.orders_max
            self.queue.pace_per_s = settings.queue.drain_fraction * self._capacity_per_s
        self._look()

    def prefer_failover(self, preferred: bool) -> None:
        """Send every order over the failover bridge first, or again over its own; without a failover bridge, nothing changes.

        For a bridge that answers, but slowly, which no breaker sees. Tries under way stay where they are; orders that wait
        leave over the failover bridge, at their queue's pace.
        """
        self.failover_preferred = preferred
        self._look()

    # Tries.

    def way(self, now_s: float) -> Way:
        """Where a try goes that is due now; "send" while the breaker is open uses up the probe."""
        if self._holds and self.queue:
            return "wait"  # behind those who wait, also for the failover bridge: nobody overtakes, and the pace holds
        if self.failover is not None:
            if self.failover_preferred:
                return "failover"
            if self.breaker.open and (self._failover_answers or not self._holds):
                return "send" if self.breaker.passes(now_s) else "failover"
        return "wait" if self.holding else "send"

    @property
    def holding(self) -> bool:
        """Whether a try that failed had better wait in the queue than retry: nothing answers."""
        return self._holds and self.breaker.open and not self._failover_answers

    def answered(self) -> None:
        """A try over this bridge was answered."""
        self.breaker.answered()
        self._look()

    def unanswered(self, now_s: float) -> None:
        """A try over this bridge got no answer in time."""
        self.breaker.unanswered(now_s)
        self._look()

    # Those who wait.

    def put(self, thing: T, came_s: float, deadline_s: float) -> bool:
        """Let it wait here; False if the queue is full."""
        if not self.queue.put(thing, came_s, deadline_s):
            return False
        self.hindered = True
        return True

    def release(self, now_s: float) -> tuple[T, Way] | None:
        """Who leaves the queue now, if anybody does, and over which bridge; ask again until it is None."""
        if now_s < self.queue.leave_at_s - CLOCK_GRACE_S or not self.queue:
            return None
        over: Way = "send"
        if self.failover is not None and self.failover_preferred:
            over = "failover"
        elif self.breaker.open and not self.breaker.passes(now_s):
            if not self._failover_answers:
                return None
            over = "failover"
        thing = self.queue.take(now_s)
        assert thing is not None, "the queue's pace allowed it a moment ago"
        self._look()
        return thing, over

    def expire(self, now_s: float) -> list[T]:
        """All whose deadline has come; they wait no more."""
        gone = self.queue.expire(now_s)
        self._look()
        return gone

    @property
    def due_s(self) -> float:
        """When `release` or `expire` may next have somebody to give; never while nobody waits."""
        if not self.queue:
            return math.inf
        leave_at_s = self.queue.leave_at_s
        if self.breaker.open and not self._failover_answers and not (self.failover and self.failover_preferred):
            leave_at_s = max(leave_at_s, self.breaker.probe_at_s)
        return min(leave_at_s, self.queue.deadline_s)

    @property
    def _failover_answers(self) -> bool:
        return self.failover is not None and not self.failover.breaker.open

    def _look(self) -> None:
        self.hindered = bool(self.breaker.failures or self.queue or self.failover_preferred)

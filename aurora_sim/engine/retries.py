"""What becomes of an order whose bridge does not answer: another try, the failover bridge, or a wait at the client for its turn.

try without an answer --+-- backoff --> try
                        +-- its tries are used up --> failover bridge, then the next candidate
                        +-- the breaker is open, and there is a local queue --> wait --+-- probe or drain --> try
                                                                                       +-- deadline --> expired
"""

from __future__ import annotations

import math
from collections.abc import Callable

from aurora_sim.engine.clock import Clock
from aurora_sim.engine.link import Link
from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.engine.parts import Parts
from aurora_sim.treaty.client import backoff_s, next_move


class Retries:
    """Asks each link's client what to do, and hands the orders back to their life: to `send`, to `pass_on`, or to `end`.

    A link whose queue holds anybody has one event that counts, that at `alarm_s`; an earlier one takes its place. While nobody
    waits there is none, so a run in which nothing fails has no events of it.
    """

    def __init__(
        self,
        env: Clock,
        parts: Parts,
        send: Callable[[LiveOrder, float, bool], None],
        pass_on: Callable[[LiveOrder, float, str], None],
        end: Callable[[LiveOrder, float, str, str], None],
    ) -> None:
        self._env = env
        self._jitter = parts.jitter
        self._send = send
        self._pass_on = pass_on
        self._end = end
        for link in parts.links.values():
            link.changed = self.wake

    def unanswered(self, order: LiveOrder, now_s: float) -> None:
        """A try was given up, or never came back."""
        link, via = order.link, order.via
        via.unanswered(now_s)
        on_failover = via is not link
        if link.holding and not on_failover:
            self.wait(order, now_s)
            return
        move = next_move(link.settings, order.tries, on_failover=on_failover, has_failover=link.failover is not None)
        if move == "retry":
            wait_s = backoff_s(link.settings, order.tries, self._jitter(order))
            delay_s = min(wait_s, max(0.0, order.deadline_s - now_s))  # no longer than until its deadline
            self._env.at(now_s + delay_s, self._retry, order)
        elif move == "failover_bridge":
            fail_over(order)
            self._send(order, now_s, False)
        else:
            self._pass_on(order, now_s, "bridge_timeout")

    def wait(self, order: LiveOrder, now_s: float) -> None:
        """The order waits at the client for its bridge; only when the queue is full it goes to the next candidate."""
        if order.link.put(order, order.time_s, order.deadline_s):
            self.wake(order.link)
        else:
            self._pass_on(order, now_s, "bridge_queue_full")

    def wake(self, link: Link) -> None:
        """Something changed: see to it that those who wait for the link are looked at when one is due."""
        now_s = self._env.now
        due_s = max(link.due_s, now_s)
        if due_s < link.alarm_s:
            link.alarm_s = due_s
            self._env.at(due_s, self._ring, link)

    def _retry(self, order: LiveOrder, now_s: float) -> None:
        if now_s < order.deadline_s:
            self._send(order, now_s, False)
        else:
            self._end(order, now_s, "expired", "deadline_passed")

    def _ring(self, link: Link, now_s: float) -> None:
        if link.alarm_s != now_s:
            return  # an earlier one took its place
        link.alarm_s = math.inf
        for order in link.expire(now_s):
            self._end(order, now_s, "expired", "waited_for_bridge")
        while (released := link.release(now_s)) is not None:
            order, way = released
            order.tries = 0  # those before count no more: they were as good as probes
            order.via = link
            if way == "failover":
                fail_over(order)
            self._send(order, now_s, True)
        self.wake(link)


def fail_over(order: LiveOrder) -> Link:
    """Let the order's tries go over the failover bridge from now on."""
    failover = order.link.failover
    assert isinstance(failover, Link), "there is no other bridge to fail over to"
    order.via = failover
    order.tries = 0
    return failover

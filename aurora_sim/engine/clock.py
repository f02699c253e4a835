"""The event clock: SimPy's, with a heap that holds only what is due soon, and its cheapest event."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, Final

import simpy
from simpy.events import NORMAL, EventPriority

__all__ = ["NORMAL", "Call", "Clock", "Schedule"]

PAGE_S: Final = 32.0
"""A power of two, so that no division by it is rounded. An order's messages mostly come back on the page they left on."""


class Call:
    """A thing that happens later: `then` is called with this event, whose `value` says to what it happens.

    In place of a `simpy.Timeout`, which checks its delay, keeps it, and makes a dictionary and a list of callbacks, three
    times an order. `callbacks` and `_ok` are what `simpy.Environment.step` asks of an event.
    """

    __slots__ = ("callbacks", "value")

    _ok: Final = True

    def __init__(self, value: Any, then: tuple[Callable[[Call], None], ...]) -> None:
        self.value = value
        self.callbacks: tuple[Callable[[Call], None], ...] | None = then


Schedule = Callable[[Call, EventPriority, float], None]
"""(event, priority, delay in seconds, at least 0) -> None."""

_Entry = tuple[float, EventPriority, int, Any]
"""As SimPy keeps it: time, priority, number in the order of scheduling, event."""


class Clock(simpy.Environment):
    """SimPy's environment; what is due after the open page of `PAGE_S` seconds waits, unsorted, until its own page is opened.

    Events happen in SimPy's order: by time, then priority, then in the order of scheduling. Thousands of jobs end hours from now;
    in one heap with the rest, every event would be sifted past them.
    """

    def __init__(self, initial_time: float) -> None:
        super().__init__(initial_time)
        self._pages: dict[int, list[_Entry]] = {}
        self._numbers: list[int] = []  # of the pages: a heap
        self._page_end_s = initial_time

    def schedule(self, event: Any, priority: EventPriority = NORMAL, delay: float = 0.0) -> None:
        """As SimPy's own; delays are at least 0."""
        time_s = self._now + delay
        entry = (time_s, priority, next(self._eid), event)
        if time_s < self._page_end_s:
            heappush(self._queue, entry)
            return
        number = int(time_s // PAGE_S)
        try:
            self._pages[number].append(entry)
        except KeyError:
            self._pages[number] = [entry]
            heappush(self._numbers, number)

    def peek(self) -> float:
        """When the next event is due; infinity without one."""
        self._open_page()
        return super().peek()

    def step(self) -> None:
        """Let the next event happen. Raises `simpy.core.EmptySchedule` without one."""
        self._open_page()
        super().step()

    def advance(self, until_s: float) -> None:
        """Let all happen that is due before `until_s`: what `run` does, with fewer calls and guards for each event."""
        queue, pop = self._queue, heappop
        while self.peek() < until_s:
            while queue and queue[0][0] < until_s:
                self._now, _, _, event = pop(queue)
                callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]  # SimPy's mark of the past
                for callback in callbacks:
                    callback(event)
                if not event._ok and not hasattr(event, "_defused"):
                    raise event._value
        self._now = until_s

    def _open_page(self) -> None:
        """Open the first page that has anything, once the open one is done."""
        if not self._queue and self._numbers:
            number = heappop(self._numbers)
            self._queue += self._pages.pop(number)
            heapify(self._queue)
            self._page_end_s = (number + 1) * PAGE_S

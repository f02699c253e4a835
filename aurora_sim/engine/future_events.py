"""The future event list: what is to happen, as plain calls, in SimPy's order.

Each order has three events, and thousands of jobs end hours from now; in one heap with the rest, every event would be sifted past
them. So what is due after the open page of `PAGE_S` seconds waits, not sorted by time, until its own page is opened.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import chain
from operator import attrgetter
from typing import Any, Final

PAGE_S: Final = 32.0
"""An order's messages mostly come back on the page they left on."""
PAGES_PER_S: Final = 1.0 / PAGE_S
"""A power of two, so that no product with it is rounded."""
SPARE: Final = 64
"""So many that have happened are kept, to be used again: about as many as happen on a page of the baseline."""
FIRST: Final = 1 << 60
"""What puts an event before all others of its time: more than any run has events."""

Then = Callable[[Any, float], object]
"""What happens: called with the value that it was scheduled with and the time, in seconds."""


class FutureEvent:
    """What happens at a time, and to what; `rank` is its place among those of the same time, lowest first.

    Most are used again once they have happened.
    """

    __slots__ = ("rank", "then", "time_s", "value")

    def __init__(self, time_s: float, rank: int, then: Then, value: Any) -> None:
        self.time_s = time_s
        self.rank = rank
        self.then = then
        self.value = value


_TIME_S: Final = attrgetter("time_s")
_RANK: Final = attrgetter("rank")


class FutureEvents:
    """Plain calls that are to happen, and the time that it is, in seconds.

    All happen in SimPy's order: by time, then priority, then in the order of scheduling. The open page is kept sorted, the next
    one last: what is scheduled on it mostly comes soon, so that few have to move.
    """

    __slots__ = ("_due", "_number", "_numbers", "_open_until_s", "_pages", "_spare", "now_s")

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        self._due: list[FutureEvent] = []  # the open page, the latest first
        self._open_until_s = now_s
        self._pages: dict[int, list[FutureEvent]] = {}
        self._numbers: list[int] = []  # of the pages: a heap
        self._number = 0  # of the event that is scheduled next
        self._spare: list[FutureEvent] = []  # some that have happened

    def at(self, time_s: float, then: Then, value: object) -> None:
        """Have `then` called at `time_s`, which is not before now."""
        self.add(time_s, then, value)

    def add(self, time_s: float, then: Then, value: object, before: int = 0) -> None:
        """The same, but before all of that time that have a lower `before`: as SimPy's priorities, upside down."""
        number = self._number
        self._number = number + 1
        rank = number - before * FIRST if before else number
        if self._spare:
            event = self._spare.pop()
            event.time_s = time_s
            event.rank = rank
            event.then = then
            event.value = value
        else:
            event = FutureEvent(time_s, rank, then, value)
        if time_s < self._open_until_s:
            self._put(event)
        else:
            self._wait(event)

    def peek(self) -> float:
        """When the next one is due; infinity without one."""
        self._turn_page()
        return self._due[-1].time_s if self._due else math.inf

    def step(self) -> bool:
        """Let the next one happen; False if there is none."""
        self._turn_page()
        if not self._due:
            return False
        self._happen()
        return True

    def advance(self, until_s: float) -> None:
        """Let all happen that is due before `until_s`, as SimPy's `run` does."""
        self.add(until_s, _stop, None, 1)
        due = self._due
        try:
            while True:
                self._turn_page()
                while due:
                    self._happen()
        except _Reached:
            return

    def clear(self) -> None:
        """Nothing is to happen any more."""
        self._due.clear()
        self._pages.clear()
        self._numbers.clear()
        self._spare.clear()

    def scheduled(self, before_s: float) -> Iterable[FutureEvent]:
        """All that is still to happen up to then, in no order, and more."""
        if before_s == math.inf:
            return chain(self._due, *self._pages.values())
        numbers = range(_page(self._open_until_s), _page(before_s) + 1)
        return chain(self._due, *[self._pages.get(number, []) for number in numbers])

    def _happen(self) -> None:
        """Let the next one of the open page happen."""
        event = self._due.pop()
        then, value = event.then, event.value
        self.now_s = now_s = event.time_s
        event.value = None
        if len(self._spare) < SPARE:
            self._spare.append(event)
        then(value, now_s)

    def _put(self, event: FutureEvent) -> None:
        """Put it in its place on the open page."""
        due, time_s, rank = self._due, event.time_s, event.rank
        low, high = 0, len(self._due)
        while low < high:
            middle = (low + high) >> 1
            other = due[middle]
            if other.time_s > time_s or (other.time_s == time_s and other.rank > rank):
                low = middle + 1
            else:
                high = middle
        due.insert(low, event)

    def _wait(self, event: FutureEvent) -> None:
        """Put it on its page, which is not open yet, and lies in the order of the ranks: sorted by time, ties keep it."""
        number = _page(event.time_s)
        page = self._pages.get(number)
        if page is None:
            self._pages[number] = [event]
            heappush(self._numbers, number)
        elif page[-1].rank < event.rank:
            page.append(event)
        else:
            insort(page, event, key=_RANK)  # SimPy's urgent ones alone

    def _turn_page(self) -> None:
        """Open the first page that has anything, once the open one is done."""
        if not self._due and self._numbers:
            number = heappop(self._numbers)
            self._open_until_s = (number + 1) * PAGE_S
            page = self._pages.pop(number)
            page.sort(key=_TIME_S)  # at once: one by one, a page of many would be moved for each
            page.reverse()
            self._due += page


class _Reached(Exception):  # noqa: N818  (no error: the time that was wanted)
    pass


def _stop(_: object, now_s: float) -> None:
    raise _Reached(now_s)


def _page(time_s: float) -> int:
    """The number of the page that the time is on: `time_s // PAGE_S`, and cheaper where it is compiled."""
    pages = time_s * PAGES_PER_S
    number = int(pages)
    return number if number <= pages else number - 1

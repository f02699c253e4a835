"""The future event list: what is to happen, as plain calls, in SimPy's order.

Each order has three events, and thousands of jobs end hours from now; in one heap with the rest, every event would be sifted past
them. So what is due after the open page of `PAGE_S` seconds waits, unsorted, until its own page is opened.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import chain
from typing import Any, Final

PAGE_S: Final = 32.0
"""A power of two, so that no division by it is rounded. An order's messages mostly come back on the page they left on."""
FIRST: Final = 1 << 60
"""What puts an entry before all others of its time: more than any run has events."""

Then = Callable[[Any, float], object]
"""What happens: called with the value that it was scheduled with and the time, in seconds."""
Entry = tuple[float, int, Then, Any]
"""Time; rank among those of the same time, lowest first; what happens, and to what."""


class FutureEvents:
    """Plain calls that are to happen, and the time that it is, in seconds.

    All happen in SimPy's order: by time, then priority, then in the order of scheduling. The open page is kept sorted, the next
    one last: what is scheduled on it mostly comes soon, so that few have to move.
    """

    __slots__ = ("_due", "_minus_s", "_number", "_numbers", "_open_until_s", "_pages", "now_s")

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        self._due: list[Entry] = []  # the open page, the latest first
        self._minus_s: list[float] = []  # their times, negated: ascending, as `bisect` wants them
        self._open_until_s = now_s
        self._pages: dict[int, list[Entry]] = {}
        self._numbers: list[int] = []  # of the pages: a heap
        self._number = 0  # of the entry that is scheduled next

    def at(self, time_s: float, then: Then, value: object) -> None:
        """Have `then` called at `time_s`, which is not before now."""
        number = self._number
        self._number = number + 1
        if time_s < self._open_until_s:
            place = _place(self._minus_s, -time_s)  # after all of the same time
            self._minus_s.insert(place, -time_s)
            self._due.insert(place, (time_s, number, then, value))
        else:
            self._wait((time_s, number, then, value))

    def add(self, time_s: float, then: Then, value: object, before: int = 0) -> None:
        """The same, but before all of that time that have a lower `before`: as SimPy's priorities, upside down."""
        number = self._number
        self._number = number + 1
        entry: Entry = (time_s, number - before * FIRST, then, value)
        if time_s >= self._open_until_s:
            self._wait(entry)
            return
        due, place = self._due, _place(self._minus_s, -time_s)
        while place < len(due) and due[place][0] == time_s and due[place][1] > entry[1]:
            place += 1
        self._minus_s.insert(place, -time_s)
        due.insert(place, entry)

    def peek(self) -> float:
        """When the next one is due; infinity without one."""
        self._turn_page()
        return self._due[-1][0] if self._due else math.inf

    def step(self) -> bool:
        """Let the next one happen; False if there is none."""
        self._turn_page()
        if not self._due:
            return False
        now_s, _, then, value = self._due.pop()
        self._minus_s.pop()
        self.now_s = now_s
        then(value, now_s)
        return True

    def advance(self, until_s: float) -> None:
        """Let all happen that is due before `until_s`, as SimPy's `run` does."""
        self.add(until_s, _stop, None, 1)
        due, minus_s = self._due, self._minus_s
        try:
            while True:
                self._turn_page()
                while due:
                    now_s, _, then, value = due.pop()
                    minus_s.pop()
                    self.now_s = now_s
                    then(value, now_s)
        except _Reached:
            return

    def clear(self) -> None:
        """Nothing is to happen any more."""
        self._due.clear()
        self._minus_s.clear()
        self._pages.clear()
        self._numbers.clear()

    def scheduled(self, before_s: float) -> Iterable[Entry]:
        """All that is still to happen up to then, in no order, and more."""
        if before_s == math.inf:
            return chain(self._due, *self._pages.values())
        numbers = range(int(self._open_until_s // PAGE_S), int(before_s // PAGE_S) + 1)
        return chain(self._due, *[self._pages.get(number, []) for number in numbers])

    def _wait(self, entry: Entry) -> None:
        """Put it on its page, which is not open yet."""
        number = int(entry[0] // PAGE_S)
        page = self._pages.get(number)
        if page is not None:
            page.append(entry)
        else:
            self._pages[number] = [entry]
            heappush(self._numbers, number)

    def _turn_page(self) -> None:
        """Open the first page that has anything, once the open one is done."""
        if not self._due and self._numbers:
            number = heappop(self._numbers)
            self._due += self._pages.pop(number)
            self._due.sort(reverse=True)
            self._minus_s += [-entry[0] for entry in self._due]
            self._open_until_s = (number + 1) * PAGE_S


class _Reached(Exception):  # noqa: N818  (no error: the time that was wanted)
    pass


def _stop(_: object, now_s: float) -> None:
    raise _Reached(now_s)


_place: Final = bisect_left
"""Found at once where it is compiled; a name that is imported is looked up at each call."""

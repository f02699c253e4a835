"""The event clock: SimPy's, with a future event list of ours, made cheap for orders."""

from __future__ import annotations

from collections.abc import Iterable

import simpy
from simpy.core import EmptySchedule
from simpy.events import NORMAL, EventPriority

from aurora_sim.engine.future_events import FutureEvent, FutureEvents


class Clock(simpy.Environment):
    """SimPy's environment, and beside its events, processes and time-outs plain calls, which need no event object: `at`.

    All of them happen in SimPy's order. What that saves is measured by `benchmarks/simulators.py`.
    """

    def __init__(self, initial_time: float) -> None:
        super().__init__(initial_time)
        self.events = FutureEvents(initial_time)
        self.at = self.events.at
        """Have a plain call happen at a time."""
        self.advance = self.events.advance
        """Let all happen that is due before a time, as `run` does."""

    @property
    def now(self) -> float:
        """The simulated time, in seconds."""
        return self.events.now_s

    def schedule(self, event: simpy.Event, priority: EventPriority = NORMAL, delay: float = 0.0) -> None:
        """As SimPy's own, for its events."""
        self.events.add(self.events.now_s + delay, _happen, event, NORMAL - priority)

    def peek(self) -> float:
        """When the next event is due; infinity without one."""
        return self.events.peek()

    def step(self) -> None:
        """Let the next event happen. Raises `simpy.core.EmptySchedule` without one."""
        if not self.events.step():
            raise EmptySchedule

    def scheduled(self, before_s: float) -> Iterable[FutureEvent]:
        """All that is still to happen up to then, in no order, and more."""
        return self.events.scheduled(before_s)


def _happen(event: simpy.Event, _: float) -> None:
    """A SimPy event: what its environment does with it."""
    callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]  # its mark of one that is over
    for callback in callbacks:
        callback(event)
    if not event._ok and not hasattr(event, "_defused"):
        raise event._value

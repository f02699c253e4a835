"""The event clock's cheapest event: one call, with one value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import simpy
from simpy.events import NORMAL, EventPriority

__all__ = ["NORMAL", "Call", "Schedule", "scheduler"]


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


def scheduler(env: simpy.Environment) -> Schedule:
    """The environment's own `schedule`, for these events."""
    return cast(Schedule, env.schedule)

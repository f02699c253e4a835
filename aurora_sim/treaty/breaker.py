"""The circuit breaker in front of a bridge: when enough tries in a row got no answer, stop asking and only probe."""

from __future__ import annotations

import math


class Breaker:
    """Closed (every try passes), then open after `failures_max` tries in a row without an answer, until one is answered.

    While open, one try passes each `probe_s` seconds, so that recovery is seen. `failures_max` None: never opens.
    """

    __slots__ = ("_failures_max", "_probe_s", "failures", "probe_at_s")

    def __init__(self, failures_max: int | None, probe_s: float) -> None:
        self.failures = 0  # tries in a row without an answer
        self.probe_at_s = -math.inf  # while open: when the next try may pass
        self.adjust(failures_max, probe_s)

    def adjust(self, failures_max: int | None, probe_s: float) -> None:
        """Go by these from now on. What was counted stays: so it may open or close at once, and then probes at once."""
        self._failures_max = math.inf if failures_max is None else failures_max
        self._probe_s = probe_s

    @property
    def open(self) -> bool:
        return self.failures >= self._failures_max

    def passes(self, now_s: float) -> bool:
        """Whether a try may go now; while open, saying yes uses up the probe."""
        if self.failures < self._failures_max:
            return True
        if now_s < self.probe_at_s:
            return False
        self.probe_at_s = now_s + self._probe_s
        return True

    def answered(self) -> None:
        """A try was answered: closed."""
        self.failures = 0

    def unanswered(self, now_s: float) -> None:
        """A try got no answer in time."""
        self.failures += 1
        if self.failures == self._failures_max:
            self.probe_at_s = now_s + self._probe_s

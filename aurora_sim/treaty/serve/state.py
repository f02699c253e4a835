"""The state of the treaty as health checks and scrapes see it: at most a second old, so that many of them are no load."""

from __future__ import annotations

import threading
import time
from typing import Final

from aurora_sim.treaty.store.answers import Readings, StoreUnavailable, SubmissionDesk

AGE_MAX_S: Final = 1.0


class LatestReadings:
    """The desk's readings, read again when they are older than a second. Safe on any thread."""

    def __init__(self, desk: SubmissionDesk, age_max_s: float = AGE_MAX_S) -> None:
        self._desk = desk
        self._age_max_s = age_max_s
        self._lock = threading.Lock()
        self._found: Readings | StoreUnavailable | None = None
        self._read_at_s = 0.0

    def get(self) -> Readings:
        """The readings. Raises `StoreUnavailable`."""
        with self._lock:
            if self._found is None or time.monotonic() - self._read_at_s >= self._age_max_s:
                try:
                    self._found = self._desk.readings(time.time())
                except StoreUnavailable as unavailable:
                    self._found = unavailable
                self._read_at_s = time.monotonic()
            if isinstance(self._found, StoreUnavailable):
                raise StoreUnavailable(self._found.reason, str(self._found))
            return self._found

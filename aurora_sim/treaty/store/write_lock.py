"""The one who writes: a lock on a file beside the order log, held from before the database's lock until after the commit."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aurora_sim.treaty.store.answers import StoreUnavailable

POLL_S: Final = 0.0005


class WriteLock:
    """Held by one transaction at a time, of all processes and threads on the machine.

    The database's own lock is not enough: a server may take it from a process that was stopped for a while, and that
    process would, once it goes on, append to the log what it decided on an old state. This lock ends with its holder
    only. And a waiter has it within half a millisecond, where SQLite's own waiting sleeps for up to 100.
    """

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Raises `StoreUnavailable` when the lock is not free within the time, or its file cannot be opened."""
        until_s = time.monotonic() + self._timeout_s
        file = self._opened()
        try:
            self._wait(file, until_s)
            while not self._still_named(file):  # somebody tidied the folder up, and the next one would lock a new file
                os.close(file)
                file = self._opened()
                self._wait(file, until_s)
            yield
        finally:
            os.close(file)

    def _opened(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable("log_unavailable", f"{self._path}: {error.strerror}") from error

    def _still_named(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def _wait(self, file: int, until_s: float) -> None:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR):
                    raise StoreUnavailable("log_unavailable", f"{self._path}: {error.strerror}") from error
            if time.monotonic() >= until_s:
                message = f"{self._path}: another process has held the lock for {self._timeout_s:.0f} s"
                raise StoreUnavailable("log_unavailable", message)
            time.sleep(POLL_S)

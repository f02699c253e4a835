"""Runs over processes of this machine.

They are forks of a server that has imported what they need and done nothing with it: a compiler or a thread of the parent would
not survive a fork, and each process spawned anew would take most of a second to import it all. They ignore Ctrl-C, which is the
parent's to act on, and end with it, however it ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import forkserver, resource_tracker
from typing import Final

from aurora_sim.lab.crew import Result, Task, attempt

CONTEXT: Final = multiprocessing.get_context("forkserver")


class Processes:
    """A crew of `jobs` processes, for work of a module."""

    def __init__(self, jobs: int, module: str) -> None:
        warm_up(module)
        self._jobs = jobs
        self._pool = _pool(jobs)

    def size(self) -> int:
        return self._jobs

    def begin(self, work: Callable[[Task], Result], task: Task) -> Future[Result]:
        with _no_interrupts():
            return self._pool.submit(attempt, work, task)

    def wait(self, future: Future[Result]) -> Result:
        return future.result()

    def renew(self) -> None:
        self._kill()  # a broken pool waits for ever for a process that began while the others were stopped
        self._pool.shutdown()
        self._pool = _pool(self._jobs)

    def end(self) -> None:
        self._kill()
        self._pool.shutdown(cancel_futures=True)

    def _kill(self) -> None:
        for process in list((self._pool._processes or {}).values()):  # its `kill_workers` came with Python 3.14
            process.kill()


def warm_up(module: str) -> None:
    """Start the server, without waiting for it, if there is none yet: early, so that it imports `module` while the parent does."""
    if module != "__main__":
        CONTEXT.set_forkserver_preload([module])
    resource_tracker.ensure_running()  # which lets SIGINT through again, so it must be there before
    with _no_interrupts():
        forkserver.ensure_running()


def _pool(jobs: int) -> ProcessPoolExecutor:
    pool = ProcessPoolExecutor(jobs, CONTEXT, initializer=_end_with_parent)
    # All processes at once: of one that it starts on demand, after it looked at the others, a pool may miss the end.
    pool._safe_to_dynamically_spawn_children = False  # type: ignore[attr-defined]
    return pool


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Hold SIGINT back. A process started meanwhile never gets it, as the mask is inherited, and prints no traceback of its own."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """In a worker: one whose parent was killed would wait for its next task for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "only workers are begun this way"

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()

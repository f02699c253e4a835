"""Many runs over processes: one task is one run, and the results come in the order of the tasks, whoever finishes first.

Workers are spawned, not forked: a compiler or a thread of the parent would not survive a fork. They ignore Ctrl-C, which is the
parent's to act on, and end with it, however it ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, TypeVar

from aurora_sim.scenario.errors import RunError

Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD_PER_JOB: Final = 4
"""Tasks handed out and results kept beyond the one that is waited for, per process: enough that none idles behind a long run."""
LOSSES_MAX: Final = 3
"""How often a task may be under way when a worker dies. It is begun once more than that."""


def default_jobs() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Generator[Result, None, None]:
    """`work` of every task, in the order of the tasks; with one job, or one task, in this process.

    `work` is a function of a module, and tasks and results are small things that can be pickled. What `work` raises comes out
    in its task's turn. Tasks whose worker was killed are run again; RunError once one was lost more than `LOSSES_MAX` times.
    Whoever stops listening, or is interrupted, ends the workers.
    """
    if min(jobs, len(tasks)) <= 1:
        yield from map(work, tasks)
        return
    jobs = min(jobs, len(tasks))
    losses: Counter[int] = Counter()
    under_way: dict[int, Future[Result]] = {}
    pool = _pool(jobs)
    try:
        for place in range(len(tasks)):
            while True:
                try:
                    with _no_interrupts():
                        for ahead in range(place, min(len(tasks), place + jobs * AHEAD_PER_JOB)):
                            if ahead not in under_way:
                                under_way[ahead] = pool.submit(_attempt, work, tasks[ahead])
                    result = under_way[place].result()
                    break
                except BrokenProcessPool:
                    pool.shutdown()  # after it every future says how it ended
                    losses.update(_take_lost(under_way))
                    if losses and max(losses.values()) > LOSSES_MAX:
                        raise _given_up(losses, tasks) from None
                    pool = _pool(jobs)
            del under_way[place]
            yield result
    finally:
        if under_way:
            for process in list((pool._processes or {}).values()):  # its `kill_workers` came with Python 3.14
                process.kill()
        pool.shutdown(cancel_futures=True)


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_end_with_parent)


def _take_lost(under_way: dict[int, Future[Result]]) -> list[int]:
    """Forget the tasks that a broken pool left without a result; say which they are."""
    lost = [place for place, future in under_way.items() if isinstance(future.exception(), BrokenProcessPool)]
    for place in lost:
        del under_way[place]
    return lost


def _given_up(losses: Counter[int], tasks: Sequence[object]) -> RunError:
    times = max(losses.values())
    first = min(place for place, count in losses.items() if count == times)
    return RunError(
        f"a worker process was killed {times} times while run {first + 1} of {len(tasks)} was under way ({tasks[first]}). "
        "Often it is memory that is short: give fewer --jobs"
    )


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Hold SIGINT back. A process started meanwhile never gets it, as the mask is inherited, and prints no traceback of its own."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In the worker.


def _attempt(work: Callable[[Task], Result], task: Task) -> Result:
    """The work; an exception that cannot travel, which would break the pool, as one that can."""
    try:
        return work(task)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
        except Exception:
            raise RuntimeError(f"{type(error).__name__}: {error}") from None
        raise


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next task for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "only workers are begun this way"

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()

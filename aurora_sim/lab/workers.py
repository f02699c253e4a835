"""Many runs over workers: one task is one run, and the results come in the order of the tasks, whoever finishes first."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import BrokenExecutor, Future
from typing import Final

from aurora_sim.lab.crew import Crew, Result, Task
from aurora_sim.lab.processes import Processes
from aurora_sim.scenario.errors import RunError

AHEAD_PER_JOB: Final = 4
"""Tasks handed out and results kept beyond the one that is waited for, per process: enough that none idles behind a long run."""
LOSSES_MAX: Final = 3
"""How often a task may be under way when a worker dies. It is begun once more than that."""


def default_jobs() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int | Crew) -> Generator[Result, None, None]:
    """`work` of every task, in the order of the tasks; with one job, or one task for some, in this process.

    `jobs` is a number of processes, or a crew that is there already. `work` is a function of a module, and tasks and results are
    small things that can be pickled. What `work` raises comes out in its task's turn. Tasks whose worker was killed are run again;
    RunError once one was lost more than `LOSSES_MAX` times. Whoever stops listening, or is interrupted, ends the work.
    """
    if isinstance(jobs, int):
        jobs = min(jobs, len(tasks))
        if jobs <= 1:
            yield from map(work, tasks)
            return
        crew: Crew = Processes(jobs, work.__module__)
    else:
        crew = jobs
    losses: Counter[int] = Counter()
    under_way: dict[int, Future[Result]] = {}
    try:
        for place in range(len(tasks)):
            while True:
                try:
                    for ahead in range(place, min(len(tasks), place + crew.size() * AHEAD_PER_JOB)):
                        if ahead not in under_way:
                            under_way[ahead] = crew.begin(work, tasks[ahead])
                    result = crew.wait(under_way[place])
                    break
                except BrokenExecutor:
                    crew.renew()
                    losses.update(_take_lost(under_way))
                    if losses and max(losses.values()) > LOSSES_MAX:
                        raise _given_up(losses, tasks) from None
            del under_way[place]
            yield result
    finally:
        crew.end()


def _take_lost(under_way: dict[int, Future[Result]]) -> list[int]:
    """Forget the tasks that a broken pool left without a result; say which they are."""
    lost = [place for place, future in under_way.items() if isinstance(future.exception(), BrokenExecutor)]
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

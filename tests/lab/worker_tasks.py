"""What workers are given to do in the tests: functions of a module, as in the lab."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from aurora_sim.lab.workers import run_all
from aurora_sim.scenario.errors import InputError


@dataclass(frozen=True)
class Sum:
    """Numbers to add up after a pause; `folder` is where what is done is noted."""

    numbers: tuple[int, ...]
    pause_s: float = 0.0
    folder: Path = Path()


class NeedsTwoError(Exception):
    """An exception that cannot be unpickled: it is made of two things and keeps one."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def add(task: Sum) -> int:
    time.sleep(task.pause_s)
    return sum(task.numbers)


def note(task: Sum) -> int:
    """Add, and leave a file of one's own for each time that one was begun."""
    (task.folder / f"{sum(task.numbers)}.{os.getpid()}.{time.monotonic_ns()}").touch()
    return add(task)


def die_once(task: Sum) -> int:
    """The worker of 3 is killed the first time."""
    died = task.folder / "died"
    if sum(task.numbers) == 3 and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return add(task)


def die(task: Sum) -> int:
    """The worker of 3 is killed every time."""
    if sum(task.numbers) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return note(task)


def refuse(task: Sum) -> int:
    if sum(task.numbers) == 2:
        raise InputError("file.yaml:3: key", "this is wrong", "Do it right")
    return sum(task.numbers)


def fail_strangely(task: Sum) -> int:
    raise NeedsTwoError("the one ", "and the other")


def main() -> None:
    """`python worker_tasks.py FOLDER`: long tasks over two processes, until somebody ends them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has it ignored by what it runs in the background
    folder = Path(sys.argv[1])
    list(run_all(note, [Sum((number,), 120.0, folder) for number in range(8)], 2))


if __name__ == "__main__":
    main()

"""Who does many runs: processes of this machine, or the workers of a cluster."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Crew(Protocol):
    """What takes tasks. One that loses workers may raise BrokenExecutor from `begin` and `wait`, and is renewed then."""

    def size(self) -> int:
        """How many runs it does at once."""
        ...

    def begin(self, work: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Hand one run out."""
        ...

    def wait(self, future: Future[Result]) -> Result:
        """Its result, or what it raised. RunError where there is nobody left to do it."""
        ...

    def renew(self) -> None:
        """New workers for those that died; afterwards every future that was handed out says how it ended."""
        ...

    def end(self) -> None:
        """No more is wanted, nor what is under way."""
        ...


def attempt(work: Callable[[Task], Result], task: Task) -> Result:
    """The work, in a worker; an exception that cannot travel, which would break a pool, as one that can."""
    try:
        return work(task)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
        except Exception:
            raise RuntimeError(f"{type(error).__name__}: {error}") from None
        raise

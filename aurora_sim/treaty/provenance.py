"""Provenance: every completed job gets a receipt, however often its making fails.

A receipt takes three steps: the receipt script computes the Merkle root over the artefacts, a time-stamping authority
(RFC 3161) signs it, and the artefacts' CID is pinned (IPFS). The last two need the root but not each other.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence
from itertools import chain, compress
from operator import itemgetter, not_
from typing import Final, Generic, Protocol, TypeVar

from aurora_sim.scenario.errors import InvariantError
from aurora_sim.treaty.coverage import CoverageWindow

Job = TypeVar("Job", bound=Hashable)
SomeJob = TypeVar("SomeJob", bound=Hashable, contravariant=True)
Receipt = tuple[float, float, Job]
"""What proves that a job ran: complete at, job completed at, job. A plain tuple: every job gets one."""
Done = tuple[float, Job]
"""A job whose receipt is not complete: completed at, job."""

_COMPLETE_S: Final = itemgetter(0)
_COMPLETED_S: Final = itemgetter(0)
_JOB: Final = itemgetter(1)


class TimestampService(Protocol):
    """The time-stamping authority."""

    def stamp(self, batch_size: int, now_s: float) -> float | None:
        """Stamp one root over `batch_size` receipts: the seconds that it took, or None when it failed."""


class PinService(Protocol[SomeJob]):
    """The pinning service."""

    def pin(self, jobs: Collection[SomeJob], now_s: float) -> Sequence[float | None]:
        """Pin each job's artefacts: the seconds that each took, in order, or None for one that failed."""


class ReceiptScript(Protocol[SomeJob]):
    """The script on the job node that computes the Merkle root."""

    def run(self, jobs: Collection[SomeJob]) -> Collection[object]:
        """Compute each job's root: the jobs for which that failed."""


class ReceiptDesk(Generic[Job]):
    """Makes the receipts of completed jobs, in batches, and loses none.

    A receipt is *owed* until it has its root, *rooted* until it is stamped or pinned, then *stamped* or *pinned* until
    it is both, and *completing* until the services are done. `work`, called at each batch interval, does all missing
    steps: ONE stamp for the whole batch, one pin each. A step of which nothing in the batch succeeds is not tried
    again for a while (exponential backoff, per step); when some succeed, the others are tried at the next batch.

    Counters: `script_failures`, `timestamp_failures` and `pin_failures` count failed tries. As of the last look at
    `coverage`, `completed_jobs` = `complete_receipts` + `pending`; `late_receipts` were not complete `grace_s` after
    their job.
    """

    __slots__ = (
        "_completing",
        "_new",
        "_owed",
        "_pin",
        "_pin_step",
        "_pinned",
        "_rooted",
        "_script",
        "_script_step",
        "_stamped",
        "_timestamp",
        "_timestamp_step",
        "pin_failures",
        "script_failures",
        "timestamp_failures",
        "window",
    )

    def __init__(
        self,
        timestamp: TimestampService,
        pin: PinService[Job],
        script: ReceiptScript[Job],
        grace_s: float = 300.0,
        window_s: float = 900.0,
        backoff_base_s: float = 30.0,
        backoff_cap_s: float = 240.0,
    ) -> None:
        self._timestamp = timestamp
        self._pin = pin
        self._script = script
        self.window = CoverageWindow(window_s, grace_s)
        self._script_step = _Backoff(backoff_base_s, backoff_cap_s)
        self._timestamp_step = _Backoff(backoff_base_s, backoff_cap_s)
        self._pin_step = _Backoff(backoff_base_s, backoff_cap_s)
        # Jobs that are not yet booked, that have no root, that have one. Batches go on as the lists that they are: a
        # dictionary for each stage would hash every job at each.
        self._new: list[Done[Job]] = []
        self._owed: list[Done[Job]] = []
        self._rooted: list[Done[Job]] = []
        self._stamped: list[tuple[float, list[Done[Job]]]] = []  # with each stamp, by when it was made
        self._pinned: list[Receipt[Job]] = []  # complete but for the stamp
        self._completing: list[Receipt[Job]] = []
        self.script_failures = 0
        self.timestamp_failures = 0
        self.pin_failures = 0

    @property
    def completed_jobs(self) -> int:
        """Jobs for which a receipt is or was owed."""
        return self.window.jobs + len(self._new)

    @property
    def complete_receipts(self) -> int:
        """Receipts that were complete at the last look."""
        return self.window.complete

    @property
    def late_receipts(self) -> int:
        """Receipts that were not complete when their grace was over, at the last look."""
        return self.window.late

    @property
    def pending(self) -> int:
        """Receipts owed, and not complete at the last look."""
        return self.completed_jobs - self.complete_receipts

    def completed(self, job: Job, now_s: float) -> None:
        """A job completed at `now_s`: its receipt is owed from now on. Once for each job; the clock must not run back."""
        self._new.append((now_s, job))

    def work(self, now_s: float) -> list[Receipt[Job]]:
        """Do what is missing, and return the receipts whose last step that was: each receipt once.

        The time at which they are complete is known now, and may lie ahead: it is when the services are done.
        """
        self._book()
        if self._owed and now_s >= self._script_step.due_s:
            self._root_all(now_s)
        finished: list[Receipt[Job]] = []
        if (self._rooted or self._pinned) and now_s >= self._timestamp_step.due_s:
            finished += self._stamp_all(now_s)
        if (self._stamped or self._rooted) and now_s >= self._pin_step.due_s:
            finished += self._pin_all(now_s)
        self._completing += finished
        return finished

    def retry_now(self, now_s: float) -> list[Receipt[Job]]:
        """An operator has what failed tried again at once, whatever its backoff says: as `work`."""
        for step in (self._script_step, self._timestamp_step, self._pin_step):
            step.due_s = -math.inf
        return self.work(now_s)

    def overdue(self, now_s: float) -> int:
        """Receipts that are owed for longer than their grace, and not complete at `now_s`."""
        self._book()
        before_s = now_s - self.window.grace_s
        waiting = [*self._owed, *self._rooted, *chain.from_iterable(batch for _, batch in self._stamped)]
        overdue = sum(completed_s < before_s for completed_s, _ in waiting)
        overdue += sum(completed_s < before_s for _, completed_s, _ in self._pinned)
        return overdue + sum(
            complete_s > now_s and completed_s < before_s for complete_s, completed_s, _ in self._completing
        )

    def coverage(self, now_s: float) -> float | None:
        """Look: complete receipts / jobs completed, over the trailing window; None when there is nothing to count.

        When it is called changes no later value: a scrape does no harm.
        """
        self._book()
        completing = self._completing
        complete = [complete_s <= now_s for complete_s in map(_COMPLETE_S, completing)]
        self.window.receipts_complete([*compress(completing, complete)])
        completing = self._completing = [*compress(completing, map(not_, complete))]
        waiting = len(self._owed) + len(self._rooted) + len(self._pinned) + len(completing)
        waiting += sum(len(batch) for _, batch in self._stamped)
        if self.pending != waiting:
            raise InvariantError(
                f"a receipt was lost, or made twice: {waiting} are waiting of {self.pending} that are owed"
            )
        return self.window.coverage(now_s)

    def _book(self) -> None:
        """Take in the jobs that completed since the last call."""
        if self._new:
            new, self._new = self._new, []
            self.window.jobs_completed(map(_COMPLETED_S, new))
            self._owed += new

    def _root_all(self, now_s: float) -> None:
        batch, self._owed = self._owed, []
        failed = self._script.run(list(map(_JOB, batch)))
        if failed:
            self._owed = [done for done in batch if done[1] in failed]
            self.script_failures += len(failed)
            batch = [done for done in batch if done[1] not in failed]
        self._rooted += batch
        self._script_step.tried(bool(batch), now_s)

    def _stamp_all(self, now_s: float) -> list[Receipt[Job]]:
        rooted, pinned = self._rooted, self._pinned
        latency_s = self._timestamp.stamp(len(rooted) + len(pinned), now_s)
        self._timestamp_step.tried(latency_s is not None, now_s)
        if latency_s is None:
            self.timestamp_failures += 1
            return []
        if rooted:
            self._rooted = []
            self._stamped.append((now_s + latency_s, rooted))
        if not pinned:
            return []
        self._pinned = []
        return [(max(pinned_s, now_s) + latency_s, completed_s, job) for pinned_s, completed_s, job in pinned]

    def _pin_all(self, now_s: float) -> list[Receipt[Job]]:
        finished: list[Receipt[Job]] = []
        stamped, self._stamped = self._stamped, []
        failures = 0
        for stamped_s, batch in stamped:
            made, failed = self._pin_batch(batch, max(stamped_s, now_s), now_s)
            finished += made
            if failed:
                self._stamped.append((stamped_s, failed))
                failures += len(failed)
        some_succeeded = bool(finished)
        if self._rooted:  # their stamp is to come
            made, self._rooted = self._pin_batch(self._rooted, now_s, now_s)
            self._pinned += made
            failures += len(self._rooted)
            some_succeeded = some_succeeded or bool(made)
        self.pin_failures += failures
        self._pin_step.tried(some_succeeded, now_s)
        return finished

    def _pin_batch(
        self, batch: list[Done[Job]], from_s: float, now_s: float
    ) -> tuple[list[Receipt[Job]], list[Done[Job]]]:
        """Pin a batch: receipts, made when their pin is that begins at `from_s`, and the jobs whose pin failed."""
        latencies_s = self._pin.pin(list(map(_JOB, batch)), now_s)
        made = [
            (from_s + latency_s, completed_s, job)
            for latency_s, (completed_s, job) in zip(latencies_s, batch, strict=True)
            if latency_s is not None
        ]
        if len(made) == len(batch):
            return made, []
        return made, [done for latency_s, done in zip(latencies_s, batch, strict=True) if latency_s is None]


class _Backoff:
    """When a step is due again: at once, or `base_s` x 2^(n - 1) up to `cap_s` after n failures in a row."""

    __slots__ = ("_base_s", "_cap_s", "_failures", "due_s")

    def __init__(self, base_s: float, cap_s: float) -> None:
        if not 0.0 <= base_s <= cap_s:
            raise ValueError(f"`backoff_base_s` ({base_s}) must be in [0, `backoff_cap_s` ({cap_s})]")
        self._base_s = base_s
        self._cap_s = cap_s
        self._failures = 0
        self.due_s = -math.inf

    def tried(self, some_succeeded: bool, now_s: float) -> None:
        """The step was tried, with a batch."""
        self._failures = 0 if some_succeeded else self._failures + 1
        if self._failures:
            self.due_s = now_s + min(self._cap_s, self._base_s * 2.0 ** min(self._failures - 1, 62))

"""Provenance: every completed job gets a receipt, however often its making fails.

A receipt takes three steps: the receipt script computes the Merkle root over the artefacts, a time-stamping authority
(RFC 3161) signs it, and the artefacts' CID is pinned (IPFS). The last two need the root but not each other.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable
from typing import Generic, Protocol, TypeVar

from aurora_sim.scenario.errors import InvariantError
from aurora_sim.treaty.coverage import CoverageWindow

Job = TypeVar("Job", bound=Hashable)


class Batch(Generic[Job]):
    """Jobs that go through a step together, and when each completed: in columns, side by side.

    Most batches succeed as a whole, and then go from step to step as the lists that they are.
    """

    __slots__ = ("completed_s", "jobs")

    def __init__(self, jobs: list[Job], completed_s: list[float]) -> None:
        self.jobs = jobs
        self.completed_s = completed_s

    def take_in(self, more: Batch[Job]) -> None:
        """Put the jobs of another batch behind these."""
        self.jobs += more.jobs
        self.completed_s += more.completed_s

    def part(self, wanted: list[bool]) -> Batch[Job]:
        """Those of the jobs that are wanted."""
        return Batch(
            [job for job, chosen in zip(self.jobs, wanted, strict=True) if chosen],
            [time_s for time_s, chosen in zip(self.completed_s, wanted, strict=True) if chosen],
        )


class Receipts(Generic[Job]):
    """What proves that jobs ran, and when each is complete: a third column beside those of `jobs`."""

    __slots__ = ("complete_s", "jobs", "last_s")

    def __init__(self, jobs: Batch[Job], complete_s: list[float]) -> None:
        self.jobs = jobs
        self.complete_s = complete_s
        last_s = -math.inf
        for time_s in complete_s:
            if time_s > last_s:
                last_s = time_s
        self.last_s = last_s
        """When all of them are."""

    def part(self, wanted: list[bool]) -> Receipts[Job]:
        """Those of the receipts that are wanted."""
        return Receipts(
            self.jobs.part(wanted),
            [time_s for time_s, chosen in zip(self.complete_s, wanted, strict=True) if chosen],
        )


class TimestampService(Protocol):
    """The time-stamping authority."""

    def stamp(self, batch_size: int, now_s: float) -> float | None:
        """Stamp one root over `batch_size` receipts: the seconds that it took, or None when it failed."""


class PinService(Protocol[Job]):
    """The pinning service."""

    def pin(self, jobs: list[Job], now_s: float) -> list[float | None]:
        """Pin each job's artefacts: the seconds that each took, in order, or None for one that failed."""


class ReceiptScript(Protocol[Job]):
    """The script on the job node that computes the Merkle root."""

    def run(self, jobs: list[Job]) -> Collection[object]:
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
        # Jobs that are not yet booked, that have no root, that have one.
        self._new: Batch[Job] = Batch([], [])
        self._owed: Batch[Job] = Batch([], [])
        self._rooted: Batch[Job] = Batch([], [])
        self._stamped: list[tuple[float, Batch[Job]]] = []  # with each stamp, by when it was made
        self._pinned: list[Receipts[Job]] = []  # complete but for the stamp
        self._completing: list[Receipts[Job]] = []
        self.script_failures = 0
        self.timestamp_failures = 0
        self.pin_failures = 0

    @property
    def completed_jobs(self) -> int:
        """Jobs for which a receipt is or was owed."""
        return self.window.jobs + len(self._new.jobs)

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
        new = self._new
        new.jobs.append(job)
        new.completed_s.append(now_s)

    def work(self, now_s: float) -> list[Receipts[Job]]:
        """Do what is missing, and return the receipts whose last step that was: each receipt once.

        The time at which they are complete is known now, and may lie ahead: it is when the services are done.
        """
        self._book()
        if self._owed.jobs and now_s >= self._script_step.due_s:
            self._root_all(now_s)
        finished: list[Receipts[Job]] = []
        if (self._rooted.jobs or self._pinned) and now_s >= self._timestamp_step.due_s:
            finished += self._stamp_all(now_s)
        if (self._stamped or self._rooted.jobs) and now_s >= self._pin_step.due_s:
            finished += self._pin_all(now_s)
        self._completing += finished
        return finished

    def retry_now(self, now_s: float) -> list[Receipts[Job]]:
        """An operator has what failed tried again at once, whatever its backoff says: as `work`."""
        for step in (self._script_step, self._timestamp_step, self._pin_step):
            step.due_s = -math.inf
        return self.work(now_s)

    def overdue(self, now_s: float) -> int:
        """Receipts that are owed for longer than their grace, and not complete at `now_s`."""
        self._book()
        before_s = now_s - self.window.grace_s
        batches = [self._owed, self._rooted, *[batch for _, batch in self._stamped]]
        batches += [receipts.jobs for receipts in self._pinned]
        batches += [
            receipts.part([due_s > now_s for due_s in receipts.complete_s]).jobs for receipts in self._completing
        ]
        return sum([sum([completed_s < before_s for completed_s in batch.completed_s]) for batch in batches])

    def coverage(self, now_s: float) -> float | None:
        """Look: complete receipts / jobs completed, over the trailing window; None when there is nothing to count.

        When it is called changes no later value: a scrape does no harm.
        """
        self._book()
        completing, self._completing = self._completing, []
        complete_s: list[float] = []
        completed_s: list[float] = []
        waiting = len(self._owed.jobs) + len(self._rooted.jobs)
        for receipts in completing:
            if receipts.last_s > now_s:
                rest = receipts.part([due_s > now_s for due_s in receipts.complete_s])
                self._completing.append(rest)
                waiting += len(rest.complete_s)
                receipts = receipts.part([due_s <= now_s for due_s in receipts.complete_s])
            complete_s += receipts.complete_s
            completed_s += receipts.jobs.completed_s
        self.window.receipts_complete(complete_s, completed_s)
        for receipts in self._pinned:
            waiting += len(receipts.complete_s)
        for _, batch in self._stamped:
            waiting += len(batch.jobs)
        if self.pending != waiting:
            raise InvariantError(
                f"a receipt was lost, or made twice: {waiting} are waiting of {self.pending} that are owed"
            )
        return self.window.coverage(now_s)

    def _book(self) -> None:
        """Take in the jobs that completed since the last call."""
        new = self._new
        if new.jobs:
            self._new = Batch([], [])
            self.window.jobs_completed(new.completed_s)
            if self._owed.jobs:
                self._owed.take_in(new)
            else:
                self._owed = new

    def _root_all(self, now_s: float) -> None:
        batch, self._owed = self._owed, Batch([], [])
        failed = self._script.run(batch.jobs)
        if failed:
            self.script_failures += len(failed)
            self._owed = batch.part([job in failed for job in batch.jobs])
            batch = batch.part([job not in failed for job in batch.jobs])
        if self._rooted.jobs:
            self._rooted.take_in(batch)
        else:
            self._rooted = batch
        self._script_step.tried(bool(batch.jobs), now_s)

    def _stamp_all(self, now_s: float) -> list[Receipts[Job]]:
        rooted, pinned = self._rooted, self._pinned
        waiting = len(rooted.jobs)
        for receipts in pinned:
            waiting += len(receipts.complete_s)
        latency_s = self._timestamp.stamp(waiting, now_s)
        self._timestamp_step.tried(latency_s is not None, now_s)
        if latency_s is None:
            self.timestamp_failures += 1
            return []
        if rooted.jobs:
            self._rooted = Batch([], [])
            self._stamped.append((now_s + latency_s, rooted))
        if not pinned:
            return []
        self._pinned = []
        return [
            Receipts(receipts.jobs, [max(pinned_s, now_s) + latency_s for pinned_s in receipts.complete_s])
            for receipts in pinned
        ]

    def _pin_all(self, now_s: float) -> list[Receipts[Job]]:
        finished: list[Receipts[Job]] = []
        stamped, self._stamped = self._stamped, []
        failures = 0
        for stamped_s, batch in stamped:
            made, failed = self._pin_batch(batch, max(stamped_s, now_s), now_s)
            if made.complete_s:
                finished.append(made)
            if failed is not None:
                self._stamped.append((stamped_s, failed))
                failures += len(failed.jobs)
        some_succeeded = bool(finished)
        if self._rooted.jobs:  # their stamp is to come
            made, failed = self._pin_batch(self._rooted, now_s, now_s)
            self._rooted = failed if failed is not None else Batch([], [])
            if made.complete_s:
                self._pinned.append(made)
                some_succeeded = True
            failures += len(self._rooted.jobs)
        self.pin_failures += failures
        self._pin_step.tried(some_succeeded, now_s)
        return finished

    def _pin_batch(self, batch: Batch[Job], from_s: float, now_s: float) -> tuple[Receipts[Job], Batch[Job] | None]:
        """Pin a batch: receipts, made when their pin is that begins at `from_s`, and the jobs whose pin failed, if any."""
        latencies_s = self._pin.pin(batch.jobs, now_s)
        complete_s = [from_s + latency_s for latency_s in latencies_s if latency_s is not None]
        if len(complete_s) == len(batch.jobs):
            return Receipts(batch, complete_s), None
        pinned = [latency_s is not None for latency_s in latencies_s]
        return Receipts(batch.part(pinned), complete_s), batch.part([not made for made in pinned])


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

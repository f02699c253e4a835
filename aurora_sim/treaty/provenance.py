"""Provenance: every completed job gets a receipt, however often its making fails.

A receipt takes three steps: the receipt script computes the Merkle root over the artefacts, a time-stamping authority
(RFC 3161) signs it, and the artefacts' CID is pinned (IPFS). The last two need the root but not each other.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import Protocol


class TimestampService(Protocol):
    """The time-stamping authority."""

    def stamp(self, batch_size: int, now_s: float) -> float | None:
        """Stamp one root over `batch_size` receipts: the seconds that it took, or None when it failed."""


class PinService(Protocol):
    """The pinning service."""

    def pin(self, key: int, now_s: float) -> float | None:
        """Pin the artefacts of job number `key`: the seconds that it took, or None when it failed."""


class ReceiptScript(Protocol):
    """The script on the job node that computes the Merkle root."""

    def run(self, key: int) -> bool:
        """Whether the root of job number `key` could be computed."""


class Receipt:
    """What proves that a job ran.

    It is owed from `completed_s` on, gets its root, its stamp and its pin at the desk's batches, and is complete at
    `complete_s` (None until it is known). `key` is the job's number; `attempts` counts the steps tried for it, those
    of a batch included.
    """

    __slots__ = (
        "attempts",
        "busy_until_s",
        "complete_s",
        "completed_s",
        "job_id",
        "key",
        "pinned",
        "rooted",
        "stamped",
    )

    def __init__(self, job_id: str, key: int, completed_s: float) -> None:
        self.job_id = job_id
        self.key = key
        self.completed_s = completed_s
        self.busy_until_s = completed_s
        self.complete_s: float | None = None
        self.attempts = 0
        self.rooted = False
        self.stamped = False
        self.pinned = False


class ReceiptDesk:
    """Makes the receipts of completed jobs, in batches, and loses none.

    A receipt waits for its root, then for stamp and pin, and leaves when it has both. `work`, called at each batch
    interval, does all missing steps: ONE stamp for the whole batch, one pin each. A step of which nothing in the
    batch succeeds is not tried again for a while (exponential backoff, per step); when some succeed, the others are
    tried at the next batch.

    Counters: `completed_jobs` = `complete_receipts` + `pending`, always; `late_receipts` were not complete `grace_s`
    after their job; `script_failures`, `timestamp_failures` and `pin_failures` count failed calls.
    """

    __slots__ = (
        "_completing",
        "_grace_s",
        "_in_grace",
        "_pin",
        "_pin_step",
        "_script",
        "_script_step",
        "_timestamp",
        "_timestamp_step",
        "_to_pin",
        "_to_root",
        "_to_stamp",
        "complete_receipts",
        "completed_jobs",
        "late_receipts",
        "pin_failures",
        "script_failures",
        "timestamp_failures",
        "window",
    )

    def __init__(
        self,
        timestamp: TimestampService,
        pin: PinService,
        script: ReceiptScript,
        grace_s: float = 300.0,
        window_s: float = 900.0,
        bucket_s: float = 10.0,
        backoff_base_s: float = 30.0,
        backoff_cap_s: float = 240.0,
    ) -> None:
        self._timestamp = timestamp
        self._pin = pin
        self._script = script
        self._grace_s = grace_s
        self.window = CoverageWindow(window_s, grace_s, bucket_s)
        self._script_step = _Backoff(backoff_base_s, backoff_cap_s)
        self._timestamp_step = _Backoff(backoff_base_s, backoff_cap_s)
        self._pin_step = _Backoff(backoff_base_s, backoff_cap_s)
        self._to_root: list[Receipt] = []
        self._to_stamp: list[Receipt] = []
        self._to_pin: list[Receipt] = []
        self._completing: list[tuple[float, float]] = []  # a heap of (complete_s, completed_s)
        self._in_grace: deque[Receipt] = deque()
        self.completed_jobs = 0
        self.complete_receipts = 0
        self.late_receipts = 0
        self.script_failures = 0
        self.timestamp_failures = 0
        self.pin_failures = 0

    @property
    def pending(self) -> int:
        """Receipts owed and not yet complete, at the time of the last call."""
        return self.completed_jobs - self.complete_receipts

    def completed(self, job_id: str, key: int, now_s: float) -> Receipt:
        """Job `job_id`, number `key`, completed at `now_s`: its receipt is owed from now on.

        The clock must not run backwards.
        """
        receipt = Receipt(job_id, key, now_s)
        self._to_root.append(receipt)
        self._in_grace.append(receipt)
        self.completed_jobs += 1
        self.window.job_completed(now_s)
        return receipt

    def work(self, now_s: float) -> list[Receipt]:
        """Do what is missing, and return the receipts whose last step that was: each receipt once.

        Their `complete_s` is known now, and may lie ahead: it is when the services are done.
        """
        self._root_all(now_s)
        finished = self._stamp_all(now_s)
        finished += self._pin_all(now_s)
        for receipt in finished:
            receipt.complete_s = receipt.busy_until_s
            heapq.heappush(self._completing, (receipt.busy_until_s, receipt.completed_s))
        self._settle(now_s)
        waiting = len(self._to_root) + len(self._to_pin) + sum(receipt.pinned for receipt in self._to_stamp)
        assert self.pending == waiting + len(self._completing), "a receipt was lost, or made twice"
        return finished

    def coverage(self, now_s: float) -> float | None:
        """Complete receipts / jobs completed, over the trailing window; None when there is nothing to count."""
        self._settle(now_s)
        return self.window.coverage(now_s)

    def _root_all(self, now_s: float) -> None:
        batch = self._to_root
        if not batch or not self._script_step.due(now_s):
            return
        self._to_root = []
        for receipt in batch:
            receipt.attempts += 1
            if self._script.run(receipt.key):
                receipt.rooted = True
                self._to_stamp.append(receipt)
                self._to_pin.append(receipt)
            else:
                self._to_root.append(receipt)
        self.script_failures += len(self._to_root)
        self._script_step.tried(len(self._to_root) < len(batch), now_s)

    def _stamp_all(self, now_s: float) -> list[Receipt]:
        batch = self._to_stamp
        if not batch or not self._timestamp_step.due(now_s):
            return []
        latency_s = self._timestamp.stamp(len(batch), now_s)
        self._timestamp_step.tried(latency_s is not None, now_s)
        for receipt in batch:
            receipt.attempts += 1
        if latency_s is None:
            self.timestamp_failures += 1
            return []
        self._to_stamp = []
        for receipt in batch:
            receipt.stamped = True
            receipt.busy_until_s = max(receipt.busy_until_s, now_s) + latency_s
        return [receipt for receipt in batch if receipt.pinned]

    def _pin_all(self, now_s: float) -> list[Receipt]:
        batch = self._to_pin
        if not batch or not self._pin_step.due(now_s):
            return []
        self._to_pin = []
        finished = []
        for receipt in batch:
            receipt.attempts += 1
            latency_s = self._pin.pin(receipt.key, now_s)
            if latency_s is None:
                self._to_pin.append(receipt)
                continue
            receipt.pinned = True
            receipt.busy_until_s = max(receipt.busy_until_s, now_s) + latency_s
            if receipt.stamped:
                finished.append(receipt)
        self.pin_failures += len(self._to_pin)
        self._pin_step.tried(len(self._to_pin) < len(batch), now_s)
        return finished

    def _settle(self, now_s: float) -> None:
        """Count what became complete or late by `now_s`.

        When it is called changes no count's later value: a scrape does no harm.
        """
        completing = self._completing
        while completing and completing[0][0] <= now_s:
            self.window.receipt_complete(heapq.heappop(completing)[1])
            self.complete_receipts += 1
        in_grace = self._in_grace
        while in_grace and in_grace[0].completed_s + self._grace_s < now_s:
            receipt = in_grace.popleft()
            if receipt.complete_s is None or receipt.complete_s > receipt.completed_s + self._grace_s:
                self.late_receipts += 1


class _Backoff:
    """When a step may be tried again: at once, or `base_s` x 2^(n - 1) up to `cap_s` after n failures in a row."""

    __slots__ = ("_base_s", "_cap_s", "_due_s", "_failures")

    def __init__(self, base_s: float, cap_s: float) -> None:
        if not 0.0 <= base_s <= cap_s:
            raise ValueError(f"`backoff_base_s` ({base_s}) must be in [0, `backoff_cap_s` ({cap_s})]")
        self._base_s = base_s
        self._cap_s = cap_s
        self._failures = 0
        self._due_s = -math.inf

    def due(self, now_s: float) -> bool:
        return now_s >= self._due_s

    def tried(self, some_succeeded: bool, now_s: float) -> None:
        self._failures = 0 if some_succeeded else self._failures + 1
        if self._failures:
            self._due_s = now_s + min(self._cap_s, self._base_s * 2.0 ** min(self._failures - 1, 62))


class CoverageWindow:
    """Provenance coverage: complete receipts / jobs completed, over the trailing `window_s` seconds.

    A job counts when its receipt is complete, or its grace time is over: a receipt that may still be in time is no
    evidence. Kept in buckets of `bucket_s`, so that 15 minutes cost at most 91 additions; a bucket is in the window,
    and its grace over, as a whole. Exact when `window_s`, `grace_s` and the times asked for are multiples of
    `bucket_s`.
    """

    __slots__ = ("_bucket_s", "_complete", "_grace_s", "_jobs", "_window_s")

    def __init__(self, window_s: float = 900.0, grace_s: float = 300.0, bucket_s: float = 10.0) -> None:
        if not 0.0 < bucket_s <= window_s:
            raise ValueError(f"`bucket_s` ({bucket_s}) must be in (0, `window_s` ({window_s})]")
        if not 0.0 <= grace_s < window_s:
            raise ValueError(
                f"`grace_s` ({grace_s}) must be in [0, `window_s` ({window_s})), or no receipt could ever be missed"
            )
        self._window_s = window_s
        self._grace_s = grace_s
        self._bucket_s = bucket_s
        self._jobs: dict[int, int] = {}
        self._complete: dict[int, int] = {}

    def job_completed(self, completed_s: float) -> None:
        """A job completed, and a receipt is owed."""
        bucket = int(completed_s // self._bucket_s)
        self._jobs[bucket] = self._jobs.get(bucket, 0) + 1

    def receipt_complete(self, completed_s: float) -> None:
        """The receipt of a job that completed at `completed_s` is complete, however late.

        One that left the window is no news.
        """
        bucket = int(completed_s // self._bucket_s)
        if bucket in self._jobs:
            complete = self._complete.get(bucket, 0) + 1
            assert complete <= self._jobs[bucket], "more receipts than jobs"
            self._complete[bucket] = complete

    def coverage(self, now_s: float) -> float | None:
        """The coverage at `now_s`, 0 to 1; None when no job counts. Forgets what is older than the window."""
        oldest = math.ceil((now_s - self._window_s) / self._bucket_s)
        for bucket in [bucket for bucket in self._jobs if bucket < oldest]:
            del self._jobs[bucket]
            self._complete.pop(bucket, None)
        complete = 0
        counted = 0
        for bucket, jobs in self._jobs.items():
            complete_here = self._complete.get(bucket, 0)
            grace_over = (bucket + 1) * self._bucket_s + self._grace_s <= now_s
            complete += complete_here
            counted += jobs if grace_over else complete_here
        return complete / counted if counted else None


class CoverageGuard:
    """Halts new allocations when provenance fails (runbook, procedure 5: coverage < 0.80 for >10m).

    It is clear, then below (coverage under `floor`), then halted (below for more than `for_s`); a coverage back at
    the floor clears it. No data neither clears nor halts: it is no evidence, so a time below goes on, and a halt
    holds. Once halted, jobs stop completing and coverage may be gone for good: then only the operator's `release`
    ends it. That is what fail-closed means.
    """

    __slots__ = ("_below_since_s", "_floor", "_for_s", "_halted")

    def __init__(self, floor: float = 0.80, for_s: float = 600.0) -> None:
        if not 0.0 <= floor <= 1.0:
            raise ValueError(f"`floor` ({floor}) must be in [0, 1]")
        self._floor = floor
        self._for_s = for_s
        self._below_since_s: float | None = None
        self._halted = False

    @property
    def halted(self) -> bool:
        """Whether new allocations are halted."""
        return self._halted

    def observe(self, coverage: float | None, now_s: float) -> bool:
        """Take note of the coverage at `now_s`; whether new allocations are to be halted from now on."""
        if coverage is None:
            return self._halted
        if coverage >= self._floor:
            self.release()
            return False
        if self._below_since_s is None:
            self._below_since_s = now_s
        if now_s - self._below_since_s > self._for_s:
            self._halted = True
        return self._halted

    def release(self) -> None:
        """Clear the guard: an operator vouches for the receipts, and coverage has `for_s` to follow."""
        self._below_since_s = None
        self._halted = False

"""Provenance coverage: what share of the completed jobs can prove that they ran, and what is done when it is too low."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left

from aurora_sim.scenario.errors import InvariantError


class CoverageWindow:
    """Provenance coverage: complete receipts / jobs completed, over the trailing `window_s` seconds.

    A job counts when its receipt is complete, or its grace time is over: a receipt that may still be in time is no
    evidence. Kept as two sorted lists of the times at which jobs completed, one of all jobs and one of those with
    their receipt, so that every count is the difference of two places in a list.

    Counters, as of the last look: `jobs`; `complete`, those of them with their receipt; `late`, those without when
    their grace was over.
    """

    __slots__ = ("_complete_s", "_grace_over_s", "_grace_s", "_jobs_s", "_window_s", "complete", "jobs", "late")

    def __init__(self, window_s: float = 900.0, grace_s: float = 300.0) -> None:
        if not 0.0 <= grace_s < window_s:
            raise ValueError(
                f"`grace_s` ({grace_s}) must be in [0, `window_s` ({window_s})), or no receipt could ever be missed"
            )
        self._window_s = window_s
        self._grace_s = grace_s
        # Arrays, not lists: a list's floats lie scattered in memory, and each look would gather them anew.
        self._jobs_s = array("d")
        self._complete_s = array("d")
        self._grace_over_s = -math.inf  # at the last look the grace of jobs completed before this was over
        self.jobs = 0
        self.complete = 0
        self.late = 0

    @property
    def grace_s(self) -> float:
        """How long after its job a receipt may come, in seconds."""
        return self._grace_s

    def jobs_completed(self, times_s: list[float]) -> None:
        """Jobs completed at these times, none before those told earlier, and as many receipts are owed."""
        self._jobs_s.fromlist(times_s)
        self.jobs += len(times_s)

    def receipts_complete(self, complete_s: list[float], completed_s: list[float]) -> None:
        """Receipts are complete by now, however late: when each was, and when its job completed. Told before the next look.

        Those of jobs that a look found without are late already; of the others it shows now.
        """
        if not complete_s:
            return
        grace_s, grace_over_s, late = self._grace_s, self._grace_over_s, 0
        for place, job_s in enumerate(completed_s):
            if grace_over_s <= job_s < complete_s[place] - grace_s:
                late += 1
        self.late += late
        self.complete += len(complete_s)
        known_s = self._complete_s
        ascending_s = sorted(completed_s)
        later = bisect_left(known_s, ascending_s[0])
        if later < len(known_s):  # those after the first of the new ones are merged with them
            ascending_s += known_s[later:]
            ascending_s.sort()
            del known_s[later:]
        known_s.fromlist(ascending_s)

    def coverage(self, now_s: float) -> float | None:
        """Look: the coverage at `now_s`, 0 to 1; None when no job counts. Forgets what is older than the window.

        When it is called changes no later value: a scrape does no harm.
        """
        jobs_s, complete_s = self._jobs_s, self._complete_s
        before_s, self._grace_over_s = self._grace_over_s, now_s - self._grace_s
        owed, had = bisect_left(jobs_s, self._grace_over_s), bisect_left(complete_s, self._grace_over_s)
        self.late += (owed - bisect_left(jobs_s, before_s)) - (had - bisect_left(complete_s, before_s))
        jobs_gone = bisect_left(jobs_s, now_s - self._window_s)
        complete_gone = bisect_left(complete_s, now_s - self._window_s)
        del jobs_s[:jobs_gone], complete_s[:complete_gone]
        missing = (owed - jobs_gone) - (had - complete_gone)
        if not 0 <= missing <= len(jobs_s) - len(complete_s):
            raise InvariantError(
                f"more receipts than jobs: {len(complete_s)} complete, {missing} not, {len(jobs_s)} jobs"
            )
        complete = len(complete_s)
        return complete / (complete + missing) if complete + missing else None


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

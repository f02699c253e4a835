"""A whole check: every run of every case over processes, then the findings, and the table of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from aurora_sim.lab.crew import Crew
from aurora_sim.lab.selfcheck.case import FAILS_MAX, SPENT, Case, Finding, Sample, judge
from aurora_sim.lab.selfcheck.demands import BURSTS, DAILY_GAPS
from aurora_sim.lab.selfcheck.losses import ERLANG_B, KAUFMAN_ROBERTS, POOLED
from aurora_sim.lab.selfcheck.outages import AVAILABILITY
from aurora_sim.lab.selfcheck.relays import ERLANG_C, FLIGHT, POLLACZEK_KHINCHINE
from aurora_sim.lab.workers import run_all

CASES: Final = {
    case.name: case
    for case in (
        ERLANG_B, KAUFMAN_ROBERTS, POOLED, FLIGHT, ERLANG_C, POLLACZEK_KHINCHINE, AVAILABILITY, DAILY_GAPS, BURSTS
    )
}  # fmt: skip
LEVEL: Final = SPENT * FAILS_MAX / sum(len(case.quantities) for case in CASES.values())
"""Of one verdict; the same for a case that is checked alone."""
COLUMNS: Final = "{:<20} {:<26} {:>10} {:>10}  {:<20} {}"


class Task(NamedTuple):
    """One run of a case."""

    case: str
    seed: int


def check(names: Sequence[str], seed: int, jobs: int | Crew) -> Iterator[list[Finding]]:
    """The findings of each of the cases, as soon as its runs are done."""
    cases = [CASES[name] for name in names]
    samples = run_all(work, [task for case in cases for task in tasks(case, seed)], jobs)
    for case in cases:
        yield judge(case, list(islice(samples, case.runs)), LEVEL)


def tasks(case: Case, seed: int) -> list[Task]:
    """The runs of a case, each with a seed of its own, whatever other cases there are."""
    sequences = np.random.SeedSequence([seed, crc32(case.name.encode())]).spawn(case.runs)
    return [Task(case.name, int(sequence.generate_state(1, np.uint64)[0] >> 1)) for sequence in sequences]


def work(task: Task) -> Sample:
    """What one run measured."""
    return CASES[task.case].run(task.seed)


# The table.

HEADER: Final = COLUMNS.format("case", "quantity", "theory", "measured", "95 % interval", "verdict").rstrip()
FOOT: Final = (
    f"The interval is the usual one. The verdict is a test at level {LEVEL:.1e}, so that with all cases together\n"
    f"a correct model fails in fewer than {FAILS_MAX:.1%} of all checks."
)


def row(finding: Finding) -> str:
    """A line of the table."""
    theory = _number(finding.theory)
    interval = f"{_number(finding.low)} to {_number(finding.high)}"
    if finding.law == "at least":
        theory, interval = f">= {theory}", f">= {_number(finding.low)}"
    elif finding.law == "exponential":
        interval = f"<= {_number(finding.high)}"
    verdict = "met" if finding.passed else f"MISSED (p = {finding.p_value:.1e})"
    named = f"{finding.quantity}, {finding.unit}" if finding.unit else finding.quantity
    return COLUMNS.format(finding.case, named, theory, _number(finding.measured), interval, verdict)


def _number(value: float) -> str:
    """Four significant digits, and no exponent."""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"

"""Many runs over two processes against one: how much sooner they are done, what they cost, and that they are the same.

    python benchmarks/cores.py [--full]

Whole commands, start-up and report included, are run with `--jobs 1` and `--jobs 2` in turn. "sooner" is the ratio of the time on
the clock, which takes two free cores; "extra" is what two processes cost in processor time beyond one, which does not. "free cores"
is what the processor time says of two idle ones: the time of one process, over what the command itself must do alone (measured with
the least work) and half of all the rest. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

PROJECT: Final = Path(__file__).resolve().parents[1]
SUBREAPER: Final = 36
"""PR_SET_CHILD_SUBREAPER: processes whose parent has ended are ours to wait for, and count (Linux)."""
GAMES: Final = ("gateway/clock-skew", "provider/flapping", "rtt/relayer-outage", "low-fill/price-spike")


class Cost(NamedTuple):
    clock_s: float
    processor_s: float
    result: bytes


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--full", action="store_true", help="More work: minutes.")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    games = [f"scenarios/war-games/{name}.yaml" for name in GAMES]
    number, seeds = ("200", "20") if arguments.full else ("12", "2")
    replicate = ["run", "--quiet", "--replications"]
    works = {
        "replications": ([*replicate, number], [*replicate, "2", "--steps", "1"], 1),
        "war games": (["wargame", *games, "--quiet", "--seeds", seeds], ["wargame", "validate", *games], None),
    }
    print(f"{'':<14}{'1 job, s':>10}{'2 jobs, s':>10}{'sooner':>8}{'extra, s':>10}{'free cores':>12}  same")
    same = True
    for name, (work, least, least_jobs) in works.items():
        alone_s = measure(least, least_jobs).processor_s
        ones, twos = [], []
        for _ in range(arguments.rounds):
            ones.append(measure(work, 1))
            twos.append(measure(work, 2))
        clock = statistics.median(one.clock_s / two.clock_s for one, two in zip(ones, twos, strict=True))
        one_s, two_s = (statistics.median(cost.processor_s for cost in costs) for costs in (ones, twos))
        free = one_s / (alone_s + (two_s - alone_s) / 2)
        equal = len({cost.result for cost in ones + twos}) == 1
        print(
            f"{name:<14}{statistics.median(c.clock_s for c in ones):>10.1f}{statistics.median(c.clock_s for c in twos):>10.1f}"
            f"{clock:>8.2f}{two_s - one_s:>10.1f}{free:>12.2f}  {'yes' if equal else 'NO'}",
            flush=True,
        )
        same &= equal
    print(f"load {os.getloadavg()[0]:.1f} at the end, {len(os.sched_getaffinity(0))} cores")
    return 0 if same else 1


def measure(arguments: list[str], jobs: int | None) -> Cost:
    """A command's time on the clock, the processor time of all its processes, and the result it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "replications.json"
        command = [sys.executable, "-m", "aurora_sim", *arguments]
        if jobs is not None:
            command += ["--out", folder] if arguments[0] == "run" else ["--json", str(result)]
            command += ["--jobs", str(jobs)]
        before = processor_s()
        begun = time.perf_counter()
        done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, timeout=3600, check=False)
        clock_s = time.perf_counter() - begun
        assert done.returncode in (0, 1), f"{command} ended with {done.returncode}"
        with contextlib.suppress(ChildProcessError):
            while True:  # the server of the processes, which ends after the command
                os.wait()
        return Cost(clock_s, processor_s() - before, result.read_bytes() if result.exists() else b"")


def processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())

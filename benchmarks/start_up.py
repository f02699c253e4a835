"""How long a command line takes to start, do its work and end, beside an interpreter that does nothing.

Each is a process of its own, alternated, with compiled bytecode at hand (as from the second start on). The default command is
`python -m aurora_sim`: the baseline, 120 steps, about 4,300 orders, every file written, no plots. Wall time is what is wanted of;
where others use the processors too, the processor time says what it would be without them.

    python benchmarks/start_up.py [--rounds 11]

Exit status 1 if a median is above what is wanted.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NOTHING = ("-c", "pass")
COMMANDS: dict[str, tuple[tuple[str, ...], float | None]] = {
    "python -c pass": (NOTHING, None),
    "--help": (("-m", "aurora_sim", "--help"), 0.3),
    "validate scenarios/baseline.yaml": (
        ("-m", "aurora_sim", "validate", str(PROJECT / "scenarios" / "baseline.yaml")),
        0.3,
    ),
    "the default command": (("-m", "aurora_sim"), 1.2),
}
"""What is started, and the seconds that it may take."""


def timed_s(arguments: tuple[str, ...], folder: Path) -> tuple[float, float]:
    """Wall time of a process from its start to its end, and its processor time, in seconds."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=True, timeout=60
    )
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    times_s: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command, _ in COMMANDS.values():
            timed_s(command, folder)
        for _ in range(rounds):
            for name, (command, _) in COMMANDS.items():
                times_s[name].append(timed_s(command, folder))
    nothing_s = statistics.median(wall_s for wall_s, _ in times_s["python -c pass"])
    slow = False
    print(f"{'':34s}  median s  least s  x nothing  processor s  wanted s")
    for name, (_, wanted_s) in COMMANDS.items():
        wall_s = [wall for wall, _ in times_s[name]]
        median_s = statistics.median(wall_s)
        processor_s = statistics.median(processor for _, processor in times_s[name])
        wanted = "" if wanted_s is None else f"  {wanted_s:8.1f}"
        print(
            f"{name:34s}  {median_s:8.3f}  {min(wall_s):7.3f}  {median_s / nothing_s:9.1f}  {processor_s:11.3f}{wanted}"
        )
        slow = slow or (wanted_s is not None and median_s > wanted_s)
    return int(slow)


if __name__ == "__main__":
    raise SystemExit(main())

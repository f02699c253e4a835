"""The resident memory of a long run: does it grow with the number of orders?

The run is the product's own command, in a process of its own: `scenarios/baseline.yaml`, every file written, for as many steps as
the orders take at the baseline's 36 a minute (10^7 of them are 193 days). Only the treaty's total quota is raised: it is meant
for weeks, and a run that denies all orders from then on would measure nothing. What is read is the operating system's figure for
the most memory that the process ever held (`ru_maxrss`).

    python benchmarks/memory.py [--orders 100000 1000000] [--full] [--format parquet] [--sample 0.01] [--no-orders] [--keep FOLDER]

`--full` adds ten million orders, which take about ten minutes. Exit status 1 if a run took more than 400 MB, or the largest
more than 10 % above a million's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[1]
ORDERS_PER_STEP = 36
QUOTA_GPU_HOURS = 1_000_000_000
MEMORY_MAX_MB = 400.0
GROWTH_MAX = 1.1
MILLION = 1_000_000
MB = 1e6


class Measured(NamedTuple):
    """One run: its orders, the most memory, its processor and wall time, and what it wrote."""

    orders: int
    filled: int
    resident_mb: float
    processor_s: float
    wall_s: float
    written_mb: float


def measured(orders: int, options: list[str], folder: Path) -> Measured:
    """Run the product until about so many orders have ended."""
    steps = -(-orders // ORDERS_PER_STEP)
    out = folder / f"out-{orders}"
    command = [sys.executable, "-m", "aurora_sim", "run", "scenarios/baseline.yaml", "--steps", str(steps), "--quiet"]
    command += ["--set", f"treaty.quota_gpu_hours_total={QUOTA_GPU_HOURS}", "--out", str(out), *options]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    wall_s = time.perf_counter() - began
    manifest = json.loads((out / "run.json").read_text())
    written = sum(file.stat().st_size for file in out.iterdir())
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    ended, filled = manifest["books"]["orders_ended"], manifest["outcomes"]["filled"][""]
    processor_s = usage.ru_utime + usage.ru_stime
    return Measured(ended, filled, kilobytes * 1024 / MB, processor_s, wall_s, written / MB)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--orders", type=int, nargs="+", default=[MILLION // 10, MILLION])
    parser.add_argument("--full", action="store_true", help="ten million orders, too")
    parser.add_argument("--format", choices=["csv", "parquet"], default="csv")
    parser.add_argument("--sample", help="share of the orders that have a row")
    parser.add_argument("--no-orders", action="store_true", help="no order has a row")
    parser.add_argument("--keep", type=Path, help="leave the runs' folders in here")
    arguments = parser.parse_args()
    options = [] if arguments.format == "csv" else ["--format", arguments.format]
    options += [] if arguments.sample is None else ["--sample", arguments.sample]
    options += ["--no-orders"] if arguments.no_orders else []
    runs: list[Measured] = []
    print("    orders  filled  resident MB  processor us/order  wall s  written MB")
    with tempfile.TemporaryDirectory() if arguments.keep is None else nullcontext(str(arguments.keep)) as name:
        for orders in [*arguments.orders, *([10 * MILLION] if arguments.full else [])]:
            run = measured(orders, options, Path(name))
            runs.append(run)
            us = run.processor_s / run.orders * 1e6
            row = f"{run.orders:10d}  {run.filled / run.orders:6.1%}  {run.resident_mb:11.0f}  {us:18.1f}  {run.wall_s:6.0f}"
            print(f"{row}  {run.written_mb:10.1f}", flush=True)
    million = next((run for run in runs if run.orders >= 0.9 * MILLION), runs[-1])
    growth = runs[-1].resident_mb / million.resident_mb
    print(f"the largest holds {growth:.2f} times what {million.orders} orders do (at most {GROWTH_MAX:g} is wanted)")
    return int(growth > GROWTH_MAX or max(run.resident_mb for run in runs) > MEMORY_MAX_MB)


if __name__ == "__main__":
    raise SystemExit(main())

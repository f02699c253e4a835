"""How long a run of many orders takes to read back, and how much memory: `notebooks/long_runs.ipynb`, from top to bottom.

The run is made by the product, once: `scenarios/baseline.yaml` as in `memory.py`, its rows as Parquet, or as CSV if wanted.
The notebook's cells are run in a process of their own, as a script: the imports, the fill rate by hour, its drawing, and the
round trip's quantiles by provider. What is read is that process's wall time and the most memory that it held.

    python benchmarks/read_back.py [--orders 100000] [--format parquet] [--run FOLDER] [--rounds 3]

`--run` reads a run that is there. Exit status 1 if the median of the rounds is above 10 s, or one took more than 1 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from memory import MB, PROJECT, measured

NOTEBOOK = PROJECT / "notebooks" / "long_runs.ipynb"
SECONDS_MAX = 10.0
MEMORY_MAX_MB = 1000.0


def script() -> str:
    """The notebook as a script that ends with its figures drawn."""
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    sources[-1] = f"print({sources[-1]})"  # a notebook shows the last value of a cell
    return "\n".join([*sources, f"figure.savefig({os.devnull!r}, format='png')"])


def read_back(folder: Path) -> tuple[float, float, str]:
    """Wall time in seconds, most memory in MB, and what was printed."""
    environment = {**os.environ, "AURORA_RUN": str(folder), "MPLBACKEND": "Agg"}
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", script()], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the notebook ended with {process.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss * 1024 / MB, printed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--format", choices=["csv", "parquet"], default="parquet")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.run
        if folder is None:
            measured(arguments.orders, ["--format", arguments.format], Path(name))
            folder = Path(name) / f"out-{arguments.orders}"
        rounds = [read_back(folder) for _ in range(arguments.rounds)]
        rows = json.loads((folder / "run.json").read_text())["order_rows"]
        size_mb = (folder / f"routing_decisions.{rows['format']}").stat().st_size / MB
    print(rounds[-1][2])
    wall_s, memory_mb = statistics.median(wall_s for wall_s, _, _ in rounds), max(mb for _, mb, _ in rounds)
    print(f"{rows['written']} rows, {rows['format']}, {size_mb:.0f} MB: {wall_s:.1f} s, {memory_mb:.0f} MB resident")
    return int(wall_s > SECONDS_MAX or memory_mb > MEMORY_MAX_MB)


if __name__ == "__main__":
    raise SystemExit(main())

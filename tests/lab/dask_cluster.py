"""A real Dask cluster on loopback, ended with the block that wants it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

STARTS_WITHIN_S = 60.0
HERE = Path(__file__).resolve().parent


class Running(NamedTuple):
    """HOST:PORT of the scheduler, and its process."""

    address: str
    scheduler: subprocess.Popen[bytes]


@contextlib.contextmanager
def dask_cluster(
    folder: Path, *, workers: int = 2, allowed_failures: int = 3, arguments: Sequence[str | Path] = ()
) -> Iterator[Running]:
    """A scheduler with so many workers; a worker that dies is started again by its nanny."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{HERE.parents[1]}:{HERE}",  # the code under test, and `worker_tasks`
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(allowed_failures),
    }
    where = folder / "scheduler.json"
    common = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", *map(str, arguments)]
    each = ["--scheduler-file", str(where), "--nthreads", "1", "--memory-limit", "0", "--local-directory", str(folder)]
    scheduler = ["--scheduler-file", str(where), "--port", "0", "--no-jupyter"]
    begun: list[subprocess.Popen[bytes]] = []
    with (folder / "log").open("wb") as log:

        def start(program: str, *given: str) -> None:
            command = [sys.executable, "-m", f"distributed.cli.{program}", *common, *given]
            begun.append(
                subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
            )

        try:
            start("dask_scheduler", *scheduler)
            for _ in range(workers):
                start("dask_worker", *each)
            yield Running(_address(where), begun[0])
        finally:
            for process in begun[::-1]:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


def _address(where: Path) -> str:
    until = time.monotonic() + STARTS_WITHIN_S
    while True:
        with contextlib.suppress(FileNotFoundError, ValueError):
            return str(json.loads(where.read_text())["address"]).partition("//")[2]
        assert time.monotonic() < until, (where.parent / "log").read_text()
        time.sleep(0.1)

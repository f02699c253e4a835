"""A worker process without HTTP: submits the orders of a file, batch by batch, and writes each answer down at once.

`python desk_worker.py FOLDER DB QUOTA ORDERS ANSWERS BATCH KILL`: KILL is `never`, or `append` or `commit`: SIGKILL right
after the third append to the log, or right after the third commit.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import deployments

from aurora_sim.treaty.signed_order import OrderRequest
from aurora_sim.treaty.store.answers import Submission
from aurora_sim.treaty.store.deployment import Deployment


def start(
    deployment: Deployment, orders: Sequence[OrderRequest], name: str, *, batch: int = 16, kill: str = "never"
) -> tuple[subprocess.Popen[bytes], Path]:
    """Start one; its answers come into the file that is returned, one JSON line each."""
    folder = deployment.log.parent
    given, answers = folder / f"{name}.orders", folder / f"{name}.answers"
    given.write_text("".join(json.dumps(order.model_dump(mode="json")) + "\n" for order in orders))
    quota = deployment.config.treaty.quota_gpu_hours_daily_per_tenant
    arguments = [str(folder), deployment.db, str(quota), str(given), str(answers), str(batch), kill]
    return subprocess.Popen([sys.executable, __file__, *arguments]), answers


def read_answers(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Status and body of each answer that was written in full."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    return [(line[0], line[1]) for line in map(json.loads, lines)]


def killing_after(calls: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, after whose call of that number the process is killed."""
    left = [calls]

    def called(*arguments: Any) -> Any:
        result = function(*arguments)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return called


def main() -> None:
    folder, db, quota, given, answers, batch, kill = sys.argv[1:]
    config = deployments.world(quota_gpu_hours_daily_per_tenant=float(quota))
    deployment = deployments.existing(Path(folder), db, config)
    desk = deployments.open_desk(deployment)
    if kill == "append":
        chain = desk._store.chain
        chain.append = killing_after(3, chain.append)  # type: ignore[method-assign]
    bodies = Path(given).read_text().splitlines()
    size = int(batch)
    with Path(answers).open("a") as out:
        submit = killing_after(3, desk.submit) if kill == "commit" else desk.submit
        for start in range(0, len(bodies), size):
            submissions = [Submission(body.encode(), "127.0.0.1") for body in bodies[start : start + size]]
            for answer in submit(submissions, deployments.NOON_S + 1.0):
                out.write(json.dumps([answer.status, answer.body]) + "\n")
            out.flush()


if __name__ == "__main__":
    main()

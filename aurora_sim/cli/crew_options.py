"""`--jobs` and `--executor`: who does the runs of a command that has many."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.lab.crew import Crew


def crew_options(command: Any) -> Any:
    jobs = click.option(
        "--jobs", type=click.IntRange(1, 1024), help="Processes for many runs  [default: one for each usable core]."
    )
    executor = click.option(
        "--executor",
        metavar="dask://HOST:PORT",
        help="The workers of a Dask cluster for many runs, in place of processes and --jobs; off loopback dask+tls://.",
    )
    return jobs(executor(command))


def warm_up(jobs: int | None, executor: str | None, module: str) -> None:
    """Have the processes' server import what they need while the command itself still reads its files."""
    if executor is None:
        from aurora_sim.lab import processes
        from aurora_sim.lab.workers import default_jobs

        if (jobs or default_jobs()) > 1:
            processes.warm_up(module)


@contextlib.contextmanager
def chosen_crew(jobs: int | None, executor: str | None) -> Iterator[int | Crew]:
    """A number of processes, or a cluster that is connected until the end of the block."""
    if executor is None:
        from aurora_sim.lab.workers import default_jobs

        yield jobs or default_jobs()
        return
    if jobs is not None:
        raise InputError("--jobs", "the cluster has as many processes as it has", "Leave it out, or --executor")
    from aurora_sim.lab.cluster import connected

    with connected(executor) as cluster:
        yield cluster

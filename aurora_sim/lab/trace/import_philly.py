"""Jobs of Microsoft's Philly clusters as a trace.

A CSV with the columns timestamp, duration (seconds), num_gpus, cluster (the virtual cluster, which becomes the tenant), in any
order of rows; further columns are skipped. The GPU type is `any`: the trace does not say.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from aurora_sim.lab.trace.trace import Trace
from aurora_sim.scenario.csv_rows import csv_number, csv_rows
from aurora_sim.scenario.errors import InputError

COLUMNS: Final = ("timestamp", "duration", "num_gpus", "cluster")


class Job(NamedTuple):
    submitted: datetime
    duration_s: float
    gpus: int
    cluster: str


def import_philly(
    path: Path, begin: datetime | None = None, days: float | None = None, min_duration_s: float = 0.0
) -> tuple[Trace, int]:
    """The jobs submitted from `begin` on (by default the first job's midnight) for so many days, of at least the duration.

    Time 0 is `begin`; jobs of one second stay in the file's order. Jobs of no duration are left out. Also returns how many
    jobs the file has. Raises InputError that names the line, or says that no job is left.
    """
    jobs = _jobs(path)
    if begin is None:
        begin = min(job.submitted for job in jobs).replace(hour=0, minute=0, second=0, microsecond=0)
    end = datetime.max if days is None else begin + timedelta(days=days)
    kept = [
        job for job in jobs if begin <= job.submitted < end and job.duration_s >= min_duration_s and job.duration_s > 0
    ]
    if not kept:
        raise InputError(
            str(path),
            f"none of its {len(jobs)} jobs is from the span and of at least {min_duration_s:g} s",
            f"Its jobs were submitted from {min(jobs).submitted} to {max(jobs).submitted}",
        )
    kept.sort(key=lambda job: job.submitted)
    clusters = {name: place for place, name in enumerate(dict.fromkeys(job.cluster for job in kept))}
    trace = Trace(
        np.array([(job.submitted - begin).total_seconds() for job in kept]),
        np.array([job.duration_s for job in kept]),
        np.array([job.gpus for job in kept], dtype=np.int32),
        np.array([clusters[job.cluster] for job in kept], dtype=np.int32),
        np.zeros(len(kept), dtype=np.int32),
        tuple(f"vc-{name}" for name in clusters),
        ("any",),
    )
    return trace, len(jobs)


def _jobs(path: Path) -> list[Job]:
    jobs = []
    for where, (timestamp, duration, count, cluster) in csv_rows(path, COLUMNS, "Philly job"):
        try:
            submitted = datetime.fromisoformat(timestamp)
        except ValueError:
            submitted = None
        if submitted is None or submitted.tzinfo is not None:
            raise InputError(where, f"timestamp is {timestamp!r}", "Give it as 2017-11-01 00:02:12")
        gpus = csv_number(where, "num_gpus", count, 1.0, 65536.0)
        if gpus != int(gpus):
            raise InputError(where, f"num_gpus is {count!r}", "Give a whole number of at least 1")
        if not cluster or not cluster.isascii() or "," in cluster or not cluster.isprintable():
            raise InputError(where, f"cluster is {cluster!r}", "Give the virtual cluster's name")
        jobs.append(Job(submitted, csv_number(where, "duration", duration, 0.0), int(gpus), cluster))
    return jobs

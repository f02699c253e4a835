"""Recorded outage histories: what a file says of a service becomes ordinary outages of a provider, a region or a bridge.

The file is a CSV with the columns start_time and end_time (seconds from the record's start) and status (the severity: the
share of the service's components that were out, 0 to 1), as the Cloud Uptime Archive has its operator-reported incidents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from aurora_sim.scenario.csv_rows import csv_number, csv_rows
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.faults import Outage, OutageHistory

COLUMNS: Final = ("start_time", "end_time", "status")
OUTAGES_MAX: Final = 100_000


class Incident(NamedTuple):
    """One row: its number from 1, when it began and ended in the record's seconds, and its severity, 0 to 1."""

    row: int
    start_s: float
    end_s: float
    severity: float


def read_incidents(path: Path) -> Iterator[Incident]:
    """The incidents of a file, by their start. Raises InputError that names the line, when it gets there."""
    previous_s = 0.0
    for row, (where, (start, end, status)) in enumerate(csv_rows(path, COLUMNS, "outage history"), 1):
        start_s, end_s = csv_number(where, "start_time", start, 0.0), csv_number(where, "end_time", end, 0.0)
        if start_s < previous_s:
            raise InputError(
                where, f"start_time {start_s:g} is before the row above ({previous_s:g})", "Sort the rows by start_time"
            )
        if end_s <= start_s:
            raise InputError(where, f"end_time {end_s:g} is not after start_time {start_s:g}", "Give a later end_time")
        previous_s = start_s
        yield Incident(row, start_s, end_s, csv_number(where, "status", status, 0.0, 1.0))


def outages(history: OutageHistory, path: Path) -> list[Outage]:
    """The outages of a history, each named for its row of the file; an incident of severity 0 darkened nothing and is left out.

    Raises InputError for what is wrong in the file, and where not one incident lies in the span that is replayed.
    """
    shift_s = history.at - history.offset
    until_s = history.offset + history.for_s
    name = history.id or f"{_slug(history.target)}-history"
    found: list[Outage] = []
    rows = 0
    for incident in read_incidents(path):
        rows = incident.row
        begin_s, end_s = max(incident.start_s, history.offset), min(incident.end_s, until_s)
        if begin_s >= end_s or incident.severity == 0.0:
            continue
        if len(found) == OUTAGES_MAX:
            raise InputError(str(path), f"more than {OUTAGES_MAX} incidents lie in the span", "Replay a shorter span")
        found.append(
            Outage.model_validate(
                {
                    "fault": "outage",
                    "id": f"{name[:48].rstrip('-')}-row-{incident.row}",
                    "at": begin_s + shift_s,
                    "for": end_s - begin_s,
                    "ramp": min(history.ramp, end_s - begin_s),
                    "share": incident.severity,
                    **{key: getattr(history, key) for key in ("provider", "region", "bridge")},
                }
            )
        )
    if not found:
        raise InputError(
            str(path),
            f"none of its {rows} incidents darkens anything between {history.offset:g} s and {until_s:g} s of the record",
            "Give an `offset` at which one does, or a longer `for`",
        )
    return found


def _slug(name: str) -> str:
    """A target's name as a fault's name may be written."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "all"

"""Arrivals made from ServeGen's published rate records: an inhomogeneous renewal process for each client.

A record file has no header; its columns are the time s, the rate a second, the CV of the gaps, their family (Gamma or Weibull),
shape and scale, for the seconds up to the next record. The rate's integral maps gaps of mean 1 to arrivals, and the record in
which a gap begins gives its family and shape: so each record keeps its rate, and its gaps keep their law. The scale is not used:
the rate says the mean, and a fitted Weibull's is up to twice off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from aurora_sim.lab.trace.trace import Times, Trace
from aurora_sim.scenario.csv_rows import ROWS_MAX, csv_number, csv_rows
from aurora_sim.scenario.errors import InputError
from aurora_sim.world.streams import Streams

COLUMNS: Final = ("time", "rate", "cv", "family", "shape", "scale")
SHAPE_MIN: Final = {"Gamma": 0.001, "Weibull": 0.1, "": 0.0}
"""Below these the CV is above 30 and 400: nearly every gap is 0, and one in millions is all of the mean."""
DRAWN_AT_ONCE: Final = 65536


class Record(NamedTuple):
    """What a client's arrivals were like from `begin_s` to `end_s`; `family` is empty where there were too few to tell."""

    begin_s: float
    end_s: float
    rate_per_s: float
    family: str
    shape: float


def import_servegen(
    paths: Sequence[Path], seed: int, begin_s: float, span_s: float, factor: float, duration_s: float
) -> Trace:
    """A trace of the files' clients, each a tenant of its file's name, `factor` times their rates.

    Time 0 is the records' second `begin_s`. Each order takes 1 GPU for `duration_s`: the records say nothing of either. Every
    client draws from a stream of its own, record by record. Raises InputError that names file and line.
    """
    streams = Streams(seed)
    names = [path.stem for path in paths]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise InputError(
                str(paths[number]), "another file has this name", "Each file's name is its client's: rename it"
            )
    clients = [_cut(read_records(path), begin_s, begin_s + span_s) for path in paths]
    expected = factor * sum((r.end_s - r.begin_s) * r.rate_per_s for records in clients for r in records)
    if expected > 0.9 * ROWS_MAX:
        raise InputError(
            "--factor", f"{expected:.3g} orders are more than a trace can have", "Give a smaller one, or --days"
        )
    times = [
        client_arrivals(name, records, factor, streams) - begin_s for name, records in zip(names, clients, strict=True)
    ]
    arrival_s = np.concatenate(times)
    if arrival_s.size == 0:
        raise InputError(", ".join(map(str, paths)), "no order comes of the records' span", "Take a longer one")
    client = np.repeat(np.arange(len(names), dtype=np.int32), [part.size for part in times])
    order = np.argsort(arrival_s, kind="stable")
    size = arrival_s.size
    return Trace(
        np.round(arrival_s[order], 6),
        np.full(size, duration_s),
        np.ones(size, dtype=np.int32),
        client[order],
        np.zeros(size, dtype=np.int32),
        tuple(names),
        ("any",),
    )


def read_records(path: Path) -> list[Record]:
    """The records of a file; the last lasts as long as the one before it."""
    rows: list[tuple[float, float, str, float]] = []
    for where, (time, rate, _, family, shape, _) in csv_rows(path, COLUMNS, "ServeGen rate record", header=False):
        time_s, rate_per_s = csv_number(where, "the time", time, 0.0), csv_number(where, "the rate", rate, 0.0)
        if rows and time_s <= rows[-1][0]:
            raise InputError(
                where, f"time {time_s:g} is not after the row above ({rows[-1][0]:g})", "Sort the rows by time"
            )
        if family not in SHAPE_MIN:
            raise InputError(where, f"the family is {family!r}", "Known: Gamma, Weibull, or nothing")
        rows.append((time_s, rate_per_s, family, csv_number(where, "the shape", shape, SHAPE_MIN[family])))
    if len(rows) < 2:
        raise InputError(str(path), "it has one record only, and none says how long it lasts", "Give at least two")
    ends_s = [row[0] for row in rows[1:]] + [2.0 * rows[-1][0] - rows[-2][0]]
    return [Record(row[0], end_s, *row[1:]) for row, end_s in zip(rows, ends_s, strict=True)]


def client_arrivals(name: str, records: Sequence[Record], factor: float, streams: Streams) -> Times:
    """One client's arrival times, ascending. What is drawn in a record is drawn from the record's own block of the stream."""
    found: list[Times] = []
    ahead = 0.0  # what is left, at the record's begin, of the gap that is under way: in gaps of mean 1
    for number, record in enumerate(records):
        rate_per_s = record.rate_per_s * factor
        due = rate_per_s * (record.end_s - record.begin_s)
        if number == 0 and due > 0.0:
            # The process was under way before the first record: some part of a gap is over.
            over = float(streams.generator(f"servegen/{name}/first", 0).random())
            ahead = over * float(_gaps(record, streams, f"{name}/first-gap", 0, 1)[0])
        if ahead >= due:
            ahead -= due
            continue
        places = np.array([ahead])
        draws = 0
        while places[-1] < due:
            size = min(DRAWN_AT_ONCE, int(due) + 64)
            more = _gaps(record, streams, f"{name}/gap/{draws}", number, size)
            places = np.concatenate((places, places[-1] + np.cumsum(more)))
            draws += 1
        inside = int(np.searchsorted(places, due, side="left"))
        found.append(record.begin_s + places[:inside] / rate_per_s)
        ahead = float(places[inside] - due)
    return np.concatenate(found) if found else np.empty(0)


def _gaps(record: Record, streams: Streams, name: str, block: int, size: int) -> Times:
    """Gaps of mean 1 by the record's law; exponential where it names none."""
    draws = streams.generator(f"servegen/{name}", block)
    if record.family == "Gamma":
        return draws.standard_gamma(record.shape, size) / record.shape
    if record.family == "Weibull":
        return draws.weibull(record.shape, size) / math.gamma(1.0 + 1.0 / record.shape)
    return draws.standard_exponential(size)


def _cut(records: Sequence[Record], begin_s: float, end_s: float) -> list[Record]:
    """The records within a span, those on its edges cut."""
    return [
        record._replace(begin_s=max(record.begin_s, begin_s), end_s=min(record.end_s, end_s))
        for record in records
        if record.begin_s < end_s and record.end_s > begin_s
    ]

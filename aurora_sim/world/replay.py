"""Orders from a trace file, mapped to the tenants and GPU types of the configuration.

The file is a CSV with the columns order_id, arrival_s, tenant, gpu_type, gpus, duration_s: arrivals in seconds from the
trace's start, ascending; durations in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.scenario.csv_rows import csv_number, csv_rows
from aurora_sim.scenario.demand import Replay
from aurora_sim.scenario.errors import InputError, did_you_mean
from aurora_sim.world.demand import Chooser, OrderDraft, luck
from aurora_sim.world.streams import BLOCK, Streams, on_a_tick

COLUMNS: Final = ("order_id", "arrival_s", "tenant", "gpu_type", "gpus", "duration_s")

TraceRow = tuple[float, str, str, int, float]
"""Arrival s, tenant, GPU type, GPUs, duration s."""


def read_trace(path: Path) -> Iterator[TraceRow]:
    """The rows of a trace file. Raises `InputError` that names the line, when it gets there."""
    previous_s = 0.0
    for where, (_, arrival, tenant, kind, count, duration) in csv_rows(path, COLUMNS, "trace"):
        arrival_s = csv_number(where, "arrival_s", arrival, 0.0)
        if arrival_s < previous_s:
            raise InputError(
                where, f"arrival_s {arrival_s:g} is before the row above ({previous_s:g})", "Sort the rows by arrival_s"
            )
        previous_s = arrival_s
        gpus = csv_number(where, "gpus", count, 1.0)
        if gpus != int(gpus):
            raise InputError(where, f"gpus is {count}", "Give a whole number of at least 1")
        duration_s = csv_number(where, "duration_s", duration, 0.0)
        if duration_s == 0.0:
            raise InputError(
                where, "duration_s is 0", "Give the seconds that the job ran, above 0, or leave the row out"
            )
        yield arrival_s, tenant, kind, int(gpus), duration_s


def check_trace(replay: Replay, config: WorldConfig) -> int:
    """Read the whole trace once, so that a bad row is found before anything is written. Returns the number of rows."""
    orders = TraceOrders(replay, config, Streams(0))
    rows = 0
    for row in read_trace(Path(replay.trace)):
        orders.mapped(rows, row)
        rows += 1
    return rows


class TraceOrders:
    """The orders of a trace. The i-th row draws at index i, thinned or not."""

    def __init__(self, replay: Replay, config: WorldConfig, streams: Streams) -> None:
        self.source = "trace"
        self.defect = ""
        self.used_gpu_hours: dict[str, float] = {}
        self._replay = replay
        self._config = config
        self._streams = streams
        self._path = Path(replay.trace)
        self._gpu_types = {
            kind: Chooser({to: 1.0} if isinstance(to, str) else dict(to)) for kind, to in replay.gpu_types.items()
        }

    def mapped(self, index: int, row: TraceRow) -> tuple[str, Chooser]:
        """Whose order the row is, and what its GPU type is drawn from."""
        line = f"{self._path}:{index + 2}"
        _, tenant, kind, _, _ = row
        return _mapped(line, "tenant", tenant, self._replay.tenants), _mapped(line, "gpu_type", kind, self._gpu_types)

    def drafts(self, from_s: float, midnight_s: float) -> Iterator[OrderDraft]:
        """Every row that is kept; a trace knows nothing of the time before it, so `from_s` is 0 at the latest."""
        assert from_s <= 0.0, "a trace starts with the scenario"
        assert midnight_s <= 0.0, "a treaty day starts before the scenario or with it"
        block: list[TraceRow] = []
        first = 0
        for row in read_trace(self._path):
            block.append(row)
            if len(block) == BLOCK:
                yield from self._block(first, block)
                first += BLOCK
                block = []
        yield from self._block(first, block)

    def _block(self, first: int, rows: list[TraceRow]) -> Iterator[OrderDraft]:
        replay, streams = self._replay, self._streams
        block, size = first // BLOCK, len(rows)
        times_s = on_a_tick(np.array([row[0] for row in rows]) * replay.time_scale).tolist()
        keep = streams.uniform("trace/thin", block)[:size] < replay.thin
        kind_draw = streams.uniform("trace/gpu-type", block)[:size]
        price_draw = streams.uniform("trace/price-limit", block)[:size].tolist()
        lucks = zip(*(part.tolist() for part in luck("trace", block, np.ones(size, dtype=bool), streams)), strict=True)
        for place, ((_, _, _, gpus, duration_s), (on_bridge, on_job)) in enumerate(zip(rows, lucks, strict=True)):
            if not keep[place]:
                continue
            tenant_id, chooser = self.mapped(first + place, rows[place])
            gpu_type = chooser.names[int(chooser.choose(kind_draw[place : place + 1])[0])]
            limit = self._config.price_limits[gpu_type]
            yield (
                times_s[place],
                first + place,
                tenant_id,
                replay.workload,
                gpu_type,
                gpus,
                max(round(gpus * duration_s / 3600.0, 4), 0.0001),
                round(limit.low + (limit.high - limit.low) * price_draw[place], 9),
                on_bridge,
                on_job,
            )


T = TypeVar("T")


def _mapped(where: str, what: str, given: str, mapping: dict[str, T]) -> T:
    found = mapping.get(given, mapping.get("*"))
    if found is None:
        raise InputError(
            where,
            f"{what} {given!r} is not mapped by the scenario's demand.replay",
            f'Map it, or map "*" for all that are not named. {did_you_mean(given, mapping)}',
        )
    return found

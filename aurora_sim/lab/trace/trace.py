"""A trace in memory, as columns: 28 bytes a row, so that one of millions of rows can be looked at."""

from __future__ import annotations

import io
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aurora_sim.treaty.whole_file import write_whole
from aurora_sim.world.replay import COLUMNS, read_trace

Times = NDArray[np.float64]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Trace:
    """The orders of a trace in time. `tenant` and `gpu_type` are places in the tuples of names."""

    arrival_s: Times
    duration_s: Times
    gpus: Codes
    tenant: Codes
    gpu_type: Codes
    tenants: tuple[str, ...]
    gpu_types: tuple[str, ...]

    @property
    def span_s(self) -> float:
        """From the trace's start, 0, to its last arrival."""
        return float(self.arrival_s[-1])

    @property
    def gpu_hours(self) -> Times:
        return self.gpus * self.duration_s / 3600.0

    def of_tenants(self, *names: str) -> Trace:
        """The orders of these tenants alone."""
        wanted = np.isin(self.tenant, [self.tenants.index(name) for name in names])
        return Trace(
            self.arrival_s[wanted],
            self.duration_s[wanted],
            self.gpus[wanted],
            self.tenant[wanted],
            self.gpu_type[wanted],
            self.tenants,
            self.gpu_types,
        )


def load_trace(path: Path) -> Trace:
    """Read a trace file whole. Raises InputError that names file and line."""
    times, lengths, counts, owners, kinds = array("d"), array("d"), array("i"), array("i"), array("i")
    tenants: dict[str, int] = {}
    gpu_types: dict[str, int] = {}
    for arrival_s, tenant, gpu_type, gpus, duration_s in read_trace(path):
        times.append(arrival_s)
        lengths.append(duration_s)
        counts.append(min(gpus, 2**31 - 1))
        owners.append(tenants.setdefault(tenant, len(tenants)))
        kinds.append(gpu_types.setdefault(gpu_type, len(gpu_types)))
    gpus_of, owner, kind = (np.frombuffer(column, dtype=np.int32) for column in (counts, owners, kinds))
    return Trace(np.frombuffer(times), np.frombuffer(lengths), gpus_of, owner, kind, tuple(tenants), tuple(gpu_types))


def write_trace(trace: Trace, path: Path, prefix: str) -> None:
    """Write a trace file whole, or leave what was there. Orders are named by the prefix and their number."""
    text = io.StringIO()
    text.write(",".join(COLUMNS) + "\n")
    digits = max(6, len(str(trace.arrival_s.size)))
    tenants, gpu_types = trace.tenants, trace.gpu_types
    rows = zip(
        trace.arrival_s.tolist(), trace.tenant.tolist(), trace.gpu_type.tolist(), trace.gpus.tolist(),
        trace.duration_s.tolist(), strict=True,
    )  # fmt: skip
    for number, (arrival_s, tenant, gpu_type, gpus, duration_s) in enumerate(rows):
        text.write(
            f"{prefix}{number:0{digits}},{_seconds(arrival_s)},{tenants[tenant]},{gpu_types[gpu_type]},"
            f"{gpus},{_seconds(duration_s)}\n"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.getvalue().encode(), mode=0o644)


def _seconds(value: float) -> str:
    """Seconds to the microsecond, without zeros that say nothing."""
    return str(int(value)) if value.is_integer() else f"{value:.6f}".rstrip("0").rstrip(".")

"""What the tenants order, as rows: each source of orders is an endless-looking iterator of them, in time.

A source draws everything about its i-th order, the order's luck on the bridge and at the provider included, from its own streams
at index i. Another source, another fault or another provider changes none of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.world.durations import Durations
from aurora_sim.world.streams import BLOCK, Draws, Streams, stable

BridgeLuck = tuple[float, float, float, float, float]
"""Network, gateway, service (standard normal); tail, loss (uniform)."""
JobLuck = tuple[float, float, float, float, float, float]
"""Placement, settlement, pin (standard normal); node, script, pin failure (uniform)."""
bridge_luck: Final[Callable[[bytes], BridgeLuck]] = Struct("5d").unpack
job_luck: Final[Callable[[bytes], JobLuck]] = Struct("6d").unpack
"""A draft carries its luck packed, straight from a row of the block that it was drawn in; it is unpacked where it is needed."""
packed_job_luck: Final[Callable[..., bytes]] = Struct("6d").pack

OrderDraft = tuple[float, int, str, str, str, int, float, float, bytes, bytes]
"""One order as a tenant thinks of it, before it is an `Order` of the treaty:

arrival s, number within its source, tenant, workload, GPU type, GPUs, GPU-hours, price limit USD per GPU-hour, and its packed luck,
on the bridge and as a job.
A plain tuple, straight from `zip`: a named one costs a microsecond each.
"""


Packed = NDArray[np.void]

BRIDGE_LUCK: Final = (
    ("bridge/network", "normal"),
    ("bridge/gateway", "normal"),
    ("bridge/service", "normal"),
    ("bridge/tail", "uniform"),
    ("bridge/loss", "uniform"),
)
JOB_LUCK: Final = (
    ("job/placement", "normal"),
    ("job/settlement", "normal"),
    ("receipt/pin", "normal"),
    ("job/node", "uniform"),
    ("receipt/script", "uniform"),
    ("receipt/pin-failure", "uniform"),
)
ROWS_AT_ONCE: Final = 64
"""How many rows are made of a block's arrays at a time: as rows they take several times the memory, and wait for their arrival."""


def luck(source: str, block: int, keep: NDArray[np.bool_], streams: Streams) -> tuple[Packed, Packed]:
    """The bridge's and the job's luck for the kept orders of a block of the source, packed: one item for each order."""

    def drawn(parts: Sequence[tuple[str, str]]) -> Packed:
        makers = {"normal": streams.normal, "uniform": streams.uniform}
        columns = [makers[kind](f"{source}/{what}", block)[: keep.size][keep] for what, kind in parts]
        return np.column_stack(columns).view(f"V{8 * len(parts)}").ravel()

    return drawn(BRIDGE_LUCK), drawn(JOB_LUCK)


class Chooser:
    """Draws from named shares: a uniform draw to a name, by the cumulative shares."""

    def __init__(self, shares: dict[str, float]) -> None:
        self.names: Final = list(shares)
        self._edges = np.cumsum(list(shares.values())) / math.fsum(shares.values())

    def choose(self, uniform: Draws) -> NDArray[np.intp]:
        """Indexes into `names`."""
        return np.minimum(np.searchsorted(self._edges, uniform, side="right"), len(self.names) - 1)


class TenantOrders:
    """The orders of one tenant's own demand model, or of a surge on top of it.

    `times` are blocks of arrival times. `kept_share` gives the share of orders that are placed at all at given times (demand
    faults below 1), or is None. `defect` is what is wrong with each request of a source of bad ones. `used_gpu_hours` sums,
    by tenant, what was ordered on the first recorded UTC day before the drafts begin.
    """

    def __init__(
        self,
        source: str,
        tenant_id: str,
        config: WorldConfig,
        times: Iterator[Draws],
        streams: Streams,
        kept_share: Callable[[Draws], Draws] | None = None,
        defect: str = "",
    ) -> None:
        self.source = source
        self.defect = defect
        self.used_gpu_hours: dict[str, float] = {}
        self._tenant_id = tenant_id
        self._streams = streams
        self._times = times
        self._kept_share = kept_share
        tenant = config.tenants[tenant_id]
        self._workloads = Chooser(tenant.mix)
        chosen = [config.workloads[name] for name in self._workloads.names]
        self._gpu_types = [workload.gpu_type for workload in chosen]
        self._median_h = np.array([workload.gpu_hours_median for workload in chosen])
        self._sigma = np.array([workload.gpu_hours_sigma for workload in chosen])
        self._exponential = np.array([workload.gpu_hours_law == "exponential" for workload in chosen])
        limits = [config.price_limits[workload.gpu_type] for workload in chosen]
        self._price_low = np.array([limit.low for limit in limits])
        self._price_span = np.array([limit.high - limit.low for limit in limits])
        self._gpus = Chooser(tenant.gpus_per_order or config.gpus_per_order)
        self._gpu_counts = np.array([int(name) for name in self._gpus.names])
        self._durations = Durations(config.durations[tenant.durations]) if tenant.durations is not None else None

    def drafts(self, from_s: float, midnight_s: float) -> Iterator[OrderDraft]:
        """The orders from `from_s` on, and of those before it the ones whose job still runs then.

        Those since `midnight_s` count in `used_gpu_hours`, whether their job still runs or not.
        """
        return chain.from_iterable(self._chunks(from_s, midnight_s))

    def _chunks(self, from_s: float, midnight_s: float) -> Iterator[Iterator[OrderDraft]]:
        """The drafts, some at a time: each order would else come by way of a generator."""
        index = 0
        held = np.empty(0)
        for fresh in self._times:
            held = np.concatenate((held, fresh))
            while held.size >= BLOCK:
                yield from self._block(index, held[:BLOCK], from_s, midnight_s)
                index += BLOCK
                held = held[BLOCK:]
        if held.size:
            yield from self._block(index, held, from_s, midnight_s)

    def _block(self, first: int, arrival_s: Draws, from_s: float, midnight_s: float) -> Iterator[Iterator[OrderDraft]]:
        streams, source, size = self._streams, self.source, arrival_s.size
        block = first // BLOCK
        workload = self._workloads.choose(streams.uniform(f"{source}/workload", block)[:size])
        gpus = self._gpu_counts[self._gpus.choose(streams.uniform(f"{source}/gpus", block)[:size])]
        spread = np.exp(self._sigma[workload] * streams.normal(f"{source}/gpu-hours", block)[:size])
        if self._exponential.any():
            exponential = streams.exponential(f"{source}/gpu-hours/exponential", block)[:size] / math.log(2.0)
            spread = np.where(self._exponential[workload], exponential, spread)
        gpu_hours = np.maximum(np.round(self._median_h[workload] * spread, 4), 0.0001)
        if self._durations is not None:
            lasting_s = self._durations.seconds(gpus, streams.uniform(f"{source}/duration", block)[:size])
            gpu_hours = np.maximum(np.round(gpus * lasting_s / 3600.0, 4), 0.0001)
        placed = np.ones(size, dtype=bool)
        if self._kept_share is not None:
            placed = streams.uniform(f"{source}/kept", block)[:size] < self._kept_share(arrival_s)
        keep = placed & ((arrival_s >= from_s) | (arrival_s + gpu_hours / gpus * 3600.0 > from_s))
        today = placed & (arrival_s >= midnight_s) & (arrival_s < from_s)
        if today.any():
            tenant_id = self._tenant_id
            self.used_gpu_hours[tenant_id] = self.used_gpu_hours.get(tenant_id, 0.0) + math.fsum(
                gpu_hours[today].tolist()
            )
        if not keep.any():
            return
        limit = self._price_low + self._price_span * streams.uniform(f"{source}/price-limit", block)[:size, None]
        max_price = stable(limit[np.arange(size), workload])
        on_bridge, on_job = luck(source, block, keep, streams)
        names, kinds, tenant_ids = self._workloads.names, self._gpu_types, repeat(self._tenant_id)
        columns = (arrival_s[keep], first + np.flatnonzero(keep), gpus[keep], gpu_hours[keep], max_price[keep])
        chosen = workload[keep]
        for start in range(0, len(chosen), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            times_s, numbers, counts, hours, prices = (column[rows].tolist() for column in columns)
            kind = chosen[rows].tolist()
            yield zip(
                times_s,
                numbers,
                tenant_ids,
                [names[place] for place in kind],
                [kinds[place] for place in kind],
                counts,
                hours,
                prices,
                on_bridge[rows].tolist(),
                on_job[rows].tolist(),
                strict=False,  # the tenant repeats without end
            )

"""All the sources of orders of a run: each tenant's own demand, the surges on top of it, or a trace; and bad requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.scenario.demand import Mmpp, Poisson
from aurora_sim.scenario.fault_base import FaultBase
from aurora_sim.scenario.faults import BadRequests, DemandChange, Fault
from aurora_sim.world.demand import OrderDraft, TenantOrders
from aurora_sim.world.intensity import (
    DAY_S,
    HOUR_S,
    MMPP_PRESETS,
    Intensity,
    MmppShape,
    arrivals,
    batches,
    diurnal,
    hourly,
    mmpp,
)
from aurora_sim.world.replay import TraceOrders
from aurora_sim.world.streams import Draws, Streams

RAMP_CELLS = 60
"""A ramp of demand is a staircase of this many steps."""


class OrderSource(Protocol):
    """A source of orders, in time; its name is the first part of its streams' and its orders' names."""

    source: str
    defect: str
    used_gpu_hours: dict[str, float]

    def drafts(self, from_s: float, midnight_s: float) -> Iterator[OrderDraft]: ...


def level_at(fault: FaultBase, time_s: Draws) -> Draws:
    """How far the fault has come on, 0 to 1, at each time."""
    on = (time_s >= fault.at) & (time_s < fault.end)
    ramped = np.clip((time_s - fault.at) / fault.ramp, 0.0, 1.0) if fault.ramp > 0 else np.ones_like(time_s)
    return np.where(on, ramped, 0.0)


def factor_at(faults: Sequence[DemandChange], time_s: Draws) -> Draws:
    """The product of the demand faults' factors at each time."""
    product = np.ones_like(time_s)
    for fault in faults:
        product = product * (1.0 + (fault.factor - 1.0) * level_at(fault, time_s))
    return product


def points(faults: Sequence[FaultBase]) -> list[float]:
    """Where the factors of these faults change."""
    points: list[float] = []
    for fault in faults:
        points += [fault.at, fault.end]
        if fault.ramp > 0:
            points += [fault.at + fault.ramp * cell / RAMP_CELLS for cell in range(1, RAMP_CELLS + 1)]
    return points


def tenant_sources(
    tenant_id: str,
    config: WorldConfig,
    faults: Sequence[tuple[str, Fault]],
    streams: Streams,
    start_of_day_s: float,
    from_s: float,
    until_s: float,
) -> list[TenantOrders]:
    """A tenant's own orders, and one further source for each surge.

    A surge *adds* orders with draws of their own, and a lull drops some of those there are: the orders that would have come
    anyhow are the same with and without the fault.
    """
    demand = config.tenants[tenant_id].demand
    rate_per_s = demand.orders_per_minute / 60.0 * config.demand.factor
    if rate_per_s <= 0.0:
        return []
    own, times = demand_of(tenant_id, demand, rate_per_s, streams, start_of_day_s, from_s, until_s)
    mine = [
        (name, fault) for name, fault in faults if isinstance(fault, DemandChange) and fault.tenant in (None, tenant_id)
    ]
    lulls = [fault for _, fault in mine if fault.factor < 1.0]
    kept = (lambda time_s: factor_at(lulls, time_s)) if lulls else None
    sources = [TenantOrders(tenant_id, tenant_id, config, times, streams, kept)]
    before: list[DemandChange] = []
    for name, fault in mine:
        if fault.factor <= 1.0 or fault.for_s == 0.0:
            continue
        base = own.scaled(points(before), lambda time_s, earlier=tuple(before): factor_at(earlier, time_s))  # type: ignore[misc]
        extra = base.scaled(points([fault]), lambda time_s, one=fault: factor_at([one], time_s) - 1.0)  # type: ignore[misc]
        source = f"{tenant_id}/{name}"
        sources.append(TenantOrders(source, tenant_id, config, arrivals(source, extra, streams), streams, kept))
        before.append(fault)
    return sources


def demand_of(
    tenant_id: str,
    demand: Poisson | Mmpp,
    rate_per_s: float,
    streams: Streams,
    start_of_day_s: float,
    from_s: float,
    until_s: float,
) -> tuple[Intensity, Iterator[Draws]]:
    """A tenant's demand of that mean rate: how its rate goes, and blocks of its arrival times."""
    span = (start_of_day_s, from_s, until_s)
    if isinstance(demand, Poisson):
        own = _base(demand.diurnal, demand.profile, rate_per_s, *span)
        return own, arrivals(tenant_id, own, streams)
    shape = MMPP_PRESETS[demand.preset] if demand.preset is not None else _own_shape(demand)
    own = mmpp(tenant_id, shape, _base(shape.diurnal, demand.profile, rate_per_s, *span), streams)
    return own, batches(tenant_id, shape, own, streams)


def _base(
    daily: str, profile: list[float] | None, rate_per_s: float, start_of_day_s: float, from_s: float, until_s: float
) -> Intensity:
    if profile is not None:
        return hourly(profile, rate_per_s, start_of_day_s, from_s, until_s)
    return diurnal(daily, rate_per_s, start_of_day_s, from_s, until_s)


def _own_shape(demand: Mmpp) -> MmppShape:
    """What a demand says of itself; without bursts its rate is steady, without batches orders come one by one."""
    bursts, groups = demand.bursts, demand.batches
    ratio, calm_s, burst_s = (bursts.ratio, bursts.calm, bursts.burst) if bursts else (1.0, DAY_S, DAY_S)
    mean, spread_s = (groups.mean, groups.spread) if groups else (1.0, 0.0)
    return MmppShape("flat", ratio, calm_s / HOUR_S, burst_s / HOUR_S, mean, spread_s)


def bad_request_sources(name: str, fault: BadRequests, config: WorldConfig, streams: Streams) -> list[TenantOrders]:
    """Requests that must be refused, in the name of the fault's tenant or of all in equal shares: Poisson while it lasts."""
    if fault.for_s == 0.0:
        return []
    tenants = [fault.tenant] if fault.tenant else list(config.tenants)
    window = Intensity(np.array([fault.at, fault.end]), np.array([fault.rate / len(tenants)]))
    ramped = window.scaled(points([fault]), lambda time_s: level_at(fault, time_s))
    return [
        TenantOrders(source, tenant_id, config, arrivals(source, ramped, streams), streams, defect=fault.kind)
        for tenant_id, source in ((tenant_id, f"{name}/{tenant_id}") for tenant_id in tenants)
    ]


def all_sources(
    config: WorldConfig,
    faults: Sequence[tuple[str, Fault]],
    streams: Streams,
    start_of_day_s: float,
    from_s: float,
    until_s: float,
) -> list[OrderSource]:
    """Every source of orders between the two times, in the order of the configuration."""
    sources: list[OrderSource] = []
    if config.demand.replay is not None:
        sources.append(TraceOrders(config.demand.replay, config, streams))
    else:
        for tenant_id in config.tenants:
            sources += tenant_sources(tenant_id, config, faults, streams, start_of_day_s, from_s, until_s)
    for name, fault in faults:
        if isinstance(fault, BadRequests):
            sources += bad_request_sources(name, fault, config, streams)
    return sources

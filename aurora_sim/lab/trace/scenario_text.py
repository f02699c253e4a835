"""A fitted demand as a scenario file that runs: tenants as the trace has them, providers of a size that the load fits."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any, Final

from aurora_sim.lab.trace.fit import WARM_UP_S, Fit, TenantFit
from aurora_sim.lab.trace.trace import Trace
from aurora_sim.scenario.config import ANYWHERE, World
from aurora_sim.scenario.errors import InputError

TABLE: Final = "traced"
QUOTA_GPU_HOURS: Final = 1e9
"""Of the treaty and of each tenant's day: out of the way."""
WIDTH: Final = 120


def scenario_text(
    found: Fit, trace: Trace, world: World, *, name: str, schema: str, start: datetime, load: float
) -> str:
    """The file. `world` is the configuration that it goes over, `schema` where the file finds the scenarios' JSON Schema.

    A GPU type of the trace that the configuration's workloads have stays; what is of another type goes to all of theirs, by the
    GPUs that there are. Every provider's capacity is scaled so that the trace's GPU-hours are `load` of what the types offer.
    """
    mix, capacity_factor = workload_mix(trace, world), capacity(trace, world, load)
    lines = [
        f"# yaml-language-server: $schema={schema}",
        f"title: {_quoted(f'Demand fitted to {name}'[:200])}",
        "description: >-",
        f"  {trace.arrival_s.size} orders in {trace.span_s / 86_400.0:.2f} days, as a model: "
        "each run of another seed is another time like that.",
        "  The quotas are out of the way, and the providers scaled so that the trace's GPU-hours are "
        f"{load:g} of the GPUs on offer.",
        f"start: {start:%Y-%m-%dT%H:%M:%SZ}",
        f"steps: {found.steps}",
        f"warm-up: {WARM_UP_S:g}s",
        "world:",
        f"  treaty: {{quota_gpu_hours_total: {QUOTA_GPU_HOURS:.1e}, quota_gpu_hours_daily_per_tenant: {QUOTA_GPU_HOURS:.1e}}}",
    ]
    largest = int(trace.gpus.max())
    if largest > world.gateway.max_gpus_per_order:
        lines.append(f"  gateway: {{max_gpus_per_order: {largest}}}")
    lines.append("  providers:")
    lines += [f"    {provider_id}: {{capacity: {capacity_factor:.5g}}}" for provider_id in world.providers]
    lines += ["  durations:", f"    {TABLE}:", "      by_gpus:"]
    for gpus, points in found.durations.by_gpus.items():
        lines += [f'        "{gpus}":', *_folded([[_short(x) for x in point] for point in points], 10)]
    lines.append("  tenants:")
    for tenant_id in world.tenants:
        if tenant_id not in {tenant.tenant_id for tenant in found.tenants}:
            lines.append(f"    {tenant_id}: {{demand: {{model: poisson, orders_per_minute: 0}}}}")
    for tenant in found.tenants:
        lines += _tenant(tenant, main_region(world), mix)
    return "\n".join(lines) + "\n"


def workload_mix(trace: Trace, world: World) -> dict[str, float]:
    """Which workloads the orders are of, as shares of the orders: the first of the configuration for each GPU type."""
    workload_of: dict[str, str] = {}
    for workload, terms in world.workloads.items():
        workload_of.setdefault(terms.gpu_type, workload)
    on_offer = {kind: gpus for kind, gpus in _capacity_gpus(world).items() if kind in workload_of and gpus > 0}
    if not on_offer:
        raise InputError(
            "config", "no provider has GPUs that a workload asks for", "Give a workload a GPU type on offer"
        )
    shares = dict.fromkeys(on_offer, 0.0)
    for place, kind in enumerate(trace.gpu_types):
        part = float((trace.gpu_type == place).mean())
        for to, gpus in ({kind: 1} if kind in on_offer else on_offer).items():
            shares[to] += part * gpus / (1 if kind in on_offer else sum(on_offer.values()))
    return {workload_of[kind]: round(share, 4) for kind, share in shares.items() if round(share, 4) > 0}


def capacity(trace: Trace, world: World, load: float) -> float:
    """What every provider's capacity is multiplied by, so that the mean number of GPUs at work is `load` of those on offer."""
    kinds = {world.workloads[workload].gpu_type for workload in workload_mix(trace, world)}
    at_work = float(trace.gpu_hours.sum()) / (trace.span_s / 3600.0)
    return at_work / load / sum(gpus for kind, gpus in _capacity_gpus(world).items() if kind in kinds)


def main_region(world: World) -> str:
    """The region where most GPUs stand, of those that the treaty allows."""
    gpus = dict.fromkeys(world.treaty.regions, 0.0)
    for provider in world.providers.values():
        here = [region for region in provider.regions if region in gpus]
        for region in here:
            gpus[region] += sum(pool.capacity_gpus for pool in provider.gpus.values()) / len(here)
    allowed = [region for region in gpus if region != ANYWHERE]
    return max(allowed or list(gpus), key=lambda region: gpus[region])


def _capacity_gpus(world: World) -> dict[str, int]:
    found: dict[str, int] = {}
    for provider in world.providers.values():
        for kind, pool in provider.gpus.items():
            found[kind] = found.get(kind, 0) + pool.capacity_gpus
    return found


def _tenant(tenant: TenantFit, region: str, mix: dict[str, float]) -> list[str]:
    demand = tenant.arrivals.demand()
    told = demand.model_dump(exclude_none=True, exclude={"profile"}, exclude_unset=True)
    lines = [
        f"    {tenant.tenant_id}:  # {tenant.orders} orders",
        f"      region: {region}",
        "      reputation: 80",
        "      min_provider_reputation: 55",
        "      preferences: {price: 0.3, latency: 0.1, reputation: 0.2, capacity: 0.4}",
        f"      mix: {_flow(mix)}",
        f"      gpus_per_order: {_flow(tenant.gpus_per_order)}",
        f"      durations: {TABLE}",
        "      demand:",
        *(f"        {key}: {_flow(value)}" for key, value in told.items()),
    ]
    if demand.profile is not None:
        lines += ["        profile:", *_folded(demand.profile, 10)]
    return lines


def _folded(values: list[Any], indent: int) -> list[str]:
    """A flow list over as many lines as it needs."""
    lines, line = [], " " * indent + "["
    for number, value in enumerate(values):
        text = json.dumps(value) + ("]" if number == len(values) - 1 else ",")
        if len(line) + len(text) > WIDTH:
            lines.append(line.rstrip())
            line = " " * (indent + 1)
        line += text + " "
    return [*lines, line.rstrip()]


def _short(value: float) -> float | int:
    return int(value) if math.isfinite(value) and value == int(value) else value


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    return str(value) if isinstance(value, str) else json.dumps(value)


def _key(key: str) -> str:
    return f'"{key}"' if key.isdigit() else key


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)

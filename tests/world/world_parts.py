"""Worlds, sources of orders and faults for the tests: the project's configuration, with what the test wants different."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.scenario.faults import Fault, named
from aurora_sim.scenario.scenario import load
from aurora_sim.world.demand import BridgeLuck, JobLuck, bridge_luck, job_luck
from aurora_sim.world.faults import Impact, apply, changes
from aurora_sim.world.provider import Lease, Provider
from aurora_sim.world.sources import all_sources
from aurora_sim.world.streams import Streams
from aurora_sim.world.world import World

PROJECT = Path(__file__).resolve().parents[2]
HOUR_S = 3600.0
DAY_S = 86_400.0
FAULTS: TypeAdapter[list[Fault]] = TypeAdapter(list[Fault])
Named = Sequence[tuple[str, Fault]]

T_999 = {10: 4.781, 16: 4.073, 20: 3.883, 30: 3.659, 40: 3.558}
"""Student's t for a two-sided 99.9 % interval, by the number of replications."""


class Draft(NamedTuple):
    """An `OrderDraft` with names."""

    arrival_s: float
    number: int
    tenant_id: str
    workload: str
    gpu_type: str
    gpus: int
    gpu_hours: float
    max_price_usd_per_hour: float
    bridge_luck: BridgeLuck
    job_luck: JobLuck


class Job(Lease):
    """A lease with a name for its job."""

    def __init__(self, provider: Provider, gpu_type: str, gpus: int, region: str, job: object) -> None:
        super().__init__(provider, provider.pools[gpu_type], gpus, region)
        self.job = job


def leased(
    provider: Provider, now_s: float, gpu_type: str, gpus: int, region: str, luck: float, job: object = None
) -> Job:
    """A lease that was taken."""
    lease = Job(provider, gpu_type, gpus, region, job)
    provider.take(now_s, lease, luck)
    return lease


@lru_cache(maxsize=1)
def _base() -> WorldConfig:
    return load(PROJECT / "scenarios" / "baseline.yaml").world


def merged(base: Any, different: Any) -> Any:
    """`base` with `different` laid over it, mapping by mapping."""
    if not isinstance(base, Mapping) or not isinstance(different, Mapping):
        return different
    return {**base, **{key: merged(base.get(key), value) for key, value in different.items()}}


def a_config(**different: Any) -> WorldConfig:
    """The configuration of `config/` with these overrides."""
    return WorldConfig.model_validate(merged(_base().model_dump(), different)) if different else _base()


def faults(*method: Mapping[str, Any]) -> list[tuple[str, Fault]]:
    """Faults as a scenario's `method` says them."""
    return named(FAULTS.validate_python(list(method)))


def a_world(seed: int = 0, **different: Any) -> World:
    return World(a_config(**different), Streams(seed))


def play(world: World, method: Named, until_s: float = math.inf) -> list[tuple[float, Impact]]:
    """Apply every change up to a time, included; what each instant did."""
    return [(time_s, apply(world, method, due, time_s)) for time_s, due in changes(method) if time_s <= until_s]


def drafts(
    config: WorldConfig,
    seed: int,
    until_s: float,
    *,
    method: Named = (),
    from_s: float = 0.0,
    begin_s: float | None = None,
    start_of_day_s: float = 0.0,
) -> dict[str, list[Draft]]:
    """The drafts of each source. Its demand begins at `begin_s`; those before `from_s` are the ones that still run."""
    begin_s = from_s if begin_s is None else begin_s
    sources = all_sources(config, method, Streams(seed), start_of_day_s, begin_s, until_s)
    return {
        source.source: [
            Draft(*draft[:8], bridge_luck(draft[8]), job_luck(draft[9]))
            for draft in source.drafts(from_s, -start_of_day_s)
        ]
        for source in sources
    }


def one_tenant(demand: Mapping[str, Any]) -> WorldConfig:
    """A configuration where `tenant-dao` alone orders, by this demand."""
    silent = {"demand": {"model": "poisson", "orders_per_minute": 0}}
    tenants = {name: silent for name in _base().tenants if name != "tenant-dao"}
    config = a_config(tenants=tenants).model_dump()
    config["tenants"]["tenant-dao"]["demand"] = dict(demand)
    return WorldConfig.model_validate(config)


def interval_999(values: Sequence[float]) -> tuple[float, float]:
    """The two-sided 99.9 % interval of the mean over independent replications."""
    half = T_999[len(values)] * statistics.stdev(values) / math.sqrt(len(values))
    mean = statistics.fmean(values)
    return mean - half, mean + half


def assert_mean_is(expected: float, values: Sequence[float], width_max: float) -> None:
    """The 99.9 % interval holds the expected mean, and is at most that share of it wide: an interval that says something."""
    low, high = interval_999(values)
    assert low <= expected <= high, f"{expected} is outside [{low}, {high}]"
    assert high - low <= width_max * expected, f"[{low}, {high}] is too wide to tell"

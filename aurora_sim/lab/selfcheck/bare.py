"""The bare world: nothing limits an order but what a case is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aurora_sim.scenario.config import World
from aurora_sim.scenario.configuration import PROJECT, read_world
from aurora_sim.scenario.faults import Capacity, Fault, named

REGION: Final = "lab-1"
TENANT: Final = "tenant"
HOUR_S: Final = 3600.0
NO_LIMIT: Final = 1e12
WAIT_S: Final = 86_400.0
"""Longer than any order of a case is under way."""
LENT_FOR_S: Final = 60.0


@dataclass(frozen=True)
class Pool:
    """The GPUs of one type: what each provider has of it, the jobs that want it, and the bridge there.

    One tenant orders each type with the same chance, so a pool's orders are a random split of its own.
    """

    gpu_type: str
    capacities_gpus: Sequence[int]
    job_median_h: float
    job_sigma: float = 0.0
    job_law: str = "lognormal"
    bridge: str = "instant"

    @property
    def providers(self) -> list[str]:
        return [f"{self.gpu_type}-{number}" for number in range(len(self.capacities_gpus))]


def bridge(
    network_median_ms: float = 1.0,
    network_sigma: float = 0.0,
    service_median_ms: float = 1e-3,
    service_sigma: float = 0.0,
    service_law: str = "lognormal",
    workers: int = 64,
) -> dict[str, Any]:
    """A bridge that loses nothing and whose gateway takes no time to speak of."""
    return {
        "network_median_ms": network_median_ms, "network_sigma": network_sigma,
        "gateway_median_ms": 1e-3, "gateway_sigma": 0.0,
        "service_median_ms": service_median_ms, "service_sigma": service_sigma, "service_law": service_law,
        "workers": workers, "tail": {"p": 0.0, "xm_ms": 1.0, "alpha": 2.0}, "loss": 0.0,
        "settlement": {"median_s": 1.0, "sigma": 0.0}, "failover": None,
    }  # fmt: skip


@dataclass(frozen=True)
class Bare:
    """What a case wants of its world."""

    pools: Sequence[Pool]
    orders_per_minute: float
    bridges: Mapping[str, dict[str, Any]] = field(default_factory=lambda: {"instant": bridge()})
    gpus_per_order: Mapping[int, float] = field(default_factory=lambda: {1: 1.0})
    tenants: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Demand models by tenant, in place of the one Poisson tenant."""
    outages: Mapping[str, dict[str, float]] = field(default_factory=dict)
    """Renewal outages, all of them full, by provider."""
    up_time_weibull_k: float = 1.0
    halted: bool = False
    """Deny every order: for cases about demand alone."""


def bare_world(bare: Bare) -> World:
    """The checkout's configuration with every section that could touch an order replaced."""
    document = read_world(PROJECT / "config").model_dump()
    demands = bare.tenants or {TENANT: {"model": "poisson", "orders_per_minute": bare.orders_per_minute}}
    types = [pool.gpu_type for pool in bare.pools]
    document |= {
        "treaty": {
            "treaty_id": "AURORA-SELF-CHECK", "regions": [REGION], "min_reputation": 0, "halted": bare.halted,
            "quota_gpu_hours_total": NO_LIMIT, "quota_gpu_hours_daily_per_tenant": NO_LIMIT,
        },
        "gateway": {
            "clock_skew_max": 30.0, "order_valid_for": WAIT_S, "nonce_ttl": WAIT_S, "max_gpus_per_order": 64,
            "tenant_rate": None, "source_rate": None,
        },
        "policy": {"decision_wait": 0.0},
        # The router looks once: from then on only the providers say what is full or down.
        "router": {"health_check_every": 1e8, "reputation_alpha_per_order": 0.0},
        "price_profile": "flat",
        "price_process": {"stationary_sd": 0.0, "jumps_per_day": 0.0},
        "providers": {
            provider_id: {
                "bridge": pool.bridge, "regions": [REGION], "latency_ms": 1.0, "reputation": 100.0,
                "gpus": {pool.gpu_type: {"capacity_gpus": gpus}}, "prices_usd_per_hour": {"flat": {pool.gpu_type: 1.0}},
                "placement": {"median_s": 1e-6, "sigma": 0.0},
            }
            for pool in bare.pools
            for provider_id, gpus in zip(pool.providers, pool.capacities_gpus, strict=True)
        },
        "tenants": {
            tenant_id: {
                "region": REGION, "reputation": 100, "min_provider_reputation": 0.0, "demand": demand,
                "mix": dict.fromkeys(types, 1.0),
                "preferences": {"price": 1.0, "latency": 1.0, "reputation": 1.0, "capacity": 1.0},
            }
            for tenant_id, demand in demands.items()
        },
        "workloads": {
            pool.gpu_type: {
                "gpu_type": pool.gpu_type, "gpu_hours_median": pool.job_median_h, "gpu_hours_sigma": pool.job_sigma,
                "gpu_hours_law": pool.job_law, "max_latency_ms": 1e6,
            }
            for pool in bare.pools
        },
        "price_limits": {gpu_type: {"low": 2.0, "high": 2.0} for gpu_type in types},
        "gpus_per_order": {str(gpus): share for gpus, share in bare.gpus_per_order.items()},
        "demand": {"factor": 1.0},
        "client": {
            "timeout_ms": WAIT_S * 1000.0, "backoff_base": 1.0, "backoff_cap": 1.0, "max_attempts": 1,
            "failover_attempts": 1, "breaker_failures": None, "breaker_probe": 30.0, "abandon_cost": 1.0,
        },
        "bridges": dict(bare.bridges),
        "failures": _failures(bare, document["failures"]),
        "provenance": document["provenance"] | {"batch_every": HOUR_S, "halt_below": 0.0},
    }  # fmt: skip
    return World.model_validate(document)


def _failures(bare: Bare, failures: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Nothing fails by itself but the providers that should."""
    never = {"up_time_mean_h": 87_600.0, "repair_median_h": 0.01, "repair_sigma": 0.0}
    return {kind: model | {"enabled": False} for kind, model in failures.items()} | {
        "outages": failures["outages"]
        | {
            "enabled": bool(bare.outages), "up_time_factor": 1.0, "up_time_weibull_k": bare.up_time_weibull_k,
            "full_share": 1.0, "providers": dict(bare.outages), "bridges": never,
            "regions": never | {"joint_probability_same_region": 0.0, "joint_probability_cross_region": 0.0},
        }
    }  # fmt: skip


def lent_at_first(pools: Sequence[Pool]) -> list[tuple[str, Fault]]:
    """GPUs lent to every provider for the first minute.

    The router looks once, at time 0, at providers that the history may have filled up: one that it sees full it would never ask.
    """
    lent = {"fault": "capacity", "at": 0.0, "for": LENT_FOR_S, "factor": 100.0}
    providers = [provider_id for pool in pools for provider_id in pool.providers]
    return named([Capacity.model_validate({**lent, "provider": provider_id}) for provider_id in providers])

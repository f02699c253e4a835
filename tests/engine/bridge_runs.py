"""A world with one bridge, at a quarter of the reference's size: 1.5 orders a second and one relay worker where that has 6 and 4.

The same load a worker (21 %), and so the same storm, with a quarter of the messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine_runs import Row, Seen, a_config, simulate

from aurora_sim.scenario.config import World as WorldConfig

OUTAGE_FROM_S, OUTAGE_FOR_S = 300.0, 300.0
VALID_FOR_S = 300.0
"""Half of the configured ten minutes: a milder storm, and it is seen sooner what became of an order."""
OUTAGE = {"at": OUTAGE_FROM_S, "for": OUTAGE_FOR_S, "fault": "relayers", "bridge": "axelar", "workers": 0}
BLIND = {"max_attempts": None, "breaker_failures": None}
PACED = {"breaker_probe": 1.0, "queue": {}}


def one_bridge(client: Mapping[str, Any], failover: str | None = None) -> WorldConfig:
    """Every provider behind Axelar, with GPUs and quota for all that is ordered."""
    providers = ("akash", "ionet", "render", "flux", "aethir", "vast", "salad")
    return a_config(
        demand={"factor": 2.5},
        providers={name: {"bridge": "axelar", "capacity": 3.0} for name in providers},
        bridges={"axelar": {"workers": 1, "failover": failover}},
        client=client,
        gateway={"order_valid_for": VALID_FOR_S},
        treaty={"quota_gpu_hours_total": 1e9, "quota_gpu_hours_daily_per_tenant": 1e9},
    )


def outage(client: Mapping[str, Any], seed: int = 42, *, failover: str | None = None, **more: Any) -> Seen:
    """Five minutes without a relay worker, from the fifth minute on."""
    return simulate(OUTAGE, world=one_bridge(client, failover), seed=seed, **more)


def between(rows: Sequence[Row], from_s: float, to_s: float) -> list[Row]:
    """The rows of the orders that arrived in that time."""
    return [row for row in rows if from_s <= float(row["time_s"]) < to_s]


def lost_share(rows: Sequence[Row]) -> float:
    """The share of the orders that ended unfilled."""
    return sum(row["outcome"] != "filled" for row in rows) / len(rows)


def p95_ms(rows: Sequence[Row]) -> float:
    """The 95th percentile of the round trips of the filled ones."""
    times_ms = sorted(float(row["rtt_ms"]) for row in rows if row["outcome"] == "filled")
    return times_ms[int(0.95 * len(times_ms))]

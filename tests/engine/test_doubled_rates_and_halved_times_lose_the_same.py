"""A world in which everything happens twice as fast does the same: each order has the same outcome, at half the time.

Exact but for the tick of 2^-20 s on which orders arrive, since each draw belongs to its order. What has a fixed rhythm in the model
(prices, the step) stands still or is only looked at.
"""

from __future__ import annotations

import pytest
from engine_runs import a_config, simulate

from aurora_sim.engine import simulation

FACTOR = 3.0
STEPS, WARM_UP_S = 60, 1200.0
BRIDGE_MS = ("network_median_ms", "gateway_median_ms", "service_median_ms")
CLIENT = ("timeout_ms", "backoff_base", "backoff_cap", "breaker_probe")


def a_world(scale: float):
    """The configuration with every duration `scale` times as long. GPU-hours are constant, as they are kept to four decimals."""
    config = a_config()
    document = config.model_dump()
    workloads = {
        name: {"gpu_hours_median": round(workload.gpu_hours_median, 1) * scale, "gpu_hours_sigma": 0.0}
        for name, workload in config.workloads.items()
    }
    bridges = {
        name: {key: bridge[key] * scale for key in BRIDGE_MS} | {"tail": {"xm_ms": bridge["tail"]["xm_ms"] * scale}}
        for name, bridge in document["bridges"].items()
    }
    placement = {
        name: {"placement": {key: provider["placement"][key] * scale for key in ("median_s", "min_s")}}
        for name, provider in document["providers"].items()
    }
    limits = {"quota_gpu_hours_total": 1e9, "quota_gpu_hours_daily_per_tenant": 1e9}
    return a_config(
        treaty=limits,
        gateway={"tenant_rate": None},
        demand={"factor": FACTOR / scale},
        workloads=workloads,
        bridges=bridges,
        providers=placement,
        client={key: document["client"][key] * scale for key in CLIENT},
        router={"health_check_every": document["router"]["health_check_every"] * scale},
        price_process={"stationary_sd": 0.0, "jumps_per_day": 0.0},
    )


def what_became(rows):
    return {
        row["order_id"]: tuple(
            row[key] for key in ("outcome", "reason", "provider_id", "attempts", "failovers", "gpus")
        )
        for row in rows
    }


def test_the_same_orders_are_lost_in_half_the_time(monkeypatch):
    plain = simulate(world=a_world(1.0), steps=STEPS, warm_up_s=WARM_UP_S)
    monkeypatch.setattr(simulation, "HISTORY_S", simulation.HISTORY_S / 2)
    halved = simulate(world=a_world(0.5), steps=STEPS // 2, warm_up_s=WARM_UP_S / 2)
    assert plain.outcomes["refused"] + plain.outcomes["unroutable"] > 100
    assert what_became(halved.rows) == what_became(plain.rows)
    ended_s = {row["order_id"]: float(row["ended_s"]) for row in plain.rows}
    for row in halved.rows:
        assert float(row["ended_s"]) == pytest.approx(ended_s[row["order_id"]] / 2, abs=0.002)

"""A run is a loss system where theory knows one: Erlang-B for orders of one GPU, Kaufman-Roberts for several sizes.

Poisson arrivals, a random delay on the bridge (which leaves a Poisson stream one), one provider, jobs that hold GPUs of any
distribution (insensitivity). The router looks once, at the start: from then on only the provider says what is full.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_runs import a_config, simulate

from aurora_sim.scenario.config import World as WorldConfig

GPUS = 12
HOLD_S = 60.0
ORDERS, SETTLE = 1_500, 150
REPLICATIONS = 20
T_999 = 3.883  # Student's t, 19 degrees of freedom, two-sided 99.9 %


def erlang_b(servers, load):
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def kaufman_roberts(servers, loads):
    """The share blocked of each size: loads in erlangs by GPUs an order. Kaufman, IEEE Trans. Comm. 29 (1981)."""
    states = [1.0]
    for n in range(1, servers + 1):
        states.append(sum(load * size * states[n - size] for size, load in loads.items() if size <= n) / n)
    total = sum(states)
    return {size: sum(states[servers - size + 1 :]) / total for size in loads}


def one_provider(path):
    """Akash alone, with no limit in force but its GPUs."""
    document = a_config(
        treaty={"quota_gpu_hours_total": 1e12, "quota_gpu_hours_daily_per_tenant": 1e12},
        gateway={"tenant_rate": None, "source_rate": None},
        router={"health_check_every": 3e8},
        price_process={"stationary_sd": 0.0},
        client={"timeout_ms": 60_000.0},
    ).model_dump()
    akash = document["providers"]["akash"]
    akash["gpus"]["A100"]["capacity_gpus"] = GPUS
    akash["placement"] = {"median_s": 1e-6, "sigma": 0.0, "min_s": 0.0}
    document["providers"] = {"akash": akash}
    document["bridges"]["axelar"] |= {"workers": 50, "loss": 0.0}
    document["demand"]["replay"] = {
        "trace": str(path),
        "workload": "general_compute",
        "tenants": {"*": "tenant-dao"},
        "gpu_types": {"*": "A100"},
        "time_scale": 1.0,
        "thin": 1.0,
    }
    return WorldConfig.model_validate(document)


def blocked_shares(path, loads, hold_s, seed):
    """Runs one Poisson trace; the share refused, by size."""
    draws = np.random.default_rng(seed)
    rate_per_s = sum(loads.values()) / HOLD_S
    times_s = np.cumsum(draws.exponential(1.0 / rate_per_s, ORDERS))
    sizes = draws.choice(list(loads), ORDERS, p=np.array(list(loads.values())) / sum(loads.values()))
    rows = zip(times_s.tolist(), sizes.tolist(), hold_s(draws).tolist(), strict=True)
    path.write_text(
        "order_id,arrival_s,tenant,gpu_type,gpus,duration_s\n"
        + "".join(
            f"{n},{time_s:.6f},t,any,{size},{max(hold, 0.4):.6f}\n" for n, (time_s, size, hold) in enumerate(rows)
        )
    )
    seen = simulate(world=one_provider(path), steps=math.ceil((times_s[-1] + 60.0) / 60.0))
    assert set(seen.outcomes) <= {"filled", "refused"}
    assert len(seen.rows) == ORDERS
    settled = [row for row in seen.rows if float(row["time_s"]) > times_s[SETTLE]]
    refused = {size: [row["outcome"] == "refused" for row in settled if int(row["gpus"]) == size] for size in loads}
    return {size: sum(flags) / len(flags) for size, flags in refused.items()}


def assert_blocked(path, loads, hold_s, expected):
    shares = [blocked_shares(path, loads, hold_s, seed) for seed in range(REPLICATIONS)]
    for size, share in expected.items():
        values = np.array([run[size] for run in shares])
        half = T_999 * values.std(ddof=1) / math.sqrt(REPLICATIONS)
        assert abs(values.mean() - share) <= half, f"{size} GPUs: {values.mean():.4f} +- {half:.4f}, theory {share:.4f}"
        assert half < 0.25 * share, "an interval too wide to tell"


HOLDS = {
    "exponential": lambda draws: draws.exponential(HOLD_S, ORDERS),
    "constant": lambda draws: np.full(ORDERS, HOLD_S),
    "heavy-tailed": lambda draws: HOLD_S * np.exp(1.0 * draws.standard_normal(ORDERS) - 0.5),
}


@pytest.mark.parametrize("hold", HOLDS)
def test_orders_of_one_gpu_are_lost_as_erlang_says(tmp_path, hold):
    load = 9.0
    assert_blocked(tmp_path / "poisson.csv", {1: load}, HOLDS[hold], {1: erlang_b(GPUS, load)})


def test_orders_of_several_sizes_are_lost_as_kaufman_and_roberts_say(tmp_path):
    loads = {1: 3.0, 2: 1.5, 4: 0.75}
    assert_blocked(tmp_path / "sizes.csv", loads, HOLDS["exponential"], kaufman_roberts(GPUS, loads))

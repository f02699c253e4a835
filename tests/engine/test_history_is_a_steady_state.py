"""A run begins among the jobs of the days before: as many GPUs are leased at its start as Little's law says, and stay so."""

from __future__ import annotations

import math
import statistics
from statistics import NormalDist

from engine_runs import a_config, simulate

HISTORY_H = 48.0
T_999 = {12: 4.437}


def ample():
    """The configuration with so many GPUs that nobody is refused."""
    config = a_config()
    many = {
        name: {"gpus": {kind: {"capacity_gpus": 100 * pool.capacity_gpus} for kind, pool in provider.gpus.items()}}
        for name, provider in config.providers.items()
    }
    return a_config(providers=many)


def expected_leased(config):
    """Rate x mean GPU-hours, of which the history knows no more than its own length for each GPU."""
    normal = NormalDist()
    leased = 0.0
    for tenant in config.tenants.values():
        for workload, mix in tenant.mix.items():
            law = config.workloads[workload]
            mean = law.gpu_hours_median * math.exp(law.gpu_hours_sigma**2 / 2)
            for gpus, share in config.gpus_per_order.items():
                most = HISTORY_H * int(gpus)
                depth = math.log(most / law.gpu_hours_median) / law.gpu_hours_sigma
                held = mean * normal.cdf(depth - law.gpu_hours_sigma) + most * (1.0 - normal.cdf(depth))
                leased += tenant.demand.orders_per_minute * 60.0 * mix * share * held
    return leased


def test_leased_gpus_at_the_start_meet_little_s_law():
    config = ample()
    leased = []
    for seed in range(12):
        seen = simulate(world=config, seed=seed, steps=1, warm_up_s=0.0)
        leased.append(sum(provider.leased_gpus for provider in seen.readings[0].providers))
    half = T_999[12] * statistics.stdev(leased) / math.sqrt(12)
    expected = expected_leased(config)
    assert abs(statistics.fmean(leased) - expected) <= half
    assert half < 0.1 * expected


def test_leased_gpu_hours_are_the_integral_of_what_is_leased():
    seen = simulate(steps=30)
    per_step = [sum(provider.leased_gpus for provider in reading.providers) for reading in seen.readings]
    assert abs(seen.readings[-1].gpu_hours_leased - sum(per_step) / 60.0) < 0.02 * sum(per_step) / 60.0


def test_warm_up_orders_have_no_row():
    seen = simulate(warm_up_s=900.0)
    assert min(float(row["time_s"]) for row in seen.rows) >= 0.0
    assert seen.readings[0].step == 0
    assert seen.readings[0].fill_rate is not None, "the windows are warm from the first step on"


def test_the_orders_of_the_run_do_not_depend_on_where_its_windows_begin():
    """The same hour of the day and the same history: only the warm-up's length differs, and every order comes anyhow."""
    for warm_up_s in (0.0, 600.0):
        seen = simulate(warm_up_s=warm_up_s)
        assert len(seen.rows) > 600
        assert seen.outcomes["filled"] > 0.95 * len(seen.rows)

"""The jobs of the time before the run are those that still run at its start, as many as Little's law says."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from world_parts import HOUR_S, a_config, assert_mean_is, drafts, faults

HISTORY_S = 48 * HOUR_S


def gpu_hours_within(median, sigma, most):
    """The mean of min(X, most) for a log-normal X."""
    normal = NormalDist()
    depth = (math.log(most / median)) / sigma
    return median * math.exp(sigma**2 / 2) * normal.cdf(depth - sigma) + most * (1.0 - normal.cdf(depth))


def expected_leased(config):
    """By GPU type: rate x mean GPU-hours, of which an order holds no more than `history` hours of each GPU."""
    leased = {}
    shares = {int(name): share for name, share in config.gpus_per_order.items()}
    for tenant in config.tenants.values():
        for workload, mix in tenant.mix.items():
            law = config.workloads[workload]
            per_hour = tenant.demand.orders_per_minute * 60 * mix
            hours = sum(
                share * gpu_hours_within(law.gpu_hours_median, law.gpu_hours_sigma, gpus * HISTORY_S / HOUR_S)
                for gpus, share in shares.items()
            )
            leased[law.gpu_type] = leased.get(law.gpu_type, 0.0) + per_hour * hours
    return leased


def test_gpus_held_at_the_start_meet_little_s_law():
    config = a_config()
    held = {kind: [] for kind in expected_leased(config)}
    for seed in range(20):
        running = [order for orders in drafts(config, seed, 60.0, begin_s=-HISTORY_S).values() for order in orders]
        for kind in held:
            held[kind].append(sum(o.gpus for o in running if o.gpu_type == kind and o.arrival_s < 0.0))
    for kind, expected in expected_leased(config).items():
        assert_mean_is(expected, held[kind], 0.12)


@pytest.mark.parametrize("from_s", [0.0, -1800.0, 12_345.678])
def test_earlier_orders_come_if_and_only_if_their_job_still_runs(from_s):
    config = a_config()
    begin_s, until_s = -12 * HOUR_S, 5 * HOUR_S
    everything = drafts(config, 5, until_s, from_s=begin_s)
    kept = drafts(config, 5, until_s, from_s=from_s, begin_s=begin_s)
    for tenant, orders in everything.items():
        expected = [o for o in orders if o.arrival_s >= from_s or o.arrival_s + o.gpu_hours / o.gpus * HOUR_S > from_s]
        assert 0 < len(expected) < len(orders)
        assert kept[tenant] == expected


def test_a_surge_of_the_run_is_not_in_its_history():
    config = a_config()
    surge = faults({"at": "10m", "for": "10m", "fault": "demand", "factor": 5.0})
    with_surge = drafts(config, 5, HOUR_S, begin_s=-HISTORY_S, method=surge)
    without = drafts(config, 5, HOUR_S, begin_s=-HISTORY_S)
    assert {tenant: with_surge[tenant] for tenant in without} == without
    extra = [order for source, orders in with_surge.items() if source not in without for order in orders]
    assert extra
    assert all(600.0 <= order.arrival_s < 1200.0 for order in extra)

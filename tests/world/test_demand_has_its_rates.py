"""Tenants order at their rates: Poisson counts, a daily curve, bursts that keep the long-run mean; always in time."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from world_parts import DAY_S, HOUR_S, a_config, assert_mean_is, drafts, one_tenant

from aurora_sim.world.intensity import DIURNAL, MMPP_PRESETS

REPLICATIONS = range(20)
TENANTS = ("tenant-research", "tenant-gaming", "tenant-render", "tenant-dao")


def arrivals(demand, seed, until_s, start_of_day_s=0.0):
    found = drafts(one_tenant(demand), seed, until_s, start_of_day_s=start_of_day_s)
    return np.array([draft.arrival_s for draft in found["tenant-dao"]])


def test_poisson_tenants_order_at_their_rates():
    config = a_config()
    counts = {tenant: [] for tenant in TENANTS}
    for seed in REPLICATIONS:
        for tenant, orders in drafts(config, seed, 2 * HOUR_S).items():
            counts[tenant].append(len(orders))
    for tenant in TENANTS:
        expected = config.tenants[tenant].demand.orders_per_minute * 120
        assert_mean_is(expected, counts[tenant], 0.2)


def test_poisson_counts_are_as_dispersed_as_poisson():
    per_minute = []
    for seed in REPLICATIONS:
        times = arrivals({"model": "poisson", "orders_per_minute": 6.0}, seed, 4 * HOUR_S)
        counts = np.bincount((times // 60).astype(int), minlength=240)
        per_minute.append(float(counts.var(ddof=1) / counts.mean()))
    assert_mean_is(1.0, per_minute, 0.3)


@pytest.mark.parametrize("factor", [0.0, 0.25, 3.0])
def test_the_demand_factor_scales_every_tenant(factor):
    config = a_config(demand={"factor": factor})
    counts = {tenant: [] for tenant in TENANTS}
    for seed in range(10):
        found = drafts(config, seed, HOUR_S)
        for tenant in TENANTS:
            counts[tenant].append(len(found.get(tenant, ())))
    for tenant in TENANTS:
        expected = config.tenants[tenant].demand.orders_per_minute * 60 * factor
        if factor:
            assert_mean_is(expected, counts[tenant], 0.5)
        else:
            assert set(counts[tenant]) == {0}


def rate_integral(shape, rate_per_s, start_of_day_s, time_s):
    """The integral from 0 of rate x (1 + amplitude cos(2 pi (hour - peak) / 24)), worked out on paper."""
    amplitude, peak_h = DIURNAL[shape]
    omega = 2 * math.pi / DAY_S
    phase = start_of_day_s - peak_h * HOUR_S
    return rate_per_s * (time_s + amplitude / omega * (np.sin(omega * (time_s + phase)) - np.sin(omega * phase)))


@pytest.mark.parametrize("shape", ["flat", "office", "consumer"])
def test_gaps_of_the_daily_curve_are_exponential_on_its_own_clock(shape):
    """Time rescaling: the integral of the rate between arrivals is exponential of mean 1. Kolmogorov-Smirnov, by seed."""
    seeds, statistics = 60, []
    for seed in range(seeds):
        times = arrivals({"model": "poisson", "orders_per_minute": 0.8, "diurnal": shape}, seed, DAY_S, 7.5 * HOUR_S)
        gaps = np.sort(np.diff(rate_integral(shape, 0.8 / 60.0, 7.5 * HOUR_S, times), prepend=0.0))
        below = 1.0 - np.exp(-gaps)
        n = gaps.size
        distance = max(np.max(np.arange(1, n + 1) / n - below), np.max(below - np.arange(n) / n))
        statistics.append(math.sqrt(n) * distance)
    # Each at 0.001 / 60 by the asymptotic law, so at most 0.1 % that any of them fails; and not too many above the 5 % point.
    assert max(statistics) < math.sqrt(-math.log(0.001 / seeds / 2) / 2)
    assert sum(value > 1.3581 for value in statistics) <= 11  # binomial(60, 0.05): more has chance 0.0001


@pytest.mark.parametrize("shape", ["office", "consumer"])
def test_the_daily_curve_keeps_the_mean_and_peaks_at_its_hour(shape):
    demand = {"model": "poisson", "orders_per_minute": 2.0, "diurnal": shape}
    by_hour = np.zeros(24)
    counts = []
    for seed in REPLICATIONS:
        times = arrivals(demand, seed, DAY_S, 9.0 * HOUR_S)
        counts.append(times.size)
        by_hour += np.bincount((((times + 9.0 * HOUR_S) % DAY_S) // HOUR_S).astype(int), minlength=24)
    assert_mean_is(2880, counts, 0.05)
    amplitude, peak_h = DIURNAL[shape]
    around_peak = by_hour[int(peak_h) - 1 : int(peak_h) + 1].sum()
    around_trough = by_hour[[(int(peak_h) + 11) % 24, (int(peak_h) + 12) % 24]].sum()
    assert around_peak / around_trough == pytest.approx((1 + amplitude) / (1 - amplitude), rel=0.15)


@pytest.mark.parametrize("preset", list(MMPP_PRESETS))
def test_bursty_presets_keep_their_mean_and_are_more_dispersed_than_poisson(preset):
    days, per_minute = 56, 0.08
    counts, dispersions = [], []
    for seed in REPLICATIONS:
        times = arrivals({"model": "mmpp", "preset": preset, "orders_per_minute": per_minute}, seed, days * DAY_S)
        counts.append(times.size)
        hourly = np.bincount((times // HOUR_S).astype(int), minlength=days * 24)
        dispersions.append(float(hourly.var(ddof=1) / hourly.mean()))
    assert_mean_is(days * 1440 * per_minute, counts, 0.6)
    assert min(dispersions) > 1.3


@pytest.mark.parametrize("preset", list(MMPP_PRESETS))
def test_orders_of_a_batch_come_close_together(preset):
    """Half of the gaps would be below 0.69 of the mean gap, were there no batches and no bursts."""
    times = arrivals({"model": "mmpp", "preset": preset, "orders_per_minute": 0.1}, 1, 70 * DAY_S)
    close = MMPP_PRESETS[preset].batch_spread_s
    share = float((np.diff(times) < close).mean())
    poisson_share = 1.0 - math.exp(-close * 0.1 / 60.0)
    assert share > poisson_share + 0.5 * (1.0 - 1.0 / MMPP_PRESETS[preset].batch_mean)


@pytest.mark.parametrize(
    "demand",
    [
        {"model": "poisson", "orders_per_minute": 60.0},
        {"model": "poisson", "orders_per_minute": 5.0, "diurnal": "consumer"},
        *({"model": "mmpp", "preset": preset, "orders_per_minute": 2.0} for preset in MMPP_PRESETS),
    ],
    ids=str,
)
def test_orders_come_in_time_inside_the_run_and_are_numbered_in_turn(demand):
    for seed in range(5):
        orders = drafts(one_tenant(demand), seed, DAY_S / 2)["tenant-dao"]
        times = [order.arrival_s for order in orders]
        assert times == sorted(times)
        assert all(0.0 <= time_s < DAY_S / 2 for time_s in times)
        assert [order.number for order in orders] == list(range(len(orders)))


def test_a_longer_run_begins_with_the_shorter_one_s_orders():
    for demand in (
        {"model": "poisson", "orders_per_minute": 20.0},
        {"model": "poisson", "orders_per_minute": 20.0, "diurnal": "office"},
    ):
        short, long = (drafts(one_tenant(demand), 4, hours * HOUR_S)["tenant-dao"] for hours in (2, 5))
        assert len(long) > len(short) > 1000
        assert long[: len(short)] == short


def test_orders_are_what_the_tenant_s_mix_and_the_workloads_say():
    config = a_config()
    found = drafts(config, 8, 20 * HOUR_S)
    shares = config.gpus_per_order
    for tenant_id, tenant in config.tenants.items():
        orders = found[tenant_id]
        total = len(orders)
        assert total > 5000
        workloads = Counter(order.workload for order in orders)
        assert set(workloads) == set(tenant.mix)
        for workload, share in tenant.mix.items():
            # A share over n orders has sd sqrt(p (1 - p) / n): four of them.
            assert abs(workloads[workload] / total - share) < 4 * math.sqrt(share * (1 - share) / total)
            mine = [order for order in orders if order.workload == workload]
            law = config.workloads[workload]
            logs = np.log([order.gpu_hours / law.gpu_hours_median for order in mine])
            assert abs(logs.mean()) < 4 * law.gpu_hours_sigma / math.sqrt(len(mine)) + 1e-3
            assert logs.std() == pytest.approx(law.gpu_hours_sigma, rel=4 / math.sqrt(2 * len(mine)) + 1e-3)
            limit = config.price_limits[law.gpu_type]
            assert {order.gpu_type for order in mine} == {law.gpu_type}
            assert all(limit.low <= order.max_price_usd_per_hour <= limit.high for order in mine)
        gpus = Counter(order.gpus for order in orders)
        for name, share in shares.items():
            assert abs(gpus[int(name)] / total - share) < 4 * math.sqrt(share * (1 - share) / total)

"""A surge adds orders, a lull drops some, and each order that would have come anyhow is the same to the last digit."""

from __future__ import annotations

import pytest
from world_parts import HOUR_S, a_config, assert_mean_is, drafts, faults, one_tenant

UNTIL_S = 2 * HOUR_S
TENANTS = ("tenant-research", "tenant-gaming", "tenant-render", "tenant-dao")


def demand(factor, at="30m", lasting="1h", ramp=0.0, **more):
    return {"at": at, "for": lasting, "ramp": ramp, "fault": "demand", "factor": factor, **more}


def in_window(orders, from_s=1800.0, until_s=5400.0):
    return [order for order in orders if from_s <= order.arrival_s < until_s]


def by_tenant(found):
    """The drafts of every source of each tenant."""
    return {
        tenant: sorted(order for orders in found.values() for order in orders if order.tenant_id == tenant)
        for tenant in TENANTS
    }


@pytest.mark.parametrize(
    "model",
    [
        {"model": "poisson", "orders_per_minute": 10.0},
        {"model": "poisson", "orders_per_minute": 10.0, "diurnal": "consumer"},
        {"model": "mmpp", "preset": "rollout", "orders_per_minute": 10.0},
    ],
    ids=lambda model: "-".join(str(value) for value in model.values()),
)
def test_a_surge_adds_orders_and_leaves_the_others_equal(model):
    config = one_tenant(model)
    calm = drafts(config, 3, UNTIL_S)
    surged = drafts(config, 3, UNTIL_S, method=faults(demand(4.0)))
    assert surged["tenant-dao"] == calm["tenant-dao"]
    assert [source for source in surged if source != "tenant-dao"] == ["tenant-dao/all-demand"]
    extra = surged["tenant-dao/all-demand"]
    assert extra
    assert in_window(extra) == extra


def test_a_lull_drops_some_orders_and_leaves_the_others_equal():
    config = a_config()
    calm = drafts(config, 3, UNTIL_S)
    lulled = drafts(config, 3, UNTIL_S, method=faults(demand(0.4)))
    assert set(lulled) == set(calm)
    for tenant, orders in calm.items():
        kept = set(lulled[tenant])
        assert kept < set(orders)
        assert {order for order in orders if not 1800.0 <= order.arrival_s < 5400.0} <= kept
        assert lulled[tenant] == [order for order in orders if order in kept]


def test_a_deeper_lull_drops_what_a_shallow_one_drops_and_more():
    config = a_config()
    shallow, deep = (drafts(config, 3, UNTIL_S, method=faults(demand(factor))) for factor in (0.7, 0.2))
    for tenant in TENANTS:
        assert set(deep[tenant]) < set(shallow[tenant])


def test_factor_zero_silences_and_ends_on_time():
    silenced = by_tenant(drafts(a_config(), 3, UNTIL_S, method=faults(demand(0.0))))
    for orders in silenced.values():
        assert not in_window(orders)
        assert in_window(orders, 0.0, 1800.0)
        assert in_window(orders, 5400.0, 7200.0)


def test_a_fault_of_one_tenant_leaves_the_other_tenants_alone():
    calm = by_tenant(drafts(a_config(), 3, UNTIL_S))
    for factor in (0.3, 3.0):
        struck = by_tenant(drafts(a_config(), 3, UNTIL_S, method=faults(demand(factor, tenant="tenant-dao"))))
        assert {tenant for tenant in TENANTS if struck[tenant] != calm[tenant]} == {"tenant-dao"}


@pytest.mark.parametrize("nothing", [demand(5.0, lasting="0s"), demand(0.0, lasting="0s"), demand(1.0)], ids=str)
def test_a_demand_fault_that_changes_nothing_changes_nothing(nothing):
    assert drafts(a_config(), 3, UNTIL_S, method=faults(nothing)) == drafts(a_config(), 3, UNTIL_S)


@pytest.mark.parametrize(
    ("method", "product"),
    [
        ([demand(3.0), demand(2.0)], 6.0),
        ([demand(0.5), demand(0.4)], 0.2),
        ([demand(4.0), demand(0.25)], 1.0),
        ([demand(0.25), demand(4.0)], 1.0),
        ([demand(2.0), demand(3.0), demand(0.5)], 3.0),
    ],
    ids=lambda value: "x".join(str(f["factor"]) for f in value) if isinstance(value, list) else None,
)
def test_overlapping_demand_faults_multiply(method, product):
    config = one_tenant({"model": "poisson", "orders_per_minute": 10.0})
    counts = []
    for seed in range(20):
        found = drafts(config, seed, UNTIL_S, method=faults(*method))
        counts.append(sum(len(in_window(orders)) for orders in found.values()))
    assert_mean_is(600 * product, counts, 0.25)


def test_overlap_counts_only_where_both_faults_are_on():
    config = one_tenant({"model": "poisson", "orders_per_minute": 20.0})
    method = faults(demand(3.0, at="0s", lasting="1h"), demand(2.0, at="30m", lasting="1h"))
    counts = {quarter: [] for quarter in range(4)}
    for seed in range(20):
        orders = [order for found in drafts(config, seed, UNTIL_S, method=method).values() for order in found]
        for quarter in counts:
            counts[quarter].append(len(in_window(orders, quarter * 1800.0, (quarter + 1) * 1800.0)))
    for quarter, factor in enumerate((3.0, 6.0, 2.0, 1.0)):
        assert_mean_is(600 * factor, counts[quarter], 0.2)


@pytest.mark.parametrize("factor", [5.0, 0.2])
def test_a_ramp_comes_on_evenly_and_ends_at_once(factor):
    """Over the ramp's two halves a factor f is on average 1 + (f - 1) / 4 and 1 + 3 (f - 1) / 4."""
    config = one_tenant({"model": "poisson", "orders_per_minute": 30.0})
    method = faults(demand(factor, at="30m", lasting="1h", ramp="40m"))
    windows = {(1800.0, 3000.0): 0.25, (3000.0, 4200.0): 0.75, (4200.0, 5400.0): 1.0, (5400.0, 6600.0): 0.0}
    counts = {window: [] for window in windows}
    for seed in range(20):
        orders = [order for found in drafts(config, seed, UNTIL_S, method=method).values() for order in found]
        for window in windows:
            counts[window].append(len(in_window(orders, *window)))
    for window, level in windows.items():
        assert_mean_is(600 * (1 + (factor - 1) * level), counts[window], 0.3)


def test_bad_requests_come_at_their_rate_and_leave_every_order_alone():
    calm = drafts(a_config(), 0, UNTIL_S)
    counts = []
    for seed in range(10):
        method = faults({"at": "30m", "for": "1h", "fault": "bad-requests", "kind": "schema", "rate": 0.5, "id": "bad"})
        found = drafts(a_config(), seed, UNTIL_S, method=method)
        bad = {source: orders for source, orders in found.items() if source.startswith("bad/")}
        assert sorted(bad) == sorted(f"bad/{tenant}" for tenant in TENANTS)
        assert all(in_window(orders) == orders for orders in bad.values())
        counts.append(sum(map(len, bad.values())))
        if seed == 0:
            assert {source: found[source] for source in calm} == calm
    assert_mean_is(1800, counts, 0.2)

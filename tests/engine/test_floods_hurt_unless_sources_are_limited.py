"""A flood of bogus submissions takes a bridge's relay workers and hurts honest round trips, unless its sources are limited."""

from __future__ import annotations

import pytest
from bridge_runs import between, lost_share, p95_ms
from engine_runs import a_config, simulate

from aurora_sim.treaty.gateway import TokenBucketSettings

SEEDS = range(5)
LIMIT = {"rate_per_s": 2.0, "burst": 20}
LIMITED = a_config(gateway={"source_rate": LIMIT})
WHILE_ON = (360.0, 1140.0)


def flood(**different):
    return {"at": 300.0, "for": 900.0, "fault": "flood", "bridge": "axelar", "rate": 60.0, **different}


def sent(seen):
    return seen.books["bridge_messages"]


@pytest.mark.parametrize("seed", SEEDS)
def test_honest_round_trips_breach_only_without_the_limit(seed):
    hurt, helped = simulate(flood(), seed=seed), simulate(flood(), seed=seed, world=LIMITED)
    assert p95_ms(between(helped.rows, *WHILE_ON)) <= 350.0 < p95_ms(between(hurt.rows, *WHILE_ON))
    assert lost_share(helped.rows) == 0.0


def test_where_the_failover_bridge_is_flooded_too_orders_are_lost():
    method = (flood(), flood(bridge="ibc"))
    assert lost_share(between(simulate(*method).rows, *WHILE_ON)) > 0.2
    assert lost_share(between(simulate(*method, world=LIMITED).rows, *WHILE_ON)) == 0.0


def test_it_comes_at_its_rate_and_the_limit_holds_it_to_its_own():
    calm = sent(simulate())
    came = sent(simulate(flood(rate=10.0))) - calm
    assert came == pytest.approx(9_000, rel=0.05)
    passed = sent(simulate(flood(rate=10.0), world=LIMITED)) - calm
    assert passed == pytest.approx(20 + 2 * 900, rel=0.05)


def test_many_sources_pass_a_limit_on_each():
    calm = sent(simulate())
    passed = sent(simulate(flood(rate=10.0, sources=100), world=LIMITED)) - calm
    assert passed == pytest.approx(9_000, rel=0.05)


def test_an_operator_s_limit_helps_from_then_on():
    def limit(simulation, step):
        if step == 10:
            simulation.parts.gateway.limit_sources(TokenBucketSettings(2.0, 20))

    seen = simulate(flood(), steps=30, before_step=limit)
    assert p95_ms(between(seen.rows, 320.0, 600.0)) > 350.0
    assert p95_ms(between(seen.rows, 900.0, 1200.0)) <= 350.0


def test_one_that_is_ended_sends_no_more():
    def end(simulation, step):
        if step == 10:
            simulation.repair(0)

    assert sent(simulate(flood(rate=10.0), before_step=end)) - sent(simulate()) == pytest.approx(3_000, rel=0.1)


def test_the_orders_are_the_same_with_it_and_no_row_is_its_own():
    calm, flooded = simulate(), simulate(flood(rate=0.5), world=LIMITED)
    assert {row["order_id"] for row in flooded.rows} <= {row["order_id"] for row in calm.rows}
    assert flooded.books["orders_in"] == calm.books["orders_in"]


def test_a_halted_treaty_lets_nothing_through():
    def halt(simulation, step):
        if step == 0:
            simulation.parts.gateway.halt("test")

    assert sent(simulate(flood(), before_step=halt)) == sent(simulate(before_step=halt))

"""The treaty's terms bind in a run as in the policy: quota, halt, region, reputation, replay; and a denial costs nothing."""

from __future__ import annotations

from collections import Counter

import pytest
from engine_runs import ADMITTED, MIDNIGHT_S, a_config, simulate

from aurora_sim.scenario.config import World as WorldConfig


def gpu_hours(rows):
    return sum(float(row["gpu_hours"]) for row in rows)


def from_midnight(**different):
    return simulate(world=a_config(**different), warm_up_s=0.0, start_of_day_s=MIDNIGHT_S)


def test_no_tenant_gets_more_than_its_daily_quota():
    quota = 60.0
    seen = from_midnight(treaty={"quota_gpu_hours_daily_per_tenant": quota})
    for reading in seen.readings:
        assert all(used <= quota + 1e-6 for used in reading.tenant_gpu_hours_used.values())
    assert min(seen.readings[-1].tenant_gpu_hours_used.values()) > 0.8 * quota
    denied = [row for row in seen.rows if row["outcome"] == "denied"]
    assert len(denied) > 100
    assert {(row["reason"], row["policy_code"]) for row in denied} == {("tenant_daily_quota", "5")}


def test_all_tenants_together_stay_within_the_treaty_s_quota():
    seen = from_midnight(treaty={"quota_gpu_hours_total": 200.0})
    assert all(sum(reading.tenant_gpu_hours_used.values()) <= 200.0 + 1e-6 for reading in seen.readings)
    assert seen.books["quota_used_gpu_hours"] > 190.0
    assert {row["policy_code"] for row in seen.rows if row["outcome"] == "denied"} == {"6"}


def test_a_denied_order_burns_no_quota():
    seen = simulate(
        {"at": "5m", "for": "1h", "fault": "demand", "factor": 0.0},  # so that nothing is in flight at the end
        world=a_config(treaty={"quota_gpu_hours_daily_per_tenant": 40.0}),
        warm_up_s=0.0,
        start_of_day_s=MIDNIGHT_S,
    )
    assert seen.outcomes["denied"] > 30
    assert seen.books["orders_in_flight"] == 0
    admitted = [row for row in seen.rows if row["outcome"] in ADMITTED]
    assert seen.books["quota_taken_gpu_hours"] == pytest.approx(gpu_hours(admitted))


def test_a_small_order_still_fits_where_a_large_one_was_denied():
    """A denial leaves what is left as it was: a later order that fits is allowed."""
    seen = from_midnight(treaty={"quota_gpu_hours_daily_per_tenant": 60.0})
    first_denied_s = {}
    for row in seen.rows:
        if row["outcome"] == "denied":
            first_denied_s.setdefault(row["tenant_id"], float(row["time_s"]))
    later = [
        row
        for row in seen.rows
        if row["outcome"] == "filled" and float(row["time_s"]) > first_denied_s.get(row["tenant_id"], 1e9)
    ]
    assert later


def test_what_ends_unfilled_gives_its_quota_back():
    """Every region dark: all is allowed, nothing filled, nothing used."""
    dark = [
        {"at": 0, "for": "1h", "fault": "outage", "region": region} for region in ("eu-west-1", "us-west-2", "global")
    ]
    seen = simulate(*dark, warm_up_s=0.0, start_of_day_s=MIDNIGHT_S)
    assert set(seen.outcomes) <= {"unroutable", "refused", "undelivered"}
    assert seen.books["quota_taken_gpu_hours"] == seen.books["quota_given_back_gpu_hours"] > 500.0
    assert seen.books["quota_used_gpu_hours"] == 0.0


def test_quota_is_anew_at_utc_midnight():
    """Ten minutes before midnight the day's quota is long used; at midnight it is whole again."""
    seen = simulate(
        world=a_config(treaty={"quota_gpu_hours_daily_per_tenant": 300.0}),
        warm_up_s=0.0,
        start_of_day_s=86_400.0 - 600.0,
    )
    before = Counter(row["outcome"] for row in seen.rows if float(row["time_s"]) < 600.0)
    after = Counter(row["outcome"] for row in seen.rows if 600.0 <= float(row["time_s"]) < 900.0)
    assert set(before) == {"denied"}
    assert after["filled"] > 0.8 * after.total()
    assert all(used == 0.0 or used < 300.0 for used in seen.readings[10].tenant_gpu_hours_used.values())


def test_a_halted_treaty_allows_nothing():
    seen = simulate(world=a_config(treaty={"halted": True}))
    assert {(row["outcome"], row["reason"], row["policy_code"]) for row in seen.rows} == {
        ("denied", "treaty_halted", "1")
    }
    assert seen.readings[-1].tally.filled == 0
    assert seen.books["bridge_messages"] == 0


def test_a_region_outside_the_treaty_is_denied_and_no_other():
    seen = simulate(world=a_config(treaty={"regions": ["us-west-2"]}))
    codes = {(row["region"], row["policy_code"]) for row in seen.rows}
    assert codes == {("eu-west-1", "2"), ("us-west-2", "0")}
    assert {row["reason"] for row in seen.rows if row["region"] == "eu-west-1"} == {"region_not_allowed"}


def test_a_tenant_below_the_treaty_s_reputation_is_denied():
    config = a_config(treaty={"min_reputation": 72})
    seen = simulate(world=config)
    for row in seen.rows:
        assert row["policy_code"] == ("0" if config.tenants[row["tenant_id"]].reputation >= 72 else "4")
    assert {row["policy_code"] for row in seen.rows} == {"0", "4"}


def test_a_region_that_the_treaty_names_last_counts_as_one_that_it_names_first():
    document = a_config().model_dump()
    document["treaty"]["regions"].reverse()
    assert simulate(world=WorldConfig.model_validate(document)).text == simulate().text


def test_a_tenant_above_its_rate_is_refused_at_the_gateway():
    seen = simulate(world=a_config(gateway={"tenant_rate": {"rate_per_s": 0.05, "burst": 1}}))
    outcomes = Counter((row["outcome"], row["reason"]) for row in seen.rows)
    assert set(outcomes) == {("filled", ""), ("rejected", "rate_limited")}
    for tenant in a_config().tenants:
        admitted = sum(row["tenant_id"] == tenant and row["outcome"] == "filled" for row in seen.rows)
        assert admitted <= 0.05 * 1200 + 1


def test_an_order_waits_for_its_decision():
    waited, plain = simulate(world=a_config(policy={"decision_wait": 3.0})), simulate()
    ended = {row["order_id"]: float(row["ended_s"]) for row in plain.rows}
    later = [float(row["ended_s"]) - ended[row["order_id"]] for row in waited.rows if row["order_id"] in ended]
    assert sorted(later)[len(later) // 2] == pytest.approx(3.0, abs=0.05)

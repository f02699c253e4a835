"""A job that loses its node is killed once, at the moment drawn for it, and routed again or lost; no bid holds no GPUs."""

from __future__ import annotations

from collections import Counter

import pytest
from engine_runs import MIDNIGHT_S, a_config, simulate

from aurora_sim.world.interruptions import Interruptions
from aurora_sim.world.streams import Streams

OFTEN = {"up_time_mean_h": 0.3, "repair_median_h": 0.05}
ALL_ON = {
    "outages": {"enabled": True, "providers": {"akash": OFTEN, "vast": OFTEN}},
    "nodes": {"enabled": True, "providers": {"vast": {"node_up": {"scale_h": 2.0}, "interruptible": {"share": 0.5}}}},
    "market": {
        "enabled": True,
        "bids": {"akash": {"no_bid_share": 0.1, "no_manifest_share": 0.1}},
        "offers": {"vast": {"gone_share": 0.2}},
    },
    "reputation": {"enabled": True},
}
QUIET = {"at": "20m", "for": "40m", "fault": "demand", "factor": 0.0}
SURGE = {"at": "5m", "for": "10m", "fault": "demand", "factor": 3.0}


@pytest.fixture(scope="module")
def stormy():
    """Half an hour of a world where everything fails, and time for what was waiting to end."""
    return simulate(
        SURGE, QUIET, world=a_config(failures=ALL_ON), steps=45, warm_up_s=0.0, start_of_day_s=MIDNIGHT_S
    )  # fmt: skip


def test_each_order_ends_once_and_none_is_lost(stormy):
    ids = [row["order_id"] for row in stormy.rows]
    assert len(ids) == len(set(ids)) == stormy.books["orders_in"] == stormy.books["orders_ended"]


def test_every_kill_has_a_cause_and_is_noticed_once(stormy):
    recorder = stormy.recorder
    waiting = recorder.jobs_killed - recorder.jobs_rerouted - recorder.jobs_lost
    assert recorder.jobs_rerouted + recorder.jobs_lost == len(recorder.reroutes)
    assert {why for _, why in recorder.kill_causes} == {"outage", "node_left", "outbid", "no_manifest"}
    assert sum(recorder.kill_causes.values()) == recorder.jobs_killed > 500
    # Killed in the last minute, or at Akash without a bid for five: not yet at its new place.
    last = sum(reading.tally.jobs_killed for reading in stormy.readings[-6:])
    assert 0 <= waiting <= last


def test_what_is_killed_in_the_warm_up_counts_nowhere():
    seen = simulate(world=a_config(failures={"nodes": ALL_ON["nodes"]}), steps=10, warm_up_s=1800.0)
    recorder = seen.recorder
    assert len(recorder.reroutes) > recorder.jobs_rerouted + recorder.jobs_lost
    assert recorder.jobs_killed >= recorder.jobs_rerouted + recorder.jobs_lost > 0


def test_quota_taken_is_quota_used_and_given_back(stormy):
    books = stormy.books
    assert books["quota_taken_gpu_hours"] == pytest.approx(
        books["quota_used_gpu_hours"] + books["quota_given_back_gpu_hours"]
    )


def test_jobs_are_killed_at_the_moment_drawn_for_them():
    config = a_config(failures={"nodes": ALL_ON["nodes"]})
    steps = 60
    seen = simulate(world=config, steps=steps, warm_up_s=0.0)
    law = Interruptions("vast", config.failures.nodes.providers["vast"], None, Streams(42))
    killed_s = {}
    for row in seen.rows:
        if row["provider_id"] == "vast" and row["outcome"] == "filled":
            source, index = row["order_id"].rsplit("-", 1)
            after_s, _ = law.first(source, int(index), 0)
            run_s = float(row["placement_s"]) + float(row["gpu_hours"]) / int(row["gpus"]) * 3600.0
            if after_s < run_s - 1.0:
                killed_s[row["order_id"]] = float(row["ended_s"]) + after_s
    mine = {row["order_id"] for row in seen.rows}
    rerouted = Counter(order_id for order_id, *_ in seen.recorder.reroutes if order_id in mine)
    end_s = steps * 60.0
    assert len(rerouted) > 60
    first = {order_id for order_id, time_s in killed_s.items() if time_s < end_s}
    noticed = {order_id for order_id, time_s in killed_s.items() if time_s < end_s - 90.0}
    assert noticed <= set(rerouted) <= first


def test_without_a_bid_the_order_waits_for_the_timeout_and_holds_nothing():
    config = a_config(
        failures={"market": {"enabled": True, "bids": {"akash": {"no_bid_share": 1.0}}}},
        providers={"akash": {"routing_weight": 100.0}},
        router={"reputation_alpha_per_order": 0.0},  # or nobody would ask it for long
    )
    seen = simulate(world=config, steps=20)
    assert seen.recorder.filled_by["akash"] == 0
    assert all(
        reading.providers[0].leased_gpus <= seen.readings[0].providers[0].leased_gpus for reading in seen.readings
    )
    assert seen.recorder.failover_causes["akash", "no_bid"] > 50
    late = [row for row in seen.rows if int(row["failovers"]) > 0 and row["gpu_type"] == "A100"]
    waits_s = [float(row["ended_s"]) - float(row["time_s"]) for row in late if row["outcome"] == "filled"]
    assert len(waits_s) > 50
    assert sum(wait_s >= 300.0 for wait_s in waits_s) > 0.9 * len(waits_s)


def test_an_offer_that_is_gone_is_refused_at_once_and_costs_no_reputation():
    config = a_config(failures={"market": {"enabled": True, "offers": {"vast": {"gone_share": 1.0}}}})
    config = config.model_copy(deep=True)
    config.failures.market.bids.clear()
    seen = simulate(world=config, steps=20)
    assert seen.recorder.filled_by["vast"] == 0
    assert seen.recorder.failover_causes["vast", "offer_gone"] > 20
    vast = [p for reading in seen.readings for p in reading.providers if p.provider_id == "vast"]
    assert {p.reputation for p in vast} == {62.0}
    filled = [row for row in seen.rows if row["outcome"] == "filled"]
    assert all(float(row["ended_s"]) - float(row["time_s"]) < 120.0 for row in filled)


def test_without_a_manifest_the_gpus_are_held_until_the_timeout():
    config = a_config(
        failures={"market": {"enabled": True, "bids": {"akash": {"no_bid_share": 0.0, "no_manifest_share": 1.0}}}}
    )
    seen = simulate(world=config, steps=30, warm_up_s=0.0)
    ended = {row["order_id"]: row for row in seen.rows}
    filled = [row for row in seen.rows if row["provider_id"] == "akash" and row["outcome"] == "filled"]
    long = [
        row for row in filled
        if float(row["gpu_hours"]) / int(row["gpus"]) * 3600.0 > 300.0 and float(row["ended_s"]) < 30 * 60.0 - 400.0
    ]  # fmt: skip
    assert len(long) > 50
    assert {row["order_id"] for row in long} <= {
        order_id for order_id, *_ in seen.recorder.reroutes if order_id in ended
    }
    assert seen.recorder.kill_causes["akash", "no_manifest"] >= len(long)

"""Nothing is lost and nothing is counted twice: orders, quota, jobs, failovers, GPUs and money add up, whatever breaks."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from engine_runs import ADMITTED, MIDNIGHT_S, a_config, simulate

from aurora_sim.engine.simulation import Simulation
from aurora_sim.observe.rows import ENDED
from aurora_sim.scenario.errors import InvariantError

STEPS = 36
QUIET = {"at": "20m", "for": "30m", "fault": "demand", "factor": 0.0}
"""No new orders in the last quarter of an hour, so that everything has ended when the books are read."""

STORMS = {
    "nothing breaks": [],
    "a provider goes dark twice": [
        {"at": "4m", "for": "5m", "fault": "outage", "provider": "akash"},
        {"at": "12m", "for": "3m", "fault": "outage", "provider": "akash", "share": 0.5},
    ],
    "a region goes dark": [{"at": "5m", "for": "6m", "fault": "outage", "region": "us-west-2"}],
    "a bridge goes dark": [{"at": "3m", "for": "8m", "fault": "outage", "bridge": "axelar"}],
    "everything at once": [
        {"at": "2m", "for": "10m", "fault": "loss", "bridge": "rest_api", "add": 0.4},
        {"at": "3m", "for": "10m", "fault": "bridge-slow", "bridge": "axelar", "factor": 6.0},
        {"at": "4m", "for": "6m", "ramp": "3m", "fault": "outage", "provider": "aethir"},
        {"at": "5m", "for": "9m", "fault": "relayers", "bridge": "axelar", "workers": 1},
        {"at": "6m", "for": "5m", "fault": "outage", "provider": "akash"},
        {"at": "6m", "for": "9m", "fault": "demand", "factor": 3.0},
        {"at": "7m", "for": "5m", "fault": "price", "provider": "vast", "factor": 2.5},
        {"at": "8m", "for": "4m", "fault": "bad-requests", "kind": "replay", "rate": 1.0, "id": "bad"},
        {"at": "9m", "for": "4m", "fault": "capacity", "provider": "flux", "factor": 0.1},
    ],
}


@pytest.fixture(scope="module", params=STORMS)
def seen(request):
    """A run from midnight, without warm-up: every GPU-hour of quota is that of an order with a row."""
    return simulate(*STORMS[request.param], QUIET, steps=STEPS, warm_up_s=0.0, start_of_day_s=MIDNIGHT_S)


def gpu_hours(rows):
    return sum(float(row["gpu_hours"]) for row in rows)


def lost_orders(seen):
    """GPU-hours by order, of the jobs of this run's own orders that were killed for good."""
    mine = {row["order_id"] for row in seen.rows}
    return {
        order: hours for order, outcome, hours, _, _ in seen.recorder.reroutes if outcome != "filled" and order in mine
    }


def test_every_order_ends_exactly_once(seen):
    ids = [row["order_id"] for row in seen.rows]
    assert len(ids) == len(set(ids)) == seen.books["orders_in"] == seen.books["orders_ended"]
    assert seen.books["orders_in_flight"] == 0


def test_the_recorder_counts_what_the_rows_say(seen):
    recorder = seen.recorder
    assert Counter((row["outcome"], row["reason"]) for row in seen.rows) == recorder.outcomes
    filled = [row for row in seen.rows if row["outcome"] == "filled"]
    assert Counter(row["provider_id"] for row in filled) == recorder.filled_by
    assert gpu_hours(filled) == pytest.approx(recorder.gpu_hours_filled)
    assert gpu_hours(row for row in seen.rows if row["outcome"] in ADMITTED) == pytest.approx(
        recorder.gpu_hours_allowed
    )
    cost_usd = sum(float(row["gpu_hours"]) * float(row["price_usd_per_hour"]) for row in filled)
    assert cost_usd == pytest.approx(recorder.cost_usd, rel=1e-4)


def test_steps_add_up_to_the_run(seen):
    tallies = [reading.tally for reading in seen.readings]
    outcomes = seen.outcomes
    assert sum(tally.arrived for tally in tallies) == len(seen.rows)
    assert sum(tally.filled for tally in tallies) == outcomes["filled"]
    assert sum(tally.refused_entry for tally in tallies) == outcomes["rejected"] + outcomes["denied"]
    assert sum(tally.dropped for tally in tallies) == sum(outcomes[name] for name in ADMITTED if name != "filled")
    assert sum(tally.failovers for tally in tallies) == seen.recorder.failovers_total
    assert sum(tally.jobs_killed for tally in tallies) == seen.recorder.jobs_killed


def test_quota_taken_is_quota_used_and_given_back(seen):
    books = seen.books
    admitted = [row for row in seen.rows if row["outcome"] in ADMITTED]
    filled = [row for row in admitted if row["outcome"] == "filled"]
    lost = sum(lost_orders(seen).values())
    assert books["quota_taken_gpu_hours"] == pytest.approx(gpu_hours(admitted))
    assert books["quota_used_gpu_hours"] == pytest.approx(gpu_hours(filled) - lost)
    assert books["quota_given_back_gpu_hours"] == pytest.approx(
        gpu_hours(admitted) - gpu_hours(filled) + lost, abs=1e-4
    )


def test_each_tenant_s_use_is_that_of_its_own_orders(seen):
    lost = lost_orders(seen)
    for tenant_id, used in seen.readings[-1].tenant_gpu_hours_used.items():
        mine = [row for row in seen.rows if row["tenant_id"] == tenant_id and row["outcome"] == "filled"]
        assert used == pytest.approx(gpu_hours(mine) - sum(lost.get(row["order_id"], 0.0) for row in mine))


def test_killed_jobs_are_rerouted_or_lost(seen):
    recorder = seen.recorder
    assert recorder.jobs_killed == recorder.jobs_rerouted + recorder.jobs_lost == len(recorder.reroutes)
    assert sum(recorder.kill_causes.values()) == recorder.jobs_killed


def test_failovers_are_those_of_the_rows_and_of_the_reroutes(seen):
    recorder = seen.recorder
    by_row = {row["order_id"]: int(row["failovers"]) for row in seen.rows}
    # A killed job's order goes on counting after its row was written: what it had at its last reroute, less the row's.
    after_reroutes = {order: failovers for order, _, _, failovers, _ in recorder.reroutes}
    later = sum(failovers - by_row.get(order, 0) for order, failovers in after_reroutes.items())
    killed = sum(count for (_, why), count in recorder.failover_causes.items() if why == "job_killed")
    assert recorder.failovers_total == sum(by_row.values()) + later + killed
    assert recorder.failovers_total == sum(recorder.failover_causes.values())


def test_no_provider_leases_more_than_it_has(seen):
    config = a_config()
    for reading in seen.readings:
        for provider in reading.providers:
            most = sum(pool.capacity_gpus for pool in config.providers[provider.provider_id].gpus.values())
            assert 0 <= provider.leased_gpus <= most
            assert 0 <= provider.capacity_gpus <= most
            assert 0.0 <= provider.reputation <= 100.0


def test_a_row_s_times_and_terms_hold_together(seen):
    config = a_config()
    for row in seen.rows:
        time_s, ended_s = float(row["time_s"]), float(row["ended_s"])
        assert time_s <= ended_s < STEPS * 60.0
        assert int(row["step"]) == ended_s // 60
        assert int(row["accepted"]) == (row["outcome"] == "filled")
        if row["outcome"] == "filled":
            assert float(row["rtt_ms"]) / 1000.0 <= ended_s - time_s + 0.002
            assert row["gpu_type"] in config.providers[row["provider_id"]].gpus
            assert row["region"] in config.providers[row["provider_id"]].regions
            assert float(row["price_usd_per_hour"]) <= config.price_limits[row["gpu_type"]].high
            assert int(row["attempts"]) >= 1
    assert [int(row["step"]) for row in seen.rows] == sorted(int(row["step"]) for row in seen.rows)


def test_the_storms_are_storms():
    """The cases above say little unless jobs die, orders fail over and some are lost."""
    storm = simulate(*STORMS["everything at once"], QUIET, steps=STEPS, warm_up_s=0.0, start_of_day_s=MIDNIGHT_S)
    assert storm.recorder.jobs_killed > 100
    assert storm.recorder.jobs_lost > 0
    assert storm.recorder.failovers_total > 500
    assert {"filled", "unroutable", "refused", "denied"} <= set(storm.outcomes)


def test_an_order_that_ended_after_now_is_told() -> None:
    def move(simulation: Simulation, step: int) -> None:
        simulation.advance(simulation.next_step_s)
        ended: list[Any] = simulation._recorder.tally.ended
        last = ended[-1]
        ended[-1] = (*last[:ENDED], last[ENDED] + 60.0, *last[ENDED + 1 :])

    with pytest.raises(InvariantError, match=r"clock went back: an order ended at .* and it is 60\.0 s"):
        simulate(steps=1, before_step=move)

"""What has nothing to do with an order changes nothing about it: runs that differ in one thing can be compared order by order."""

from __future__ import annotations

import pytest
from engine_runs import a_config, simulate, what_was_ordered

from aurora_sim.scenario.config import World as WorldConfig


@pytest.fixture(scope="module")
def calm():
    return simulate()


def ordered(rows):
    return {row["order_id"]: what_was_ordered(row) for row in rows}


NOTHING = {
    "an outage of no length": [{"at": "5m", "for": 0, "fault": "outage", "provider": "akash"}],
    "an outage of no length at time 0": [{"at": 0, "for": 0, "fault": "outage", "region": "eu-west-1"}],
    "an outage of no share": [{"at": "5m", "for": "5m", "fault": "outage", "provider": "akash", "share": 0.0}],
    "factors of 1": [
        {"at": 30.5, "for": "7m", "fault": kind, "provider": "akash", "factor": 1.0} for kind in ("capacity", "price", "latency")
    ],
    "a bridge as fast as ever": [
        {"at": 77.7, "for": "9m", "fault": kind, "bridge": "axelar", "factor": 1.0} for kind in ("bridge-slow", "network")
    ],
    "as many workers as ever": [{"at": 100.1, "for": "9m", "fault": "relayers", "bridge": "axelar", "workers": 4}],
    "a fault after the end": [{"at": "2h", "for": "5m", "fault": "outage", "provider": "akash"}],
    "a fault where nobody orders": [{"at": "5m", "for": "5m", "fault": "outage", "provider": "salad"}],
    "a surge of no length": [{"at": "5m", "for": 0, "fault": "demand", "factor": 9.0}],
    "bad requests of no length": [{"at": "5m", "for": 0, "fault": "bad-requests", "kind": "schema", "rate": 9.0}],
    "many changes at once": [
        {"at": 61.3 * n, "for": 200, "ramp": 100, "fault": "price", "provider": "salad", "factor": 1.0 + n} for n in range(8)
    ],
}  # fmt: skip


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_fault_that_does_nothing_changes_not_one_byte(calm, nothing):
    seen = simulate(*NOTHING[nothing])
    assert seen.text == calm.text
    assert seen.books == calm.books


UNUSED = {
    "bridge": "ibc",
    "regions": ["ap-south-1"],
    "gpus": {"A100": {"capacity_gpus": 500}},
    "prices_usd_per_hour": {"runbook_2025": {"A100": 0.5}, "market_2026": {"A100": 0.5}},
    "latency_ms": 100.0,
    "reputation": 99.0,
    "routing_weight": 1.0,
    "capacity": 1.0,
    "placement": {"median_s": 10.0, "sigma": 0.5},
}


def test_an_unused_provider_changes_not_one_byte(calm):
    seen = simulate(world=a_config(providers={"unused": UNUSED}))
    assert seen.text == calm.text
    assert seen.books == calm.books


def test_a_stream_that_nobody_else_draws_from_changes_not_one_byte(calm):
    def draw(simulation, step):
        streams = simulation.parts.streams
        streams.generator("unused", step).random(1000)
        streams.lookup("unused/too", "normal").at(step)

    seen = simulate(before_step=draw)
    assert seen.text == calm.text
    assert seen.books == calm.books


def test_a_new_provider_changes_no_order():
    nearer = UNUSED | {"regions": ["eu-west-1", "us-west-2"]}
    seen, calm = simulate(world=a_config(providers={"new": nearer})), simulate()
    assert seen.recorder.filled_by["new"] > 100
    assert ordered(seen.rows) == ordered(calm.rows)


def test_a_silent_tenant_changes_not_one_byte(calm):
    silent = a_config().tenants["tenant-dao"].model_dump()
    silent["demand"]["orders_per_minute"] = 0.0
    assert simulate(world=a_config(tenants={"tenant-silent": silent})).text == calm.text


def test_another_tenant_leaves_the_orders_of_all_the_others():
    other = a_config().tenants["tenant-dao"].model_dump()
    seen, calm = simulate(world=a_config(tenants={"tenant-other": other})), simulate()
    rows = [row for row in seen.rows if row["tenant_id"] != "tenant-other"]
    assert len(rows) < len(seen.rows)
    early = {row["order_id"] for row in calm.rows if float(row["time_s"]) < 1000.0}
    assert {key: value for key, value in ordered(rows).items() if key in early} == {
        key: value for key, value in ordered(calm.rows).items() if key in early
    }


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "outage", "provider": "akash"},
        {"fault": "demand", "factor": 4.0},
        {"fault": "bridge-slow", "bridge": "axelar", "factor": 5.0},
        {"fault": "bad-requests", "kind": "replay", "rate": 1.0, "id": "bad"},
    ],
    ids=lambda fault: fault["fault"],
)
def test_a_fault_changes_no_order_that_would_have_come_anyhow(calm, fault):
    rows = ordered(simulate({"at": "3m", "for": "10m", **fault}).rows)
    early = {row["order_id"] for row in calm.rows if float(row["time_s"]) < 900.0}
    assert {key: rows[key] for key in early} == {
        key: value for key, value in ordered(calm.rows).items() if key in early
    }


def test_before_a_fault_strikes_nothing_is_different(calm):
    for fault in ({"fault": "outage", "region": "us-west-2"}, {"fault": "demand", "factor": 0.1}):
        seen = simulate({"at": 300.0, "for": "10m", **fault})
        before = [row for row in seen.rows if float(row["ended_s"]) < 300.0]
        assert before == [row for row in calm.rows if float(row["ended_s"]) < 300.0]


def test_a_longer_run_begins_with_the_rows_of_the_shorter(calm):
    longer = simulate(steps=30)
    assert longer.text.startswith(calm.text)
    assert longer.read()[:20] == calm.read()


HALF = {"fault": "outage", "provider": "akash", "share": 0.5}
EQUAL = {
    "split in two": [{"at": 300, "for": 200, **HALF}, {"at": 500, "for": 280, **HALF}],
    "with one of no length in it": [{"at": 300, "for": 480, **HALF}, {"at": 400, "for": 0, **HALF}],
    "named": [{"at": 300, "for": 480, "id": "some-name", **HALF}],
    "region by region": [
        {"at": 300, "for": 480, "fault": "capacity", "provider": "salad", "factor": 0.5},
        {"at": 300, "for": 480, **HALF},
    ],
}


@pytest.mark.parametrize("equal", EQUAL)
def test_faults_of_equal_effect_give_equal_bytes(equal):
    one = simulate({"at": 300, "for": 480, **HALF})
    other = simulate(*EQUAL[equal])
    assert one.recorder.jobs_killed > 50
    assert other.text == one.text
    assert other.books == one.books


def test_two_halves_are_three_quarters():
    one = simulate({"at": 300, "for": 480, **HALF | {"share": 0.75}})
    other = simulate({"at": 300, "for": 480, **HALF}, {"at": 300, "for": 480, **HALF})
    assert other.text == one.text


def test_a_provider_by_another_name_has_the_same_orders():
    """Its name decides its price's stream, and ties: so prices stand still, and the name sorts as before."""
    still = {"price_process": {"stationary_sd": 0.0}}
    document = a_config(**still).model_dump()
    document["providers"] = {("akasha" if name == "akash" else name): p for name, p in document["providers"].items()}
    outage = {"at": "5m", "for": "5m", "fault": "outage"}
    renamed = simulate({**outage, "provider": "akasha"}, world=WorldConfig.model_validate(document))
    plain = simulate({**outage, "provider": "akash"}, world=a_config(**still))
    assert renamed.text.replace("akasha", "akash") == plain.text
    assert renamed.recorder.filled_by["akasha"] > 100


def test_the_order_of_providers_and_tenants_in_the_file_does_not_matter(calm):
    document = a_config().model_dump()
    for section in ("providers", "bridges", "tenants"):
        document[section] = dict(reversed(document[section].items()))
    assert simulate(world=WorldConfig.model_validate(document)).text == calm.text

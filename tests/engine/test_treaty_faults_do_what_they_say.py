"""Each fault of the treaty's own parts refuses or loses exactly what it says, while it is on, and nothing after."""

from __future__ import annotations

from collections import Counter

import pytest
from engine_runs import a_config, simulate

START_S = 1_767_621_600.0
ON_S, OFF_S = 300.0, 720.0
TENANT = "tenant-dao"


def fault(kind, **different):
    return {"at": ON_S, "for": OFF_S - ON_S, "fault": kind, **different}


def arrived(row):
    return float(row["time_s"])


def while_on(seen):
    return [row for row in seen.rows if ON_S <= arrived(row) < OFF_S]


def ends(rows):
    return Counter((row["outcome"], row["reason"]) for row in rows)


@pytest.fixture(scope="module")
def calm():
    return simulate()


def at_the_door(seen):
    """What the door says of each order: it depends on nothing that happens behind the door."""
    return {row["order_id"]: row["policy_code"] for row in seen.rows}


@pytest.mark.parametrize(
    ("kind", "different", "whose", "ending"),
    [
        ("key-mismatch", {"tenant": TENANT}, TENANT, ("rejected", "signature_invalid")),
        ("schema-drift", {"tenant": TENANT}, TENANT, ("rejected", "schema:gpu_type")),
        ("gateway-clock", {"add": "-90s"}, "", ("rejected", "clock_skew")),
        ("gateway-clock", {"add": "10m"}, "", ("rejected", "deadline_passed")),
        ("gateway-down", {}, "", ("undelivered", "gateway_crash")),
    ],
)
def test_it_ends_every_order_of_its_own_and_no_other(calm, kind, different, whose, ending):
    seen = simulate(fault(kind, **different))
    mine = [row for row in while_on(seen) if row["tenant_id"] == whose or not whose]
    assert len(mine) > 20
    assert set(ends(mine)) == {ending}
    assert ending not in ends([row for row in seen.rows if row not in mine])
    assert {row["order_id"] for row in mine} == {
        row["order_id"] for row in while_on(calm) if row["tenant_id"] == whose or not whose
    }


def test_orders_before_it_are_as_they_were_to_the_byte(calm):
    for kind, different in (("key-mismatch", {"tenant": TENANT}), ("gateway-down", {}), ("policy-slow", {"add": 0.04})):
        seen = simulate(fault(kind, **different))
        ended_before = [row for row in calm.rows if arrived(row) + 60.0 < ON_S]
        assert seen.rows[: len(ended_before)] == calm.rows[: len(ended_before)]
        assert len(ended_before) > 50


@pytest.mark.parametrize(("kind", "different"), [("schema-drift", {"tenant": TENANT}), ("gateway-down", {})])
def test_a_larger_share_strikes_the_same_orders_and_more(kind, different):
    struck = []
    for share in (0.2, 0.6):
        seen = simulate(fault(kind, share=share, **different))
        struck.append({row["order_id"] for row in seen.rows if row["reason"] in ("schema:gpu_type", "gateway_crash")})
    assert struck[0] < struck[1]
    among = len([row for row in while_on(seen) if row["tenant_id"] == TENANT or kind == "gateway-down"])
    assert 0.4 < len(struck[1]) / among < 0.8


def test_a_slow_clock_within_the_skew_refuses_nothing(calm):
    assert simulate(fault("gateway-clock", add="-30s")).text == calm.text


def test_a_fast_clock_refuses_what_is_valid_for_less_than_that():
    world = a_config(gateway={"order_valid_for": 60.0})
    assert set(ends(while_on(simulate(fault("gateway-clock", add="90s"), world=world)))) == {
        ("rejected", "deadline_passed")
    }
    assert ("rejected", "deadline_passed") not in ends(simulate(fault("gateway-clock", add="59s"), world=world).rows)


def test_two_clock_faults_add_up(calm):
    twice = simulate(fault("gateway-clock", add="90s"), fault("gateway-clock", add="-90s"))
    assert twice.text == calm.text


def test_what_a_crash_loses_is_dropped_and_gives_its_quota_back():
    seen = simulate(fault("gateway-down"))
    lost = [row for row in seen.rows if row["reason"] == "gateway_crash"]
    assert {row["attempts"] for row in lost} == {"0"}
    assert {row["policy_code"] for row in lost} == {"0"}
    assert max(reading.dropped_5m for reading in seen.readings) > 100
    taken, used, back = (seen.books[f"quota_{what}_gpu_hours"] for what in ("taken", "used", "given_back"))
    assert taken == pytest.approx(used + back)
    assert back >= sum(float(row["gpu_hours"]) for row in lost) - 1e-3


@pytest.mark.parametrize(("kind", "why"), [("bad-acks", "ack_signature"), ("attestation", "ack_attestation")])
def test_no_job_starts_on_an_ack_that_does_not_count(calm, kind, why):
    provider = calm.recorder.filled_by.most_common(1)[0][0]
    seen = simulate(fault(kind, provider=provider))
    assert seen.recorder.failover_causes[provider, why] > 3
    assert calm.recorder.failover_causes[provider, why] == 0
    for row in seen.rows:
        if row["provider_id"] == provider and row["outcome"] == "filled":
            acked_s = arrived(row) + float(row["rtt_ms"]) / 1000.0
            assert not (arrived(row) >= ON_S and acked_s < OFF_S), row["order_id"]


def test_really_signed_it_is_the_same_to_the_byte(calm):
    provider = calm.recorder.filled_by.most_common(1)[0][0]
    wrong = {"at": 120.0, "for": 180.0}
    method = [
        {**wrong, "fault": "bad-acks", "provider": provider},
        {**wrong, "fault": "key-mismatch", "tenant": TENANT},
        {**wrong, "fault": "schema-drift", "tenant": "tenant-render", "share": 0.5},
        {**wrong, "fault": "gateway-down", "share": 0.2},
    ]
    carried, real = (simulate(*method, steps=6, warm_up_s=120.0, crypto_start_s=start) for start in (None, START_S))
    assert real.text == carried.text
    whys = {row["reason"] for row in real.rows} | {why for _, why in real.recorder.failover_causes}
    assert whys >= {"ack_signature", "signature_invalid", "schema:gpu_type", "gateway_crash"}


def test_with_all_acks_bad_every_order_is_refused():
    config = a_config()
    seen = simulate(*(fault("bad-acks", provider=name, id=f"acks-{name}") for name in config.providers))
    assert "filled" not in {row["outcome"] for row in while_on(seen) if arrived(row) + 60.0 < OFF_S}


def test_a_slow_decision_is_waited_for():
    config = a_config()
    waited, plain = simulate(fault("policy-slow", add=5.0)), simulate(fault("policy-slow", add=0.001))
    times = waited.recorder.decision_times
    assert set(times.waited) == {0, 5_000_000_000}
    assert times.waited[5_000_000_000] == sum(row["policy_code"] != "" for row in while_on(waited))
    assert sum(times.waited.values()) == sum(times.counts)
    assert at_the_door(waited) == at_the_door(plain)
    assert config.policy.decision_wait == 0.0


def test_full_disks_hold_receipts_up_and_none_is_lost():
    seen = simulate(fault("disk-full", share=0.5), steps=40)
    coverage = [reading.provenance_coverage for reading in seen.readings]
    assert 0.3 < min(value for value in coverage if value is not None) < 0.9
    assert coverage[-1] > 0.95
    script = simulate(fault("provenance", service="script", failure=0.5), steps=40)
    assert min(reading.provenance_coverage or 1.0 for reading in script.readings) > 0.9  # tried again, with other luck


def test_a_repair_ends_it_at_once():
    def repair(simulation, step):
        if step == 8:
            assert [simulation.faults[number][1].fault for number in simulation.running_faults()] == ["key-mismatch"]
            for number in simulation.running_faults("key-mismatch"):
                simulation.repair(number)
            assert simulation.running_faults() == []

    seen = simulate(fault("key-mismatch", tenant=TENANT), before_step=repair)
    refused = [arrived(row) for row in seen.rows if row["reason"] == "signature_invalid"]
    assert ON_S <= min(refused) < max(refused) < 480.0
    assert any(480.0 <= arrived(row) < OFF_S and row["tenant_id"] == TENANT for row in seen.rows)

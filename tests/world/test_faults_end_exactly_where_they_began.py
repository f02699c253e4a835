"""Every fault ends exactly at its end: the world is then its base again, to the last bit, whatever overlapped."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world_parts import a_world, faults, play

from aurora_sim.world.faults import RAMP_STEPS, apply, changes

times = st.one_of(st.integers(0, 12).map(float), st.floats(0, 12))
factors = st.floats(0.01, 50)
shares = st.floats(0, 1)
providers = st.sampled_from(["akash", "vast", "salad"])
bridges = st.sampled_from(["axelar", "rest_api"])
tenants = st.sampled_from(["tenant-dao", "tenant-render"])
regions = st.sampled_from(["eu-west-1", "us-west-2", "global"])


def a_fault(kind, **fields):
    length = st.one_of(st.just(0.0), st.integers(1, 10).map(float), st.floats(0.001, 10))
    timing = st.tuples(times, length, st.sampled_from([0.0, 0.0, 0.5, 1.0]))
    return st.tuples(timing, st.fixed_dictionaries(fields)).map(
        lambda drawn: {
            "fault": kind, "at": drawn[0][0], "for": drawn[0][1], "ramp": drawn[0][1] * drawn[0][2], **drawn[1],
        }
    )  # fmt: skip


def at_once(fault):
    return fault | {"ramp": 0.0}


any_fault = st.one_of(
    a_fault("outage", provider=providers, share=shares),
    a_fault("outage", region=regions, share=shares),
    a_fault("outage", bridge=bridges, share=shares),
    a_fault("capacity", provider=providers, factor=factors),
    a_fault("price", provider=providers, factor=factors),
    a_fault("price", provider=st.just("vast"), factor=factors, gpu_type=st.sampled_from(["A100", "RTX4090"])),
    a_fault("latency", provider=providers, factor=factors),
    a_fault("bridge-slow", bridge=bridges, factor=factors),
    a_fault("network", bridge=bridges, factor=factors),
    a_fault("relayers", bridge=bridges, workers=st.integers(0, 20)),
    a_fault("loss", bridge=bridges, add=shares),
    a_fault("loss", region=regions, add=shares),
    a_fault("reputation", provider=providers, add=st.floats(-100, 100)),
    a_fault("schema-drift", tenant=tenants, share=shares),
    a_fault("gateway-clock", add=st.floats(-600, 600)),
    a_fault("gateway-down", share=shares),
    a_fault("policy-slow", add=st.floats(0.001, 5)),
    a_fault("disk-full", share=shares),
    a_fault("policy-release", module=st.just("a.wasm"), share=shares),
    a_fault("state-lost").map(at_once),
    a_fault("bad-acks", provider=providers).map(at_once),
    a_fault("attestation", provider=providers).map(at_once),
    a_fault("key-mismatch", tenant=tenants).map(at_once),
    a_fault("provenance", service=st.sampled_from(["timestamp", "pin", "script"]), failure=shares),
)


def state(world):
    """Everything of a world that faults can touch, as anybody outside can see it."""
    door = world.front_door
    return (
        {
            name: (
                dict(p.capacity_gpus), dict(p.dark_share), p.latency_ms, p.active, dict(p.price_usd_per_hour),
                p.shown_reputation(), p.signs_well, p.attestation_refusal,
                [p.refusal(p.pools[kind], 1, "eu-west-1", 2.0) for kind in p.capacity_gpus],
            )
            for name, p in world.providers.items()
        },
        {name: (round(b.loss, 12), b.workers, way(b)) for name, b in world.bridges.items()},
        {name: losses.total() for name, losses in world.region_losses.items()},
        {name: failures.compound_share() for name, failures in world.provenance.failures.items()},
        world.provenance.full_disks.compound_share(),
        (door.clock_add_s, door.crash_share, door.decision_add_s, door.wrong_key, dict(door.drift_share), set(door.troubled),
         door.state_lost, [share for _, share in sorted(door.release_shares.items())]),
    )  # fmt: skip


def way(bridge):
    """How long a message would take now, long after all others."""
    sent_s = 1e7 * (1 + bridge.messages)
    message = bridge.send("probe", sent_s, math.inf, (0.3, 0.2, 0.1, 0.9, 0.9999999), 0.0)
    return message.start_s - sent_s, message.finish_s - sent_s, message.reply_s - sent_s


@settings(max_examples=80, deadline=None)
@given(st.lists(any_fault, max_size=8))
def test_after_the_last_fault_the_world_is_its_base_to_the_bit(method):
    world = a_world()
    play(world, faults(*method))
    assert state(world) == state(a_world())


def test_after_any_fault_a_bridge_loses_what_it_lost_before():
    world = a_world()
    play(world, faults({"at": 1.0, "for": 1.0, "fault": "price", "provider": "vast", "factor": 2.0}))
    assert {name: b.loss for name, b in world.bridges.items()} == {
        name: b.loss for name, b in a_world().bridges.items()
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(any_fault, min_size=1, max_size=6), st.floats(0, 22))
def test_at_any_time_the_world_is_what_the_faults_that_are_on_make_of_it(method, now_s):
    """Those that ended have left no trace: the same as a world that only ever saw the others."""
    method = [fault | {"ramp": 0.0} for fault in method]
    on = [fault for fault in method if fault["at"] <= now_s < fault["at"] + fault["for"]]
    all_seen, only_on = a_world(), a_world()
    play(all_seen, faults(*method), now_s)
    play(only_on, faults(*on), now_s)
    assert state(all_seen) == state(only_on)


@settings(max_examples=60, deadline=None)
@given(st.lists(any_fault, max_size=6))
def test_changes_come_in_time_and_every_fault_ends_at_its_end(method):
    named = faults(*method)
    grouped = changes(named)
    instants = [time_s for time_s, _ in grouped]
    assert instants == sorted(set(instants))
    for number, (_, fault) in enumerate(named):
        mine = [change for _, due in grouped for change in due if change.number == number]
        if fault.for_s == 0.0:
            assert mine == []
            continue
        assert mine[0].time_s == fault.at
        assert mine[-1].time_s == fault.end
        levels = [change.level for change in mine]
        assert levels[-1] == 0.0
        assert levels[-2] == 1.0
        assert levels[:-1] == sorted(levels[:-1])


def test_one_that_begins_where_another_ends_is_taken_over_after_it():
    """Numbered the wrong way round, so that only the rule can bring them into order."""
    later = {"at": 10.0, "for": 5.0, "fault": "outage", "provider": "akash"}
    sooner = {"at": 0.0, "for": 10.0, "fault": "outage", "provider": "akash"}
    world = a_world()
    play(world, faults(later, sooner), 10.0)
    assert not world.providers["akash"].active
    assert [change.level for change in dict(changes(faults(later, sooner)))[10.0]] == [0.0, 1.0]


ROUND = {
    "price_process": {"stationary_sd": 0.0},
    "providers": {"akash": {"gpus": {"A100": {"capacity_gpus": 1200}}, "latency_ms": 300.0, "reputation": 78.0}},
}
RAMPED = [
    ({"fault": "outage", "provider": "akash", "share": 0.8}, lambda w: w.providers["akash"].dark_share["eu-west-1"], 0.8),
    ({"fault": "capacity", "provider": "akash", "factor": 0.25}, lambda w: w.providers["akash"].capacity_gpus["A100"], 300),
    ({"fault": "latency", "provider": "akash", "factor": 3.0}, lambda w: w.providers["akash"].latency_ms, 900.0),
    ({"fault": "price", "provider": "akash", "factor": 2.0}, lambda w: w.providers["akash"].price_usd_per_hour["A100"], 3.6),
    ({"fault": "reputation", "provider": "akash", "add": -30.0}, lambda w: w.providers["akash"].shown_reputation(), 48.0),
    ({"fault": "outage", "bridge": "axelar", "share": 0.5}, lambda w: w.bridges["axelar"].loss, 1 - 0.999 * 0.5),
    ({"fault": "loss", "bridge": "axelar", "add": 0.3}, lambda w: w.bridges["axelar"].loss, 0.301),
    ({"fault": "loss", "region": "eu-west-1", "add": 0.3}, lambda w: w.region_losses["eu-west-1"].total(), 0.3),
    ({"fault": "bridge-slow", "bridge": "axelar", "factor": 4.0}, lambda w: way(w.bridges["axelar"])[1], None),
    ({"fault": "network", "bridge": "axelar", "factor": 4.0}, lambda w: way(w.bridges["axelar"])[2], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "look", "full"), RAMPED, ids=lambda value: str(value.get("fault")) if isinstance(value, dict) else ""
)
def test_a_ramp_comes_on_step_by_step_up_to_the_full_value(fault, look, full):
    world = a_world(**ROUND)
    before = look(world)
    ramped = faults(fault | {"at": 100.0, "for": 50.0, "ramp": 20.0})
    seen = []
    for time_s, due in changes(ramped)[:-1]:
        assert 100.0 <= time_s < 120.0
        apply(world, ramped, due, time_s)
        seen.append(look(world))
    assert len(seen) == RAMP_STEPS
    ways = [later - sooner for sooner, later in zip([before, *seen], seen, strict=False)]
    assert all(way > 0 for way in ways) or all(way < 0 for way in ways)
    at_once = a_world(**ROUND)
    play(at_once, faults(fault | {"at": 100.0, "for": 50.0}), 110.0)
    if full is None:
        assert seen[-1] == pytest.approx(look(at_once), rel=1e-6)
    else:
        assert seen[-1] == look(at_once) == pytest.approx(full)


@pytest.mark.parametrize("ramp", [0.0, 1e-9])
def test_a_fault_too_short_for_the_clock_ends_too(ramp):
    world = a_world()
    play(world, faults({"at": 1e8, "for": 1e-9, "ramp": ramp, "fault": "outage", "provider": "akash"}))
    assert world.providers["akash"].active


def test_relay_workers_go_at_once_and_the_least_holds():
    method = faults(
        {"at": 0, "for": 100, "ramp": 50, "fault": "relayers", "bridge": "axelar", "workers": 2},
        {"at": 10, "for": 20, "fault": "relayers", "bridge": "axelar", "workers": 1},
        {"at": 10, "for": 20, "fault": "relayers", "bridge": "axelar", "workers": 900},
    )
    workers = dict.fromkeys((0.0, 5.0, 10.0, 30.0, 99.0, 100.0))
    for time_s in workers:
        fresh = a_world()
        play(fresh, method, time_s)
        workers[time_s] = fresh.bridges["axelar"].workers
    assert workers == {0.0: 2, 5.0: 2, 10.0: 1, 30.0: 2, 99.0: 2, 100.0: 4}

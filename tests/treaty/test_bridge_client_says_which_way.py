"""The client of a bridge sends, fails over or lets wait as its breaker, its queue and its operator say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_sim.treaty.bridge_client import BridgeClient
from aurora_sim.treaty.client import ClientSettings
from aurora_sim.treaty.local_queue import QueueSettings

PLAIN = ClientSettings(breaker_failures=3, breaker_probe_s=10.0)
PACED = PLAIN.paced(probe_s=10.0)
CAPACITY_PER_S = 20.0
PACE_PER_S = 13.0  # 0.65 of it


def a_client(client_settings, failover=False):
    client = BridgeClient(client_settings, CAPACITY_PER_S)
    if failover:
        client.failover = BridgeClient(client_settings, CAPACITY_PER_S)
    return client


def silent(client, now_s=0.0, times=3):
    for _ in range(times):
        client.unanswered(now_s)
    return client


@pytest.mark.parametrize("failover", [True, False])
@pytest.mark.parametrize("client_settings", [PLAIN, PACED])
def test_a_bridge_that_answers_is_used_and_unhindered(client_settings, failover):
    client = a_client(client_settings, failover)
    assert (client.hindered, client.way(0.0), client.due_s) == (False, "send", math.inf)
    silent(client, times=2)
    assert (client.hindered, client.way(0.0)) == (True, "send")
    client.answered()
    assert not client.hindered


@pytest.mark.parametrize("client_settings", [PLAIN, PACED])
def test_an_open_breaker_fails_over_and_probes(client_settings):
    client = silent(a_client(client_settings, failover=True))
    assert [client.way(time_s) for time_s in (0.0, 9.9, 10.0, 10.1, 20.0)] == [
        "failover", "failover", "send", "failover", "send"
    ]  # fmt: skip


def test_without_failover_they_wait_and_the_first_is_the_probe():
    client = silent(a_client(PACED))
    assert client.holding
    assert client.way(1.0) == "wait"
    for name in "abc":
        assert client.put(name, 1.0, 600.0)
    assert client.due_s == 10.0
    assert client.release(9.0) is None
    assert client.release(10.0) == ("a", "send")
    assert client.release(10.0) is None
    assert client.due_s == 20.0
    client.unanswered(12.0)
    client.put("a", 1.0, 600.0)  # at the same time as the others, so behind them
    assert client.release(20.0) == ("b", "send")
    client.answered()
    assert client.way(20.5) == "wait", "nobody overtakes those who wait"
    times_s = []
    while client.due_s < math.inf:
        times_s.append(client.due_s)
        assert client.release(client.due_s) is not None
    assert times_s == pytest.approx([20.0 + 1 / PACE_PER_S, 20.0 + 2 / PACE_PER_S])
    assert (client.hindered, client.way(21.0)) == (False, "send")


def test_who_waits_hinders_also_a_bridge_that_answers():
    client = a_client(PACED)
    client.put("a", 0.0, 600.0)
    assert (client.hindered, client.way(0.0), client.release(0.0)) == (True, "wait", ("a", "send"))
    assert not client.hindered


def test_with_neither_they_go_on():
    client = silent(a_client(PLAIN), times=50)
    assert client.way(0.0) == "send"
    assert not client.holding


def test_both_bridges_silent_is_to_wait():
    client = silent(a_client(PACED, failover=True))
    silent(client.failover)
    assert client.way(1.0) == "wait"
    client.put("a", 1.0, 600.0)
    client.failover.answered()
    assert client.release(1.0) == ("a", "failover")


def test_deadlines_are_kept_whatever_is_open():
    client = silent(a_client(PACED))
    client.put("short", 0.0, 4.0)
    client.put("long", 0.0, 40.0)
    assert client.due_s == 4.0
    assert (client.expire(3.9), client.expire(4.0)) == ([], ["short"])
    assert client.due_s == 10.0


def test_preferring_the_failover_bridge_is_at_once_and_can_be_taken_back():
    client = a_client(PLAIN, failover=True)
    client.prefer_failover(True)
    assert (client.hindered, client.way(0.0)) == (True, "failover")
    client.prefer_failover(False)
    assert (client.hindered, client.way(0.0)) == (False, "send")
    alone = a_client(PLAIN)
    alone.prefer_failover(True)
    assert alone.way(0.0) == "send"


def test_preferring_it_also_moves_those_who_wait():
    client = silent(a_client(PACED, failover=True))
    silent(client.failover)
    for name in "ab":
        client.put(name, 0.0, 600.0)
    client.prefer_failover(True)
    assert client.release(1.0) == ("a", "failover")
    assert client.due_s == pytest.approx(1.0 + 1 / PACE_PER_S)


def test_a_breaker_that_comes_with_new_settings_knows_what_was_seen():
    client = silent(a_client(PLAIN.blind()), times=40)
    assert client.way(0.0) == "send"
    client.use(PACED)
    assert (client.holding, client.way(0.0)) == (True, "wait")
    client.put("a", 0.0, 600.0)
    assert client.release(0.0) == ("a", "send"), "the first goes at once: the probe"


def test_a_queue_that_is_taken_away_still_lets_everybody_go():
    client = silent(a_client(PACED))
    for name in "ab":
        client.put(name, 0.0, 600.0)
    client.use(PLAIN.blind())
    assert client.way(0.0) == "send"
    assert client.release(0.0) == ("a", "send")
    assert client.due_s == pytest.approx(1 / PACE_PER_S)
    assert client.release(client.due_s) == ("b", "send")


def test_a_new_pace_holds_from_the_next_one_on():
    client = silent(a_client(PACED))
    for name in "abc":
        client.put(name, 0.0, 600.0)
    client.answered()
    client.release(0.0)
    client.use(PLAIN.paced(queue=QueueSettings(drain_fraction=0.05)))
    client.release(1.0)
    assert client.due_s == pytest.approx(2.0)


LEVERS = {
    "blind": PLAIN.blind(),
    "plain": PLAIN,
    "paced": PACED,
    "small": PLAIN.paced(queue=QueueSettings(orders_max=2)),
}
steps = st.lists(
    st.tuples(st.floats(0.0, 5.0), st.sampled_from(["try", "try", "answered", "unanswered", "failover up", "failover down",
                                                    "prefer", "do not", *LEVERS])), max_size=80,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(steps, st.booleans())
def test_whatever_is_pulled_nobody_is_lost_or_doubled(doing, failover):
    client = a_client(PACED, failover)
    now_s, tries, out, put = 0.0, 0, [], []
    for gap_s, what in doing:
        until_s = now_s + gap_s
        while client.due_s <= until_s:
            now_s = max(now_s, client.due_s)
            gone, released = client.expire(now_s), client.release(now_s)
            assert gone or released, "it was due, and yet nobody leaves"
            out += [*gone, released[0]] if released else gone
        now_s = until_s
        if what == "try":
            tries += 1
            if client.way(now_s) == "wait" and client.put(tries, now_s, now_s + 60.0):
                put.append(tries)
        elif what in ("answered", "unanswered"):
            client.answered() if what == "answered" else client.unanswered(now_s)
        elif what.startswith("failover") and client.failover is not None:
            client.failover.answered() if what == "failover up" else silent(client.failover, now_s)
        elif what in ("prefer", "do not"):
            client.prefer_failover(what == "prefer")
        elif what in LEVERS:
            client.use(LEVERS[what])
        assert client.hindered or client.way(now_s) == "send"
    out += client.expire(now_s + 1000.0)
    assert sorted(out) == put

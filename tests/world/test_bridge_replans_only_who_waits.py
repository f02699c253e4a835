"""Whatever happens to workers and their speed, messages are served once, in turn, and by no more workers than there are."""

from __future__ import annotations

import math

import pytest
from bridge_traffic import SERVICE_S, SlowQueue, a_bridge, send, times_of
from hypothesis import given, settings
from hypothesis import strategies as st

WORKERS = 3
QUARTER_S = 0.25
"""Most times are quarters of a second, so that ends of service, faults and new messages often fall on one instant."""
quarters = st.integers(0, 8).map(lambda n: n / 4)
sending = st.tuples(
    st.just("send"), quarters, st.sampled_from([1, 1, 1, 2, 3, 7, 12]), st.sampled_from([math.inf, 1.0, 2.5])
)
changing = st.tuples(
    st.just("change"), quarters, st.sampled_from([0, 1, 2, 3]), st.sampled_from([0.25, 0.5, 1.0, 2.0, 8.0])
)
traffic = st.lists(st.one_of(sending, sending, changing), min_size=1, max_size=60)


def slow_bridge(abandon_cost):
    return a_bridge(WORKERS, abandon_cost, service_median_ms=QUARTER_S * 1000.0)


def send_quarters(bridge, now_s, quarters, give_up_s=math.inf):
    """Send a message whose service takes that many quarters of a second; one quarter is exact."""
    return send(bridge, now_s, quarters * SERVICE_S, give_up_s)


class Played:
    """A bridge and the slow queue, taken through the same traffic."""

    def __init__(self, actions, abandon_cost):
        self.bridge = slow_bridge(abandon_cost)
        self.queue = SlowQueue(WORKERS, abandon_cost)
        self.messages = []
        self.begun = {}
        self.now_s = 0.0
        for action, gap_s, first, second in actions:
            self.now_s += gap_s
            if action == "send":
                self.send(first, self.now_s + second)
            else:
                self.change(first, second)

    def send(self, quarters, give_up_s=math.inf):
        message = send_quarters(self.bridge, self.now_s, quarters, give_up_s)
        self.messages.append(message)
        self.queue.send(self.now_s, message.service_s, give_up_s)

    def change(self, workers, factor):
        self.queue.change(self.now_s, workers, factor)
        begun = {n: (m.start_s, m.finish_s) for n, m in enumerate(self.messages) if m.start_s <= self.now_s}
        waiting = [message for message in self.messages if message.start_s > self.now_s]
        assert self.bridge.queue_length(self.now_s) == len(waiting)
        self.bridge.worker_limits.set(0, float(workers))
        self.bridge.service_factors.set(1, factor)
        replanned = self.bridge.recompute(self.now_s)
        # Who waits gets a new plan, and is named; who has had his turn is left alone.
        assert replanned == waiting
        for message in self.messages:  # what follows from a plan follows from the new one too
            assert message.reply_s == message.finish_s + message.travel_s
            assert message.due_s == min(message.reply_s, message.give_up_s)
        assert {n: (self.messages[n].start_s, self.messages[n].finish_s) for n in begun} == begun

    def end_faults(self):
        self.queue.change(self.now_s, WORKERS, 1.0)
        self.bridge.worker_limits.clear(0)
        self.bridge.service_factors.clear(1)
        self.bridge.recompute(self.now_s)


@settings(max_examples=300, deadline=None)
@given(traffic, st.sampled_from([0.0, 0.2, 1.0]))
def test_every_message_is_served_as_the_slow_queue_serves_it(actions, abandon_cost):
    played = Played(actions, abandon_cost)
    played.end_faults()
    played.queue.until(math.inf)
    expected = [played.queue.served[number] for number in range(len(played.messages))]
    assert times_of(played.messages) == [pytest.approx(times_s) for times_s in expected]


@settings(max_examples=150, deadline=None)
@given(traffic)
def test_turns_come_in_the_order_of_sending(actions):
    played = Played(actions, 1.0)
    starts_s = [message.start_s for message in played.messages]
    assert starts_s == sorted(starts_s)


@settings(max_examples=150, deadline=None)
@given(traffic)
def test_nobody_starts_while_all_workers_are_busy(actions):
    """Who is in service when workers go stays there; but then nobody starts until there are fewer than there are workers."""
    played = Played(actions, 1.0)
    workers = [(0.0, WORKERS)]
    now_s = 0.0
    for action, gap_s, first, _ in actions:
        now_s += gap_s
        if action == "change":
            workers.append((now_s, first))
    for number, message in enumerate(played.messages):
        if math.isinf(message.start_s):
            continue
        here = [count for time_s, count in workers if time_s <= message.start_s]
        before = [count for time_s, count in workers if time_s < message.start_s] or here[:1]
        busy = sum(m.start_s <= message.start_s < m.finish_s for m in played.messages[:number])
        # At the instant of a change either number may hold: the service may have begun just before it.
        assert busy < max(here[-1], before[-1], *here[len(before) :])


@settings(max_examples=100, deadline=None)
@given(traffic)
def test_a_drained_bridge_has_forgotten_every_fault(actions):
    played = Played(actions, 0.2)
    played.end_faults()
    drained_s = max((message.finish_s for message in played.messages), default=0.0)
    fresh = slow_bridge(0.2)
    later_s = max(drained_s, played.now_s) + 1.0
    gaps_s = [0.0, 0.1, 0.2, 1.0, 0.0, 0.0, 0.3]
    old_messages, new_messages = [], []
    for number, gap_s in enumerate(gaps_s):
        later_s += gap_s
        old_messages.append(send_quarters(played.bridge, later_s, 1 + number))
        new_messages.append(send_quarters(fresh, later_s, 1 + number))
    assert times_of(old_messages) == times_of(new_messages)
    assert [message.reply_s for message in old_messages] == [message.reply_s for message in new_messages]


def test_no_workers_serve_nobody_until_they_are_back():
    played = Played([("change", 1.0, 0, 1.0)], 1.0)
    played.send(4)
    assert math.isinf(played.messages[0].reply_s)
    assert played.bridge.queue_length(played.now_s + 100.0) == 1
    played.now_s = 500.0
    played.end_faults()
    assert times_of(played.messages) == [(500.0, pytest.approx(501.0))]


def test_a_recompute_that_changes_nothing_moves_nobody():
    bridge = a_bridge(2)
    messages = [send(bridge, 0.1 * n, 0.7) for n in range(12)]
    before = [(m.start_s, m.finish_s, m.reply_s) for m in messages]
    for time_s in (1.15, 1.3, 2.0):
        bridge.recompute(time_s)
        assert [(m.start_s, m.finish_s, m.reply_s) for m in messages] == before

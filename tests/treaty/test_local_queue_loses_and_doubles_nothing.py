"""The local queue: first come, first served, never above its pace, each put thing out exactly once, by its deadline."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_sim.treaty.local_queue import CLOCK_GRACE_S, LocalQueue

gaps = st.floats(0.0, 3.0) | st.just(0.0)
actions = st.lists(
    st.tuples(gaps, st.sampled_from(["put", "put", "take", "expire", "again"]), st.floats(0.0, 8.0)), max_size=80
)
paces = st.sampled_from([0.3, 1.0, 18.6, 1000.0])


class Played:
    """A queue taken through some actions; everything that went in and came out, with when."""

    def __init__(self, doing, orders_max, pace_per_s):
        self.queue = LocalQueue(orders_max, pace_per_s)
        self.waiting = {}  # number -> (came, joined, deadline)
        self.came, self.out, self.taken_at_s = {}, [], []
        self.put, self.refused, self.joined = 0, 0, 0
        self.now_s = 0.0
        for gap_s, what, valid_for_s in doing:
            self.now_s += gap_s
            if what == "put":
                self.enter(self.put, self.now_s, self.now_s + valid_for_s)
                self.put += 1
            elif what == "again" and self.out and self.out[-1] not in self.waiting:
                number = self.out.pop()  # it was tried, and failed
                self.enter(number, self.came[number], self.now_s + valid_for_s)
            elif what == "take":
                self.take()
            else:
                self.expire()

    def enter(self, number, came_s, deadline_s):
        self.came[number] = came_s
        full = len(self.waiting) == self.queue.orders_max
        assert self.queue.put(number, came_s, deadline_s) is not full
        if full:
            self.refused += 1
        else:
            self.waiting[number] = (came_s, self.joined, deadline_s)
            self.joined += 1
        assert len(self.queue) == len(self.waiting)

    def take(self):
        number = self.queue.take(self.now_s)
        if number is None:
            assert not self.waiting or self.now_s < self.queue.leave_at_s
            return
        first = min(self.waiting, key=lambda n: self.waiting[n][:2])
        assert number == first, "first come, first served"
        del self.waiting[number]
        self.out.append(number)
        self.taken_at_s.append(self.now_s)

    def expire(self):
        gone = self.queue.expire(self.now_s)
        assert gone == sorted(
            (n for n, (_, _, deadline_s) in self.waiting.items() if deadline_s <= self.now_s),
            key=lambda n: (self.waiting[n][2], self.waiting[n][1]),
        )
        for number in gone:
            del self.waiting[number]
        self.out += gone
        earliest_s = min((deadline_s for _, _, deadline_s in self.waiting.values()), default=math.inf)
        assert self.queue.deadline_s == earliest_s > self.now_s


@settings(max_examples=300, deadline=None)
@given(actions, st.integers(1, 6), paces)
def test_whoever_goes_in_comes_out_once_in_turn(doing, orders_max, pace_per_s):
    played = Played(doing, orders_max, pace_per_s)
    while played.waiting:
        played.now_s = max(played.now_s, played.queue.leave_at_s)
        played.take()
    assert played.queue.take(math.inf) is None
    assert len(played.out) == len(set(played.out)), "nobody is let go twice"
    assert len(played.out) + played.refused == played.put


@settings(max_examples=200, deadline=None)
@given(actions, paces)
def test_in_no_window_do_more_leave_than_the_pace_allows(doing, pace_per_s):
    times_s = Played(doing, 1000, pace_per_s).taken_at_s
    for first, begin_s in enumerate(times_s):
        for last in range(first, len(times_s)):
            window_s = times_s[last] - begin_s + CLOCK_GRACE_S
            assert last - first + 1 <= 1 + window_s * pace_per_s * (1 + 1e-9)


@given(st.integers(2, 500), paces)
def test_a_full_queue_is_drained_exactly_at_the_pace(count, pace_per_s):
    queue = LocalQueue(count, pace_per_s)
    for number in range(count):
        queue.put(number, 0.0, math.inf)
    now_s = 7.0
    for number in range(count):
        assert queue.take(now_s) == number
        now_s = queue.leave_at_s
    assert now_s - 7.0 == pytest.approx(count / pace_per_s)


def test_a_pause_saves_no_burst_up():
    queue = LocalQueue(10, 2.0)
    for number in range(10):
        queue.put(number, 0.0, math.inf)
    assert [queue.take(100.0), queue.take(100.0), queue.take(100.4), queue.take(100.5)] == [0, None, None, 1]


def test_who_comes_back_takes_the_old_place():
    queue = LocalQueue(10, 1000.0)
    for number in range(3):
        queue.put(number, float(number), math.inf)
    probe = queue.take(10.0)
    queue.put(probe, 0.0, math.inf)
    assert [queue.take(11.0 + n) for n in range(3)] == [0, 1, 2]

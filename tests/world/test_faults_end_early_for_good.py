"""A fault that is ended before its time is off from then on, and nothing that was still scheduled of it comes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_faults_end_exactly_where_they_began import any_fault, state
from world_parts import a_world, faults

from aurora_sim.world.faults import apply, changes, end


def play_and_end(method, number, ended_s):
    """A world that saw every change, with one fault ended at that time, after whatever is due then."""
    world, ended = a_world(), False
    for time_s, due in changes(method):
        if time_s > ended_s and not ended:
            end(world, method, number, ended_s)
            ended = True
        apply(world, method, due, time_s)
    if not ended:
        end(world, method, number, ended_s)
    return world


@settings(max_examples=60, deadline=None)
@given(st.lists(any_fault, min_size=1, max_size=5), st.data())
def test_the_world_is_as_if_the_fault_were_over(method, data):
    number = data.draw(st.integers(0, len(method) - 1))
    ended_s = data.draw(st.floats(0, 22))
    look_s = data.draw(st.floats(ended_s, 23))
    named = faults(*method)
    ended, without = a_world(), a_world()
    for time_s, due in changes(named):
        if time_s <= ended_s:
            apply(ended, named, due, time_s)
    end(ended, named, number, ended_s)
    for time_s, due in changes(named):
        if ended_s < time_s <= look_s:
            apply(ended, named, due, time_s)
        if time_s <= look_s:
            others = [change for change in due if change.number != number]
            apply(without, named, others, time_s)
    assert state(ended) == state(without)


@settings(max_examples=40, deadline=None)
@given(st.lists(any_fault, min_size=1, max_size=5), st.floats(0, 22))
def test_after_all_the_world_is_its_base(method, ended_s):
    assert state(play_and_end(faults(*method), 0, ended_s)) == state(a_world())


def test_one_that_has_not_begun_never_begins():
    method = faults({"at": 10.0, "for": 5.0, "fault": "outage", "provider": "akash"})
    world = a_world()
    end(world, method, 0, 3.0)
    for time_s, due in changes(method):
        apply(world, method, due, time_s)
        assert world.providers["akash"].active


def test_a_ramp_goes_no_further():
    method = faults({"at": 0.0, "for": 100.0, "ramp": 50.0, "fault": "latency", "provider": "akash", "factor": 3.0})
    world = a_world()
    base_ms = world.providers["akash"].latency_ms
    for time_s, due in changes(method):
        if time_s > 25.0:
            end(world, method, 0, 25.0)
        apply(world, method, due, time_s)
        assert (world.providers["akash"].latency_ms > base_ms) == (time_s <= 25.0)


def test_what_is_on_is_known():
    method = faults({"at": 1.0, "for": 5.0, "fault": "outage", "provider": "akash"})
    world = a_world()
    apply(world, method, changes(method)[0][1], 1.0)
    assert world.faults_on == {0}
    end(world, method, 0, 2.0)
    assert world.faults_on == set()


def test_what_was_drawn_cannot_be_ended():
    method = faults({"at": 1.0, "for": 5.0, "fault": "demand", "factor": 2.0})
    with pytest.raises(ValueError, match="cannot be ended"):
        end(a_world(), method, 0, 2.0)

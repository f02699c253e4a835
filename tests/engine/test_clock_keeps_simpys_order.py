"""The clock's events happen as a plain SimPy environment's do: same order, same times, whatever is scheduled from within."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

import pytest
import simpy
from hypothesis import example, given
from hypothesis import strategies as st
from simpy.core import EmptySchedule
from simpy.events import NORMAL, URGENT, EventPriority

from aurora_sim.engine.clock import Clock
from aurora_sim.engine.future_events import PAGE_S

START_S = -2.0 * PAGE_S
END_S = 8.0 * PAGE_S + 1.0
# Ties and the edges of pages are what could go wrong.
DELAYS_S = st.one_of(
    st.sampled_from([0.0, 0.25, 1.0, PAGE_S - 1.0, PAGE_S, 2.0 * PAGE_S, 10.0 * PAGE_S, 1e7]), st.floats(0.0, 200.0)
)
PRIORITIES = st.sampled_from([NORMAL, NORMAL, URGENT])
PLANS = st.lists(st.tuples(DELAYS_S, PRIORITIES, st.lists(st.tuples(DELAYS_S, PRIORITIES), max_size=3)), max_size=25)
Followers = Sequence[tuple[float, EventPriority]]
Plan = Sequence[tuple[float, EventPriority, Followers]]


class Scheduler:
    """Schedules notes in a log, each of which schedules its followers, as events or as plain calls."""

    def __init__(self, env: simpy.Environment, plain_calls: bool) -> None:
        self.env = env
        self.plain_calls = plain_calls
        self.log: list[tuple[float, str]] = []

    def put(self, name: str, delay_s: float, priority: EventPriority, followers: Followers) -> None:
        if self.plain_calls and priority == NORMAL:
            assert isinstance(self.env, Clock)
            self.env.at(self.env.now + delay_s, lambda value, now_s: self.note(*value, now_s), (name, followers))
            return
        event = self.env.event()
        event._ok, event._value = True, None
        event.callbacks.append(lambda _: self.note(name, followers, self.env.now))
        self.env.schedule(event, priority, delay_s)

    def note(self, name: str, followers: Followers, now_s: float) -> None:
        assert now_s == self.env.now
        self.log.append((now_s, name))
        for number, (delay_s, priority) in enumerate(followers):
            self.put(f"{name}.{number}", delay_s, priority, ())


def happened(
    env: simpy.Environment, plan: Plan, go: Callable[[float], object], stops_s: Sequence[float], plain_calls: bool
) -> list[tuple[float, str]]:
    """What happens when each event of the plan schedules its own followers."""
    scheduler = Scheduler(env, plain_calls)
    for number, (delay_s, priority, followers) in enumerate(plan):
        scheduler.put(str(number), delay_s, priority, followers)
    for stop_s in stops_s:
        go(stop_s)
    return [*scheduler.log, (env.now, "end")]


# Two at a page's edge, the later one scheduled from the page before.
@example([(PAGE_S, NORMAL, []), (1.0, NORMAL, [(PAGE_S - 1.0, NORMAL)])], [], True)
@example([(PAGE_S, NORMAL, []), (1.0, NORMAL, [(PAGE_S - 1.0, NORMAL)])], [], False)
@given(PLANS, st.lists(st.integers(round(START_S) + 1, round(END_S) - 1).map(float)), st.booleans())
def test_order_and_times_are_simpys(plan: Plan, stops_s: list[float], plain_calls: bool) -> None:
    for stops in ([END_S], [*sorted(set(stops_s)), END_S]):
        plain, ours, other = simpy.Environment(START_S), Clock(START_S), Clock(START_S)
        expected = happened(plain, plan, plain.run, stops, False)
        assert happened(ours, plan, ours.advance, stops, plain_calls) == expected
        assert happened(other, plan, other.run, stops, plain_calls) == expected


def test_what_has_happened_is_let_go_of() -> None:
    class Thing:
        pass

    clock, thing = Clock(0.0), Thing()
    gone = weakref.ref(thing)
    clock.at(1.0, lambda thing, now_s: None, thing)
    del thing
    assert gone() is not None
    clock.advance(2.0)
    assert gone() is None


def test_what_is_due_at_the_end_waits() -> None:
    clock = Clock(0.0)
    log: list[float] = []
    clock.timeout(60.0).callbacks.append(lambda _: log.append(clock.now))
    clock.advance(60.0)
    assert (clock.now, log, clock.peek()) == (60.0, [], 60.0)
    clock.advance(60.5)
    assert (clock.now, log) == (60.5, [60.0])


def test_processes_run_and_their_failures_are_raised() -> None:
    clock = Clock(0.0)
    log: list[float] = []

    def actor() -> simpy.events.ProcessGenerator:
        for _ in range(3):
            yield clock.timeout(50.0)
            log.append(clock.now)
        raise RuntimeError("the actor fell over")

    clock.process(actor())
    with pytest.raises(RuntimeError, match="fell over"):
        clock.advance(1000.0)
    assert log == [50.0, 100.0, 150.0]


def test_a_failure_that_somebody_took_care_of_is_none() -> None:
    clock = Clock(0.0)
    log: list[str] = []

    def actor(failing: simpy.Event) -> simpy.events.ProcessGenerator:
        try:
            yield failing
        except RuntimeError as failure:
            log.append(str(failure))

    failing = clock.event()
    clock.process(actor(failing))
    failing.fail(RuntimeError("mended"))
    clock.advance(10.0)
    assert log == ["mended"]


def test_an_empty_clock_is_at_its_end() -> None:
    clock = Clock(0.0)
    clock.advance(100.0)
    assert (clock.now, clock.peek()) == (100.0, float("inf"))
    with pytest.raises(EmptySchedule):
        clock.step()

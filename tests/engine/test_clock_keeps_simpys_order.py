"""The clock's events happen as a plain SimPy environment's do: same order, same times, whatever is scheduled from within."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st
from simpy.core import EmptySchedule
from simpy.events import NORMAL, URGENT, EventPriority

from aurora_sim.engine.clock import PAGE_S, Call, Clock

START_S = -2.0 * PAGE_S
END_S = 8.0 * PAGE_S + 1.0
# Ties and the edges of pages are what could go wrong.
DELAYS_S = st.one_of(
    st.sampled_from([0.0, 0.25, 1.0, PAGE_S - 1.0, PAGE_S, 2.0 * PAGE_S, 10.0 * PAGE_S, 1e7]), st.floats(0.0, 200.0)
)
PRIORITIES = st.sampled_from([NORMAL, NORMAL, URGENT])
PLANS = st.lists(st.tuples(DELAYS_S, PRIORITIES, st.lists(st.tuples(DELAYS_S, PRIORITIES), max_size=3)), max_size=25)
Plan = Sequence[tuple[float, EventPriority, Sequence[tuple[float, EventPriority]]]]


def happened(env: simpy.Environment, plan: Plan, go: Callable[[], object]) -> list[tuple[float, str]]:
    """What happens when each event of the plan schedules its own followers."""
    log: list[tuple[float, str]] = []

    def note(event: Call) -> None:
        name, followers = event.value
        log.append((env.now, name))
        for number, (delay_s, priority) in enumerate(followers):
            env.schedule(Call((f"{name}.{number}", ()), (note,)), priority, delay_s)  # type: ignore[arg-type]

    for number, (delay_s, priority, followers) in enumerate(plan):
        env.schedule(Call((str(number), followers), (note,)), priority, delay_s)  # type: ignore[arg-type]
    go()
    log.append((env.now, "end"))
    return log


@given(PLANS, st.lists(st.floats(START_S + 0.001, END_S - 0.001)))
def test_order_and_times_are_simpys(plan: Plan, stops_s: list[float]) -> None:
    plain = simpy.Environment(START_S)
    expected = happened(plain, plan, lambda: plain.run(until=END_S))
    clock = Clock(START_S)
    assert happened(clock, plan, lambda: clock.run(until=END_S)) == expected
    sliced = Clock(START_S)
    assert happened(sliced, plan, lambda: [sliced.advance(stop_s) for stop_s in [*sorted(stops_s), END_S]]) == expected


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

"""The histograms of round trips and decisions say what counting one by one says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.observe.tally import DecisionTimes, RttHistogram

# The edges of buckets are what could go wrong.
RTTS_MS = st.one_of(
    st.sampled_from([1.0, 349.999, 350.0, 350.001, 59_999.5, 60_000.0, 60_000.5, 1e6]), st.floats(1e-3, 1000.0)
)
BOUNDS_NS = [round(bound_ms * 1e6) for bound_ms in DecisionTimes.BOUNDS_MS]
CALLS_NS = st.one_of(
    st.sampled_from([edge for bound in BOUNDS_NS for edge in (bound - 1, bound, bound + 1)]),
    st.integers(0, 400_000_000),
)


@given(st.lists(st.lists(RTTS_MS, max_size=20), max_size=4), st.floats(0.01, 1.0))
def test_a_round_trip_counts_below_its_next_millisecond(steps: Sequence[list[float]], share: float) -> None:
    histogram = RttHistogram()
    for rtts_ms in steps:
        histogram.add(rtts_ms)
    every = [rtt_ms for rtts_ms in steps for rtt_ms in rtts_ms]
    buckets = sorted(min(math.ceil(rtt_ms), RttHistogram.LAST_MS) for rtt_ms in every)
    bounds = [1, 25, 350, 500, 30_000, RttHistogram.LAST_MS]
    assert histogram.cumulative(bounds) == [sum(bucket <= bound for bucket in buckets) for bound in bounds]
    assert histogram.total == len(every)
    assert math.isclose(histogram.sum_ms, math.fsum(every), abs_tol=1e-9)
    rank = math.ceil(share * len(every) - 1e-9)
    assert histogram.quantile(share) == (buckets[rank - 1] if every else None)


@given(st.lists(st.tuples(st.lists(CALLS_NS, max_size=20), st.sampled_from([0.0, 25.0, 400.0])), max_size=4))
def test_a_decision_counts_within_its_bound(steps: Sequence[tuple[list[int], float]]) -> None:
    times = DecisionTimes()
    taken_ns: list[int] = []
    for calls_ns, wait_ms in steps:
        times.wait_ns = round(wait_ms * 1e6)
        times.add(calls_ns)
        taken_ns += [call_ns + times.wait_ns for call_ns in calls_ns]
    assert [*accumulate(times.counts)] == [
        *(sum(took_ns <= bound_ns for took_ns in taken_ns) for bound_ns in BOUNDS_NS),
        len(taken_ns),
    ]
    assert times.sum_ns == sum(taken_ns)
    assert sum(times.waited.values()) == len(taken_ns)

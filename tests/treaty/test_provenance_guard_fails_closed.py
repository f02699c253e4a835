"""Coverage below 0.80 for over ten minutes halts new allocations (runbook, procedure 5); no data changes nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.treaty.coverage import CoverageGuard


def halted(coverages, guard=None):
    """What the guard says, with one coverage a minute."""
    guard = guard or CoverageGuard()
    return [guard.observe(coverage, minute * 60.0) for minute, coverage in enumerate(coverages)]


def test_it_halts_after_more_than_ten_minutes():
    assert halted([0.79] * 13) == [False] * 11 + [True, True]


def test_the_floor_itself_is_enough():
    assert halted([0.80] * 20) == [False] * 20


def test_one_good_minute_starts_the_count_again():
    assert not any(halted([0.7] * 10 + [0.8] + [0.7] * 11))


def test_coverage_back_at_the_floor_releases():
    assert halted([0.5] * 12 + [0.79, 0.80, 0.79]) == [False] * 11 + [True, True, False, False]


def test_no_data_does_not_trip():
    assert not any(halted([None] * 60))
    assert not any(halted([0.5] + [None] * 60))


def test_no_data_does_not_reset():
    assert halted([0.5] + [None] * 10 + [0.5]) == [False] * 11 + [True]


def test_no_data_does_not_release_and_the_operator_does():
    guard = CoverageGuard()
    halted([0.5] * 12, guard)
    assert guard.observe(None, 10_000.0)
    guard.release()
    assert not guard.halted
    assert not guard.observe(0.5, 10_060.0)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=60))
def test_halted_means_below_for_more_than_ten_minutes(coverages):
    for minute, is_halted in enumerate(halted(coverages)):
        seen = [(m, c) for m, c in enumerate(coverages[: minute + 1]) if c is not None]
        run = []
        for m, c in reversed(seen):
            if c >= 0.80:
                break
            run.append(m)
        assert is_halted == (bool(run) and run[0] - run[-1] > 10)

"""Coverage is complete receipts / jobs completed over the window, counted out one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.treaty.coverage import CoverageWindow

# (completed at, receipt complete after), both in tens of seconds; None: never.
jobs = st.lists(st.tuples(st.integers(0, 200), st.one_of(st.none(), st.integers(0, 120))), max_size=60)


@given(jobs, st.lists(st.integers(0, 260), min_size=1, max_size=6))
def test_places_in_lists_count_as_a_list_of_jobs_does(jobs, asked):
    window = CoverageWindow(window_s=900.0, grace_s=300.0)
    jobs = [(tens * 10.0, None if after is None else (tens + after) * 10.0) for tens, after in jobs]
    # At one instant the job comes before its receipt, and the question last.
    happenings = [(completed_s, 0, completed_s) for completed_s, _ in jobs]
    happenings += [(complete_s, 1, completed_s) for completed_s, complete_s in jobs if complete_s is not None]
    happenings += [(tens * 10.0, 2, 0.0) for tens in asked]
    for now_s, kind, completed_s in sorted(happenings):
        if kind == 0:
            window.jobs_completed([completed_s])
        elif kind == 1:
            window.receipts_complete([now_s], [completed_s])
        else:
            inside = [job for job in jobs if now_s - 900.0 <= job[0] <= now_s]
            complete = sum(complete_s is not None and complete_s <= now_s for _, complete_s in inside)
            owed = sum(
                completed_s + 300.0 < now_s and (complete_s is None or complete_s > now_s)
                for completed_s, complete_s in inside
            )
            expected = complete / (complete + owed) if complete + owed else None
            assert window.coverage(now_s) == expected
            over = [job for job in jobs if job[0] + 300.0 < now_s]
            assert window.late == sum(complete_s is None or complete_s > job_s + 300.0 for job_s, complete_s in over)


def test_no_jobs_is_no_figure():
    assert CoverageWindow().coverage(0.0) is None


def test_a_job_within_its_grace_is_no_evidence():
    window = CoverageWindow()
    window.jobs_completed([0.0])
    assert window.coverage(300.0) is None
    assert window.coverage(310.0) == 0.0
    window.receipts_complete([315.0], [0.0])  # late, and still news
    assert window.coverage(320.0) == 1.0
    assert window.coverage(910.0) is None


def test_before_the_start_is_a_time_too():
    window = CoverageWindow()
    window.jobs_completed([-95.0])
    window.receipts_complete([-90.0], [-95.0])
    assert window.coverage(0.0) == 1.0


def test_a_receipt_without_a_job_is_a_bug():
    window = CoverageWindow()
    window.jobs_completed([0.0])
    window.receipts_complete([1.0, 2.0], [0.0, 0.0])
    with pytest.raises(AssertionError, match="more receipts than jobs"):
        window.coverage(60.0)

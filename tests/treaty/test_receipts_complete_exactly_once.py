"""Every completed job's receipt completes, once, whatever fails on the way and whoever looks in between."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.treaty.provenance import ReceiptDesk


class Services:
    """All three services: each call takes the next of the given answers, and after the last all goes well."""

    def __init__(self, stamps=(), pins=(), roots=()):
        self.stamps, self.pins, self.roots = iter(stamps), iter(pins), iter(roots)
        self.stamp_calls, self.pin_calls, self.root_calls = [], [], []

    def stamp(self, batch_size, now_s):
        self.stamp_calls.append((now_s, batch_size))
        return next(self.stamps, 1.0)

    def pin(self, jobs, now_s):
        self.pin_calls += [(now_s, job) for job in jobs]
        return [next(self.pins, 2.0) for _ in jobs]

    def run(self, jobs):
        self.root_calls += jobs
        return [job for job in jobs if not next(self.roots, True)]


def a_desk(services, **settings):
    return ReceiptDesk(services, services, services, **settings)


def rows(made):
    """Of each receipt: complete at, job completed at, job."""
    return [
        row
        for receipts in made
        for row in zip(receipts.complete_s, receipts.jobs.completed_s, receipts.jobs.jobs, strict=True)
    ]


answers = st.lists(st.one_of(st.none(), st.floats(0, 400)), max_size=40)
minutes = st.lists(st.integers(0, 4), max_size=30)


@given(answers, answers, st.lists(st.booleans(), max_size=40), minutes, st.booleans())
def test_none_lost_none_twice_and_a_look_changes_nothing(stamps, pins, roots, jobs_by_minute, looked_at):
    def play(look):
        services = Services(stamps, pins, roots)
        desk = a_desk(services)
        finished, coverages, key = [], [], 0
        for minute in range(len(jobs_by_minute) + 200):
            now_s = minute * 60.0
            for n in range(jobs_by_minute[minute] if minute < len(jobs_by_minute) else 0):
                desk.completed(key, now_s + n)
                key += 1
                if look:
                    desk.coverage(now_s + n)
            finished += rows(desk.work(now_s + 30.0))
            coverages.append(desk.coverage(now_s + 30.0))
            assert coverages[-1] is None or 0.0 <= coverages[-1] <= 1.0
        return desk, finished, coverages, key, services

    desk, finished, coverages, jobs, services = play(look=False)
    assert Counter(job for _, _, job in finished) == Counter(range(jobs))
    assert desk.pending == 0
    assert desk.completed_jobs == desk.complete_receipts == jobs
    assert desk.late_receipts == sum(complete_s > completed_s + 300.0 for complete_s, completed_s, _ in finished)
    assert len(services.root_calls) == jobs + desk.script_failures  # each step is done once, and what fails again
    assert len(services.pin_calls) == jobs + desk.pin_failures
    assert set(services.root_calls) == {job for _, job in services.pin_calls} == set(range(jobs))
    if looked_at:
        again, finished_again, coverages_again, _, _ = play(look=True)
        assert coverages_again == coverages
        assert finished_again == finished
        assert again.late_receipts == desk.late_receipts


def test_a_good_day():
    services = Services()
    desk = a_desk(services)
    desk.completed("job-7", 5.0)
    desk.completed("job-8", 6.0)
    # 1 s of stamp, then 2 s of pin.
    assert rows(desk.work(60.0)) == [(63.0, 5.0, "job-7"), (63.0, 6.0, "job-8")]
    assert services.root_calls == ["job-7", "job-8"]
    assert services.stamp_calls == [(60.0, 2)]  # one stamp for the batch
    assert services.pin_calls == [(60.0, "job-7"), (60.0, "job-8")]
    assert desk.pending == 2
    assert desk.coverage(62.9) is None
    assert desk.coverage(63.0) == 1.0
    assert desk.pending == 0


def test_each_receipt_of_a_batch_is_complete_at_its_own_time():
    desk = a_desk(Services(pins=[9.0, 2.0, 5.0]))
    for job in range(3):
        desk.completed(job, float(job))
    desk.work(60.0)  # a stamp of 1 s before the pins
    found = []
    for now_s in (62.9, 63.0, 65.9, 66.0, 69.9, 70.0):
        desk.coverage(now_s)
        found.append(desk.complete_receipts)
    assert found == [0, 1, 1, 2, 2, 3]


def test_overdue_is_who_waits_beyond_the_grace():
    desk = a_desk(Services(pins=[2000.0, 2.0]))
    desk.completed("slow", 0.0)
    desk.completed("quick", 0.0)
    desk.work(60.0)  # complete at 2061 and at 63 s
    assert [desk.overdue(now_s) for now_s in (200.0, 400.0, 3000.0)] == [0, 1, 0]


def test_overdue_is_also_who_has_its_pin_and_no_stamp():
    desk = a_desk(Services(stamps=[None]))
    desk.completed("job", 0.0)
    assert desk.work(60.0) == []
    assert [desk.overdue(now_s) for now_s in (200.0, 400.0)] == [0, 1]


def test_a_step_that_is_done_is_not_done_again():
    services = Services(stamps=[None, None])
    desk = a_desk(services)
    desk.completed(0, 0.0)
    assert rows(desk.work(60.0)) == []
    assert rows(desk.work(120.0)) == []
    assert rows(desk.work(180.0)) == [(181.0, 0.0, 0)]
    assert services.pin_calls == [(60.0, 0)]
    assert desk.timestamp_failures == 2


def test_a_dead_service_is_asked_less_and_less():
    services = Services(stamps=[None] * 100)
    desk = a_desk(services)
    desk.completed(0, 0.0)
    for minute in range(20):
        desk.work(minute * 60.0)
    # 30, 60, 120, 240, 240, ... s after the last failure, at the next batch.
    assert [now_s for now_s, _ in services.stamp_calls] == [0, 60, 120, 240, 480, 720, 960]


def test_one_unlucky_pin_does_not_hold_up_the_next_batch():
    services = Services(pins=[None, 2.0])
    desk = a_desk(services, backoff_base_s=200.0)
    desk.completed(0, 0.0)
    desk.completed(1, 0.0)
    assert [job for _, _, job in rows(desk.work(60.0))] == [1]
    assert [job for _, _, job in rows(desk.work(120.0))] == [0]
    assert desk.pin_failures == 1


def test_a_receipt_is_late_once_and_as_soon_as_its_grace_is_over():
    services = Services(stamps=[None] * 6)
    desk = a_desk(services)
    desk.completed(0, 0.0)
    desk.work(60.0)
    late = []
    for now_s in (300.0, 300.1, 600.0):
        desk.coverage(now_s)
        late.append(desk.late_receipts)
    assert late == [0, 1, 1]
    for minute in range(11, 40):
        desk.work(minute * 60.0)
        desk.coverage(minute * 60.0)
    assert (desk.complete_receipts, desk.late_receipts) == (1, 1)


def test_a_receipt_that_no_look_found_missing_is_late_all_the_same():
    desk = a_desk(Services(pins=[250.0, 250.0]))
    desk.completed("late", 0.0)
    desk.completed("in time", 60.0)
    desk.work(60.0)  # complete 251 s later
    assert desk.coverage(600.0) == 1.0
    assert (desk.complete_receipts, desk.late_receipts) == (2, 1)


def test_a_step_done_before_its_sibling_ends_when_the_last_one_does():
    desk = a_desk(Services(stamps=[None, 1.0, 100.0], pins=[200.0, None, None, 2.0]), backoff_base_s=0.0)
    desk.completed("pinned first", 0.0)
    assert rows(desk.work(60.0)) == []
    desk.completed("stamped first", 70.0)
    assert rows(desk.work(120.0)) == [(261.0, 0.0, "pinned first")]  # its stamp begins when its pin is made, at 260 s
    assert rows(desk.work(120.0)) == []
    assert rows(desk.work(120.0)) == [(123.0, 70.0, "stamped first")]  # its pin begins when its stamp is made, at 121 s

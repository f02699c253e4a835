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
        self.stamp_calls, self.pin_calls = [], []

    def stamp(self, batch_size, now_s):
        self.stamp_calls.append((now_s, batch_size))
        return next(self.stamps, 1.0)

    def pin(self, key, now_s):
        self.pin_calls.append((now_s, key))
        return next(self.pins, 2.0)

    def run(self, key):
        return next(self.roots, True)


def a_desk(services, **settings):
    return ReceiptDesk(services, services, services, **settings)


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
                desk.completed(f"job-{key}", key, now_s + n)
                key += 1
                if look:
                    desk.coverage(now_s + n)
            finished += desk.work(now_s + 30.0)
            coverages.append(desk.coverage(now_s + 30.0))
            assert coverages[-1] is None or 0.0 <= coverages[-1] <= 1.0
        return desk, finished, coverages, key

    desk, finished, coverages, jobs = play(look=False)
    assert Counter(receipt.key for receipt in finished) == Counter(range(jobs))
    assert desk.pending == 0
    assert desk.completed_jobs == desk.complete_receipts == jobs
    assert desk.late_receipts == sum(receipt.complete_s > receipt.completed_s + 300.0 for receipt in finished)
    assert all(receipt.rooted and receipt.stamped and receipt.pinned for receipt in finished)
    if looked_at:
        again, _, coverages_again, _ = play(look=True)
        assert coverages_again == coverages
        assert again.late_receipts == desk.late_receipts


def test_a_good_day():
    services = Services()
    desk = a_desk(services)
    desk.completed("job-7", 7, 5.0)
    desk.completed("job-8", 8, 6.0)
    receipts = desk.work(60.0)
    assert [receipt.job_id for receipt in receipts] == ["job-7", "job-8"]
    assert services.stamp_calls == [(60.0, 2)]  # one stamp for the batch
    assert services.pin_calls == [(60.0, 7), (60.0, 8)]
    assert [receipt.complete_s for receipt in receipts] == [63.0, 63.0]  # 1 s of stamp, then 2 s of pin
    assert [receipt.attempts for receipt in receipts] == [3, 3]
    assert desk.pending == 2
    assert desk.coverage(62.9) is None
    assert desk.coverage(63.0) == 1.0
    assert desk.pending == 0


def test_a_step_that_is_done_is_not_done_again():
    services = Services(stamps=[None, None])
    desk = a_desk(services)
    desk.completed("job-0", 0, 0.0)
    assert desk.work(60.0) == []
    assert desk.work(120.0) == []
    assert [receipt.complete_s for receipt in desk.work(180.0)] == [181.0]
    assert services.pin_calls == [(60.0, 0)]
    assert desk.timestamp_failures == 2


def test_a_dead_service_is_asked_less_and_less():
    services = Services(stamps=[None] * 100)
    desk = a_desk(services)
    desk.completed("job-0", 0, 0.0)
    for minute in range(20):
        desk.work(minute * 60.0)
    # 30, 60, 120, 240, 240, ... s after the last failure, at the next batch.
    assert [now_s for now_s, _ in services.stamp_calls] == [0, 60, 120, 240, 480, 720, 960]


def test_one_unlucky_pin_does_not_hold_up_the_next_batch():
    services = Services(pins=[None, 2.0])
    desk = a_desk(services, backoff_base_s=200.0)
    desk.completed("job-0", 0, 0.0)
    desk.completed("job-1", 1, 0.0)
    assert [receipt.key for receipt in desk.work(60.0)] == [1]
    assert [receipt.key for receipt in desk.work(120.0)] == [0]
    assert desk.pin_failures == 1


def test_a_receipt_is_late_once_and_as_soon_as_its_grace_is_over():
    services = Services(stamps=[None] * 6)
    desk = a_desk(services)
    desk.completed("job-0", 0, 0.0)
    desk.work(60.0)
    late = []
    for now_s in (300.0, 300.1, 600.0):
        desk.coverage(now_s)
        late.append(desk.late_receipts)
    assert late == [0, 1, 1]
    for minute in range(11, 40):
        desk.work(minute * 60.0)
    assert (desk.complete_receipts, desk.late_receipts) == (1, 1)

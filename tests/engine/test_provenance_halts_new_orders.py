"""Fails closed: when receipts stay incomplete for more than ten minutes new orders are refused, until receipts are back."""

from __future__ import annotations

import pytest
from engine_runs import simulate

FROM_S, UNTIL_S = 300.0, 3000.0
STEPS = 70


@pytest.fixture(scope="module")
def seen():
    failing = {"at": FROM_S, "for": UNTIL_S - FROM_S, "fault": "provenance", "service": "timestamp", "failure": 1.0}
    return simulate(failing, steps=STEPS)


def first_below_s(seen):
    return next(r.time_s for r in seen.readings if r.provenance_coverage is not None and r.provenance_coverage < 0.8)


def halted_s(seen):
    return [reading.time_s for reading in seen.readings if reading.halted]


def test_coverage_falls_only_after_the_grace_time(seen):
    before = [r.provenance_coverage for r in seen.readings if r.time_s <= FROM_S + 300.0]
    assert min(before) >= 0.95
    assert FROM_S + 300.0 < first_below_s(seen) < FROM_S + 900.0
    assert min(r.provenance_coverage for r in seen.readings if r.provenance_coverage is not None) < 0.1


def test_the_halt_comes_after_ten_minutes_below_and_not_before(seen):
    below_s = first_below_s(seen)
    assert below_s + 600.0 < halted_s(seen)[0] <= below_s + 720.0


def test_while_halted_every_order_is_refused_for_it(seen):
    first_s, last_s = halted_s(seen)[0], halted_s(seen)[-1]
    during = [row for row in seen.rows if first_s <= float(row["time_s"]) < last_s]
    assert len(during) > 300
    assert {(row["outcome"], row["reason"], row["policy_code"]) for row in during} == {
        ("rejected", "treaty_halted", "")
    }
    others = [row for row in seen.rows if float(row["time_s"]) < first_s - 60.0 or float(row["time_s"]) > last_s + 60.0]
    assert "treaty_halted" not in {row["reason"] for row in others}


def test_after_the_service_is_back_orders_are_filled_again(seen):
    assert not seen.readings[-1].halted
    assert UNTIL_S < halted_s(seen)[-1] < UNTIL_S + 600.0
    assert seen.readings[-1].provenance_coverage > 0.95
    last = [row for row in seen.rows if float(row["time_s"]) > (STEPS - 5) * 60.0]
    assert len(last) > 100
    assert {row["outcome"] for row in last} == {"filled"}


def test_running_jobs_are_left_alone(seen):
    assert seen.recorder.jobs_killed == 0
    assert seen.books["receipts_late"] > 100
    waiting = seen.books["receipts_completed_jobs"] - seen.books["receipts_complete"]
    assert 0 <= waiting < 60


@pytest.mark.parametrize("service", ["pin", "script"])
def test_any_step_of_the_receipt_can_halt_the_treaty(service):
    failing = {"at": "1m", "for": "2h", "fault": "provenance", "service": service, "failure": 1.0}
    assert simulate(failing, steps=40).readings[-1].halted


def test_a_service_that_fails_now_and_then_halts_nothing():
    failing = {"at": "1m", "for": "2h", "fault": "provenance", "service": "pin", "failure": 0.5}
    seen = simulate(failing, steps=40)
    assert not halted_s(seen)
    assert seen.outcomes["rejected"] == 0

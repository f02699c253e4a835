"""An alert is false that fires before the first fault, or half an hour after the incident was resolved; not while it lasts."""

from __future__ import annotations

import pytest

from aurora_sim.lab.wargame.incident import FALSE_AFTER_S, Incident


def incident(*, fault_s: float | None = 1800.0, resolve_s: float | None = 7500.0, over_s: float = 7200.0) -> Incident:
    return Incident(fault_s, fault_s, fault_s, None, None, resolve_s, over_s)


@pytest.mark.parametrize(
    ("fired_s", "true"),
    [(0.0, False), (1799.0, False), (1800.0, True), (7500.0 + FALSE_AFTER_S, True), (7501.0 + FALSE_AFTER_S, False)],
)
def test_of_an_incident_that_was_resolved(fired_s: float, true: bool) -> None:
    assert incident().in_time(fired_s) is true


def test_a_rollback_after_the_last_fault_belongs_to_it() -> None:
    assert incident(resolve_s=7500.0, over_s=9000.0).in_time(9000.0 + FALSE_AFTER_S)


def test_while_the_steady_state_is_not_back_no_alert_is_too_late() -> None:
    lasting = incident(resolve_s=None)
    assert lasting.in_time(100_000.0)
    assert not lasting.in_time(1700.0)


def test_without_a_fault_every_alert_is_false() -> None:
    assert not incident(fault_s=None, resolve_s=None).in_time(100.0)

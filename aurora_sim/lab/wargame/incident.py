"""The instants of an incident and the times between them: one definition, everywhere.

fault    the first fault begins
impact   the first indicator of the steady state leaves its objective
fire     the first correct alert is firing: pending + `for`
notify   the responder hears of it: with `fire`
ack      somebody is on it
mitigate every indicator of the steady state is back inside its objective, for 10 min
resolve  the same after the last fault is over and the last rollback is done

TTD = fire - impact, TTA = ack - notify, TTM = mitigate - impact, TTR = resolve - impact.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from aurora_sim.lab.wargame.indicators import STEP_S, Indicator, back_inside, breach_after, step_at
from aurora_sim.observe.game_record import GameRecord

FALSE_AFTER_S: Final = 1800.0
"""An alert that begins to fire later than this after the incident was resolved speaks of nothing."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Instants in seconds from the start; None: it did not happen within the game, which is a censored time and no success."""

    fault_s: float | None
    impact_s: float | None
    fire_s: float | None
    ack_s: float | None
    mitigate_s: float | None
    resolve_s: float | None
    over_s: float
    """When the last fault was over and the last rollback done."""

    def in_time(self, fired_s: float) -> bool:
        """Whether an alert that fires then can speak of the faults; one that fires before them or long after is false.

        While the steady state is not back, as in an overload that outlasts its cause, no alert comes too late.
        """
        if self.fault_s is None or fired_s < self.fault_s:
            return False
        return self.resolve_s is None or fired_s <= max(self.over_s, self.resolve_s) + FALSE_AFTER_S

    @property
    def detect_s(self) -> float | None:
        return between(self.impact_s, self.fire_s)

    @property
    def detect_from_fault_s(self) -> float | None:
        return between(self.fault_s, self.fire_s)

    @property
    def acknowledge_s(self) -> float | None:
        return between(self.fire_s, self.ack_s)

    @property
    def mitigate_from_impact_s(self) -> float | None:
        return between(self.impact_s, self.mitigate_s)

    @property
    def resolve_from_impact_s(self) -> float | None:
        return between(self.impact_s, self.resolve_s)


def between(from_s: float | None, until_s: float | None) -> float | None:
    """The seconds between two instants, at least 0; None where one did not happen."""
    return None if from_s is None or until_s is None else max(0.0, until_s - from_s)


def incident_of(record: GameRecord, steady: Sequence[Indicator], correct: Collection[str]) -> Incident:
    """The incident of a record. `correct` names the alerts that speak of its faults; empty: any alert does."""
    faults = [fault for fault in record.faults if fault.end_s > fault.at_s]
    fault_s = min((fault.at_s for fault in faults), default=None)
    end_s = record.steps * STEP_S
    # What came by itself and is still on at the end has nothing after it that could be looked at.
    ends_s = (fault.end_s for fault in faults if not (fault.by_itself and fault.end_s >= end_s))
    over_s = max(
        [0.0, *ends_s, *(a.done_s for a in record.actions if a.part == "rollback")],
    )
    if fault_s is None:
        return Incident(None, None, None, None, None, None, over_s)
    first = step_at(fault_s)
    impacts = [breach_after(record.series[one.name], one, first) for one in steady]
    impact_s = min((at for at in impacts if at is not None), default=None)
    fired = [
        alert.fired_s
        for alert in record.alerts
        if alert.fired_s is not None and alert.fired_s >= fault_s and (not correct or alert.alert in correct)
    ]
    fire_s = min(fired, default=None)
    acks = [
        action.acknowledged_s for action in record.actions if fire_s is not None and action.acknowledged_s >= fire_s
    ]
    return Incident(
        fault_s,
        impact_s,
        fire_s,
        min(acks, default=None),
        None if impact_s is None else all_back(record, steady, step_at(impact_s)),
        all_back(record, steady, step_at(over_s)),
        over_s,
    )


def all_back(record: GameRecord, steady: Sequence[Indicator], from_step: int) -> float | None:
    """From when on all of them are inside their objectives together for 10 min, at or after a step."""
    at = from_step
    while True:
        found = [back_inside(record.series[one.name], one, at) for one in steady]
        if any(back is None for back in found):
            return None
        latest = max(back for back in found if back is not None)
        if step_at(latest) <= at:
            return latest
        at = step_at(latest)

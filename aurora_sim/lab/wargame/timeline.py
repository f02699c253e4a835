"""A seed's course as lanes and curves: what the report draws, and a reader of the JSON file can."""

from __future__ import annotations

from aurora_sim.lab.wargame.indicators import STEP_S, indicators
from aurora_sim.lab.wargame.judge import clock
from aurora_sim.lab.wargame.play import SeedPlays
from aurora_sim.lab.wargame.results import Timeline, TimelineItem
from aurora_sim.scenario.config import Slo

DECIMALS = 4
POINTS_MAX = 720
"""A week has 10,080 minutes: beyond so many points each is the worst of its span."""


def timeline(plays: SeedPlays, slo: Slo) -> Timeline:
    """The lanes of the main arm, and the indicators of all."""
    record = plays.answered or plays.unanswered
    end_s = record.steps * STEP_S
    items = [
        TimelineItem(lane="fault", name=f.name, state="on", from_s=f.at_s, until_s=min(f.end_s, end_s), detail=f.effect)
        for f in record.faults
    ]
    for alert in record.alerts:
        fired_s = (
            alert.fired_s if alert.fired_s is not None else alert.resolved_s if alert.resolved_s is not None else end_s
        )
        if fired_s > alert.started_s:
            items.append(
                TimelineItem(lane="alert", name=alert.alert, state="pending", from_s=alert.started_s, until_s=fired_s)
            )
        if alert.fired_s is not None:
            until_s = alert.resolved_s if alert.resolved_s is not None else end_s
            items.append(
                TimelineItem(
                    lane="alert",
                    name=alert.alert,
                    state="firing",
                    from_s=fired_s,
                    until_s=until_s,
                    detail=alert.severity,
                )
            )
    for action in record.actions:
        detail = f"{action.part}, due {clock(action.due_s)}, by the {action.by}"
        items.append(
            TimelineItem(
                lane="responder",
                name=action.step,
                state=action.do,
                from_s=action.began_s,
                until_s=max(action.done_s, action.began_s),
                detail=f"{detail}; refused: {action.refused}" if action.refused else detail,
            )
        )
    known = indicators(slo)
    arms = {"calm": plays.calm, "unanswered": plays.unanswered, "answered": plays.answered}
    series = {
        name: {
            arm: _thinned(played.series[name], indicator.low)
            for arm, played in arms.items()
            if played is not None and name in played.series
        }
        for name, indicator in known.items()
    }
    return Timeline(
        seed=plays.seed,
        steps=record.steps,
        items=items,
        series=series,
        objectives={name: indicator.bound for name, indicator in known.items()},
        violations=[f"{v.rule} at {clock(v.time_s)}: {v.detail}" for v in record.violations[:20]],
    )


def _thinned(values: list[float | None], low: bool) -> list[float | None]:
    every = -(-len(values) // POINTS_MAX)
    found: list[float | None] = []
    for start in range(0, len(values), every):
        known = [value for value in values[start : start + every] if value is not None]
        found.append(round(min(known) if low else max(known), DECIMALS) if known else None)
    return found

"""When an alert was right, in a game: with the war game's own definitions of an incident, its indicators and its expectations.

right    it fired between the first fault's begin and half an hour after the incident was resolved, and the game lets it
         (`fires-within` or `may-fire`), or an indicator that it reads was out of its objective since the fault began
false    it fired otherwise: before the fault, long after it, with its indicators inside their objectives, or though the game says
         `silent`; and whenever it fired in a fault-free day
missed   the game asks for it within a time, and it did not fire
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import Final

from aurora_sim.lab.alerts.hearing import Heard, RuleHeard
from aurora_sim.lab.alerts.results import Cell, RuleAudit
from aurora_sim.lab.alerts.thresholds import defects_of, note_of
from aurora_sim.lab.wargame.incident import Incident, incident_of
from aurora_sim.lab.wargame.indicators import Indicator, end_s, indicators, step_at
from aurora_sim.lab.wargame.judge import alert_held, expected_alerts
from aurora_sim.lab.wargame.play import Game
from aurora_sim.observe.alerts import Rule, RuleFile
from aurora_sim.observe.alerts.expression import selectors
from aurora_sim.observe.game_record import GameRecord
from aurora_sim.scenario.config import Slo

INDICATORS: Final = {
    "treaty_fill_rate": "fill_rate",
    "treaty_rtt_ms": "bridge_rtt",
    "bridge_rtt_ms_bucket": "bridge_rtt",
    "treaty_provenance_coverage": "provenance_coverage",
    "policy_decision_duration_ms_bucket": "policy_decision",
    "treaty_dropped_requests": "dropped",
    "treaty_failover_events_total": "failovers",
}
"""The indicator that a sample is of."""
_NOTHING: Final = Cell(expected=False, fired=0, false=0, silent=0, answered=0, missed=0)


@dataclass(frozen=True)
class GamePlayed:
    """One game on one seed: the unanswered arm's record, and what the rules made of it; the answered arm's where it was played."""

    game: Game
    record: GameRecord
    heard: Heard
    answered: tuple[Heard, GameRecord] | None = None

    @cached_property
    def incident(self) -> Incident:
        """The incident of the unanswered arm."""
        playbook, known = self.game.playbook, indicators(self.game.loaded.world.slo)
        must, may = expected_alerts(playbook)
        return incident_of(self.record, [known[name] for name in playbook.steady_state], must or may)

    def with_answered(self, heard: Heard, record: GameRecord) -> GamePlayed:
        """The same, with the other arm."""
        return replace(self, answered=(heard, record))

    def missed(self, rules: RuleFile) -> frozenset[str]:
        """The alerts of the file that the game asks for and that did not fire in time, in any arm that was played."""
        missed = self.unanswered_missed(rules)
        return missed if self.answered is None else missed & self._missed(rules, *self.answered)

    def unanswered_missed(self, rules: RuleFile) -> frozenset[str]:
        """Those of them that did not fire in time while nobody answered."""
        return self._missed(rules, self.heard, self.record)

    def _missed(self, rules: RuleFile, heard: Heard, record: GameRecord) -> frozenset[str]:
        names = {rule.alert for rule in rules.rules}
        return frozenset(
            e.alert
            for e in self.game.playbook.expect
            if e.alert in names
            and e.fires_within is not None
            and alert_held(e, _with_alerts(record, rules, heard, e.alert)).verdict != "passed"
        )


def _with_alerts(record: GameRecord, rules: RuleFile, heard: Heard, alert: str) -> GameRecord:
    """The record, as if these rules had been its own."""
    spans = [
        span for rule, one in zip(rules.rules, heard.rules, strict=True) if rule.alert == alert for span in one.spans
    ]
    return replace(record, alerts=spans)


def rule_audit(
    rules: RuleFile, number: int, played: Sequence[GamePlayed], days: Mapping[int, Heard], *, whole: bool
) -> RuleAudit:
    """One rule over all plays and, by seed, days."""
    rule = rules.rules[number]
    cells: dict[str, Cell] = {}
    missed, false, detections, resets = [], [], list[float](), list[float]()
    expected = fired = unresolved = 0
    for one in played:
        must, _ = expected_alerts(one.game.playbook)
        cell = cells.get(one.game.id, _NOTHING.model_copy(update={"expected": rule.alert in must}))
        expected += rule.alert in must
        pair = f"{one.game.id} seed {one.record.seed}"
        was_missed = rule.alert in one.missed(rules)
        missed += [pair] * was_missed
        right, wrong = _told_apart(rule, one, one.heard.rules[number])
        false += [pair] * bool(wrong)
        fired += bool(right)
        if right:
            assert one.incident.fault_s is not None
            detections.append(min(right) - one.incident.fault_s)
            reset_s = _reset_s(rule, one, one.heard.rules[number], max(right))
            unresolved += reset_s is None
            resets += [] if reset_s is None else [reset_s]
        cells[one.game.id] = Cell(
            expected=cell.expected,
            fired=cell.fired + bool(right),
            false=cell.false + bool(wrong),
            silent=cell.silent + (not right and not wrong),
            answered=cell.answered + (rule.alert in one.unanswered_missed(rules) and not was_missed),
            missed=cell.missed + was_missed,
        )
    at_rest = [heard.rules[number] for heard in days.values()]
    false_days = [seed for seed, heard in days.items() if _firings(heard.rules[number])]
    told = fired + len(false) + len(false_days)
    minutes = sum(heard.minutes for heard in days.values())
    return RuleAudit(
        alert=rule.alert,
        severity=rule.severity,
        place=rule.where,
        expected=expected,
        missed=missed,
        fired=fired,
        false=false,
        false_days=false_days,
        precision=round(fired / told, 4) if told else None,
        recall=round((expected - len(missed)) / expected, 4) if expected else None,
        detection_s=median(detections) if detections else None,
        reset_s=median(resets) if resets else None,
        unresolved=unresolved,
        at_rest=round(sum(of_day.active_minutes for of_day in at_rest) / minutes, 6),
        note=note_of(rule),
        defects=defects_of(rule, number, [one.heard for one in played], [*days.values()], whole=whole),
        games=cells,
    )


def _firings(heard: RuleHeard) -> list[float]:
    return [span.fired_s for span in heard.spans if span.fired_s is not None]


def _told_apart(rule: Rule, one: GamePlayed, heard: RuleHeard) -> tuple[list[float], list[float]]:
    """When it fired rightly, and falsely."""
    right: list[float] = []
    wrong: list[float] = []
    for at_s in _firings(heard):
        (right if _is_right(rule, one, at_s) else wrong).append(at_s)
    return right, wrong


def _is_right(rule: Rule, one: GamePlayed, at_s: float) -> bool:
    of_alert = [e for e in one.game.playbook.expect if e.alert == rule.alert]
    if not one.incident.in_time(at_s) or any(e.silent for e in of_alert):
        return False
    own = _indicators(rule, one.game.loaded.world.slo)
    return bool(of_alert) or not own or _last_out_s(one, own, at_s) is not None


def _indicators(rule: Rule, slo: Slo) -> list[Indicator]:
    """Those that a rule reads: counts of orders are about the share that is dropped, 1 less the fill rate."""
    known = indicators(slo)
    names = dict.fromkeys(selector.name for selector in selectors(rule.expression))
    found = [known[INDICATORS[name]] for name in names if name in INDICATORS]
    if "treaty_orders_total" in names:
        found.append(Indicator("fill_rate", 1.0 - slo.dropped_share_max, True))
    return found


def _last_out_s(one: GamePlayed, own: Sequence[Indicator], until_s: float) -> float | None:
    """The end of the last minute, since the fault began and until then, at which one of the indicators was out."""
    assert one.incident.fault_s is not None
    first = step_at(one.incident.fault_s)
    for step in range(min(step_at(until_s), one.record.steps - 1), first - 1, -1):
        values = [(indicator, one.record.series[indicator.name][step]) for indicator in own]
        if any(value is not None and not indicator.inside(value) for indicator, value in values):
            return end_s(step)
    return None


def _reset_s(rule: Rule, one: GamePlayed, heard: RuleHeard, fired_s: float) -> float | None:
    """How long it fired on when what it speaks of was over; None where it still fires at the end."""
    resolved = [span.resolved_s for span in heard.spans if span.fired_s == fired_s]
    known = [at_s for at_s in resolved if at_s is not None]
    if len(known) < len(resolved):
        return None
    resolved_s = max(known)
    own = _indicators(rule, one.game.loaded.world.slo)
    out_s = _last_out_s(one, own, resolved_s) if own else None
    return max(0.0, resolved_s - (one.incident.over_s if out_s is None else out_s))

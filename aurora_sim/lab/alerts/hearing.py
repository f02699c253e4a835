"""What the rules of any file make of one tape: their alerts, and how near each comparison came to its threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from aurora_sim.lab.alerts.reach import comparisons
from aurora_sim.lab.alerts.tape import Minutes
from aurora_sim.observe.alerts import AlertEngine, RuleFile
from aurora_sim.observe.alerts.evaluate import Compiled
from aurora_sim.observe.alerts.store import Key
from aurora_sim.observe.game_record import AlertSpan


@dataclass(frozen=True)
class Spread:
    """The values that one comparison's vector had: least, greatest, and the median over all minutes and series."""

    low: float
    high: float
    middle: float


@dataclass(frozen=True)
class RuleHeard:
    """One rule over a tape. `active_minutes`: pending or firing; `spreads`: of its comparisons, in order, None without a value."""

    spans: tuple[AlertSpan, ...]
    active_minutes: int
    spreads: tuple[Spread | None, ...]


@dataclass(frozen=True)
class Heard:
    """All rules over a tape, in the file's order. `series` are those that were there at some minute."""

    minutes: int
    rules: tuple[RuleHeard, ...]
    series: frozenset[Key]


def hear(rules: RuleFile, minutes: Minutes) -> Heard:
    """Evaluate rules over a tape. Raises InputError where a rule has no value."""
    engine = AlertEngine(rules)
    number_of = {rule.where: number for number, rule in enumerate(rules.rules)}  # two rules may share an alert's name
    vectors: list[list[Compiled]] = [
        [engine.part(found.operand) for found in comparisons(rule.expression)] for rule in rules.rules
    ]
    values: list[list[list[float]]] = [[[] for _ in of_rule] for of_rule in vectors]
    active = [0] * len(rules.rules)
    series: set[Key] = set()
    for time_s, samples in minutes:
        engine.observe(time_s, samples)
        series.update([(name, labels) for name, labels, _ in samples])
        for number in {number_of[alert.where] for alert in engine.states()}:
            active[number] += 1
        for of_rule, kept in zip(vectors, values, strict=True):
            for vector, found in zip(of_rule, kept, strict=True):
                found += [value for value in vector()[1] if value == value]
    spans: list[list[AlertSpan]] = [[] for _ in rules.rules]
    for alert in engine.alerts():
        spans[number_of[alert.where]].append(
            AlertSpan(alert.alert, alert.severity, alert.started_s, alert.fired_s, alert.resolved_s)
        )
    heard = tuple(
        RuleHeard(tuple(of_spans), of_active, tuple(map(_spread, of_values)))
        for of_spans, of_active, of_values in zip(spans, active, values, strict=True)
    )
    return Heard(len(minutes), heard, frozenset(series))


def _spread(values: Sequence[float]) -> Spread | None:
    return Spread(min(values), max(values), median(values)) if values else None

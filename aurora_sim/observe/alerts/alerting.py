"""Alerts over a run: pending, firing, resolved.

`alerts.csv` must be the same bytes on any machine. A measured time in the samples would break that, so the engine is to be
given `series.reproducible_samples`, in which a policy decision takes what the scenario lets an order wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from aurora_sim.observe.alerts.evaluate import Compiled, Evaluation, EvaluationError
from aurora_sim.observe.alerts.expression import METRIC_NAME, Node
from aurora_sim.observe.alerts.rules import Rule, RuleFile
from aurora_sim.observe.alerts.shape import needed
from aurora_sim.observe.alerts.store import Labels, SeriesStore, TakenSample
from aurora_sim.scenario.errors import InputError

PENDING: Final = "pending"
FIRING: Final = "firing"
RESOLVED: Final = "resolved"


@dataclass
class Alert:
    """One time that a rule's condition held for one set of labels.

    pending    since `started_s`: it holds, not yet for as long as the rule asks
    firing     since `fired_s`: the first evaluation at which it has held for that long
    resolved   at `resolved_s`: the first evaluation at which it no longer holds; one that never fired is dropped there

    `labels` are the sample's and the rule's, without `alertname`. `value` is the sample's, at the latest evaluation. `where` is the
    rule's place in its file.
    """

    alert: str
    severity: str
    labels: Labels
    annotations: dict[str, str]
    started_s: float
    value: float
    fired_s: float | None = None
    resolved_s: float | None = None
    where: str = ""

    @property
    def state(self) -> str:
        """pending, firing or resolved."""
        if self.resolved_s is not None:
            return RESOLVED
        return PENDING if self.fired_s is None else FIRING


class AlertEngine:
    """The rules of a file over the minutes of a run, in flat memory but for the alerts that have fired."""

    def __init__(self, rules: RuleFile) -> None:
        self._store = SeriesStore(rules.selectors)
        self._evaluation = evaluation = Evaluation(self._store)
        self._active: list[dict[Labels, Alert]] = [{} for _ in rules.rules]
        self._evaluated = [
            (rule, evaluation.compiled(rule.expression), active)
            for rule, active in zip(rules.rules, self._active, strict=True)
        ]
        self._needed = [needed(rule.expression) for rule in rules.rules]
        self._resolved: list[Alert] = []
        self._wake()

    def observe(self, time_s: float, samples: Iterable[TakenSample]) -> None:
        """Take the samples of a minute and evaluate every rule. Raises InputError where a rule has no value."""
        if self._store.observe(time_s, samples):
            self._wake()
        for rule, condition, active in self._awake:
            try:
                names, values = condition()
                if names or active:
                    self._update(rule, active, zip(names, values, strict=True), time_s)
            except EvaluationError as error:
                what = f"{rule.alert} has no value at {time_s:g} s: {error}"
                raise InputError(rule.where, what, "Aggregate with sum by (...), or match with on (...)") from None

    def _wake(self) -> None:
        """Leave out the rules that wait for a series: many are of orders that end badly, and in most runs hardly any do."""
        has_series = self._store.has_series
        self._awake = [
            evaluated
            for evaluated, selectors in zip(self._evaluated, self._needed, strict=True)
            if all(map(has_series, selectors))
        ]

    def _update(
        self, rule: Rule, active: dict[Labels, Alert], holding: Iterable[tuple[Labels, float]], now_s: float
    ) -> None:
        current: dict[Labels, Alert] = {}
        for sample_labels, value in holding:
            labels = _alert_labels(rule, sample_labels)
            if labels in current:
                raise EvaluationError("two alerts have the same labels")
            alert = active.get(labels)
            if alert is None:
                annotations = rule.annotations_for(dict(sample_labels))
                alert = Alert(rule.alert, rule.severity, labels, annotations, now_s, value, where=rule.where)
            alert.value = value
            if alert.fired_s is None and now_s - alert.started_s >= rule.for_s:
                alert.fired_s = now_s
            current[labels] = alert
        for labels, alert in active.items():
            if labels not in current and alert.fired_s is not None:
                alert.resolved_s = now_s
                self._resolved.append(alert)
        active.clear()
        active.update(current)

    def part(self, node: Node) -> Compiled:
        """A part of a rule's expression, as a function of the latest minute that was observed."""
        return self._evaluation.compiled(node)

    def states(self) -> tuple[Alert, ...]:
        """A copy of what is pending or firing now, in the order of the rules and then of the labels."""
        return tuple(replace(active[labels]) for active in self._active for labels in sorted(active))

    def alerts(self) -> list[Alert]:
        """Every alert that has fired, and those still pending: by start, then name, severity and labels."""
        every = [*self._resolved, *self.states()]
        return sorted(every, key=lambda alert: (alert.started_s, alert.alert, alert.severity, alert.labels))

    def history(self) -> list[tuple[str, ...]]:
        """The rows of `alerts.csv`: alert, severity, state, and when it started, fired and resolved, in seconds."""
        return [
            (a.alert, a.severity, a.state, _seconds(a.started_s), _seconds(a.fired_s), _seconds(a.resolved_s))
            for a in self.alerts()
        ]


def _alert_labels(rule: Rule, sample_labels: Labels) -> Labels:
    labels = {label: text for label, text in sample_labels if label not in (METRIC_NAME, "alertname")}
    labels.update(rule.labels)
    return tuple(sorted((label, text) for label, text in labels.items() if text))


def _seconds(time_s: float | None) -> str:
    return "" if time_s is None else f"{time_s:.3f}".rstrip("0").rstrip(".")

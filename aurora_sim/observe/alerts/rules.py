"""The alert rules, read from a file as Prometheus reads it; what would be evaluated differently here is refused, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, model_validator

from aurora_sim.observe.alerts.expression import Node, Selector, selectors
from aurora_sim.observe.alerts.parse import Parser, Unsupported
from aurora_sim.scenario.composer import Keys, shortened
from aurora_sim.scenario.document import Document, read_document
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.strict import Strict, wrong
from aurora_sim.scenario.validation import validate

INTERVAL_S: Final = 60.0
"""Between two evaluations."""

_UNIT_SECONDS: Final = {
    "y": 365 * 86400.0,
    "w": 7 * 86400.0,
    "d": 86400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 0.001,
}
# Largest unit first, each at most once, whole numbers: stricter than a scenario's durations, and with years and weeks.
_DURATION: Final = re.compile("(?=[0-9])" + "".join(f"(?:([0-9]{{1,9}}){unit})?" for unit in _UNIT_SECONDS))
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TEMPLATE: Final = re.compile(r"\{\{\s*\$labels\.([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")


def _duration(value: Any) -> Any:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        if value == 0 and not isinstance(value, bool):
            return 0.0
        raise wrong(f"{shortened(repr(value))} is not a duration of Prometheus", "Write it as 5m, 1h30m or 90s")
    return sum(float(count) * unit for count, unit in zip(match.groups(), _UNIT_SECONDS.values(), strict=True) if count)


Duration = Annotated[float, BeforeValidator(_duration)]
_REFUSED: Final = {
    "record": "recording rules are not evaluated here",
    "keep_firing_for": "keep_firing_for is not evaluated here",
    "limit": "limit is not evaluated here",
    "query_offset": "query_offset is not evaluated here",
}


class _Keys(Strict):
    @model_validator(mode="before")
    @classmethod
    def _refuse_by_name(cls, data: Any) -> Any:
        for key, what in _REFUSED.items():
            if isinstance(data, dict) and key in data:
                raise wrong(what, "Take it out, or keep the rule in another file", key)
        return data


class _RuleKeys(_Keys):
    alert: Annotated[str, Field(min_length=1)]
    expr: str
    for_s: Annotated[Duration, Field(alias="for")] = 0.0
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class _GroupKeys(_Keys):
    name: Annotated[str, Field(min_length=1)]
    interval: Duration | None = None
    rules: list[_RuleKeys] = Field(default_factory=list)


class _FileKeys(Strict):
    groups: list[_GroupKeys]


@dataclass(frozen=True)
class Rule:
    """One alerting rule. `where` is its expression's place, for errors that show only in a run."""

    alert: str
    expression: Node
    for_s: float
    labels: dict[str, str]
    annotations: dict[str, str]
    where: str

    @property
    def severity(self) -> str:
        """The label `severity`; empty without."""
        return self.labels.get("severity", "")

    def annotations_for(self, labels: dict[str, str]) -> dict[str, str]:
        """The annotations of an alert, with the labels of its sample filled in."""
        return {
            key: _TEMPLATE.sub(lambda found: labels.get(found[1], ""), text) for key, text in self.annotations.items()
        }


@dataclass(frozen=True)
class RuleFile:
    """The rules of a file, in its order."""

    path: Path
    sha256: str
    rules: tuple[Rule, ...]

    @property
    def selectors(self) -> frozenset[Selector]:
        """Every selector of every rule."""
        return frozenset(selector for rule in self.rules for selector in selectors(rule.expression))

    @property
    def sample_names(self) -> frozenset[str]:
        """The names of the samples that some rule reads; others need not be handed to `AlertEngine.observe`."""
        return frozenset(selector.name for selector in self.selectors)


def alerts_of(rules: RuleFile) -> dict[str, float]:
    """By alert, the least time that its condition must hold until it fires, in seconds."""
    least: dict[str, float] = {}
    for rule in rules.rules:
        least[rule.alert] = min(rule.for_s, least.get(rule.alert, rule.for_s))
    return least


def load_rules(path: Path) -> RuleFile:
    """Read and check a rule file. Raises InputError for whatever Prometheus or the evaluation here would not take."""
    document = read_document(path)
    groups = validate(document, _FileKeys).groups
    parser = Parser()
    rules: list[Rule] = []
    names: set[str] = set()
    for number, group in enumerate(groups):
        keys: Keys = ("groups", number)
        if group.name in names:
            raise InputError(document.where((*keys, "name")), f"{group.name} is the name of two groups", "Rename one")
        names.add(group.name)
        if group.interval not in (None, INTERVAL_S):
            what = f"an interval of {group.interval:g} s: rules are evaluated once a simulated minute"
            raise InputError(document.where((*keys, "interval")), what, "Write interval: 1m")
        rules += [_rule(document, (*keys, "rules", place), given, parser) for place, given in enumerate(group.rules)]
    return RuleFile(path, document.sha256, tuple(rules))


def _rule(document: Document, keys: Keys, given: _RuleKeys, parser: Parser) -> Rule:
    for label, text in given.labels.items():
        where = document.where((*keys, "labels", label))
        if not _LABEL.fullmatch(label) or label in ("__name__", "alertname"):
            raise InputError(where, f"{label!r} cannot be a rule's label", "Use letters, digits and _")
        if "{{" in text:
            raise InputError(where, "templates in labels are not evaluated here", "Write the label's value as it is")
    for key, text in given.annotations.items():
        where = document.where((*keys, "annotations", key))
        if not _LABEL.fullmatch(key):
            raise InputError(where, f"{key!r} cannot be an annotation's name", "Use letters, digits and _")
        if "{{" in _TEMPLATE.sub("", text):
            what = "of templates, only {{ $labels.NAME }} is evaluated here"
            raise InputError(where, what, "Write the text without the value")
    where = document.where((*keys, "expr"))
    try:
        expression = parser.parse(given.expr)
    except Unsupported as refused:
        raise InputError(where, refused.what, refused.mend) from None
    return Rule(given.alert, expression, given.for_s, dict(given.labels), dict(given.annotations), where)

"""What is wrong with a rule as such, whatever happened in any game: found in its text, and in the bounds of what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from aurora_sim.lab.alerts.exported import LABEL_VALUES, exported
from aurora_sim.lab.alerts.reach import Comparison, comparisons, reach
from aurora_sim.lab.alerts.results import Defect
from aurora_sim.observe.alerts.expression import Aggregate, Binary, Call, Negate, Node, Selector, selectors
from aurora_sim.observe.alerts.rules import Rule
from aurora_sim.scenario.errors import did_you_mean

COUNTER_FUNCTIONS: Final = ("rate", "increase", "irate")


def defects_of_text(rule: Rule) -> list[Defect]:
    """Blind, deaf, or a rate of a gauge, by what is exported and how far it can go."""
    found = [Defect(kind="blind", what=what) for what in dict.fromkeys(_unseen(rule.expression))]
    found += [
        Defect(
            kind="rate-of-gauge", what=f"{function}() of {name}, which is a gauge: it falls without having begun anew"
        )
        for function, name in dict.fromkeys(_rates_of_gauges(rule.expression))
    ]
    if reach(rule.expression) is None:
        found.append(Defect(kind="deaf", what=_why_never(rule.expression)))
    return found


def _unseen(node: Node) -> Iterator[str]:
    known = exported()
    for selector in selectors(node):
        metric = known.get(selector.name)
        if metric is None:
            yield f"nobody exports {selector.name}. {did_you_mean(selector.name, known).partition(' Known:')[0]}"
            continue
        for matcher in selector.matchers:
            if metric.labels is not None and not matcher.matches("") and matcher.label not in metric.labels:
                yield f"{selector.name} has no label {matcher.label}"
            values = LABEL_VALUES.get(matcher.label)
            if values is not None and not any(matcher.matches(value) for value in values):
                yield f"no {matcher.label} of {selector.name} is {matcher.operator} {matcher.value!r}"


def _rates_of_gauges(node: Node) -> Iterator[tuple[str, str]]:
    match node:
        case Call():
            for argument in node.arguments:
                if node.function in COUNTER_FUNCTIONS and isinstance(argument, Selector):
                    metric = exported().get(argument.name)
                    if metric is not None and metric.kind == "gauge":
                        yield node.function, argument.name
                yield from _rates_of_gauges(argument)
        case Aggregate() | Negate():
            yield from _rates_of_gauges(node.operand)
        case Binary():
            yield from _rates_of_gauges(node.left)
            yield from _rates_of_gauges(node.right)


def _why_never(node: Node) -> str:
    for found in comparisons(node):
        span = reach(found.operand)
        if span is not None and not found.possible(*span):
            return f"what is compared lies within {span[0]:g} and {span[1]:g}, and is never {wanted(found)}"
    return "its conditions never hold together"


def wanted(comparison: Comparison) -> str:
    """The comparison without what is compared."""
    return f"{comparison.sign} {comparison.threshold:g}"

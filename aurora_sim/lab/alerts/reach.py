"""Which values an expression can have at all: interval arithmetic over what is known of its metrics.

Sound, and no more: what it calls impossible never happens, whatever the system does; what it does not may be impossible still.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from aurora_sim.lab.alerts.exported import LABEL_VALUES, exported
from aurora_sim.observe.alerts.expression import (
    Aggregate,
    Binary,
    Call,
    Matcher,
    Negate,
    Node,
    Number,
    Selector,
    selectors,
)
from aurora_sim.observe.alerts.operators import ARITHMETIC, COMPARISONS, MIRRORED

Range = tuple[float, float] | None
"""Least and greatest possible value; None: never has a sample."""

ANY: Final = (-math.inf, math.inf)


@dataclass(frozen=True)
class Comparison:
    """A vector compared with a number, `operand sign threshold`; `node` is where."""

    node: Binary
    operand: Node
    sign: str
    threshold: float

    def possible(self, low: float, high: float) -> bool:
        """Whether some value from `low` to `high` passes."""
        match self.sign:
            case ">" | ">=":
                return COMPARISONS[self.sign](high, self.threshold)
            case "<" | "<=":
                return COMPARISONS[self.sign](low, self.threshold)
            case "==":
                return low <= self.threshold <= high
            case _:
                return not low == high == self.threshold


def comparisons(node: Node) -> Iterator[Comparison]:
    """The comparisons with a number that keep what passes, from left to right; not those whose failing is what is asked for."""
    match node:
        case Binary():
            found = _comparison(node)
            if found is not None:
                yield found
            yield from comparisons(node.left)
            if node.operator != "unless":
                yield from comparisons(node.right)
        case Call() if node.function != "absent":
            for argument in node.arguments:
                yield from comparisons(argument)
        case Aggregate() | Negate():
            yield from comparisons(node.operand)


def _comparison(node: Binary) -> Comparison | None:
    if node.operator not in COMPARISONS or node.returns_bool:
        return None
    left, right = constant(node.left), constant(node.right)
    if right is not None and left is None:
        return Comparison(node, node.left, node.operator, right)
    if left is not None and right is None:
        return Comparison(node, node.right, MIRRORED[node.operator], left)
    return None


def constant(node: Node) -> float | None:
    """The value of what is made of numbers alone."""
    if any(True for _ in selectors(node)):
        return None
    match node:
        case Number():
            return node.value
        case Negate():
            value = constant(node.operand)
            return None if value is None else -value
        case Binary() if node.operator in ARITHMETIC:
            left, right = constant(node.left), constant(node.right)
            return None if left is None or right is None else ARITHMETIC[node.operator](left, right)
    return None


def reach(node: Node, never: AbstractSet[Binary] = frozenset()) -> Range:
    """The values that an expression can have. `never` are comparisons that are known to let nothing pass."""
    value = constant(node)
    if value is not None:
        return value, value
    match node:
        case Selector():
            known = exported().get(node.name)
            return ANY if known is None else known.bounds
        case Negate():
            inner = reach(node.operand, never)
            return None if inner is None else (-inner[1], -inner[0])
        case Aggregate():
            return _aggregated(node.operator, reach(node.operand, never))
        case Call():
            return _called(node, never)
        case Binary():
            return None if node in never else _binary(node, never)
    return ANY


def _aggregated(operator: str, inner: Range) -> Range:
    if inner is None:
        return None
    if operator in ("count", "count_over_time"):
        return 1.0, math.inf
    low, high = inner
    if operator in ("sum", "sum_over_time"):  # of one sample at least
        return low if low >= 0.0 else -math.inf, high if high <= 0.0 else math.inf
    return inner


def _called(node: Call, never: AbstractSet[Binary]) -> Range:
    name = node.function
    if name == "absent":
        return 1.0, 1.0
    inner = reach(node.arguments[-1] if name == "histogram_quantile" else node.arguments[0], never)
    if inner is None:
        return None
    low, high = inner
    match name:
        case "rate" | "increase" | "irate":
            return 0.0 if low >= 0.0 else -math.inf, math.inf
        case "histogram_quantile":
            return _quantile(node)
        case "abs":
            return max(0.0, low, -high), max(abs(low), abs(high))
        case "clamp_min" | "clamp_max":
            bound = constant(node.arguments[1])
            choose = max if name == "clamp_min" else min
            return ANY if bound is None or math.isnan(bound) else (choose(low, bound), choose(high, bound))
    if name.endswith("_over_time"):
        return _aggregated(name, inner)
    return ANY


def _quantile(node: Call) -> Range:
    share = constant(node.arguments[0])
    tops = [known.buckets_max for s in selectors(node.arguments[1]) if (known := exported().get(s.name)) is not None]
    if share is None or not 0.0 <= share <= 1.0 or len(tops) != 1 or tops[0] is None:
        return ANY
    return 0.0, tops[0]  # Prometheus gives the highest finite bound for whatever lies above it


def _binary(node: Binary, never: AbstractSet[Binary]) -> Range:
    left, right = reach(node.left, never), reach(node.right, never)
    match node.operator:
        case "and":
            return None if right is None else left
        case "unless":
            return left
        case "or":
            if left is None or right is None:
                return left or right
            return min(left[0], right[0]), max(left[1], right[1])
    if left is None or right is None:
        return None
    if node.operator in COMPARISONS:
        if node.returns_bool:
            return 0.0, 1.0
        found = _comparison(node)
        if found is None:
            return left
        kept = left if found.operand is node.left else right
        return kept if found.possible(*kept) else None
    return _arithmetic(node, left, right)


def _arithmetic(node: Binary, left: tuple[float, float], right: tuple[float, float]) -> tuple[float, float]:
    match node.operator:
        case "+":
            ends = [left[0] + right[0], left[1] + right[1]]
        case "-":
            ends = [left[0] - right[1], left[1] - right[0]]
        case "*":
            ends = [one * other if one and other else 0.0 for one in left for other in right]
        case "/" if left[0] >= 0.0 and right[0] >= 0.0:
            if _is_part(node.left, node.right):
                return 0.0, 1.0
            return (left[0] / right[1] if right[1] else 0.0), (left[1] / right[0] if right[0] else math.inf)
        case _:
            return ANY
    return ANY if any(map(math.isnan, ends)) else (min(ends), max(ends))


def _is_part(part: Node, whole: Node) -> bool:
    """Whether one is a sum over some of the series that the other sums up: their quotient is a share, or no number."""
    match part, whole:
        case Aggregate(), Aggregate():
            same = (part.operator, part.labels, part.without) == (whole.operator, whole.labels, whole.without)
            return same and part.operator == "sum" and _is_part(part.operand, whole.operand)
        case Call(), Call():
            growth = part.function == whole.function and part.function in ("rate", "increase")
            return growth and _is_part(part.arguments[0], whole.arguments[0])
        case Selector(), Selector():
            same = (part.name, part.range_s) == (whole.name, whole.range_s)
            return same and all(_implied(part.matchers, matcher) for matcher in whole.matchers)
    return False


def _implied(matchers: tuple[Matcher, ...], wanted: Matcher) -> bool:
    """Whether every series that passes `matchers` passes `wanted`."""
    if wanted in matchers:
        return True
    values = LABEL_VALUES.get(wanted.label)
    of_label = [matcher for matcher in matchers if matcher.label == wanted.label]
    return values is not None and all(
        wanted.matches(value) for value in values if all(matcher.matches(value) for matcher in of_label)
    )

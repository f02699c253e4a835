"""The value of an expression now, as Prometheus 2.42 gives it (promql/engine.go).

An expression is compiled once, to functions that read the store: a minute walks no tree and looks at no type.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import repeat
from operator import add, mul, sub
from typing import NamedTuple

from aurora_sim.observe.alerts.expression import (
    METRIC_NAME,
    Aggregate,
    Binary,
    Call,
    Negate,
    Node,
    Number,
    Selector,
)
from aurora_sim.observe.alerts.functions import ELEMENTWISE, GROWTHS, OVER_RANGE, extrapolated
from aurora_sim.observe.alerts.histograms import quantiles
from aurora_sim.observe.alerts.matching import is_filter, matched, operation_of
from aurora_sim.observe.alerts.operators import AGGREGATIONS, COMPARISONS, MIRRORED
from aurora_sim.observe.alerts.shape import cannot_fail
from aurora_sim.observe.alerts.store import Columns, Labels, Names, SeriesStore
from aurora_sim.observe.alerts.vectors import (
    NOTHING,
    EvaluationError,
    Vector,
    columns,
    distinct,
    distinct_unnamed,
    per_names,
)

__all__ = ["Compiled", "Evaluation", "EvaluationError"]

Compiled = Callable[[], Columns]
"""An expression's value at the time of the latest samples. Raises EvaluationError."""


class Evaluation:
    """Expressions over one store; those that share a part have it worked out once a minute."""

    def __init__(self, store: SeriesStore) -> None:
        self._store = store
        self._compiled: dict[Node, Compiled] = {}

    def vector(self, node: Node) -> Vector:
        """The value now. Raises EvaluationError."""
        return list(zip(*self.compiled(node)(), strict=True))

    def compiled(self, node: Node) -> Compiled:
        """The expression as a function, one for all who ask for it. A number is a vector of one sample without labels."""
        compiled = self._compiled.get(node)
        if compiled is None:
            compiled = self._compiled[node] = self._made(node)
        return compiled

    def _made(self, node: Node) -> Compiled:
        number = _number(node)
        if number is not None:
            only: Columns = (((),), (number,))
            return lambda: only
        match node:
            case Selector():
                return self._store.instants[node].now
            case Binary() if is_filter(node) and (made := self._filter(node)) is not None:
                return made
            case Binary():
                return self._once_a_minute(self._binary(node))
            case Call():
                return self._once_a_minute(self._call(node))
            case Aggregate():
                return self._once_a_minute(_aggregated(node, self.compiled(node.operand)))
            case Negate():
                return self._once_a_minute(_mapped(self.compiled(node.operand), lambda value: -value))
            case Number():
                raise AssertionError("a number is one")

    def _once_a_minute(self, compiled: Compiled) -> Compiled:
        """The same, worked out by the first who asks in a minute."""
        store, known_s, value = self._store, float("-inf"), NOTHING

        def remembered() -> Columns:
            nonlocal known_s, value
            if known_s != store.now_s:
                value = compiled()
                known_s = store.now_s
            return value

        return remembered

    def _filter(self, node: Binary) -> Compiled | None:
        """A comparison with a number, as the condition of most rules is; the vector may stand on either side."""
        left, right = _number(node.left), _number(node.right)
        if right is not None:
            return _filtered(self.compiled(node.left), partial(COMPARISONS[MIRRORED[node.operator]], right))
        if left is not None:
            return _filtered(self.compiled(node.right), partial(COMPARISONS[node.operator], left))
        return None

    def _binary(self, node: Binary) -> Compiled:
        left, right = _number(node.left), _number(node.right)
        if left is None and right is None:
            return _matched(node, self.compiled(node.left), self.compiled(node.right))
        operation = operation_of(node)
        if right is not None:
            return _mapped(self.compiled(node.left), lambda value: operation(value, right)[0])
        assert left is not None
        return _mapped(self.compiled(node.right), lambda value: operation(left, value)[0])

    def _call(self, node: Call) -> Compiled:
        name, arguments = node.function, node.arguments
        if name in OVER_RANGE:
            return self._over_range(name, arguments[0])
        if name == "absent":
            operand, there = self.compiled(arguments[0]), (1.0,)
            missing: Names = (_labels_of_absent(arguments[0]),)
            return lambda: NOTHING if operand()[0] else (missing, there)
        if name == "histogram_quantile":
            return quantiles(_given(arguments[0]), self.compiled(arguments[1]))
        numbers = [_given(argument) for argument in arguments[1:]]
        function = ELEMENTWISE[name]
        return _mapped(self.compiled(arguments[0]), lambda value: function(value, *numbers))

    def _over_range(self, name: str, argument: Node) -> Compiled:
        assert isinstance(argument, Selector)
        window, function, checked = self._store.windows[argument], OVER_RANGE[name], per_names(distinct)

        def each() -> Columns:
            start_s, end_s = window.span()
            series = window.course.names if name == "last_over_time" else window.course.unnamed
            vector: Vector = []
            for labels, (times, values) in zip(series, window.samples(), strict=True):
                value = function(times, values, start_s, end_s) if times else None
                if value is not None:
                    vector.append((labels, value))
            names, found = columns(vector)
            return checked(series if len(names) == len(series) else names), found

        if name not in GROWTHS:
            return each
        counter, per_second = GROWTHS[name]

        def by_stretches() -> Columns:
            start_s, end_s = window.span()
            vector: Vector = []
            for place, (labels, stretch) in enumerate(
                zip(window.course.unnamed, window.stretches(counter), strict=True)
            ):
                value: float | None = None
                if stretch is None:
                    times, values = window.samples_of(place)
                    value = function(times, values, start_s, end_s)
                elif stretch[-1] >= 2:
                    first, last, first_s, last_s, count = stretch
                    value = extrapolated(
                        last - first,
                        first,
                        first_s,
                        last_s,
                        count,
                        start_s,
                        end_s,
                        counter=counter,
                        per_second=per_second,
                    )
                if value is not None:
                    vector.append((labels, value))
            names, found = columns(vector)
            return checked(window.course.unnamed if len(names) == len(window.course.unnamed) else names), found

        def at_once() -> Columns:
            rows = window.unbroken(counter)
            if rows is None:
                return by_stretches()
            firsts, lasts, first_s, last_s, count = rows
            if count < 2 or not firsts:
                return NOTHING
            start_s, end_s = window.span()
            names, growths = checked(window.course.unnamed), map(sub, lasts, firsts)
            if first_s == start_s:  # nothing is to be carried on
                return names, [*map(mul, growths, repeat(1.0 / (end_s - start_s)))] if per_second else [*growths]
            return names, [
                extrapolated(
                    growth, first, first_s, last_s, count, start_s, end_s, counter=counter, per_second=per_second
                )
                for growth, first in zip(growths, firsts, strict=True)
            ]

        return at_once


def _number(node: Node) -> float | None:
    """The value of what is made of numbers alone, which never changes; None of others."""
    match node:
        case Number():
            return node.value
        case Negate():
            number = _number(node.operand)
            return None if number is None else -number
        case Binary():
            left, right = _number(node.left), _number(node.right)
            return None if left is None or right is None else operation_of(node)(left, right)[0]
    return None


def _given(node: Node) -> float:
    number = _number(node)
    assert number is not None, "the parser checks the types of arguments"
    return number


def _filtered(operand: Compiled, holds: Callable[[float], bool]) -> Compiled:
    def filtered() -> Columns:
        names, values = operand()
        if not any(map(holds, values)):
            return NOTHING
        kept, left = columns([sample for sample in zip(names, values, strict=True) if holds(sample[1])])
        return distinct(kept), left

    return filtered


def _matched(node: Binary, first: Compiled, second: Compiled) -> Compiled:
    combined = matched(node)
    if node.operator == "or" or not cannot_fail(node.right):
        return lambda: combined(first(), second())

    def unless_empty() -> Columns:
        left = first()
        return combined(left, second()) if left[0] else NOTHING

    return unless_empty


def _mapped(operand: Compiled, function: Callable[[float], float]) -> Compiled:
    renamed = per_names(distinct_unnamed)

    def mapped() -> Columns:
        names, values = operand()
        return renamed(names), [*map(function, values)]

    return mapped


class _Groups(NamedTuple):
    """The groups of an aggregation: the labels of each, and the places of its samples."""

    names: Names
    places: list[list[int]]
    alone: bool  # each has one sample, so that they are in the samples' order


def _aggregated(node: Aggregate, operand: Compiled) -> Compiled:
    aggregate, sums = AGGREGATIONS[node.operator], node.operator == "sum"
    listed = node.labels | {METRIC_NAME} if node.without else node.labels

    @per_names
    def grouped(names: Names) -> _Groups:
        groups: defaultdict[Labels, list[int]] = defaultdict(list)
        for place, labels in enumerate(names):
            groups[tuple(pair for pair in labels if (pair[0] in listed) != node.without)].append(place)
        return _Groups(tuple(groups), list(groups.values()), len(groups) == len(names))

    def aggregated() -> Columns:
        names, values = operand()
        groups = grouped(names)
        if sums and groups.alone:
            return groups.names, [*map(add, values, repeat(0.0))]  # a sum begins at 0, which turns -0 into it
        return groups.names, [aggregate([values[place] for place in places]) for places in groups.places]

    return aggregated


def _labels_of_absent(node: Node) -> Labels:
    """The labels that the missing series would have had: those asked for with =, each once."""
    if not isinstance(node, Selector):
        return ()
    wanted: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in node.matchers:
        if matcher.operator == "=" and matcher.label not in seen:
            seen.add(matcher.label)
            wanted[matcher.label] = matcher.value
        else:
            wanted.pop(matcher.label, None)
    return tuple(sorted((label, text) for label, text in wanted.items() if text))

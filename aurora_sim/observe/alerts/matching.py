"""Operators between two vectors, whose samples are matched by their labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aurora_sim.observe.alerts.expression import METRIC_NAME, Binary
from aurora_sim.observe.alerts.operators import ARITHMETIC, COMPARISONS, SETS
from aurora_sim.observe.alerts.shape import is_single
from aurora_sim.observe.alerts.store import Columns, Labels, Names
from aurora_sim.observe.alerts.vectors import NOTHING, EvaluationError, Vector, columns, distinct, unnamed

_Signature = Callable[[Labels], Labels]
"""What two samples must share to be matched."""
_UNLABELLED: Final[Names] = ((),)


def operation_of(node: Binary) -> Callable[[float, float], tuple[float, bool]]:
    """The operator: the value of two numbers, and whether the sample is kept."""
    if node.operator in ARITHMETIC:
        calculate = ARITHMETIC[node.operator]
        return lambda left, right: (calculate(left, right), True)
    compare = COMPARISONS[node.operator]
    if node.returns_bool:
        return lambda left, right: (float(compare(left, right)), True)
    return lambda left, right: (left, compare(left, right))


def is_filter(node: Binary) -> bool:
    """Whether it leaves samples out, and keeps the others as they are: a comparison without `bool`."""
    return node.operator in COMPARISONS and not node.returns_bool


def matched(node: Binary) -> Callable[[Columns, Columns], Columns]:
    """The operator on two vectors. Raises EvaluationError where two samples match one."""
    signature = _signature(node)
    work = _set_operation if node.operator in SETS else _one_to_one

    if is_single(node):
        operation = operation_of(node)

        def of_two(left: Columns, right: Columns) -> Columns:
            if not left[0] or not right[0]:
                return NOTHING
            made, kept = operation(left[1][0], right[1][0])
            return (_UNLABELLED, (made,)) if kept else NOTHING

        return of_two

    def combined(left: Columns, right: Columns) -> Columns:
        pairs = work(node, signature, list(zip(*left, strict=True)), list(zip(*right, strict=True)))
        names, values = columns(pairs)
        return names if node.operator in ("and", "unless") else distinct(names), values

    return combined


def _one_to_one(node: Binary, signature: _Signature, left: Vector, right: Vector) -> Vector:
    if not left or not right:
        return []
    operation, keeps_name = operation_of(node), is_filter(node)
    others: dict[Labels, float] = {}
    for labels, value in right:
        if (key := signature(labels)) in others:
            raise EvaluationError(f"{node.operator} finds two series on its right for {dict(key)}")
        others[key] = value
    result: Vector = []
    found: set[Labels] = set()
    for labels, value in left:
        key = signature(labels)
        if key not in others:
            continue
        made, kept = operation(value, others[key])
        if not kept:
            continue
        if key in found:
            raise EvaluationError(f"{node.operator} finds two series on its left for {dict(key)}")
        found.add(key)
        if node.ignoring:
            named = tuple(pair for pair in labels if pair[0] not in node.labels)
        else:
            named = tuple(pair for pair in labels if pair[0] in node.labels)
        result.append((named if keeps_name else unnamed(named), made))
    return result


def _set_operation(node: Binary, signature: _Signature, left: Vector, right: Vector) -> Vector:
    if node.operator == "or":
        had = {signature(labels) for labels, _ in left}
        return [*left, *(sample for sample in right if signature(sample[0]) not in had)]
    others = {signature(labels) for labels, _ in right}
    wanted = node.operator == "and"
    return [sample for sample in left if (signature(sample[0]) in others) == wanted]


def _signature(node: Binary) -> _Signature:
    names = node.labels
    if node.ignoring:
        without = names | {METRIC_NAME}
        return lambda labels: tuple(pair for pair in labels if pair[0] not in without)
    return lambda labels: tuple(pair for pair in labels if pair[0] in names)

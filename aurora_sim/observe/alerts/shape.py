"""What can be told of an expression before it has a value, so that a minute need not find it out anew."""

from __future__ import annotations

from aurora_sim.observe.alerts.expression import Aggregate, Binary, Call, Negate, Node, Number, Selector
from aurora_sim.observe.alerts.functions import OVER_RANGE
from aurora_sim.observe.alerts.operators import SETS


def is_single(node: Node) -> bool:
    """Whether it has one sample, without labels, or none: an aggregation over everything, a number, and what is made of these."""
    match node:
        case Number():
            return True
        case Aggregate():
            return not node.labels and not node.without
        case Negate():
            return is_single(node.operand)
        case Binary():
            return node.operator not in SETS and is_single(node.left) and is_single(node.right)
    return False


def cannot_fail(node: Node) -> bool:
    """Whether it has a value at every minute, if only an empty one: no two of its samples can come to have the same labels.

    A no means that it was not shown.
    """
    match node:
        case Number() | Selector():
            return True
        case Call():
            return node.function in OVER_RANGE  # of one metric, whose series differ in more than the name
        case Aggregate():
            return cannot_fail(node.operand)
        case Negate():
            return is_single(node) and cannot_fail(node.operand)
        case Binary():
            whole = node.operator in ("and", "or", "unless") or is_single(node)
            return whole and cannot_fail(node.left) and cannot_fail(node.right)


def needed(node: Node) -> frozenset[Selector]:
    """The selectors that each must have had a sample before the expression can have one, or can fail."""
    match node:
        case Number():
            return frozenset()
        case Selector():
            return frozenset((node,))
        case Call():
            if node.function == "absent":
                return frozenset()
            return needed(node.arguments[1 if node.function == "histogram_quantile" else 0])
        case Aggregate() | Negate():
            return needed(node.operand)
        case Binary():
            if node.operator == "or":
                return frozenset()
            left = needed(node.left) if cannot_fail(node.right) else frozenset()
            right = needed(node.right) if node.operator != "unless" and cannot_fail(node.left) else frozenset()
            return left | right

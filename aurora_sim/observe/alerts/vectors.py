"""What is done to vectors whatever makes them: names dropped, labels checked, and both once for each set of series."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from aurora_sim.observe.alerts.expression import METRIC_NAME
from aurora_sim.observe.alerts.store import Columns, Labels, Names

T = TypeVar("T")

Vector = list[tuple[Labels, float]]
"""One value for each set of labels."""

NOTHING: Final[Columns] = ((), ())


class EvaluationError(Exception):
    """An expression that has no value at this minute: Prometheus marks the rule unhealthy."""


def columns(vector: Vector) -> Columns:
    """A vector as columns."""
    return tuple(labels for labels, _ in vector), [value for _, value in vector]


def unnamed(labels: Labels) -> Labels:
    """The labels without the metric's name."""
    return tuple(pair for pair in labels if pair[0] != METRIC_NAME)


def distinct(names: Names) -> Names:
    """The labels, if no two samples have the same."""
    if len(set(names)) < len(names):
        raise EvaluationError("two samples of the result have the same labels")
    return names


def distinct_unnamed(names: Iterable[Labels]) -> Names:
    """The labels without the metrics' names, if no two samples have the same."""
    return distinct(tuple(unnamed(labels) for labels in names))


def per_names(function: Callable[[Names], T]) -> Callable[[Names], T]:
    """The function, worked out anew only when it is given other labels than the last time."""
    last: Names | None = None
    result: T

    def remembered(names: Names) -> T:
        nonlocal last, result
        if names is not last:
            result = function(names)
            last = names
        return result

    return remembered

"""A rule's expression as the evaluator sees it: a tree of what is supported, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

METRIC_NAME: Final = "__name__"
"""The label under which Prometheus keeps the name of a metric."""


class Matcher(NamedTuple):
    """A condition on a label; a label that is missing has the empty value. `pattern` is set for =~ and !~."""

    label: str
    operator: str
    value: str
    pattern: re.Pattern[str] | None

    def matches(self, text: str) -> bool:
        """Whether a label of this value passes."""
        found = text == self.value if self.pattern is None else self.pattern.fullmatch(text) is not None
        return found != self.operator.startswith("!")


# `eq=False`: a node is compared, and hashed, as the object it is. The parser makes equal expressions one object, so that a
# rule pair such as "> 25" and "> 50" has its quantile worked out once a minute.


@dataclass(frozen=True, eq=False)
class Number:
    """A number literal."""

    value: float


@dataclass(frozen=True, eq=False)
class Selector:
    """The series of one metric whose labels pass; with a range, all their samples of the last `range_s` seconds."""

    name: str
    matchers: tuple[Matcher, ...]
    range_s: float | None


@dataclass(frozen=True, eq=False)
class Call:
    """A function of `functions.KNOWN`."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Aggregate:
    """One of sum, min, max, avg and count, over groups that share `labels`; or, `without`, that share all but those."""

    operator: str
    operand: Node
    labels: frozenset[str]
    without: bool


@dataclass(frozen=True, eq=False)
class Binary:
    """Two operands; vectors are matched one to one on `labels`, or, `ignoring`, on all but those and the metric's name.

    `returns_bool`: a comparison gives 0 or 1 instead of leaving out what fails it.
    """

    operator: str
    left: Node
    right: Node
    labels: frozenset[str]
    ignoring: bool
    returns_bool: bool


@dataclass(frozen=True, eq=False)
class Negate:
    """A unary minus."""

    operand: Node


Node = Number | Selector | Call | Aggregate | Binary | Negate


def selectors(node: Node) -> Iterator[Selector]:
    """Every selector in an expression, from left to right."""
    match node:
        case Selector():
            yield node
        case Call():
            for argument in node.arguments:
                yield from selectors(argument)
        case Aggregate() | Negate():
            yield from selectors(node.operand)
        case Binary():
            yield from selectors(node.left)
            yield from selectors(node.right)

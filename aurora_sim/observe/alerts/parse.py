"""From PromQL text to an expression. What the evaluator does not do is refused here, by name, and never reached in a run."""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

from aurora_sim.observe.alerts.expression import (
    METRIC_NAME,
    Aggregate,
    Binary,
    Call,
    Matcher,
    Negate,
    Node,
    Number,
    Selector,
)
from aurora_sim.observe.alerts.functions import KNOWN
from aurora_sim.observe.alerts.operators import AGGREGATIONS, ARITHMETIC, COMPARISONS, SETS

N = TypeVar("N", bound=Node)

_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OWN_SERIES: Final = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
# Where Go's regular expressions and Python's differ: classes by letter, flags, groups by name, stacked repetitions.
_FOREIGN_PATTERN: Final = re.compile(r"\\[a-ce-vx-zA-CE-VX-Z0-9]|\(\?[^:]|\[:|[*+?}][*+{]|\{,|\$.|\\$")


class Unsupported(Exception):  # noqa: N818  (it is not an error of the program)
    """Why an expression is refused, from those who do not know its file."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what, self.mend = what, mend


class Parser:
    """Reads the expressions of one file; those that are equal, and the parts that are, become one object."""

    def __init__(self) -> None:
        import promql_parser  # 2 ms, and only those who load rules need it

        self._promql = promql_parser
        self._made: dict[tuple[object, ...], Node] = {}

    def parse(self, text: str) -> Node:
        """The expression of a text. Raises Unsupported, also where it is no PromQL at all."""
        try:
            parsed = self._promql.parse(text)
        except ValueError as error:
            raise Unsupported(f"this is not PromQL: {error}", "Try it with promtool check rules") from None
        node = self._node(parsed)
        if isinstance(node, Selector) and node.range_s is not None:
            raise Unsupported("a range is no condition", f"Put it into a function: {_known(KNOWN)}")
        return node

    def _node(self, parsed: Any) -> Node:
        promql = self._promql
        match parsed:
            case promql.NumberLiteral():
                return self._one(Number(parsed.val))
            case promql.ParenExpr():
                return self._node(parsed.expr)
            case promql.UnaryExpr():
                return self._one(Negate(self._node(parsed.expr)))
            case promql.VectorSelector():
                return self._selector(parsed, None)
            case promql.MatrixSelector():
                return self._selector(parsed.vector_selector, parsed.range.total_seconds())
            case promql.Call():
                return self._call(parsed)
            case promql.AggregateExpr():
                return self._aggregate(parsed)
            case promql.BinaryExpr():
                return self._binary(parsed)
            case promql.SubqueryExpr():
                raise Unsupported("subqueries, as in [1h:1m], are not evaluated here", "Write the rule without one")
            case promql.StringLiteral():
                raise Unsupported("a text is no condition", "Compare a metric with a number")
        raise Unsupported(f"{type(parsed).__name__} is not evaluated here", "Write the rule without it")

    def _one(self, node: N) -> N:
        """The node, or the one made before that equals it; children are compared as objects, and are one where equal."""
        fields = [getattr(node, name) for name in node.__dataclass_fields__]
        key = (type(node), *(repr(field) if isinstance(field, float) else field for field in fields))  # 0 is not -0
        made = self._made.setdefault(key, node)
        assert type(made) is type(node)
        return made

    def _selector(self, parsed: Any, range_s: float | None) -> Selector:
        if parsed.offset is not None:
            raise Unsupported("the modifier offset is not evaluated here", "Write the rule without it")
        if parsed.at is not None:
            raise Unsupported("the modifier @ is not evaluated here", "Write the rule without it")
        if parsed.matchers.or_matchers:
            raise Unsupported("`or` between matchers is not evaluated here", "Write two selectors with or between them")
        matchers = tuple(_matcher(found) for found in parsed.matchers.matchers)
        name = parsed.name
        if name is None:
            name = next((m.value for m in matchers if m.label == METRIC_NAME and m.operator == "="), None)
            matchers = tuple(m for m in matchers if m.label != METRIC_NAME)
            if name is None or len(matchers) + 1 != len(parsed.matchers.matchers):
                raise Unsupported("a selector without one exact metric name is not evaluated here", "Name the metric")
        if not _NAME.fullmatch(name):
            raise Unsupported(f"{name!r} is no metric name of Prometheus 2", "Use letters, digits, _ and :")
        if name in _OWN_SERIES:
            raise Unsupported(f"the series {name} is not recorded here", "Repeat the other rule's condition")
        return self._one(Selector(name, matchers, range_s))

    def _call(self, parsed: Any) -> Call:
        name = parsed.func.name
        if name not in KNOWN:
            raise Unsupported(f"the function {name} is not evaluated here", f"Known: {_known(KNOWN)}")
        return self._one(Call(name, tuple(self._node(argument) for argument in parsed.args)))

    def _aggregate(self, parsed: Any) -> Aggregate:
        name = str(parsed.op)
        if name not in AGGREGATIONS:
            raise Unsupported(f"the aggregation {name} is not evaluated here", f"Known: {_known(AGGREGATIONS)}")
        modifier = parsed.modifier
        without = modifier is not None and modifier.type == self._promql.AggModifierType.Without
        labels = frozenset(modifier.labels if modifier is not None else ())
        return self._one(Aggregate(name, self._node(parsed.expr), labels, without))

    def _binary(self, parsed: Any) -> Binary:
        name = str(parsed.op)
        if name not in (known := (*ARITHMETIC, *COMPARISONS, *SETS)):
            raise Unsupported(f"the operator {name} is not evaluated here", f"Known: {_known(known)}")
        labels: frozenset[str] = frozenset()
        ignoring, returns_bool = True, False
        if (modifier := parsed.modifier) is not None:
            cardinality = self._promql.VectorMatchCardinality
            if modifier.card in (cardinality.ManyToOne, cardinality.OneToMany):
                side = "group_left" if modifier.card == cardinality.ManyToOne else "group_right"
                raise Unsupported(f"the modifier {side} is not evaluated here", "Aggregate the many side first")
            if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
                raise Unsupported("the modifier fill is not evaluated here", "Write the rule without it")
            returns_bool = modifier.return_bool
            if modifier.matching is not None:
                ignoring = modifier.matching.type == self._promql.LabelModifierType.Exclude
                labels = frozenset(modifier.matching.labels)
        left, right = self._node(parsed.lhs), self._node(parsed.rhs)
        return self._one(Binary(name, left, right, labels, ignoring, returns_bool))


def _matcher(parsed: Any) -> Matcher:
    operator = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}[str(parsed.op).rpartition(".")[2]]
    pattern = None
    if operator in ("=~", "!~"):
        if _FOREIGN_PATTERN.search(parsed.value):
            what = f"the pattern {parsed.value!r} may mean another thing to Prometheus than here"
            raise Unsupported(what, "Use plain text, . * + ? | ( ) [ ] \\d and \\w only")
        pattern = re.compile(parsed.value, re.ASCII)
    return Matcher(parsed.name, operator, parsed.value, pattern)


def _known(names: Any) -> str:
    return ", ".join(sorted(names))

"""The value of an expression now, as Prometheus 2.42 gives it (promql/engine.go)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

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
from aurora_sim.observe.alerts.functions import ELEMENTWISE, OVER_RANGE, bound_of, quantile_of_buckets
from aurora_sim.observe.alerts.operators import AGGREGATIONS, ARITHMETIC, COMPARISONS, SETS
from aurora_sim.observe.alerts.store import Labels, SeriesStore, Vector

Value = Vector | float


class EvaluationError(Exception):
    """An expression that has no value at this minute: Prometheus marks the rule unhealthy."""


class Evaluation:
    """All expressions at one minute; those that share a part have it worked out once."""

    def __init__(self, store: SeriesStore) -> None:
        self._store = store
        self._known: dict[Node, Value] = {}

    def vector(self, node: Node) -> Vector:
        """The value as a vector: a single number is one without labels. Raises EvaluationError."""
        value = self._value(node)
        return [((), value)] if isinstance(value, float) else value

    def _value(self, node: Node) -> Value:
        value = self._known.get(node)
        if value is None:
            value = self._known[node] = self._worked_out(node)
        return value

    def _worked_out(self, node: Node) -> Value:
        match node:
            case Binary():
                return self._binary(node)
            case Number():
                return node.value
            case Selector():
                return self._store.instant(node)
            case Call():
                return _distinct(self._call(node))
            case Aggregate():
                return _aggregated(node, self.vector(node.operand))
            case Negate():
                operand = self._value(node.operand)
                return -operand if isinstance(operand, float) else _distinct(_mapped(operand, lambda value: -value))

    def _number(self, node: Node) -> float:
        value = self._value(node)
        assert isinstance(value, float), "the parser checks the types of arguments"
        return value

    def _call(self, node: Call) -> Vector:
        name, arguments = node.function, node.arguments
        if name in OVER_RANGE:
            return self._over_range(name, arguments[0])
        if name == "absent":
            return [] if self.vector(arguments[0]) else [(_labels_of_absent(arguments[0]), 1.0)]
        if name == "histogram_quantile":
            return _quantiles(self._number(arguments[0]), self.vector(arguments[1]))
        numbers = [self._number(argument) for argument in arguments[1:]]
        function = ELEMENTWISE[name]
        return _mapped(self.vector(arguments[0]), lambda value: function(value, *numbers))

    def _over_range(self, name: str, argument: Node) -> Vector:
        assert isinstance(argument, Selector)
        assert argument.range_s is not None
        end_s = self._store.now_s
        start_s = end_s - argument.range_s
        function = OVER_RANGE[name]
        vector: Vector = []
        for series, times, values in self._store.ranges(argument):
            value = function(times, values, start_s, end_s)
            if value is not None:
                vector.append((series.labels if name == "last_over_time" else series.unnamed, value))
        return vector

    def _binary(self, node: Binary) -> Value:
        left, right = self._value(node.left), self._value(node.right)
        if isinstance(left, float) and isinstance(right, float):
            return _operation(node)(left, right)[0]
        if isinstance(right, float):
            assert not isinstance(left, float)
            return _distinct(_with_number(node, left, right, number_first=False))
        if isinstance(left, float):
            return _distinct(_with_number(node, right, left, number_first=True))
        return _set_operation(node, left, right) if node.operator in SETS else _distinct(_one_to_one(node, left, right))


def _operation(node: Binary) -> Callable[[float, float], tuple[float, bool]]:
    """The operator: the value of two numbers, and whether the sample is kept."""
    if node.operator in ARITHMETIC:
        calculate = ARITHMETIC[node.operator]
        return lambda left, right: (calculate(left, right), True)
    compare = COMPARISONS[node.operator]
    if node.returns_bool:
        return lambda left, right: (float(compare(left, right)), True)
    return lambda left, right: (left, compare(left, right))


def _keeps_name(node: Binary) -> bool:
    return node.operator in COMPARISONS and not node.returns_bool


def _with_number(node: Binary, vector: Vector, number: float, number_first: bool) -> Vector:
    if _keeps_name(node):  # the condition of most rules; it keeps the vector's value, on whichever side that stands
        compare = COMPARISONS[node.operator]
        return [s for s in vector if (compare(number, s[1]) if number_first else compare(s[1], number))]
    operation = _operation(node)
    return [
        (_unnamed(labels), (operation(number, value) if number_first else operation(value, number))[0])
        for labels, value in vector
    ]


def _one_to_one(node: Binary, left: Vector, right: Vector) -> Vector:
    if not left or not right:
        return []
    operation, keeps_name, signature = _operation(node), _keeps_name(node), _signature(node)
    others: dict[Labels, float] = {}
    for labels, value in right:
        if (key := signature(labels)) in others:
            raise EvaluationError(f"{node.operator} finds two series on its right for {dict(key)}")
        others[key] = value
    result: Vector = []
    matched: set[Labels] = set()
    for labels, value in left:
        key = signature(labels)
        if key not in others:
            continue
        made, kept = operation(value, others[key])
        if not kept:
            continue
        if key in matched:
            raise EvaluationError(f"{node.operator} finds two series on its left for {dict(key)}")
        matched.add(key)
        if node.ignoring:
            named = tuple(pair for pair in labels if pair[0] not in node.labels)
        else:
            named = tuple(pair for pair in labels if pair[0] in node.labels)
        result.append((named if keeps_name else _unnamed(named), made))
    return result


def _set_operation(node: Binary, left: Vector, right: Vector) -> Vector:
    signature = _signature(node)
    if node.operator == "or":
        had = {signature(labels) for labels, _ in left}
        return _distinct([*left, *(sample for sample in right if signature(sample[0]) not in had)])
    others = {signature(labels) for labels, _ in right}
    wanted = node.operator == "and"
    return [sample for sample in left if (signature(sample[0]) in others) == wanted]


def _signature(node: Binary) -> Callable[[Labels], Labels]:
    """What two samples must share to be matched."""
    names = node.labels
    if node.ignoring:
        without = names | {METRIC_NAME}
        return lambda labels: tuple(pair for pair in labels if pair[0] not in without)
    return lambda labels: tuple(pair for pair in labels if pair[0] in names)


def _aggregated(node: Aggregate, vector: Vector) -> Vector:
    groups: defaultdict[Labels, list[float]] = defaultdict(list)
    if node.without:
        dropped = node.labels | {METRIC_NAME}
        for labels, value in vector:
            groups[tuple(pair for pair in labels if pair[0] not in dropped)].append(value)
    else:
        for labels, value in vector:
            groups[tuple(pair for pair in labels if pair[0] in node.labels)].append(value)
    aggregate = AGGREGATIONS[node.operator]
    return [(labels, aggregate(values)) for labels, values in groups.items()]


def _quantiles(share: float, vector: Vector) -> Vector:
    histograms: defaultdict[Labels, list[tuple[float, float]]] = defaultdict(list)
    for labels, count in vector:
        bound = bound_of(dict(labels).get("le", ""))
        if bound is not None:
            histograms[tuple(pair for pair in labels if pair[0] != "le")].append((bound, count))
    return [(_unnamed(labels), quantile_of_buckets(share, buckets)) for labels, buckets in histograms.items()]


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


def _mapped(vector: Vector, function: Callable[[float], float]) -> Vector:
    return [(_unnamed(labels), function(value)) for labels, value in vector]


def _unnamed(labels: Iterable[tuple[str, str]]) -> Labels:
    return tuple(pair for pair in labels if pair[0] != METRIC_NAME)


def _distinct(vector: Vector) -> Vector:
    """The vector, if no two samples have the same labels."""
    if len(vector) > 1 and len({labels for labels, _ in vector}) < len(vector):
        raise EvaluationError("two samples of the result have the same labels")
    return vector

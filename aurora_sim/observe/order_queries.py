"""How many orders of a game were of a kind: counted as they end, so that none need be kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from aurora_sim.observe.rows import FilledOrder, UnfilledOrder
from aurora_sim.scenario.faults import BadRequests, Fault
from aurora_sim.scenario.playbook import Expectation

HONEST: Final = "honest"
BAD: Final = "bad"
Span = Callable[[str], tuple[float, float]]
"""Begin and end of a fault, by its name, as far as they are known by now."""


class Ended(NamedTuple):
    """An order that has ended, as queries see it. `source` is where its request came from, `reason` empty of a filled one."""

    outcome: str
    reason: str
    provider: str
    tenant: str
    workload: str
    source: str
    ended_s: float


@dataclass(frozen=True)
class OrderQuery:
    """Orders that match each of `match`, and ended while `during` (a fault) was on, or from `from_s` until `until_s`."""

    match: tuple[tuple[str, str], ...]
    during: str | None
    from_s: float
    until_s: float


def order_queries(expect: Sequence[Expectation]) -> list[OrderQuery]:
    """What to count for a playbook: of each `never` and each `share`, in order, two queries; `GameRecord.counts` has their numbers.

    The first is the orders among which: for `share` those of `of-orders`, for `never` all that ended in its time; the second those
    of them that match. `query_place` says where the two of an expectation stand.
    """
    queries: list[OrderQuery] = []
    for expected in expect:
        matched = expected.never if expected.never is not None else expected.share
        if matched is None:
            continue
        base = dict(expected.of_orders or {})
        if expected.share is not None and "source" not in base and "source" not in matched:
            base["source"] = HONEST
        from_s = -math.inf if expected.from_s is None else expected.from_s
        until_s = math.inf if expected.until is None else expected.until
        queries += [
            OrderQuery(tuple(match.items()), expected.while_, from_s, until_s) for match in (base, {**base, **matched})
        ]
    return queries


def query_place(expect: Sequence[Expectation], number: int) -> int:
    """Where in `GameRecord.counts` the two counts of this `never` or `share` begin."""
    return 2 * sum(before.never is not None or before.share is not None for before in expect[:number])


def bad_sources(faults: Sequence[tuple[str, Fault]], tenants: Sequence[str]) -> frozenset[str]:
    """The sources of requests that no honest client sends."""
    return frozenset(
        f"{name}/{tenant}" for name, fault in faults if isinstance(fault, BadRequests) for tenant in tenants
    )


class OrderCounts:
    """Counts for each query the orders that match it."""

    def __init__(self, queries: Sequence[OrderQuery], bad: frozenset[str], span: Span) -> None:
        self._queries = queries
        self._fields = [
            [(Ended._fields.index(key), value) for key, value in query.match if key != "source"] for query in queries
        ]
        self._wanted_sources = [{value for key, value in query.match if key == "source"} for query in queries]
        self._bad = bad
        self._span = span
        self._kinds: dict[str, frozenset[str]] = {}
        self.counts = [0] * len(queries)

    def add(self, orders: Sequence[FilledOrder | UnfilledOrder]) -> None:
        """Count orders that ended; whatever fault they ended in must be known by now to be on or over."""
        if not self._queries:
            return
        windows = [self._window(query) for query in self._queries]
        numbers = range(len(windows))
        for order in map(ended, orders):
            kinds = self._kinds.get(order.source) or self._kinds_of(order.source)
            ended_s = order.ended_s
            for number in numbers:
                from_s, until_s = windows[number]
                if (
                    from_s <= ended_s < until_s
                    and self._wanted_sources[number] <= kinds
                    and all(order[place] == value for place, value in self._fields[number])
                ):
                    self.counts[number] += 1

    def _kinds_of(self, source: str) -> frozenset[str]:
        """All that a query may call the source: honest or bad, its own name, and the fault or tenant in it."""
        known = frozenset({source, *source.split("/"), BAD if source in self._bad else HONEST})
        self._kinds[source] = known
        return known

    def _window(self, query: OrderQuery) -> tuple[float, float]:
        if query.during is None:
            return query.from_s, query.until_s
        begin_s, end_s = self._span(query.during)
        return max(begin_s, query.from_s), min(end_s, query.until_s)


def ended(order: FilledOrder | UnfilledOrder) -> Ended:
    """What a query sees of a recorded order."""
    if isinstance(order, tuple):
        tenant, workload, _, _, _, order_id, _, _, _, _, _, _, ended_s, _, _, provider, _, _ = order
        return Ended("filled", "", provider, tenant, workload, source(order_id), ended_s)
    provider = order.provider_id if order.attempts > 0 else ""
    return Ended(
        order.outcome,
        order.reason,
        provider,
        order.tenant_id,
        order.workload_type,
        source(order.order_id),
        order.ended_s,
    )


def source(order_id: str) -> str:
    """The source of orders that an order's id names."""
    return order_id.rpartition("-")[0]

"""The router: ranks providers for each order, from the last view that a health check gave it.

What it does is said by the pure functions of `ranking`; here it is made fast, by what stays the same between two views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from aurora_sim.treaty.order import Order
from aurora_sim.treaty.ranking import BALANCED, GLOBAL, Explanation, Preferences, ProviderView, explain, no_route_reason

_INFINITY = float("inf")


class _Shares(dict[str, tuple[float, float, float, float, float]]):
    """By tenant: the four weights and their sum."""

    def __init__(self, preferences: Mapping[str, Preferences]) -> None:
        super().__init__()
        self._preferences = preferences

    def __missing__(self, tenant_id: str) -> tuple[float, float, float, float, float]:
        w = self._preferences.get(tenant_id, BALANCED)
        total = w.price + w.latency + w.reputation + w.capacity
        shares = self[tenant_id] = (w.price, w.latency, w.reputation, w.capacity, total)
        return shares


class Router:
    """Ranks providers for an order, from the last view that it was given.

    Between two refreshes a list per tenant, region and GPU type is scored once; an order then only applies its own
    limits. A tenant without preferences weighs everything the same.
    """

    __slots__ = ("_preferences", "_ranked", "_rated", "_shares", "_views", "_views_as_given", "_weights")

    def __init__(self, preferences: Mapping[str, Preferences]) -> None:
        self._preferences = dict(preferences)
        self._shares = _Shares(self._preferences)
        self._weights: dict[str, float] = {}
        self._views_as_given: tuple[ProviderView, ...] = ()
        self._views: tuple[ProviderView, ...] = ()
        self._ranked: dict[tuple[str, str, str], _Ranked] = {}
        self._rated: dict[tuple[str, str], _Rated] = {}

    def refresh(self, views: Sequence[ProviderView]) -> None:
        """Take over what a health check found. Weights set by `set_weights` stay in force."""
        self._views_as_given = tuple(views)
        weights = self._weights
        self._views = self._views_as_given
        if weights:
            self._views = tuple(
                replace(view, routing_weight=weights[view.provider_id]) if view.provider_id in weights else view
                for view in views
            )
        self._ranked = {}
        self._rated = {}

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Put these routing weights in place of the configured ones, at once; providers not named go back to theirs.

        A provider that is in no view so far is an error (ValueError), unless there is no view at all yet.
        """
        known = {view.provider_id for view in self._views_as_given}
        for provider_id, weight in weights.items():
            if known and provider_id not in known:
                raise ValueError(f"no provider {provider_id!r} to weigh; known: {', '.join(sorted(known))}")
            if not 0.0 <= weight < float("inf"):
                raise ValueError(f"{provider_id}: `routing_weight` ({weight}) must be finite and at least 0")
        self._weights = dict(weights)
        self.refresh(self._views_as_given)

    @property
    def views(self) -> tuple[ProviderView, ...]:
        """The providers as the router sees them, with the operator's weights."""
        return self._views

    def preferences(self, tenant_id: str) -> Preferences:
        """The weights of that tenant."""
        return self._preferences.get(tenant_id, BALANCED)

    def rank(self, order: Order) -> list[str]:
        """The providers to ask, best first; empty when there is none. Equal to the pure `rank` on the same view.

        Read it only: orders with the same answer share one list.
        """
        try:
            ids, priced, dearest, slowest, worst, fewest, candidates = self._ranked[
                order.tenant_id, order.region, order.gpu_type
            ]
        except KeyError:
            ids, priced, dearest, slowest, worst, fewest, candidates = self._score(order)
        # The limits against the extremes of all candidates, which most orders clear but for the price.
        if slowest <= order.max_latency_ms and worst >= order.min_reputation and fewest >= order.gpus:
            price_max = order.max_price_usd_per_hour
            if dearest <= price_max:
                return ids
            return [provider_id for provider_id, price in priced if price <= price_max]
        gpus = order.gpus
        price_max = order.max_price_usd_per_hour
        latency_max = order.max_latency_ms
        reputation_min = order.min_reputation
        return [
            provider_id
            for _, price, provider_id, latency, reputation, free in candidates
            if free >= gpus and price <= price_max and latency <= latency_max and reputation >= reputation_min
        ]

    def explain(self, order: Order) -> Explanation:
        """Why the order is ranked as it is."""
        return explain(self._views, order, self.preferences(order.tenant_id))

    def no_route_reason(self, order: Order) -> str:
        """Why `rank` is empty, as `no_route:<filter>`."""
        return no_route_reason(self._views, order)

    def _score(self, order: Order) -> _Ranked:
        """The candidates of a tenant, region and GPU type, best first: the reference's scores, its divisions done once a view."""
        gpu_type = order.gpu_type
        rated = self._rated.get((order.region, gpu_type))
        if rated is None:
            rated = self._rated[order.region, gpu_type] = self._rate(order)
        rows, dearest, slowest, worst, fewest = rated
        price, latency, reputation, capacity, total = self._shares[order.tenant_id]
        candidates = [
            (-(weight * (price * p + latency * t + reputation * r + capacity * c) / total), *candidate)
            for candidate, weight, p, t, r, c in rows
        ]
        candidates.sort()  # by score, price and provider id: the ties' rules
        ids = [candidate[2] for candidate in candidates]
        priced = [(candidate[2], candidate[1]) for candidate in candidates]
        ranked = (ids, priced, dearest, slowest, worst, fewest, candidates)
        self._ranked[order.tenant_id, order.region, gpu_type] = ranked
        return ranked

    def _rate(self, order: Order) -> _Rated:
        """What all tenants share of a score: the eligible providers with their parts, and their extremes."""
        gpu_type, region = order.gpu_type, order.region
        eligible = [
            (view, view.price_usd_per_hour[gpu_type], view.free_gpus.get(gpu_type, 0))
            for view in self._views
            if gpu_type in view.price_usd_per_hour  # first, because it cuts the most
            and view.active
            and view.routing_weight != 0.0
            and (region in view.regions or GLOBAL in view.regions)
        ]
        if not eligible:
            return [], 0.0, 0.0, 100.0, _INFINITY
        prices = [price for _, price, _ in eligible]
        latencies = [view.latency_ms for view, _, _ in eligible]
        cheapest, fastest = min(prices), min(latencies)
        rows = [
            (
                (price, view.provider_id, latency, reputation := view.reputation, free),
                view.routing_weight,
                cheapest / price,
                fastest / latency,
                reputation / 100.0,
                free / capacity if (capacity := view.capacity_gpus.get(gpu_type, 0)) > 0 else 0.0,
            )
            for (view, price, free), latency in zip(eligible, latencies, strict=True)
        ]
        worst = min([view.reputation for view, _, _ in eligible])
        return rows, max(prices), max(latencies), worst, min([free for _, _, free in eligible])


# the score with its sign changed, price in USD per GPU-hour, provider id, latency in ms, reputation, free GPUs
_Candidate = tuple[float, float, str, float, float, int]
# of the candidates, best first: the provider ids, alone and with the price; the highest price and latency, the lowest
# reputation and number of free GPUs; and themselves
_Ranked = tuple[list[str], list[tuple[str, float]], float, float, float, float, list[_Candidate]]
# a candidate but for its score, its routing weight, and its score's parts: price, latency, reputation, capacity
_Row = tuple[tuple[float, str, float, float, int], float, float, float, float, float]
# the rows, and their extremes: the highest price and latency, the lowest reputation and number of free GPUs
_Rated = tuple[list[_Row], float, float, float, float]

"""The router: ranks providers for each order, from the last view that a health check gave it.

What it does is said by the pure functions of `ranking`; here it is made fast, by what stays the same between two views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from aurora_sim.treaty.candidates import Candidate, Offers, Shares, Shortlist, Standing, eligible, furthest_filter
from aurora_sim.treaty.order import Order
from aurora_sim.treaty.ranking import BALANCED, Explanation, Preferences, ProviderView, explain, no_route_reason

FEW: Final = 32
"""So many providers are scored anew after each health check sooner than what changed is found among them."""
_INFINITY = float("inf")


class _Shares(dict[str, Shares]):
    """By tenant: the four weights and their sum."""

    def __init__(self, preferences: Mapping[str, Preferences]) -> None:
        super().__init__()
        self._preferences = preferences

    def __missing__(self, tenant_id: str) -> Shares:
        w = self._preferences.get(tenant_id, BALANCED)
        total = w.price + w.latency + w.reputation + w.capacity
        shares = self[tenant_id] = (w.price, w.latency, w.reputation, w.capacity, total)
        return shares


class Router:
    """Ranks providers for an order, from the last view that it was given.

    Between two refreshes a list per tenant, region and GPU type is scored once; an order then only applies its own
    limits. What of a score does not depend on the free GPUs is kept for as long as a refresh changes nothing else. Of more than
    `FEW` providers the list itself is kept, and mended where one changed, and an order looks through it no further than it is
    asked. A tenant without preferences weighs everything the same.
    """

    __slots__ = ("_many", "_offers", "_places", "_preferences", "_ranked", "_scales", "_shares", "_standings", "_views",
                 "_views_as_given", "_weights")  # fmt: skip

    def __init__(self, preferences: Mapping[str, Preferences]) -> None:
        self._preferences = dict(preferences)
        self._shares = _Shares(self._preferences)
        self._weights: dict[str, float] = {}
        self._views_as_given: list[ProviderView] = []
        self._views: list[ProviderView] = []
        self._places: dict[str, int] = {}
        self._ranked: dict[tuple[str, str, str], _Ranked] = {}
        self._scales: dict[tuple[str, str, str], _Scale] = {}
        self._many = False
        self._offers: dict[tuple[str, str], Offers] = {}
        self._standings: dict[tuple[str, str, str], Standing] = {}

    def refresh(self, views: Sequence[ProviderView]) -> None:
        """Take over what a health check found of all providers. Weights set by `set_weights` stay in force."""
        if {view.provider_id: place for place, view in enumerate(views)} == self._places:
            self.update([now for now, before in zip(views, self._views_as_given, strict=True) if now != before])
        else:
            self._begin(views)

    def _begin(self, views: Sequence[ProviderView]) -> None:
        """Begin with these providers and the weights there are: nothing is known from before."""
        self._views_as_given = [*views]
        self._views = [*map(self._weighed, views)]
        self._places = {view.provider_id: place for place, view in enumerate(views)}
        self._ranked = {}
        self._scales = {}
        self._many = len(views) > FEW
        self._offers = {}
        self._standings = {}

    def update(self, views: Sequence[ProviderView]) -> None:
        """Take over what it found of some of the providers: all that changed since the last time."""
        weighed = [*map(self._weighed, views)] if self._weights else views
        known, given, same = self._views, self._views_as_given, True
        for place, as_given, now in zip(
            [self._places[view.provider_id] for view in views], views, weighed, strict=True
        ):
            same = same and _differ_in_free_gpus_alone(known[place], now)
            given[place], known[place] = as_given, now
        self._ranked = {}
        if not same:
            self._scales = {}
        for key, offers in [*self._offers.items()]:
            if not offers.take(weighed):
                del self._offers[key]

    def _weighed(self, view: ProviderView) -> ProviderView:
        """The view with the operator's weight, if there is one."""
        weight = self._weights.get(view.provider_id)
        return view if weight is None else replace(view, routing_weight=weight)

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Put these routing weights in place of the configured ones, at once; providers not named go back to theirs.

        A provider that is in no view so far is an error (ValueError), unless there is no view at all yet.
        """
        known = self._places
        for provider_id, weight in weights.items():
            if known and provider_id not in known:
                raise ValueError(f"no provider {provider_id!r} to weigh; known: {', '.join(sorted(known))}")
            if not 0.0 <= weight < float("inf"):
                raise ValueError(f"{provider_id}: `routing_weight` ({weight}) must be finite and at least 0")
        self._weights = dict(weights)
        self._begin(self._views_as_given)

    @property
    def views(self) -> tuple[ProviderView, ...]:
        """The providers as the router sees them, with the operator's weights."""
        return tuple(self._views)

    def preferences(self, tenant_id: str) -> Preferences:
        """The weights of that tenant."""
        return self._preferences.get(tenant_id, BALANCED)

    def rank(self, order: Order) -> Sequence[str]:
        """The providers to ask, best first; empty when there is none. Those of the pure `rank` on the same view.

        Read it only: orders with the same answer share one list.
        """
        ranked = self._ranked.get((order.tenant_id, order.region, order.gpu_type))
        if ranked is None:
            ranked = self._score(order)
        ids, priced, dearest, slowest, worst, fewest, candidates = ranked
        # The limits against the extremes of all candidates, which most orders clear but for the price.
        if slowest <= order.max_latency_ms and worst >= order.min_reputation and fewest >= order.gpus:
            price_max = order.max_price_usd_per_hour
            if dearest <= price_max:
                return ids
            return [provider_id for provider_id, price in priced if price <= price_max]
        if self._many:
            return Shortlist(candidates, order)
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
        """Why `rank` is empty, as `no_route:<filter>`; "" when it is not."""
        if self._many and (candidates := self._standing(order).candidates):
            return "" if self.rank(order) else f"no_route:{furthest_filter(candidates, order)}"
        return no_route_reason(self._views, order)

    def _score(self, order: Order) -> _Ranked:
        """The candidates of a tenant, region and GPU type, best first: the reference's scores, to the last bit."""
        key = (order.tenant_id, order.region, order.gpu_type)
        if self._many:
            # Beyond every extreme, so that each order has a shortlist of its own.
            ranked: _Ranked = ([], [], _INFINITY, _INFINITY, -_INFINITY, -_INFINITY, self._standing(order).candidates)
            self._ranked[key] = ranked
            return ranked
        scale = self._scales.get(key)
        if scale is None:
            scale = self._scales[key] = self._scaled(order)
        rows, capacity, total, dearest, slowest, worst = scale
        gpu_type, views = order.gpu_type, self._views
        candidates = [
            (
                -(weight * (score + capacity * ((free := views[place].free_gpus.get(gpu_type, 0)) / gpus)) / total),
                price,
                provider_id,
                latency,
                reputation,
                free,
            )
            for place, price, provider_id, latency, reputation, weight, score, gpus in rows
        ]
        candidates.sort()  # by score, price and provider id: the ties' rules
        ids = [candidate[2] for candidate in candidates]
        priced = [(candidate[2], candidate[1]) for candidate in candidates]
        fewest = min([candidate[5] for candidate in candidates], default=_INFINITY)
        ranked = self._ranked[key] = (ids, priced, dearest, slowest, worst, fewest, candidates)
        return ranked

    def _scaled(self, order: Order) -> _Scale:
        """What stays of the scores of a tenant, region and GPU type until more changes than the free GPUs."""
        gpu_type, region = order.gpu_type, order.region
        price, latency, reputation, capacity, total = self._shares[order.tenant_id]
        found = [
            (place, view, view.price_usd_per_hour[gpu_type])
            for place, view in enumerate(self._views)
            if eligible(view, region, gpu_type)
        ]
        if not found:
            return [], capacity, total, 0.0, 0.0, 100.0
        prices = [price_usd for _, _, price_usd in found]
        latencies = [view.latency_ms for _, view, _ in found]
        cheapest, fastest = min(prices), min(latencies)
        rows = [
            (
                place,
                price_usd,
                view.provider_id,
                view.latency_ms,
                view.reputation,
                view.routing_weight,
                price * (cheapest / price_usd)
                + latency * (fastest / view.latency_ms)
                + reputation * (view.reputation / 100.0),
                # None on offer: none is free, and none of none counts as 0.
                gpus if (gpus := view.capacity_gpus.get(gpu_type, 0)) > 0 else _INFINITY,
            )
            for place, view, price_usd in found
        ]
        worst = min([view.reputation for _, view, _ in found])
        return rows, capacity, total, max(prices), max(latencies), worst

    def _standing(self, order: Order) -> Standing:
        """How the providers stand with a tenant, by region and GPU type, brought up to date."""
        offers = self._offers.get((order.region, order.gpu_type))
        if offers is None:
            offers = Offers(self._views, order.region, order.gpu_type)
            self._offers[order.region, order.gpu_type] = offers
        key = (order.tenant_id, order.region, order.gpu_type)
        standing = self._standings.get(key)
        if standing is None or standing.offers is not offers:
            standing = self._standings[key] = Standing(offers, self._shares[order.tenant_id])
        else:
            standing.follow()
        return standing


def _differ_in_free_gpus_alone(before: ProviderView, now: ProviderView) -> bool:
    return (
        before.price_usd_per_hour == now.price_usd_per_hour
        and before.latency_ms == now.latency_ms
        and before.reputation == now.reputation
        and before.capacity_gpus == now.capacity_gpus
        and before.active == now.active
        and before.regions == now.regions
        and before.routing_weight == now.routing_weight
        and before.provider_id == now.provider_id
    )


# of the candidates, best first: the provider ids, alone and with the price; the highest price and latency, the lowest
# reputation and number of free GPUs; and themselves
_Ranked = tuple[list[str], list[tuple[str, float]], float, float, float, float, list[Candidate]]
# the place of its view; price, provider id, latency and reputation; the routing weight; the score's parts but for that of the
# capacity, weighed and added up; the GPUs on offer, infinite where there are none
_Row = tuple[int, float, str, float, float, float, float, float]
# the rows; the tenant's weight of the capacity, and the sum of all its weights; the highest price, latency, and lowest reputation
_Scale = tuple[list[_Row], float, float, float, float, float]

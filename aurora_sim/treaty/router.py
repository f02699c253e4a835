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


class _Row:
    """A candidate, with what orders have limits for. `fixed` is its score but for the part of its free GPUs, unweighed."""

    __slots__ = ("capacity_gpus", "fixed", "free_gpus", "latency_ms", "minus_score", "place", "price", "provider_id", "reputation",
                 "weight")  # fmt: skip

    def __init__(self, place: int, view: ProviderView, gpu_type: str, fixed: float) -> None:
        self.place = place  # of its view
        self.provider_id = view.provider_id
        self.price = view.price_usd_per_hour[gpu_type]
        self.latency_ms = view.latency_ms
        self.reputation = view.reputation
        self.weight = view.routing_weight
        self.fixed = fixed
        # None on offer: none is free, and none of none counts as 0.
        gpus = view.capacity_gpus.get(gpu_type, 0)
        self.capacity_gpus = float(gpus) if gpus > 0 else _INFINITY
        self.free_gpus = 0
        self.minus_score = 0.0

    def goes_before(self, other: _Row) -> bool:
        """Whether it is asked first: the ties' rules."""
        if self.minus_score != other.minus_score:
            return self.minus_score < other.minus_score
        if self.price != other.price:
            return self.price < other.price
        return self.provider_id < other.provider_id


class _Ranking:
    """The candidates of a tenant, region and GPU type, best first, as of one update of the views."""

    __slots__ = ("candidates", "capacity", "dearest", "fewest", "ids", "rows", "slowest", "total", "update", "worst")

    def __init__(self, rows: list[_Row], shares: Shares) -> None:
        self.rows = rows
        self.candidates: list[Candidate] = []  # of many providers, in place of rows
        _, _, _, self.capacity, self.total = shares
        self.dearest = max([row.price for row in rows], default=0.0)
        self.slowest = max([row.latency_ms for row in rows], default=0.0)
        self.worst = min([row.reputation for row in rows], default=100.0)
        self.fewest = 0
        self.ids: list[str] = []
        self.update = 0

    def score(self, views: list[ProviderView], gpu_type: str) -> None:
        """Score and sort the rows anew: to the last bit as `ranking.score` does."""
        rows, capacity, total, fewest = self.rows, self.capacity, self.total, -1
        for number, row in enumerate(rows):
            free = views[row.place].free_gpus.get(gpu_type, 0)
            row.free_gpus = free
            row.minus_score = -(row.weight * (row.fixed + capacity * (free / row.capacity_gpus)) / total)
            if fewest < 0 or free < fewest:
                fewest = free
            # Few rows, that mostly are in order.
            place = number
            while place > 0 and row.goes_before(rows[place - 1]):
                rows[place] = rows[place - 1]
                place -= 1
            rows[place] = row
        self.fewest = fewest
        self.ids = [row.provider_id for row in rows]


class Router:
    """Ranks providers for an order, from the last view that it was given.

    Between two refreshes the candidates of a tenant, region and GPU type are scored once; an order then only applies its own
    limits. What of a score does not depend on the free GPUs is kept for as long as a refresh changes nothing else. Of more than
    `FEW` providers they are mended where one changed, and an order looks through them no further than it is asked. A tenant
    without preferences weighs everything the same.
    """

    __slots__ = ("_many", "_offers", "_places", "_preferences", "_rankings", "_shares", "_standings", "_updates", "_views",
                 "_views_as_given", "_weights")  # fmt: skip

    def __init__(self, preferences: Mapping[str, Preferences]) -> None:
        self._preferences = dict(preferences)
        self._shares = _Shares(self._preferences)
        self._weights: dict[str, float] = {}
        self._views_as_given: list[ProviderView] = []
        self._views: list[ProviderView] = []
        self._places: dict[str, int] = {}
        self._rankings: dict[tuple[str, str, str], _Ranking] = {}
        self._updates = 0
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
        self._rankings = {}
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
        self._updates += 1
        if not same:
            self._rankings = {}
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
        key = (order.tenant_id, order.region, order.gpu_type)
        ranking = self._rankings.get(key)
        if ranking is None:
            ranking = self._rankings[key] = self._ranking(order)
        elif ranking.update != self._updates:
            self._follow(ranking, order)
        if self._many:
            return Shortlist(ranking.candidates, order)
        gpus, price_max = order.gpus, order.max_price_usd_per_hour
        latency_max, reputation_min = order.max_latency_ms, order.min_reputation
        # The limits against the extremes of all candidates, which most orders clear but for the price.
        if ranking.slowest <= latency_max and ranking.worst >= reputation_min and ranking.fewest >= gpus:
            if ranking.dearest <= price_max:
                return ranking.ids
            return [row.provider_id for row in ranking.rows if row.price <= price_max]
        return [
            row.provider_id
            for row in ranking.rows
            if row.free_gpus >= gpus
            and row.price <= price_max
            and row.latency_ms <= latency_max
            and row.reputation >= reputation_min
        ]

    def explain(self, order: Order) -> Explanation:
        """Why the order is ranked as it is."""
        return explain(self._views, order, self.preferences(order.tenant_id))

    def no_route_reason(self, order: Order) -> str:
        """Why `rank` is empty, as `no_route:<filter>`; "" when it is not."""
        if self._many and (candidates := self._standing(order).candidates):
            return "" if self.rank(order) else f"no_route:{furthest_filter(candidates, order)}"
        return no_route_reason(self._views, order)

    def _ranking(self, order: Order) -> _Ranking:
        """The candidates of a tenant, region and GPU type."""
        gpu_type, region, shares = order.gpu_type, order.region, self._shares[order.tenant_id]
        rows: list[_Row] = []
        if not self._many:
            found = [(place, view) for place, view in enumerate(self._views) if eligible(view, region, gpu_type)]
            price, latency, reputation, _, _ = shares
            cheapest = min([view.price_usd_per_hour[gpu_type] for _, view in found], default=0.0)
            fastest = min([view.latency_ms for _, view in found], default=0.0)
            for place, view in found:
                fixed = (
                    price * (cheapest / view.price_usd_per_hour[gpu_type])
                    + latency * (fastest / view.latency_ms)
                    + reputation * (view.reputation / 100.0)
                )
                rows.append(_Row(place, view, gpu_type, fixed))
        ranking = _Ranking(rows, shares)
        self._follow(ranking, order)
        return ranking

    def _follow(self, ranking: _Ranking, order: Order) -> None:
        """Bring it up to date with the views."""
        ranking.update = self._updates
        if self._many:
            ranking.candidates = self._standing(order).candidates
        else:
            ranking.score(self._views, order.gpu_type)

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

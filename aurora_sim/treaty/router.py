"""The router: which providers may take an order, and in which order they are asked.

Filters, in this order; the first that a provider fails cuts it, and names the reason:

1. `inactive`: down, as far as the last health check knows;
2. `drained`: the operator set its routing weight to 0;
3. `region`: neither in the order's region nor global;
4. `gpu_type`: not offered;
5. `price`, 6. `latency`, 7. `reputation`: beyond the order's own limit;
8. `capacity`: fewer GPUs known to be free than the order needs.

Ties are broken by these rules: 1. the higher score; 2. the lower price; 3. the provider id, alphabetically.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aurora_sim.treaty.order import Order

GLOBAL = "global"
FILTERS = ("inactive", "drained", "region", "gpu_type", "price", "latency", "reputation", "capacity")
_INFINITY = float("inf")
_PRICE = FILTERS.index("price")
_PASSED = len(FILTERS)


@dataclass(slots=True, kw_only=True)
class ProviderView:
    """What the router knows of a provider: as old as the last health check, so it can be wrong. Nobody changes one.

    Prices are USD per GPU-hour above 0, capacities GPUs (both by GPU type), reputation 0 to 100. `routing_weight`
    multiplies the score; 0 drains the provider. A region of "global" serves every region.
    """

    provider_id: str
    active: bool
    regions: frozenset[str]
    price_usd_per_hour: Mapping[str, float]
    capacity_gpus: Mapping[str, int]
    free_gpus: Mapping[str, int]
    latency_ms: float
    reputation: float
    routing_weight: float = 1.0

    def __post_init__(self) -> None:
        for gpu_type, price in self.price_usd_per_hour.items():
            if not price > 0.0:
                raise ValueError(f"{self.provider_id}: price of {gpu_type} ({price}) must be greater than 0")
        if not self.latency_ms > 0.0:
            raise ValueError(f"{self.provider_id}: `latency_ms` ({self.latency_ms}) must be greater than 0")
        if not 0.0 <= self.reputation <= 100.0:
            raise ValueError(f"{self.provider_id}: `reputation` ({self.reputation}) must be in [0, 100]")
        if not 0.0 <= self.routing_weight < float("inf"):
            raise ValueError(
                f"{self.provider_id}: `routing_weight` ({self.routing_weight}) must be finite and at least 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """How much a tenant cares for each thing: weights of at least 0, of which only the proportions matter."""

    price: float = 1.0
    latency: float = 1.0
    reputation: float = 1.0
    capacity: float = 1.0

    def __post_init__(self) -> None:
        weights = (self.price, self.latency, self.reputation, self.capacity)
        if not all(weight >= 0.0 for weight in weights) or not 0.0 < sum(weights) < float("inf"):
            raise ValueError(f"weights {weights} must be at least 0, with a finite sum above 0")


BALANCED = Preferences()


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
        self._rated: dict[tuple[str, str], list[_Rated]] = {}

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
        price, latency, reputation, capacity, total = self._shares[order.tenant_id]
        candidates = [
            (-(weight * (price * p + latency * t + reputation * r + capacity * c) / total), *candidate)
            for candidate, weight, p, t, r, c in rated
        ]
        candidates.sort()  # by score, price and provider id: the ties' rules
        if candidates:
            _, prices, ids, latencies, reputations, free = zip(*candidates, strict=True)
            priced = list(zip(ids, prices, strict=True))
            ranked = (list(ids), priced, max(prices), max(latencies), min(reputations), min(free), candidates)
        else:
            ranked = ([], [], 0.0, 0.0, 100.0, _INFINITY, [])
        self._ranked[order.tenant_id, order.region, gpu_type] = ranked
        return ranked

    def _rate(self, order: Order) -> list[_Rated]:
        """What all tenants share of a score: the eligible providers with their parts."""
        gpu_type, region = order.gpu_type, order.region
        eligible = [
            view
            for view in self._views
            if gpu_type in view.price_usd_per_hour  # first, because it cuts the most
            and view.active
            and view.routing_weight != 0.0
            and (region in view.regions or GLOBAL in view.regions)
        ]
        prices = [view.price_usd_per_hour[gpu_type] for view in eligible]
        cheapest = min(prices, default=_INFINITY)
        fastest = min([view.latency_ms for view in eligible], default=_INFINITY)
        return [
            (
                (price, view.provider_id, latency := view.latency_ms, reputation := view.reputation, free),
                view.routing_weight,
                cheapest / price,
                fastest / latency,
                reputation / 100.0,
                free / capacity if (capacity := view.capacity_gpus.get(gpu_type, 0)) > 0 else 0.0,
            )
            for view, price in zip(eligible, prices, strict=True)
            for free in (view.free_gpus.get(gpu_type, 0),)
        ]


# the score with its sign changed, price in USD per GPU-hour, provider id, latency in ms, reputation, free GPUs
_Candidate = tuple[float, float, str, float, float, int]
# of the candidates, best first: the provider ids, alone and with the price; the highest price and latency, the lowest
# reputation and number of free GPUs; and themselves
_Ranked = tuple[list[str], list[tuple[str, float]], float, float, float, float, list[_Candidate]]
# a candidate but for its score, its routing weight, and its score's parts: price, latency, reputation, capacity
_Rated = tuple[tuple[float, str, float, float, int], float, float, float, float, float]


def rank(views: Sequence[ProviderView], order: Order, preferences: Preferences) -> list[str]:
    """The providers that pass every filter, best first: the reference that `Router.rank` is tested against."""
    ranked = _sorted_eligible(views, order, preferences)
    return [view.provider_id for _, _, view in ranked if _filters_passed(view, order) == _PASSED]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a score is made of; each part is 0 to 1, and 1 is the best on offer."""

    price: float
    latency: float
    reputation: float
    capacity: float


def parts(view: ProviderView, gpu_type: str, cheapest_usd_per_hour: float, fastest_ms: float) -> Parts:
    """A provider's parts against the cheapest and the fastest provider that could run the order at all."""
    capacity_gpus = view.capacity_gpus.get(gpu_type, 0)
    return Parts(
        price=cheapest_usd_per_hour / view.price_usd_per_hour[gpu_type],
        latency=fastest_ms / view.latency_ms,
        reputation=view.reputation / 100.0,
        capacity=view.free_gpus.get(gpu_type, 0) / capacity_gpus if capacity_gpus > 0 else 0.0,
    )


def score(
    view: ProviderView, gpu_type: str, preferences: Preferences, cheapest_usd_per_hour: float, fastest_ms: float
) -> float:
    """The routing weight x the parts' mean, weighted by the tenant's preferences.

    Cheapest and fastest are taken over the providers eligible by activity, region and GPU type, not by the order's
    own limits: so a tenant's ranking changes with the view only, and one scoring serves all its orders until the next
    health check.
    """
    p = parts(view, gpu_type, cheapest_usd_per_hour, fastest_ms)
    w = preferences
    weighted = w.price * p.price + w.latency * p.latency + w.reputation * p.reputation + w.capacity * p.capacity
    return view.routing_weight * weighted / (w.price + w.latency + w.reputation + w.capacity)


def no_route_reason(views: Sequence[ProviderView], order: Order) -> str:
    """`no_route:<filter>`, the furthest filter that any provider reached; "" when some provider passes them all.

    The furthest is the one to mend: with one provider too dear and six elsewhere, the order wants a higher price limit.
    """
    furthest = max((_filters_passed(view, order) for view in views), default=-1)
    if furthest == _PASSED:
        return ""
    return f"no_route:{FILTERS[furthest]}" if furthest >= 0 else "no_route:no_providers"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One provider in an explanation: either the filter that cut it, with the numbers, or its score and the parts."""

    provider_id: str
    cut_by: str
    numbers: str
    score: float | None
    parts: Parts | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an order is ranked as it is: the ranked providers, best first, then those cut, in the view's order."""

    order_id: str
    verdicts: tuple[Verdict, ...]

    @property
    def ranked(self) -> list[str]:
        """The provider ids that passed, best first."""
        return [verdict.provider_id for verdict in self.verdicts if not verdict.cut_by]

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [
            ("", "provider", "score", "price", "latency", "reputation", "capacity", "cut by")
        ]
        for place, verdict in enumerate(self.verdicts, start=1):
            if verdict.parts is None:
                rows.append(("-", verdict.provider_id, "", "", "", "", "", f"{verdict.cut_by}: {verdict.numbers}"))
            else:
                p = verdict.parts
                numbers = (verdict.score, p.price, p.latency, p.reputation, p.capacity)
                rows.append((str(place), verdict.provider_id, *(f"{number:.3f}" for number in numbers), ""))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = (
            # Names are set to the left, numbers to the right.
            "  ".join(
                cell.ljust(width) if column in (1, 7) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        )
        return "\n".join(lines)


def explain(views: Sequence[ProviderView], order: Order, preferences: Preferences) -> Explanation:
    """Each provider's score with its parts, or the filter that cut it."""
    eligible = _sorted_eligible(views, order, preferences)
    cheapest, fastest = _best(eligible_views := [view for _, _, view in eligible], order.gpu_type)
    ranked = [
        Verdict(view.provider_id, "", "", -negative_score, parts(view, order.gpu_type, cheapest, fastest))
        for (negative_score, _, _), view in zip(eligible, eligible_views, strict=True)
        if _filters_passed(view, order) == _PASSED
    ]
    cut = [
        Verdict(view.provider_id, FILTERS[passed], _cut_numbers(view, order, FILTERS[passed]), None, None)
        for view in views
        if (passed := _filters_passed(view, order)) < _PASSED
    ]
    return Explanation(order.order_id, (*ranked, *cut))


def _filters_passed(view: ProviderView, order: Order) -> int:
    """How many filters the provider passes before one cuts it: the index in FILTERS of the one that does."""
    price = view.price_usd_per_hour.get(order.gpu_type)
    if not view.active:
        return 0
    if view.routing_weight == 0.0:
        return 1
    if order.region not in view.regions and GLOBAL not in view.regions:
        return 2
    if price is None:
        return 3
    if price > order.max_price_usd_per_hour:
        return 4
    if view.latency_ms > order.max_latency_ms:
        return 5
    if view.reputation < order.min_reputation:
        return 6
    return 7 if view.free_gpus.get(order.gpu_type, 0) < order.gpus else _PASSED


def _cut_numbers(view: ProviderView, order: Order, cut_by: str) -> str:
    match cut_by:
        case "inactive":
            return "down at the last health check"
        case "drained":
            return "routing weight 0"
        case "region":
            return f"{order.region} not in {', '.join(sorted(view.regions)) or 'none'}"
        case "gpu_type":
            return f"{order.gpu_type} not in {', '.join(sorted(view.price_usd_per_hour)) or 'none'}"
        case "price":
            return f"{view.price_usd_per_hour[order.gpu_type]:g} > limit {order.max_price_usd_per_hour:g}"
        case "latency":
            return f"{view.latency_ms:g} > limit {order.max_latency_ms:g} ms"
        case "reputation":
            return f"{view.reputation:g} < floor {order.min_reputation:g}"
        case _:
            return f"{view.free_gpus.get(order.gpu_type, 0)} free < {order.gpus} GPUs wanted"


def _sorted_eligible(
    views: Sequence[ProviderView], order: Order, preferences: Preferences
) -> list[tuple[float, float, ProviderView]]:
    """(-score, price, view) of the providers eligible by activity, weight, region and GPU type, best first."""
    gpu_type = order.gpu_type
    eligible = [view for view in views if _filters_passed(view, order) >= _PRICE]
    cheapest, fastest = _best(eligible, gpu_type)
    scored = [
        (-score(view, gpu_type, preferences, cheapest, fastest), view.price_usd_per_hour[gpu_type], view)
        for view in eligible
    ]
    scored.sort(key=lambda entry: (entry[0], entry[1], entry[2].provider_id))
    return scored


def _best(eligible: Sequence[ProviderView], gpu_type: str) -> tuple[float, float]:
    """The lowest price and latency among them, infinite when there is none."""
    cheapest = min((view.price_usd_per_hour[gpu_type] for view in eligible), default=float("inf"))
    fastest = min((view.latency_ms for view in eligible), default=float("inf"))
    return cheapest, fastest

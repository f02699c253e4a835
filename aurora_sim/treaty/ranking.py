"""Ranking, in pure functions: which providers may take an order, in which order they are asked, and why.

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
from dataclasses import dataclass

from aurora_sim.treaty.order import Order

GLOBAL = "global"
FILTERS = ("inactive", "drained", "region", "gpu_type", "price", "latency", "reputation", "capacity")
PRICE = FILTERS.index("price")
PASSED = len(FILTERS)


@dataclass(slots=True, kw_only=True, init=False)
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
    free_gpus: dict[str, int]
    latency_ms: float
    reputation: float
    routing_weight: float = 1.0

    # Written out, because every health check makes some: where it is compiled, what `dataclass` writes is not.
    def __init__(
        self,
        *,
        provider_id: str,
        active: bool,
        regions: frozenset[str],
        price_usd_per_hour: Mapping[str, float],
        capacity_gpus: Mapping[str, int],
        free_gpus: dict[str, int],
        latency_ms: float,
        reputation: float,
        routing_weight: float = 1.0,
    ) -> None:
        for gpu_type, price in price_usd_per_hour.items():
            if not price > 0.0:
                raise ValueError(f"{provider_id}: price of {gpu_type} ({price}) must be greater than 0")
        if not latency_ms > 0.0:
            raise ValueError(f"{provider_id}: `latency_ms` ({latency_ms}) must be greater than 0")
        if not 0.0 <= reputation <= 100.0:
            raise ValueError(f"{provider_id}: `reputation` ({reputation}) must be in [0, 100]")
        if not 0.0 <= routing_weight < float("inf"):
            raise ValueError(f"{provider_id}: `routing_weight` ({routing_weight}) must be finite and at least 0")
        self.provider_id = provider_id
        self.active = active
        self.regions = regions
        self.price_usd_per_hour = price_usd_per_hour
        self.capacity_gpus = capacity_gpus
        self.free_gpus = free_gpus
        self.latency_ms = latency_ms
        self.reputation = reputation
        self.routing_weight = routing_weight


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


def rank(views: Sequence[ProviderView], order: Order, preferences: Preferences) -> list[str]:
    """The providers that pass every filter, best first: the reference that `Router.rank` is tested against."""
    ranked = _sorted_eligible(views, order, preferences)
    return [view.provider_id for _, _, view in ranked if filters_passed(view, order) == PASSED]


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
    furthest = max((filters_passed(view, order) for view in views), default=-1)
    if furthest == PASSED:
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
        if filters_passed(view, order) == PASSED
    ]
    cut = [
        Verdict(view.provider_id, FILTERS[passed], _cut_numbers(view, order, FILTERS[passed]), None, None)
        for view in views
        if (passed := filters_passed(view, order)) < PASSED
    ]
    return Explanation(order.order_id, (*ranked, *cut))


def filters_passed(view: ProviderView, order: Order) -> int:
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
    return 7 if view.free_gpus.get(order.gpu_type, 0) < order.gpus else PASSED


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
    eligible = [view for view in views if filters_passed(view, order) >= PRICE]
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

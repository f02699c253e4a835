"""The candidates among many providers: kept sorted while providers change, and read from their best end.

offers    of one region and GPU type: each eligible provider's row, and what became of the rows, one after the other
standing  a tenant's candidates among them, best first, as of some place in that course; brought up to date when it is asked
shortlist those of a standing that are within an order's limits; looked for no further than somebody asks
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, overload

from aurora_sim.treaty.order import Order
from aurora_sim.treaty.ranking import FILTERS, GLOBAL, PRICE, ProviderView

Candidate = tuple[float, float, str, float, float, int]
"""The score with its sign changed, price in USD per GPU-hour, provider id, latency in ms, reputation, free GPUs: sorted by these,
the best is first, and ties follow the rules of `ranking`."""

Row = tuple[tuple[float, str, float, float, int], float, float, float, float, float]
"""A candidate but for its score, its routing weight, and its score's parts: price, latency, reputation, capacity."""

Shares = tuple[float, float, float, float, float]
"""A tenant's four weights, and their sum."""

LATENCY: Final = FILTERS.index("latency")
REPUTATION: Final = FILTERS.index("reputation")
ANEW: Final = 3
"""To change one candidate takes about as long as to score so many anew and sort them (measured)."""


def eligible(view: ProviderView, region: str, gpu_type: str) -> bool:
    """Whether a provider could run such an order at all, whatever the order's own limits."""
    return (
        gpu_type in view.price_usd_per_hour  # first, because it cuts the most
        and view.active
        and view.routing_weight != 0.0
        and (region in view.regions or GLOBAL in view.regions)
    )


def row(view: ProviderView, gpu_type: str, cheapest_usd_per_hour: float, fastest_ms: float) -> Row:
    """The row of an eligible provider: `ranking.parts`, and what orders have limits for."""
    price, latency, reputation = view.price_usd_per_hour[gpu_type], view.latency_ms, view.reputation
    free, capacity = view.free_gpus.get(gpu_type, 0), view.capacity_gpus.get(gpu_type, 0)
    return (
        (price, view.provider_id, latency, reputation, free),
        view.routing_weight,
        cheapest_usd_per_hour / price,
        fastest_ms / latency,
        reputation / 100.0,
        free / capacity if capacity > 0 else 0.0,
    )


def scored(rows: Iterable[Row], shares: Shares) -> list[Candidate]:
    """The candidates, best first: `ranking.score` of each row."""
    price, latency, reputation, capacity, total = shares
    candidates = [
        (-(weight * (price * p + latency * t + reputation * r + capacity * c) / total), *candidate)
        for candidate, weight, p, t, r, c in rows
    ]
    candidates.sort()
    return candidates


class Offers:
    """The eligible providers of one region and GPU type, as they change. Parts are against the cheapest and the fastest of them."""

    __slots__ = ("_cheapest", "_fastest", "_gpu_type", "_region", "changes", "rows")

    def __init__(self, views: Iterable[ProviderView], region: str, gpu_type: str) -> None:
        self._region = region
        self._gpu_type = gpu_type
        found = [view for view in views if eligible(view, region, gpu_type)]
        self._cheapest = min([view.price_usd_per_hour[gpu_type] for view in found], default=float("inf"))
        self._fastest = min([view.latency_ms for view in found], default=float("inf"))
        self.rows = {view.provider_id: row(view, gpu_type, self._cheapest, self._fastest) for view in found}
        self.changes: list[tuple[Row | None, Row | None]] = []
        """What was, and what is in its place, of one provider after the other."""

    def take(self, views: Iterable[ProviderView]) -> bool:
        """Take over the views of providers that changed; False if all are to be rated anew, and these offers are of no more use."""
        cheapest, fastest, gpu_type = self._cheapest, self._fastest, self._gpu_type
        for view in views:
            new = None
            if eligible(view, self._region, gpu_type):
                if view.price_usd_per_hour[gpu_type] < cheapest or view.latency_ms < fastest:
                    return False
                new = row(view, gpu_type, cheapest, fastest)
            old = self.rows.get(view.provider_id)
            if old == new:
                continue
            if old is not None and _was_best(old, new):
                return False
            self.changes.append((old, new))
            if new is None:
                del self.rows[view.provider_id]
            else:
                self.rows[view.provider_id] = new
        return len(self.changes) <= len(self.rows)  # or nobody would ever read through them all


def _was_best(old: Row, new: Row | None) -> bool:
    """Whether others may be measured against another one, now that it is so."""
    _, _, cheap, fast, _, _ = old
    if new is None:
        return cheap >= 1.0 or fast >= 1.0
    return new[2] < cheap >= 1.0 or new[3] < fast >= 1.0


class Standing:
    """A tenant's candidates among the offers, best first. A list of candidates is never changed: orders still read it."""

    __slots__ = ("_read", "_shares", "candidates", "offers")

    def __init__(self, offers: Offers, shares: Shares) -> None:
        self.offers = offers
        self._shares = shares
        self._score()

    def _score(self) -> None:
        self.candidates = scored(self.offers.rows.values(), self._shares)
        self._read = len(self.offers.changes)

    def follow(self) -> None:
        """Take over what changed in the offers since the last time."""
        changes = self.offers.changes
        if (len(changes) - self._read) * ANEW > len(self.offers.rows):
            self._score()
            return
        candidates, shares = self.candidates.copy(), self._shares
        for old, new in changes[self._read :]:
            if old is not None:
                del candidates[bisect_left(candidates, scored((old,), shares)[0])]
            if new is not None:
                insort(candidates, scored((new,), shares)[0])
        self.candidates = candidates
        self._read = len(changes)


class Shortlist(Sequence[str]):
    """The provider ids of those candidates that are within an order's limits, best first; its length asks for all of them."""

    __slots__ = ("_found", "_rest")

    def __init__(self, candidates: list[Candidate], order: Order) -> None:
        self._found: list[str] = []
        # The limits and not the order, which has this list: neither would go before the cycle collector comes.
        self._rest = _within_limits(
            candidates, order.gpus, order.max_price_usd_per_hour, order.max_latency_ms, order.min_reputation
        )

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        found = self._found
        if isinstance(place, slice) or place < 0:
            found.extend(self._rest)
            return found[place]
        while len(found) <= place:
            following = next(self._rest, None)
            if following is None:
                break
            found.append(following)
        return found[place]

    def __len__(self) -> int:
        self._found.extend(self._rest)
        return len(self._found)

    def __bool__(self) -> bool:
        return reaches(self, 0)


def reaches(candidates: Sequence[str], place: int) -> bool:
    """Whether there is a candidate at that place (from 0); no more of a shortlist is looked for than this takes."""
    try:
        candidates[place]
    except IndexError:
        return False
    return True


def furthest_filter(candidates: Iterable[Candidate], order: Order) -> str:
    """The furthest filter that any of some candidates reached, all of which an order's limits cut."""
    furthest = PRICE
    for _, price, _, latency, reputation, _ in candidates:
        if price > order.max_price_usd_per_hour:
            continue
        if latency > order.max_latency_ms:
            furthest = max(furthest, LATENCY)
        elif reputation < order.min_reputation:
            furthest = max(furthest, REPUTATION)
        else:
            return "capacity"  # none is further
    return FILTERS[furthest]


def _within_limits(
    candidates: list[Candidate], gpus: int, price_max: float, latency_max: float, reputation_min: float
) -> Iterator[str]:
    for _, price, provider_id, latency, reputation, free in candidates:
        if free >= gpus and price <= price_max and latency <= latency_max and reputation >= reputation_min:
            yield provider_id

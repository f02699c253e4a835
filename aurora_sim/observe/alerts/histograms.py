"""Quantiles of histograms, as Prometheus 2.42 works them out (promql/quantile.go)."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from operator import le
from typing import Final, NamedTuple

from aurora_sim.observe.alerts.operators import divide
from aurora_sim.observe.alerts.store import Columns, Labels, Names
from aurora_sim.observe.alerts.vectors import distinct_unnamed, per_names

_BOUND: Final = re.compile(r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|inf|infinity)", re.IGNORECASE)


class _Histogram(NamedTuple):
    """Where a vector has a histogram: ascending bounds, and the places of the samples that count up to each."""

    bounds: list[float]
    places: list[list[int]]
    in_order: bool  # it is the whole vector, from the least bound to the greatest

    def counts(self, values: Sequence[float]) -> Sequence[float]:
        """The cumulative counts; those of one bound (`le="1"` and `le="1.0"`) are added up."""
        if self.in_order:
            return values
        counts = []
        for first, *others in self.places:
            count = values[first]
            for place in others:
                count += values[place]
            counts.append(count)
        return counts


def quantiles(share: float, operand: Callable[[], Columns]) -> Callable[[], Columns]:
    """`histogram_quantile`: the bounds are read when the series change."""
    histograms = per_names(_histograms)

    def worked_out() -> Columns:
        names, values = operand()
        left, found = histograms(names)
        return left, [_quantile(share, histogram.bounds, histogram.counts(values)) for histogram in found]

    return worked_out


def _histograms(names: Names) -> tuple[Names, list[_Histogram]]:
    """The histograms of a vector, and what to call their quantiles."""
    buckets: defaultdict[Labels, list[tuple[float, int]]] = defaultdict(list)
    for place, labels in enumerate(names):
        bound = _bound_of(dict(labels).get("le", ""))
        if bound is not None:
            buckets[tuple(pair for pair in labels if pair[0] != "le")].append((bound, place))
    found = []
    for ends in buckets.values():
        places: defaultdict[float, list[int]] = defaultdict(list)
        for bound, place in sorted(ends):
            places[bound].append(place)
        whole = [*places.values()] == [[place] for place in range(len(names))]
        found.append(_Histogram([*places], [*places.values()], whole))
    return distinct_unnamed(buckets), found


def _bound_of(text: str) -> float | None:
    """The upper bound that a label `le` gives; None for what is no number."""
    return float(text) if _BOUND.fullmatch(text) else None


def _quantile(share: float, bounds: Sequence[float], counts: Sequence[float]) -> float:
    """The quantile of ascending bounds and cumulative counts, linear inside its bucket (`bucketQuantile`)."""
    if not 0.0 <= share <= 1.0:
        return math.nan if math.isnan(share) else math.copysign(math.inf, share)
    if bounds[-1] != math.inf or len(bounds) < 2:
        return math.nan
    if not all(map(le, counts, counts[1:])):
        counts = _never_falling(counts)
    if counts[-1] == 0.0:
        return math.nan
    rank, last = share * counts[-1], len(counts) - 1
    place = bisect_left(counts, True, 0, last, key=partial(le, rank))  # as written: NaN is not
    if place == last:
        return bounds[-2]
    if place == 0 and bounds[0] <= 0.0:
        return bounds[0]
    low = bounds[place - 1] if place else 0.0
    below = counts[place - 1] if place else 0.0
    return low + (bounds[place] - low) * divide(rank - below, counts[place] - below)


def _never_falling(counts: Sequence[float]) -> list[float]:
    """The counts, each at least what comes before it: sums of scrapes may leave a count below one before it."""
    counts = [*counts]
    most = counts[0]
    for place, count in enumerate(counts):
        if count > most:
            most = count
        elif count < most:
            counts[place] = most
    return counts

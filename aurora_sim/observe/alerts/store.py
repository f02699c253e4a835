"""What the rules need of the recorded series: the samples of their longest range, and no other metric.

Once a minute everything is sampled, as by a scrape. A series that was there and is no longer gets a stale marker from
Prometheus at that scrape: it is gone at once, not after the five minutes for which a merely late sample stands in. As
every evaluation here is at the time of the latest scrape, no marker has to be kept: a series is there if it was in that
scrape. Its older samples stay in ranges until they are too old for them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from aurora_sim.observe.alerts.expression import METRIC_NAME, Selector

Labels = tuple[tuple[str, str], ...]
"""Label names and values, sorted by name; the metric's name is the label `__name__`."""

Vector = list[tuple[Labels, float]]
"""One value for each set of labels."""

TakenSample = tuple[str, Labels, float]
"""Name, labels without the name, value: as a `series.Sample` is."""

_UNSEEN: Final = object()


class Series:
    """One series: the samples that its longest selector reaches back to."""

    __slots__ = ("keep_s", "labels", "times", "unnamed", "values")

    def __init__(self, name: str, labels: Labels, keep_s: float) -> None:
        self.unnamed: Labels = tuple(sorted((label, text) for label, text in labels if text))
        self.labels: Labels = tuple(sorted(((METRIC_NAME, name), *self.unnamed)))
        self.keep_s = keep_s
        self.times: list[float] = []
        self.values: list[float] = []

    def add(self, time_s: float, value: float) -> None:
        """Take a sample, and let go of those that no selector reaches any more."""
        times, values = self.times, self.values
        if times and times[-1] == time_s:
            raise ValueError(f"two samples of {self.labels} at {time_s} s")
        times.append(time_s)
        values.append(value)
        too_old = bisect_left(times, time_s - self.keep_s)
        if too_old:
            del times[:too_old], values[:too_old]


class SeriesStore:
    """The series that some selector selects, each from its first sample on."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self._by_selector: dict[Selector, list[Series]] = {selector: [] for selector in selectors}
        self._names = {selector.name for selector in self._by_selector}
        self._by_key: dict[tuple[str, Labels], Series | None] = {}
        self.now_s = float("-inf")

    def observe(self, time_s: float, samples: Iterable[TakenSample]) -> None:
        """Take all samples of one minute; what is not among them is gone."""
        if not time_s > self.now_s:
            raise ValueError(f"the samples at {time_s} s come after those at {self.now_s} s")
        self.now_s = time_s
        names, by_key = self._names, self._by_key
        for name, labels, value in samples:
            if name in names:
                series = by_key.get((name, labels), _UNSEEN)
                if series is _UNSEEN:
                    series = self._first_seen(name, labels)
                if isinstance(series, Series):
                    series.add(time_s, value)

    def _first_seen(self, name: str, labels: Labels) -> Series | None:
        values = dict(labels)
        selecting = [
            selector
            for selector in self._by_selector
            if selector.name == name and all(m.matches(values.get(m.label, "")) for m in selector.matchers)
        ]
        series = None
        if selecting:
            series = Series(name, labels, max(selector.range_s or 0.0 for selector in selecting))
            for selector in selecting:
                self._by_selector[selector].append(series)
        self._by_key[name, labels] = series
        return series

    def instant(self, selector: Selector) -> Vector:
        """The values of now."""
        now_s = self.now_s
        return [(s.labels, s.values[-1]) for s in self._by_selector[selector] if s.times[-1] == now_s]

    def ranges(self, selector: Selector) -> Iterator[tuple[Series, list[float], list[float]]]:
        """Each series with its times and values from `range_s` ago until now, both included as in Prometheus 2."""
        assert selector.range_s is not None
        start_s = self.now_s - selector.range_s
        for series in self._by_selector[selector]:
            first = bisect_left(series.times, start_s)
            if first < len(series.times):
                yield series, series.times[first:], series.values[first:]

"""What the rules need of the recorded series: the samples of their ranges, and no other metric.

Once a minute everything is sampled, as by a scrape. A series that was there and is no longer gets a stale marker from
Prometheus at that scrape: it is gone at once, not after the five minutes for which a merely late sample stands in. As
every evaluation here is at the time of the latest scrape, no marker has to be kept: a series is there if it was in that
scrape. Its older samples stay in ranges until they are too old for them.

Everything is kept in columns, one a series, as the series are the same from minute to minute: whoever reads them works out
once what depends on their labels alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat, zip_longest
from operator import itemgetter, lt
from typing import Final

from aurora_sim.observe.alerts.expression import METRIC_NAME, Selector

Labels = tuple[tuple[str, str], ...]
"""Label names and values, sorted by name; the metric's name is the label `__name__`."""

Names = tuple[Labels, ...]
"""The labels of every sample of a vector: the same object for as long as its series are the same."""

Columns = tuple[Names, Sequence[float]]
"""A vector: the labels of its samples, and their values."""

TakenSample = tuple[str, Labels, float]
"""Name, labels without the name, value: as a `series.Sample` is."""

Key = tuple[str, Labels]
"""What a series is told by: its name and its labels as they were taken."""

GONE: Final = float("nan")
"""In place of a sample that is not there. It is told by being this object: other NaN are values."""

_key: Final = itemgetter(0, 1)
_value: Final = itemgetter(2)


class _Selected:
    """The series that a selector selects, from the first sample of each on."""

    def __init__(self, latest: Mapping[Key, float]) -> None:
        self._latest = latest
        self._keys: list[Key] = []
        self.names: Names = ()
        self.unnamed: Names = ()

    def add(self, key: Key) -> None:
        """One more series."""
        name, labels = key
        unnamed = tuple(sorted((label, text) for label, text in labels if text))
        self._keys.append(key)
        self.unnamed = (*self.unnamed, unnamed)
        self.names = (*self.names, _named(name, unnamed))


class Instant(_Selected):
    """The series of a selector without a range."""

    def now(self) -> Columns:
        """The values of now."""
        values = [*map(self._latest.get, self._keys, repeat(GONE))]
        return self._without_gone(values) if GONE in values else (self.names, values)

    def _without_gone(self, values: Sequence[float]) -> Columns:
        there = [value is not GONE for value in values]
        return (
            tuple(labels for labels, kept in zip(self.names, there, strict=True) if kept),
            [value for value, kept in zip(values, there, strict=True) if kept],
        )


class Window(_Selected):
    """The series of a selector with a range: a row of values for each minute of it, both ends included as in Prometheus 2."""

    def __init__(self, latest: Mapping[Key, float], range_s: float) -> None:
        super().__init__(latest)
        self._range_s = range_s
        self._times: deque[float] = deque()
        self._rows: deque[tuple[float, ...]] = deque()
        self._torn_s = float("-inf")  # the latest row that lacks a series
        self._reset_s = float("-inf")  # the latest with a value below the one before it
        self.start_s = self.end_s = float("-inf")

    def add(self, key: Key) -> None:
        """One more series, which earlier rows lack."""
        super().add(key)
        if self._times:
            self._torn_s = self._times[-1]

    def take(self, time_s: float) -> None:
        """Take the row of now, and let go of those that are too old."""
        times, rows = self._times, self._rows
        row = tuple(map(self._latest.get, self._keys, repeat(GONE)))
        if GONE in row:
            self._torn_s = time_s
        if rows and any(map(lt, row, rows[-1])):
            self._reset_s = time_s
        times.append(time_s)
        rows.append(row)
        self.end_s, self.start_s = time_s, (start_s := time_s - self._range_s)
        while times[0] < start_s:
            times.popleft()
            rows.popleft()

    def unbroken(self, counter: bool) -> tuple[tuple[float, ...], tuple[float, ...], float, float, int] | None:
        """The first and the last row, their times, and how many rows there are; None if a series has a gap or began anew."""
        times = self._times
        first_s = times[0]
        if self._torn_s >= first_s or (counter and self._reset_s > first_s):
            return None
        return self._rows[0], self._rows[-1], first_s, times[-1], len(times)

    def samples(self) -> Iterator[tuple[list[float], list[float]]]:
        """The times and values of each series; empty where it has none in the range."""
        if not self._keys:
            return
        for column in zip_longest(*self._rows, fillvalue=GONE):
            there = [sample for sample in zip(self._times, column, strict=True) if sample[1] is not GONE]
            yield [time_s for time_s, _ in there], [value for _, value in there]


class SeriesStore:
    """The series that some selector selects, each from its first sample on."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self._latest: dict[Key, float] = {}
        self._known: set[Key] = set()
        self.now_s = float("-inf")
        self.instants: dict[Selector, Instant] = {}
        self.windows: dict[Selector, Window] = {}
        for selector in selectors:
            if selector.range_s is None:
                self.instants[selector] = Instant(self._latest)
            else:
                self.windows[selector] = Window(self._latest, selector.range_s)
        self._windows = tuple(self.windows.values())

    def observe(self, time_s: float, samples: Iterable[TakenSample]) -> None:
        """Take all samples of one minute; what is not among them is gone."""
        if not time_s > self.now_s:
            raise ValueError(f"the samples at {time_s} s come after those at {self.now_s} s")
        self.now_s = time_s
        taken, latest = [*samples], self._latest
        latest.clear()
        latest.update(zip(map(_key, taken), map(_value, taken), strict=True))
        if len(latest) < len(taken):
            self._refuse_twice(taken)
        if not self._known.issuperset(latest):
            for key in latest:
                if key not in self._known:
                    self._first_seen(key)
        for window in self._windows:
            window.take(time_s)

    def _selecting(self, key: Key) -> Iterator[_Selected]:
        name, labels = key
        values = dict(labels)
        for selector, selected in (*self.instants.items(), *self.windows.items()):
            if selector.name == name and all(m.matches(values.get(m.label, "")) for m in selector.matchers):
                yield selected

    def _first_seen(self, key: Key) -> None:
        self._known.add(key)
        for selected in self._selecting(key):
            selected.add(key)

    def _refuse_twice(self, taken: Iterable[TakenSample]) -> None:
        seen: set[Key] = set()
        for name, labels, _ in taken:
            if (name, labels) in seen and any(self._selecting((name, labels))):
                raise ValueError(f"two samples of {_named(name, labels)} at {self.now_s} s")
            seen.add((name, labels))


def _named(name: str, labels: Labels) -> Labels:
    return tuple(sorted(((METRIC_NAME, name), *labels)))

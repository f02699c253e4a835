"""What the rules need of the recorded series: the samples of their ranges, and no other metric.

Once a minute everything is sampled, as by a scrape. A series that was there and is no longer gets a stale marker from
Prometheus at that scrape: it is gone at once, not after the five minutes for which a merely late sample stands in. As
every evaluation here is at the time of the latest scrape, no marker has to be kept: a series is there if it was in that
scrape. Its older samples stay in ranges until they are too old for them.

Everything is kept in columns, one a series, as the series are the same from minute to minute, and come in the same order: where
in a scrape those of a selector are is looked up when that changed, and whoever reads them works out once what depends on their
labels alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from operator import itemgetter, lt
from typing import Final

from aurora_sim.observe.alerts.expression import METRIC_NAME, Matcher, Selector

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

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._places: list[int] = []
        self._torn = False  # some of them are not in the scrape
        self.names: Names = ()
        self.unnamed: Names = ()

    def add(self, key: Key) -> None:
        """One more series."""
        name, labels = key
        unnamed = tuple(sorted((label, text) for label, text in labels if text))
        self._keys.append(key)
        self.unnamed = (*self.unnamed, unnamed)
        self.names = (*self.names, _named(name, unnamed))

    def find(self, places: Mapping[Key, int]) -> None:
        """Take note of where in a scrape each series is; one that is not there is looked for at its end, where `GONE` is."""
        self._places = [places.get(key, -1) for key in self._keys]
        self._torn = -1 in self._places

    def _row(self, scrape: Sequence[float]) -> tuple[float, ...]:
        return tuple(map(scrape.__getitem__, self._places))


class Instant(_Selected):
    """The series of a selector without a range."""

    def __init__(self) -> None:
        super().__init__()
        self._now: Columns = ((), ())

    def take(self, scrape: Sequence[float]) -> None:
        """Take the values of now."""
        values = self._row(scrape)
        self._now = self._without_gone(values) if self._torn else (self.names, values)

    def now(self) -> Columns:
        """The values of now."""
        return self._now

    def _without_gone(self, values: Sequence[float]) -> Columns:
        there = [value is not GONE for value in values]
        return (
            tuple(labels for labels, kept in zip(self.names, there, strict=True) if kept),
            [value for value, kept in zip(values, there, strict=True) if kept],
        )


class Course(_Selected):
    """The series of all selectors that differ in their range alone: a row of values each minute, for as long as the longest."""

    def __init__(self) -> None:
        super().__init__()
        self.longest_s = 0.0
        self.times: deque[float] = deque()
        self.rows: deque[tuple[float, ...]] = deque()
        self.gone = 0  # rows that were let go of
        self.torn_s = float("-inf")  # the latest row that lacks a series
        self.reset_s = float("-inf")  # the latest with a value below the one before it
        # By series, as numbers of rows counted from the very first: where it began to be in every row, its last row before, and
        # the latest with a value below the one before it.
        self.since: list[int] = []
        self.earlier: list[int] = []
        self.resets: list[int] = []

    def add(self, key: Key) -> None:
        """One more series, which earlier rows lack."""
        super().add(key)
        self.since.append(self.gone + len(self.rows))
        self.earlier.append(-1)
        self.resets.append(-1)
        if self.times:
            self.torn_s = self.times[-1]

    def take(self, time_s: float, scrape: Sequence[float]) -> None:
        """Take the row of now, and let go of those that are too old."""
        times, rows = self.times, self.rows
        row = self._row(scrape)
        if self._torn:
            self.torn_s = time_s
            self._tear(row)
        if rows and any(map(lt, row, rows[-1])):
            self.reset_s = time_s
            number = self.gone + len(rows)
            for place, (value, before) in enumerate(
                zip(row, rows[-1], strict=False)
            ):  # a new series was not in that row
                if value < before:
                    self.resets[place] = number
        times.append(time_s)
        rows.append(row)
        while times[0] < time_s - self.longest_s:
            times.popleft()
            rows.popleft()
            self.gone += 1

    def _tear(self, row: Sequence[float]) -> None:
        number = self.gone + len(self.rows)
        for place, value in enumerate(row):
            if value is GONE:
                if self.since[place] < number:
                    self.earlier[place] = number - 1
                self.since[place] = number + 1


Stretch = tuple[float, float, float, float, int]
"""Samples without a gap: the first and the last value, their times, and how many there are."""

NO_STRETCH: Final[Stretch] = (0.0, 0.0, 0.0, 0.0, 0)


class Window:
    """The rows of a course that are within the range of a selector: both ends included, as in Prometheus 2."""

    def __init__(self, course: Course, range_s: float) -> None:
        self.course = course
        self._range_s = range_s
        self._first = 0  # the number of the first row within, counted from the course's very first
        course.longest_s = max(course.longest_s, range_s)

    def span(self) -> tuple[float, float]:
        """Where the range begins and ends."""
        end_s = self.course.times[-1]
        return end_s - self._range_s, end_s

    def _place(self) -> int:
        """Where in the course the first row within is now."""
        times, gone = self.course.times, self.course.gone
        place = max(self._first - gone, 0)
        start_s = times[-1] - self._range_s
        while times[place] < start_s:
            place += 1
        self._first = gone + place
        return place

    def unbroken(self, counter: bool) -> tuple[tuple[float, ...], tuple[float, ...], float, float, int] | None:
        """The first and the last row, their times, and how many rows there are; None if a series has a gap or began anew."""
        course, place = self.course, self._place()
        times, rows = course.times, course.rows
        first_s = times[place]
        if course.torn_s >= first_s or (counter and course.reset_s > first_s):
            return None
        return rows[place], rows[-1], first_s, times[-1], len(times) - place

    def stretches(self, counter: bool) -> Iterator[Stretch | None]:
        """For each series its samples within, as a stretch that ends now; None if they have a gap, end before now or began anew."""
        course, first = self.course, self._place()
        times, rows, gone = course.times, course.rows, course.gone
        for place, last in enumerate(rows[-1]):
            since = course.since[place] - gone
            if course.earlier[place] - gone >= first or (counter and course.resets[place] - gone > first):
                yield None
            elif since >= len(rows):
                yield NO_STRETCH
            else:
                begin = max(since, first)
                yield rows[begin][place], last, times[begin], times[-1], len(rows) - begin

    def samples_of(self, place: int) -> tuple[list[float], list[float]]:
        """The times and values of the series at that place."""
        first = self._place()
        there = [
            (time_s, row[place])
            for time_s, row in zip(
                islice(self.course.times, first, None), islice(self.course.rows, first, None), strict=True
            )
            if place < len(row) and row[place] is not GONE
        ]
        return [time_s for time_s, _ in there], [value for _, value in there]

    def samples(self) -> Iterator[tuple[list[float], list[float]]]:
        """The times and values of each series; empty where it has none in the range."""
        course = self.course
        if not course.names:
            return
        place = self._place()
        times = [*islice(course.times, place, None)]
        for column in zip_longest(*islice(course.rows, place, None), fillvalue=GONE):
            there = [sample for sample in zip(times, column, strict=True) if sample[1] is not GONE]
            yield [time_s for time_s, _ in there], [value for _, value in there]


class SeriesStore:
    """The series that some selector selects, each from its first sample on."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self._keys: list[Key] = []  # of the latest scrape, in its order
        self._known: set[Key] = set()
        self.now_s = float("-inf")
        self.instants: dict[Selector, Instant] = {}
        self.windows: dict[Selector, Window] = {}
        courses: dict[tuple[str, tuple[Matcher, ...]], Course] = {}
        for selector in selectors:
            if selector.range_s is None:
                self.instants[selector] = Instant()
            else:
                course = courses.setdefault((selector.name, selector.matchers), Course())
                self.windows[selector] = Window(course, selector.range_s)
        self._instants = tuple(self.instants.values())
        self._courses = tuple(courses.values())
        self._selected: list[tuple[str, tuple[Matcher, ...], _Selected]] = [
            *((selector.name, selector.matchers, instant) for selector, instant in self.instants.items()),
            *((name, matchers, course) for (name, matchers), course in courses.items()),
        ]

    def observe(self, time_s: float, samples: Iterable[TakenSample]) -> bool:
        """Take all samples of one minute; what is not among them is gone. Whether some series is there for the first time."""
        if not time_s > self.now_s:
            raise ValueError(f"the samples at {time_s} s come after those at {self.now_s} s")
        self.now_s = time_s
        taken = [*samples]
        keys = [*map(_key, taken)]
        known = len(self._known)
        if keys != self._keys:
            self._find(keys)
        scrape = [*map(_value, taken), GONE]
        for instant in self._instants:
            instant.take(scrape)
        for course in self._courses:
            course.take(time_s, scrape)
        return len(self._known) > known

    def has_series(self, selector: Selector) -> bool:
        """Whether the selector selects any series that is there or was."""
        selected = self.instants[selector] if selector.range_s is None else self.windows[selector].course
        return bool(selected.names)

    def _find(self, keys: list[Key]) -> None:
        """Find the series of a scrape that has others than the one before, or has them in another order."""
        places = {key: place for place, key in enumerate(keys)}
        if len(places) < len(keys):
            self._refuse_twice(keys)
        for key in places:
            if key not in self._known:
                self._first_seen(key)
        for _, _, selected in self._selected:
            selected.find(places)
        self._keys = keys

    def _selecting(self, key: Key) -> Iterator[_Selected]:
        name, labels = key
        values = dict(labels)
        for wanted, matchers, selected in self._selected:
            if wanted == name and all(m.matches(values.get(m.label, "")) for m in matchers):
                yield selected

    def _first_seen(self, key: Key) -> None:
        self._known.add(key)
        for selected in self._selecting(key):
            selected.add(key)

    def _refuse_twice(self, keys: Iterable[Key]) -> None:
        seen: set[Key] = set()
        for key in keys:
            if key in seen and any(self._selecting(key)):
                raise ValueError(f"two samples of {_named(*key)} at {self.now_s} s")
            seen.add(key)


def _named(name: str, labels: Labels) -> Labels:
    return tuple(sorted(((METRIC_NAME, name), *labels)))

"""`rate`, `increase` and `delta` are read off a series' ends where that is enough: that changes no value."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from aurora_sim.observe.alerts.evaluate import Evaluation
from aurora_sim.observe.alerts.expression import Call, Selector
from aurora_sim.observe.alerts.functions import GROWTHS, OVER_RANGE
from aurora_sim.observe.alerts.store import SeriesStore

RANGES_S = (60.0, 180.0, 300.0, 1200.0)
STEPS = st.sampled_from([None, None, 0.0, 1.0, 1.0, 3.0, -2.0])  # gone, or so much more than before
SERIES = st.lists(st.lists(STEPS, min_size=1, max_size=24), min_size=1, max_size=4)


def values_of(steps: list[float | None]) -> list[float | None]:
    total, values = 5.0, []
    for step in steps:
        total = max(0.0, total + (step or 0.0))
        values.append(None if step is None else total)
    return values


@given(SERIES)
@example([[1.0] * 8, [None, None, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]])  # begins late
@example([[1.0] * 8, [1.0, 1.0, 1.0, None, None, 1.0, 1.0, 1.0]])  # a gap
@example([[1.0] * 8, [1.0, 1.0, 1.0, 1.0, -2.0, 1.0, 1.0, None]])  # begins anew, and is gone
def test_read_off_is_gone_through(series: list[list[float | None]]) -> None:
    selectors = {(name, range_s): Selector("wanted", (), range_s) for name in GROWTHS for range_s in RANGES_S}
    store = SeriesStore(selectors.values())
    evaluation = Evaluation(store)
    values = [values_of(steps) for steps in series]
    for minute in range(max(map(len, values))):
        now_s = 60.0 * minute
        there = {number: column[minute] for number, column in enumerate(values) if minute < len(column)}
        store.observe(
            now_s,
            [("wanted", (("n", str(number)),), value) for number, value in there.items() if value is not None],
        )
        for (name, range_s), selector in selectors.items():
            expected = {}
            for number, column in enumerate(values):
                samples = [
                    (60.0 * place, value)
                    for place, value in enumerate(column[: minute + 1])
                    if value is not None and 60.0 * place >= now_s - range_s
                ]
                times_s, seen = [time_s for time_s, _ in samples], [value for _, value in samples]
                growth = OVER_RANGE[name](times_s, seen, now_s - range_s, now_s) if samples else None
                if growth is not None:
                    expected[(("n", str(number)),)] = growth
            assert dict(evaluation.vector(Call(name, (selector,)))) == expected

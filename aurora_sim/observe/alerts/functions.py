"""The functions that rules may call, as Prometheus 2.42 works them out (promql/functions.go)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from aurora_sim.observe.alerts.operators import greatest, least

OverRange = Callable[[Sequence[float], Sequence[float], float, float], float | None]
"""Of the times and values in a range, its start and its end; None where there are too few samples."""


def _extrapolated(
    times: Sequence[float], values: Sequence[float], start_s: float, end_s: float, counter: bool, per_second: bool
) -> float | None:
    """The growth over the whole range, though the samples do not reach its ends (`extrapolatedRate`)."""
    if len(values) < 2:
        return None
    first = values[0]
    growth = values[-1] - first
    if counter:
        previous = 0.0
        for value in values:
            if value < previous:  # the counter began anew
                growth += previous
            previous = value
    return extrapolated(
        growth, first, times[0], times[-1], len(values), start_s, end_s, counter=counter, per_second=per_second
    )


def extrapolated(
    growth: float,
    first: float,
    first_s: float,
    last_s: float,
    count: int,
    start_s: float,
    end_s: float,
    *,
    counter: bool,
    per_second: bool,
) -> float:
    """A growth between two samples, of `count` in the range, carried on to the range's ends (`extrapolatedRate`)."""
    to_start_s, to_end_s = first_s - start_s, end_s - last_s
    sampled_s = last_s - first_s
    between_s = sampled_s / (count - 1)
    if counter and growth > 0.0 and first >= 0.0:  # no further back than to where the counter was 0
        to_start_s = min(to_start_s, sampled_s * (first / growth))
    near_s = between_s * 1.1
    reach_s = sampled_s
    reach_s += to_start_s if to_start_s < near_s else between_s / 2
    reach_s += to_end_s if to_end_s < near_s else between_s / 2
    factor = reach_s / sampled_s
    return growth * (factor / (end_s - start_s) if per_second else factor)


def rate(times: Sequence[float], values: Sequence[float], start_s: float, end_s: float) -> float | None:
    """Growth of a counter per second."""
    return _extrapolated(times, values, start_s, end_s, counter=True, per_second=True)


def increase(times: Sequence[float], values: Sequence[float], start_s: float, end_s: float) -> float | None:
    """Growth of a counter over the range."""
    return _extrapolated(times, values, start_s, end_s, counter=True, per_second=False)


def irate(times: Sequence[float], values: Sequence[float], start_s: float, end_s: float) -> float | None:
    """Growth of a counter per second, between the last two samples (`instantValue`)."""
    if len(values) < 2:
        return None
    before, last = values[-2:]
    return (last if last < before else last - before) / (times[-1] - times[-2])


def delta(times: Sequence[float], values: Sequence[float], start_s: float, end_s: float) -> float | None:
    """Change of a gauge over the range."""
    return _extrapolated(times, values, start_s, end_s, counter=False, per_second=False)


def _compensated(increment: float, total: float, lost: float) -> tuple[float, float]:
    """Neumaier's sum: the total, and what rounding has taken from it so far."""
    grown = total + increment
    lost += (total - grown) + increment if abs(total) >= abs(increment) else (increment - grown) + total
    return grown, lost


def _sum(values: Sequence[float]) -> float:
    total = lost = 0.0
    for value in values:
        total, lost = _compensated(value, total, lost)
    return total if math.isinf(total) else total + lost


def _mean(values: Sequence[float]) -> float:
    mean = lost = 0.0
    for count, value in enumerate(values, start=1):
        if math.isinf(mean) and not math.isnan(value) and (math.isfinite(value) or (mean > 0) == (value > 0)):
            continue  # infinite it stays
        mean, lost = _compensated(value / count - mean / count, mean, lost)
    return mean if math.isinf(mean) else mean + lost


OVER_RANGE: Final[dict[str, OverRange]] = {
    "rate": rate,
    "increase": increase,
    "irate": irate,
    "delta": delta,
    "sum_over_time": lambda _, values, *__: _sum(values),
    "avg_over_time": lambda _, values, *__: _mean(values),
    "min_over_time": lambda _, values, *__: least(values),
    "max_over_time": lambda _, values, *__: greatest(values),
    "count_over_time": lambda _, values, *__: float(len(values)),
    "last_over_time": lambda _, values, *__: values[-1],
}

GROWTHS: Final = {"rate": (True, True), "increase": (True, False), "delta": (False, False)}
"""Those that extrapolate: whether they are of counters, and whether per second."""

ELEMENTWISE: Final[dict[str, Callable[..., float]]] = {
    "abs": abs,
    "clamp_min": lambda value, bound: math.nan if math.isnan(value) or math.isnan(bound) else max(value, bound),
    "clamp_max": lambda value, bound: math.nan if math.isnan(value) or math.isnan(bound) else min(value, bound),
}
"""Of one value, and of the numbers that follow it."""

KNOWN: Final = frozenset({*OVER_RANGE, *ELEMENTWISE, "absent", "histogram_quantile"})
"""Every function that is evaluated here."""

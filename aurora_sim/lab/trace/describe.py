"""What a trace is like: how often orders come and how unevenly, how long they last, how large they are, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from aurora_sim.lab.trace.dispersion import SCALES_S, gap_cv, index_of_dispersion
from aurora_sim.lab.trace.trace import Codes, Times, Trace

QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0


@dataclass(frozen=True)
class Durations:
    """Of jobs, in seconds; `log_sigma` is the standard deviation of their natural logarithm."""

    mean_s: float
    quantiles_s: dict[str, float]
    log_sigma: float

    @property
    def median_s(self) -> float:
        return self.quantiles_s["0.5"]


@dataclass(frozen=True)
class Part:
    """A tenant's, a GPU type's or a GPU count's part of the orders and of the GPU-hours, as shares."""

    name: str
    orders: int
    orders_share: float
    gpu_hours_share: float
    median_duration_s: float
    dispersion_1h: float | None


@dataclass(frozen=True)
class Description:
    """A trace in figures. Dispersion by window in seconds; profiles are the rate over the mean rate, None where never seen."""

    orders: int
    span_s: float
    orders_per_hour: float
    gpu_hours: float
    gap_cv: float | None
    dispersion: dict[str, float | None]
    durations: Durations
    gpu_counts: list[Part]
    gpu_types: list[Part]
    tenants: list[Part]
    by_hour: list[float | None]
    by_day: list[float | None]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def describe(trace: Trace, start_of_week_s: float = 0.0) -> Description:
    """The figures of a trace; `start_of_week_s` is its time 0 in seconds after Monday's midnight, for the profiles."""
    arrival_s, span_s = trace.arrival_s, trace.span_s
    counts, of_count = np.unique(trace.gpus, return_inverse=True)
    return Description(
        orders=arrival_s.size,
        span_s=span_s,
        orders_per_hour=arrival_s.size / span_s * HOUR_S if span_s > 0.0 else float(arrival_s.size),
        gpu_hours=float(trace.gpu_hours.sum()),
        gap_cv=gap_cv(arrival_s),
        dispersion={f"{window_s:g}": index_of_dispersion(arrival_s, window_s, span_s) for window_s in SCALES_S},
        durations=durations(trace.duration_s),
        gpu_counts=_parts(trace, of_count.astype(np.int32), [str(count) for count in counts.tolist()]),
        gpu_types=_largest_first(_parts(trace, trace.gpu_type, trace.gpu_types)),
        tenants=_largest_first(_parts(trace, trace.tenant, trace.tenants)),
        by_hour=profile(arrival_s, span_s, HOUR_S, 24, start_of_week_s),
        by_day=profile(arrival_s, span_s, DAY_S, 7, start_of_week_s),
    )


def durations(duration_s: Times) -> Durations:
    values = np.quantile(duration_s, QUANTILES).tolist()
    sigma = float(np.log(duration_s).std(ddof=1)) if duration_s.size > 1 else 0.0
    return Durations(
        float(duration_s.mean()), {f"{q:g}": value for q, value in zip(QUANTILES, values, strict=True)}, sigma
    )


def profile(arrival_s: Times, span_s: float, cell_s: float, cells: int, begin_s: float) -> list[float | None]:
    """The rate in each cell of a cycle of `cells` x `cell_s`, over the mean rate; `begin_s` is time 0 within the cycle.

    A cell that the span never reaches is None.
    """
    seen_s = exposure(span_s, cell_s, cells, begin_s)
    counts = np.bincount(((arrival_s + begin_s) // cell_s % cells).astype(np.int64), minlength=cells)
    if span_s <= 0.0:
        return [None] * cells
    mean = arrival_s.size / span_s
    return [
        count / seconds / mean if seconds > 0.0 else None
        for count, seconds in zip(counts.tolist(), seen_s.tolist(), strict=True)
    ]


def exposure(span_s: float, cell_s: float, cells: int, begin_s: float) -> Times:
    """How many seconds of [0, span_s] lie in each cell of the cycle."""

    def until(time_s: float) -> Times:
        whole, rest_s = divmod(time_s, cell_s * cells)
        rest: Times = np.clip(rest_s - np.arange(cells) * cell_s, 0.0, cell_s)
        return whole * cell_s + rest

    return until(begin_s + span_s) - until(begin_s)


def _parts(trace: Trace, code: Codes, names: Sequence[str]) -> list[Part]:
    orders = np.bincount(code, minlength=len(names))
    gpu_hours = np.bincount(code, weights=trace.gpu_hours, minlength=len(names))
    in_order = np.split(np.argsort(code, kind="stable"), np.cumsum(orders)[:-1])
    whole = gpu_hours.sum()
    return [
        Part(
            name,
            mine.size,
            mine.size / code.size,
            float(gpu_hours[number] / whole),
            float(np.median(trace.duration_s[mine])),
            index_of_dispersion(trace.arrival_s[mine], HOUR_S, trace.span_s),
        )
        for number, (name, mine) in enumerate(zip(names, in_order, strict=True))
        if mine.size
    ]


def _largest_first(parts: list[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: (-part.orders, part.name))

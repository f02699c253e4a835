"""A fit and its trace in four pictures: dispersion over windows, durations, the hours of the day, and counts hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from aurora_sim.lab.trace.dispersion import index_of_dispersion
from aurora_sim.lab.trace.trace import Times, Trace

WINDOWS_S: Final = (30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14_400.0)
TRACE_COLOUR: Final = "black"
FIT_COLOUR: Final = "tab:blue"


def draw_fit(path: Path, name: str, trace: Trace, runs: Sequence[Trace]) -> None:
    """One PNG. Needs matplotlib, which is imported here and nowhere else."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{name} and its fit, {len(runs)} seeds")
    (upper_left, upper_right), (lower_left, lower_right) = figure.subplots(2, 2)
    for run in runs:
        upper_left.loglog(*_dispersion(run.arrival_s, trace.span_s), color=FIT_COLOUR, alpha=0.4)
        upper_right.semilogx(*_cumulative(run.duration_s), color=FIT_COLOUR, alpha=0.4)
        lower_left.plot(range(24), _by_hour(run.arrival_s), color=FIT_COLOUR, alpha=0.4)
    upper_left.loglog(*_dispersion(trace.arrival_s, trace.span_s), color=TRACE_COLOUR, marker="o")
    upper_left.set(xlabel="window, s", ylabel="index of dispersion", title="How unevenly orders come")
    upper_right.semilogx(*_cumulative(trace.duration_s), color=TRACE_COLOUR)
    upper_right.set(xlabel="duration, s", ylabel="share of orders", title="How long they last")
    lower_left.plot(range(24), _by_hour(trace.arrival_s), color=TRACE_COLOUR)
    lower_left.set(xlabel="hour since the trace's start, of each day", ylabel="orders an hour", title="When in the day")
    lower_right.plot(_hourly(runs[0].arrival_s, trace.span_s), color=FIT_COLOUR, label="fit, first seed")
    lower_right.plot(-_hourly(trace.arrival_s, trace.span_s), color=TRACE_COLOUR, label="trace, downwards")
    lower_right.set(xlabel="hour", ylabel="orders in the hour", title="Hour by hour")
    lower_right.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _dispersion(arrival_s: Times, span_s: float) -> tuple[list[float], list[float]]:
    found = [(window_s, index_of_dispersion(arrival_s, window_s, span_s)) for window_s in WINDOWS_S]
    return [window_s for window_s, index in found if index], [index for _, index in found if index]


def _cumulative(values: Times) -> tuple[Times, Times]:
    return np.sort(values), np.arange(1, values.size + 1) / values.size


def _by_hour(arrival_s: Times) -> Times:
    days = max(1.0, float(arrival_s.max()) / 86_400.0)
    return np.bincount((arrival_s // 3600.0 % 24).astype(np.int64), minlength=24) / days


def _hourly(arrival_s: Times, span_s: float) -> Times:
    hours = int(span_s // 3600.0) + 1
    return np.bincount((arrival_s // 3600.0).astype(np.int64), minlength=hours)[:hours].astype(np.float64)

"""The pictures of a finished run, from its CSVs: what an on-call engineer wants to see first.

The same run gives the same bytes. matplotlib is imported here and in plot_frame.py alone: a run without pictures does not need it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, PercentFormatter

from aurora_sim.observe.course import Course, Curve, ProviderCourse, read_course
from aurora_sim.observe.plot_frame import (
    BLUE,
    GREY,
    INK,
    LEFT_IN,
    SKY,
    STYLE,
    VERMILLION,
    FaultSpan,
    Frame,
    grouped,
    label_ends,
)
from aurora_sim.observe.recorder import STEP_S
from aurora_sim.observe.run_files import PARTIAL
from aurora_sim.scenario.config import Slo

OVERVIEW: Final = "overview.png"
SIZE_IN: Final = (9.0, 4.2)
DPI: Final = 120
PROVIDERS_MAX: Final = 24
PROVIDER_COLUMNS: Final = 4
LINEAR_UP_TO: Final = 10.0
"""Counts are drawn linearly up to here, and by their logarithm above: one outage is a thousand times an ordinary minute."""
RTT_LOG_FROM_MS: Final = 2000.0
PANELS_WIDER_IN: Final = 1.5
PANELS_HIGHER_IN: Final = 0.25
"""The panels of the providers have no labels at their right, and titles of their own."""

Picture = Callable[[Figure | SubFigure, Course, Slo, Sequence[FaultSpan]], None]


def draw(folder: Path, title: str, faults: Sequence[tuple[str, float, float]], slo: Slo) -> list[Path]:
    """Write the pictures of the finished run in `folder` beside its CSVs, and give their paths.

    Faults are (name, begin, end), in seconds from the start. Raises InputError where the CSVs cannot be read, and OSError
    where the pictures cannot be written.
    """
    course = read_course(folder, slo)
    spans = [FaultSpan(*fault) for fault in sorted(faults, key=lambda fault: fault[1:])]
    paths: list[Path] = []
    with matplotlib.style.context(["default", STYLE]):
        for name, picture in PICTURES.items():
            figure = Figure(figsize=SIZE_IN, dpi=DPI)
            picture(figure, course, slo, spans)
            paths.append(_write(figure, folder / name))
        paths.append(_write(_overview(course, title, slo, spans), folder / OVERVIEW))
    return paths


def _write(figure: Figure, path: Path) -> Path:
    data = io.BytesIO()
    figure.savefig(data, format="png", metadata={"Software": None})  # it would name matplotlib's version
    partial = path.with_name(path.name + PARTIAL)
    partial.write_bytes(data.getvalue())
    return partial.replace(path)


def _overview(course: Course, title: str, slo: Slo, faults: Sequence[FaultSpan]) -> Figure:
    heading_in = 0.5
    width_in, height_in = SIZE_IN
    figure = Figure(figsize=(2 * width_in, 2 * height_in + heading_in), dpi=DPI)
    figure.text(
        LEFT_IN / (2 * width_in), 1.0 - 0.36 / (2 * height_in + heading_in), title, size=16, weight="bold", color=INK
    )
    grid = figure.add_gridspec(3, 2, height_ratios=(heading_in, height_in, height_in))
    for place, picture in enumerate(PICTURES.values()):
        row, column = divmod(place, 2)
        picture(figure.add_subfigure(grid[row + 1, column]), course, slo, faults)
    return figure


# The four pictures.


def _fill_rate(figure: Figure | SubFigure, course: Course, slo: Slo, faults: Sequence[FaultSpan]) -> None:
    curve = course.fill_rate
    finding, alarming = "too few orders for a fill rate", False
    if curve.known:
        low, at_s = curve.lowest()
        alarming = _often(curve.below, curve)
        if curve.below:
            rest = f"below {slo.fill_rate_p5_min:.0%} for {_in_steps(curve.below)}"
        else:
            rest = f"never below {slo.fill_rate_p5_min:.0%}"
        finding = f"lowest {low:.1%} after {_duration(at_s)}; {rest}" if low < 1.0 else "every order was filled"
    frame = Frame(figure, "Fill rate", finding, alarming, course.end_s, faults)
    axes = frame.axes(0.0, 0.0, *frame.body_in)
    low_of_all = min((c.lowest()[0] for c in (curve, course.fill_rate_gpu_hours) if c.known), default=1.0)
    bottom = max(0.0, min(0.6, np.floor(low_of_all * 10.0 - 0.5) / 10.0))
    axes.set_ylim(bottom, 1.0 + (1.0 - bottom) * 0.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="y")
    _limit(axes, slo.fill_rate_p50_min)
    _limit(axes, slo.fill_rate_p5_min)
    _line(axes, frame, course.fill_rate_gpu_hours, SKY, 1.4)
    _line(axes, frame, curve, BLUE, 2.0)
    label_ends(
        axes,
        [
            (_last(curve), "by count", BLUE),
            (_last(course.fill_rate_gpu_hours), "by GPU-hours", SKY),
            (slo.fill_rate_p50_min, f"SLO, median: {slo.fill_rate_p50_min:.0%}", VERMILLION),
            (slo.fill_rate_p5_min, f"SLO, 95% of time: {slo.fill_rate_p5_min:.0%}", VERMILLION),
        ],
    )
    frame.name_faults(axes)
    frame.time_label(axes)


def _round_trips(figure: Figure | SubFigure, course: Course, slo: Slo, faults: Sequence[FaultSpan]) -> None:
    curve, limit_ms = course.rtt_p95_ms, slo.rtt_p95_ms_max
    finding, alarming = "no order was filled", False
    if curve.known:
        high, at_s = curve.highest()
        alarming = _often(curve.above, curve)
        rest = f"above {limit_ms:g} ms for {_in_steps(curve.above)}" if curve.above else f"never above {limit_ms:g} ms"
        finding = f"95th percentile highest {high:,.0f} ms after {_duration(at_s)}; {rest}"
    frame = Frame(figure, "Bridge round trip", finding, alarming, course.end_s, faults)
    axes = frame.axes(0.0, 0.0, *frame.body_in)
    curves = ((course.rtt_p99_ms, "p99", SKY, 1.2), (curve, "p95", BLUE, 2.0), (course.rtt_p50_ms, "p50", GREY, 1.2))
    top_ms = max((c.highest()[0] for c, *_ in curves if c.known), default=limit_ms)
    if top_ms > RTT_LOG_FROM_MS:
        axes.set_yscale("log")
        axes.set_ylim(50.0, top_ms * 1.3)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(FixedLocator([100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]))
    else:
        axes.set_ylim(0.0, max(top_ms, limit_ms) * 1.08)
    grouped(axes)
    axes.grid(axis="y")
    axes.set_ylabel("ms")
    _limit(axes, limit_ms)
    for c, _, colour, width in curves:
        _line(axes, frame, c, colour, width)
    label_ends(
        axes,
        [
            *((_last(c), name, colour) for c, name, colour, _ in curves if c.known),
            (limit_ms, f"SLO for p95: {limit_ms:g} ms", VERMILLION),
        ],
    )
    frame.name_faults(axes)
    frame.time_label(axes)


def _providers(figure: Figure | SubFigure, course: Course, slo: Slo, faults: Sequence[FaultSpan]) -> None:
    del slo
    shown = dict(list(course.providers.items())[:PROVIDERS_MAX])
    dark = [f"{name} dark for {_in_steps(p.dark_steps)}" for name, p in course.providers.items() if p.dark_steps]
    finding = "; ".join(dark[:3]) + (f"; {len(dark) - 3} more" if len(dark) > 3 else "") or "none went dark"
    if len(shown) < len(course.providers):
        finding += f" (the first {len(shown)} of {len(course.providers)} are shown)"
    frame = Frame(figure, "GPUs on offer and leased", finding, bool(dark), course.end_s, faults, named=False)
    frame.text(7.4, 0.26, "■ leased", size=9.5, color=BLUE)
    frame.text(8.2, 0.26, "━ on offer", size=9.5, color=INK)
    columns = min(PROVIDER_COLUMNS, max(1, len(shown)))
    rows = max(1, -(-len(shown) // columns))
    width_in, height_in = frame.body_in
    cell_in, row_in = (width_in + PANELS_WIDER_IN) / columns, (height_in + PANELS_HIGHER_IN) / rows
    for place, (name, provider) in enumerate(shown.items()):
        row, column = divmod(place, columns)
        axes = frame.axes(column * cell_in, (rows - 1 - row) * row_in, cell_in - 0.45, row_in - 0.42)
        _provider(axes, frame, name, provider)
        if place + columns >= len(shown):
            axes.set_xlabel(frame.unit.name, labelpad=2)
        else:
            axes.tick_params(labelbottom=False)


def _provider(axes: Axes, frame: Frame, name: str, provider: ProviderCourse) -> None:
    times = provider.leased.time_s / frame.unit.seconds
    top = provider.capacity.highest()[0]
    axes.fill_between(times, provider.leased.mean, color=BLUE, linewidth=0.0)
    axes.step(times, provider.capacity.low, where="mid", color=INK, linewidth=1.2)
    axes.set_ylim(0.0, max(top, 1.0) * 1.08)
    axes.yaxis.set_major_locator(FixedLocator([0.0, top]))
    grouped(axes)
    share = float(provider.leased.sum.sum() / max(1.0, provider.capacity.sum.sum()))
    axes.set_title(name, loc="left", size=9, color=INK, weight="bold", pad=3)
    axes.set_title(f"{share:.0%} leased", loc="right", size=8.5, color=BLUE, pad=3)


def _failovers(figure: Figure | SubFigure, course: Course, slo: Slo, faults: Sequence[FaultSpan]) -> None:
    curve, limit = course.failovers_5m, slo.failovers_per_5m_max
    failovers, killed, lost = (int(c.sum.sum()) for c in (course.failovers, course.jobs_killed, course.jobs_lost))
    over = course.steps - curve.below
    finding = f"{failovers:,} failovers, " + (
        f"{limit:g} or more in 5 minutes for {_in_steps(over)}" if over else f"never {limit:g} in 5 minutes"
    )
    if killed:
        finding += f"; {killed:,} jobs killed, {lost:,} of them lost"
    frame = Frame(figure, "Failovers and killed jobs", finding, bool(over or killed), course.end_s, faults)
    width_in, height_in = frame.body_in
    gap_in = 0.25
    upper_in = (height_in - gap_in) * 0.6
    upper = frame.axes(0.0, height_in - upper_in, width_in, upper_in)
    lower = frame.axes(0.0, 0.0, width_in, height_in - upper_in - gap_in)
    _counts(upper, max(curve.highest()[0], 2 * limit))
    _bars(upper, frame, course.failovers, BLUE)
    _limit(upper, limit)
    _line(upper, frame, curve, SKY, 1.6)
    label_ends(
        upper,
        [
            (limit, f"SLO in 5 min: {limit:g}", VERMILLION),
            (_last(curve), "in 5 minutes", SKY),
            (0.0, "in a minute", BLUE),
        ],
    )
    upper.tick_params(labelbottom=False)
    frame.name_faults(upper)
    top = max(course.jobs_killed.highest()[0], 10.0) * 1.15
    lower.set_ylim(0.0, top)
    lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    grouped(lower)
    lower.grid(axis="y")
    _bars(lower, frame, course.jobs_killed, GREY)
    _bars(lower, frame, course.jobs_lost, VERMILLION)
    label_ends(lower, [(0.6 * top, "jobs killed", GREY), (0.2 * top, "of them lost", VERMILLION)])
    frame.time_label(lower)


PICTURES: Final[dict[str, Picture]] = {
    "fill_rate.png": _fill_rate,
    "rtt.png": _round_trips,
    "providers.png": _providers,
    "failovers.png": _failovers,
}


# Marks.


def _line(axes: Axes, frame: Frame, curve: Curve, colour: str, width_pt: float) -> None:
    """The mean of each span and, where a span is more than one step, a band from its least to its greatest value."""
    times = curve.time_s / frame.unit.seconds
    if curve.steps_per_point > 1:
        axes.fill_between(times, curve.low, curve.high, color=colour, alpha=0.3, linewidth=0.0)
    axes.plot(times, curve.mean, color=colour, linewidth=width_pt)


def _bars(axes: Axes, frame: Frame, curve: Curve, colour: str) -> None:
    """The greatest value of each span, as one shape: a bar each would take 30 times as long."""
    width_s = STEP_S * curve.steps_per_point
    edges_s = np.arange(len(curve.high) + 1) * width_s
    axes.stairs(np.nan_to_num(curve.high), edges_s / frame.unit.seconds, fill=True, color=colour, linewidth=0.0)


def _limit(axes: Axes, value: float) -> None:
    axes.axhline(value, color=VERMILLION, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)


def _counts(axes: Axes, top: float) -> None:
    """A value axis for counts from nothing to very many."""
    if top > 10 * LINEAR_UP_TO:
        axes.set_yscale("symlog", linthresh=LINEAR_UP_TO)
        axes.yaxis.set_major_locator(FixedLocator([0, 10, 100, 1000, 10_000, 100_000, 1_000_000]))
    axes.set_ylim(0.0, top * 1.15)
    grouped(axes)
    axes.grid(axis="y")


# Words.


def _last(curve: Curve) -> float:
    """The last known value, where a line's label belongs."""
    known = curve.mean[curve.count > 0]
    return float(known[-1]) if len(known) else 1.0


def _often(steps: int, curve: Curve) -> bool:
    """Whether it is more than the twentieth of the time that a 95th percentile leaves free."""
    return steps > 0.05 * float(curve.count.sum())


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60.0)
    if minutes < 240:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"


def _in_steps(steps: int) -> str:
    return _duration(steps * STEP_S)

"""A description as text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aurora_sim.lab.trace.describe import Description, Part
from aurora_sim.observe.terminal import table

TENANTS_SHOWN: Final = 8
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def description_text(name: str, described: Description, weekdays: bool) -> str:
    """The whole text. `weekdays`: the trace's first weekday is known, so the days have names."""
    dispersion = described.dispersion
    lines = [
        f"{name}: {described.orders} orders in {described.span_s / 86_400.0:.2f} days, "
        f"{described.orders_per_hour:.1f} an hour, {described.gpu_hours:.0f} GPU-hours",
        "",
        table(
            [
                ("CV of gaps", "dispersion 1 min", "10 min", "1 h"),
                (figure(described.gap_cv), *(figure(dispersion[window]) for window in ("60", "600", "3600"))),
            ]
        ),
        "",
        _durations(described),
        "",
        _parts("GPUs", described.gpu_counts, described.gpu_counts),
        "",
        _parts("tenant", described.tenants, described.tenants[:TENANTS_SHOWN]),
    ]
    if len(described.gpu_types) > 1:
        lines += ["", _parts("GPU type", described.gpu_types, described.gpu_types[:TENANTS_SHOWN])]
    names = WEEKDAYS if weekdays else [f"day {number + 1}" for number in range(7)]
    return "\n".join([*lines, "", "rate over its mean", _by_hour(described.by_hour), _profile(names, described.by_day)])


def figure(value: float | None) -> str:
    """Three figures that count, or a dash."""
    if value is None:
        return "-"
    return f"{value:.2f}" if abs(value) < 10.0 else f"{value:.1f}" if abs(value) < 100.0 else f"{value:.0f}"


def _durations(described: Description) -> str:
    values = described.durations
    quantiles = {"min": "0", "p5": "0.05", "p25": "0.25", "median": "0.5", "p75": "0.75", "p95": "0.95", "p99": "0.99",
                 "max": "1"}  # fmt: skip
    heading = ("duration s", *quantiles, "mean", "log sigma")
    shown = (f"{values.quantiles_s[key]:.0f}" for key in quantiles.values())
    return table([heading, ("", *shown, f"{values.mean_s:.0f}", f"{values.log_sigma:.2f}")])


def _parts(what: str, parts: Sequence[Part], shown: Sequence[Part]) -> str:
    rows = [(what, "orders", "share", "of GPU-hours", "median s", "dispersion 1 h")]
    for part in shown:
        figures = (f"{part.median_duration_s:.0f}", figure(part.dispersion_1h))
        rows.append((part.name, str(part.orders), f"{part.orders_share:.1%}", f"{part.gpu_hours_share:.1%}", *figures))
    left = parts[len(shown) :]
    if left:
        share, gpu_hours = sum(part.orders_share for part in left), sum(part.gpu_hours_share for part in left)
        rows.append(
            (f"{len(left)} more", str(sum(part.orders for part in left)), f"{share:.1%}", f"{gpu_hours:.1%}", "", "")
        )
    return table(rows)


def _by_hour(factors: Sequence[float | None]) -> str:
    """Four lines of six hours."""
    return "\n".join(
        _profile([f"{hour:02}h" for hour in range(first, first + 6)], factors[first : first + 6])
        for first in range(0, 24, 6)
    )


def _profile(names: Sequence[str], factors: Sequence[float | None]) -> str:
    return "  ".join(f"{name} {figure(factor):>4}" for name, factor in zip(names, factors, strict=True))

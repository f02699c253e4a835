"""The pictures of the report, as SVG in the page: a swim-lane timeline over the indicators' curves, and sparklines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup, escape

from aurora_sim.lab.wargame.results import Timeline, TimelineItem

WIDTH: Final = 920.0
LEFT: Final = 190.0
ROW: Final = 18.0
CURVE: Final = 86.0
GAP: Final = 22.0
LANES: Final = (("fault", "faults"), ("alert", "alerts"), ("responder", "responders"))
TITLES: Final = {
    "fill_rate": "fill rate, 5 min",
    "bridge_rtt": "bridge RTT p95, ms",
    "provenance_coverage": "provenance coverage, 15 min",
    "policy_decision": "policy decision p95, ms",
    "dropped": "dropped orders, 5 min",
    "failovers": "failovers, 5 min",
}
ARMS: Final = ("calm", "unanswered", "answered")
QUIET_SHARE: Final = 0.02
"""An indicator that no arm moved by more than this share of its bound is left out of the picture."""


def _x(time_s: float, end_s: float) -> float:
    return LEFT + (WIDTH - LEFT - 8.0) * min(1.0, max(0.0, time_s / end_s))


def timeline_svg(timeline: Timeline, label: str) -> Markup:
    """Faults, alerts and responders' steps as lanes and, on the same axis below, the curves of each arm with the objective."""
    end_s = timeline.steps * 60.0
    parts: list[str] = []
    y = 6.0
    for lane, title in LANES:
        rows = _rows([item for item in timeline.items if item.lane == lane])
        parts.append(f'<text class="lane" x="4" y="{y + 13:.0f}">{title}</text>')
        for name, items in rows:
            parts.append(
                f'<text class="row" x="{LEFT - 8:.0f}" y="{y + 13:.0f}" text-anchor="end">{escape(_short(name))}</text>'
            )
            parts += [_bar(item, y, end_s) for item in items]
            y += ROW
        y += 8.0 if rows else ROW
    faults = [item for item in timeline.items if item.lane == "fault"]
    for name in timeline.series:
        arms = timeline.series[name]
        if not _moves(arms, timeline.objectives[name]):
            continue
        parts.append(_curves(name, arms, timeline.objectives[name], y, faults, end_s))
        y += CURVE + GAP
    parts.append(_axis(y - GAP + 4.0, end_s))
    height = y + 16.0
    head = f'<svg class="timeline" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label="{escape(label)}">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704  # every text in it was escaped


def _rows(items: Sequence[TimelineItem]) -> list[tuple[str, list[TimelineItem]]]:
    """One row a name, at most eight; the others share the last."""
    names = list(dict.fromkeys(item.name for item in items))
    rows = [(name, [item for item in items if item.name == name]) for name in names[:7]]
    rest = [item for item in items if item.name in names[7:]]
    return [*rows, (f"{len(names) - 7} more", rest)] if rest else rows


def _bar(item: TimelineItem, y: float, end_s: float) -> str:
    x0, x1 = _x(item.from_s, end_s), _x(item.until_s, end_s)
    kind = item.lane if item.lane != "alert" else f"alert-{item.state}"
    title = f"{item.name}: {item.state}, {_minutes(item.from_s)} to {_minutes(item.until_s)}" + (
        f"; {item.detail}" if item.detail else ""
    )
    return (
        f'<rect class="{kind}" x="{x0:.1f}" y="{y + 2:.1f}" width="{max(2.0, x1 - x0):.1f}" height="{ROW - 5:.0f}" rx="2">'
        f"<title>{escape(title)}</title></rect>"
    )


def _moves(arms: dict[str, list[float | None]], bound: float) -> bool:
    known = [value for values in arms.values() for value in values if value is not None]
    return bool(known) and max(known) - min(known) > QUIET_SHARE * max(abs(bound), 1e-9)


def _curves(
    name: str, arms: dict[str, list[float | None]], bound: float, y: float, faults: Sequence[TimelineItem], end_s: float
) -> str:
    known = [value for values in arms.values() for value in values if value is not None]
    low, high = min([*known, bound]), max([*known, bound])
    if high - low <= 0.0:
        high = low + 1.0

    def height(value: float) -> float:
        return y + CURVE - (value - low) / (high - low) * (CURVE - 4.0) - 2.0

    x0, x1 = LEFT, WIDTH - 8.0
    found = [
        f'<g class="curve" data-name="{escape(name)}" data-low="{low:.6g}" data-high="{high:.6g}" data-end="{end_s:.0f}">'
    ]
    found += [
        f'<rect class="shade" x="{_x(f.from_s, end_s):.1f}" y="{y:.1f}" '
        f'width="{max(1.0, _x(f.until_s, end_s) - _x(f.from_s, end_s)):.1f}" height="{CURVE:.0f}"/>'
        for f in faults[:20]
    ]
    found.append(f'<rect class="frame" x="{x0:.0f}" y="{y:.1f}" width="{x1 - x0:.0f}" height="{CURVE:.0f}"/>')
    found.append(f'<text class="lane" x="4" y="{y + 14:.0f}">{TITLES.get(name, name)}</text>')
    found.append(f'<text class="tick" x="{x0 - 8:.0f}" y="{y + 10:.0f}" text-anchor="end">{high:.4g}</text>')
    found.append(f'<text class="tick" x="{x0 - 8:.0f}" y="{y + CURVE:.0f}" text-anchor="end">{low:.4g}</text>')
    line_y = height(bound)
    found.append(f'<line class="objective" x1="{x0:.0f}" x2="{x1:.0f}" y1="{line_y:.1f}" y2="{line_y:.1f}"/>')
    for arm in ARMS:
        if arm in arms:
            found += [
                f'<polyline class="{arm}" points="{points}"/>' for points in _polylines(arms[arm], height, x0, x1)
            ]
    return "".join([*found, "</g>"])


def _polylines(values: Sequence[float | None], height: object, x0: float, x1: float) -> Iterable[str]:
    """The points of each stretch without a gap; runs of equal values are two points."""
    assert callable(height)
    step = (x1 - x0) / max(1, len(values))
    stretch: list[str] = []
    for place, value in enumerate(values):
        if value is None:
            if len(stretch) > 1:
                yield " ".join(stretch)
            stretch = []
            continue
        inside = 0 < place < len(values) - 1 and values[place - 1] == value == values[place + 1]
        if not inside:
            stretch.append(f"{x0 + (place + 1) * step:.1f},{height(value):.1f}")
    if len(stretch) > 1:
        yield " ".join(stretch)


def _axis(y: float, end_s: float) -> str:
    every = next(
        e for e in (600.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0, 7 * 86400.0) if end_s / e <= 14 or e > 600_000
    )
    marks = []
    time_s = 0.0
    while time_s <= end_s:
        x = _x(time_s, end_s)
        marks.append(f'<text class="tick" x="{x:.1f}" y="{y + 12:.0f}" text-anchor="middle">{_minutes(time_s)}</text>')
        time_s += every
    return "".join(marks)


def sparkline_svg(values: Sequence[float | None]) -> Markup:
    """A small curve without axes; decoration, so it is hidden from screen readers."""
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    low, high = min(known), max(known)
    span = (high - low) or 1.0

    def height(value: float) -> float:
        return 18.0 - (value - low) / span * 16.0

    lines = "".join(
        f'<polyline class="answered" points="{points}"/>' for points in _polylines(values, height, 1.0, 79.0)
    )
    return Markup(f'<svg class="spark" viewBox="0 0 80 20" aria-hidden="true">{lines}</svg>')  # noqa: S704


def _short(name: str) -> str:
    return name if len(name) <= 27 else name[:26] + "…"


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60.0)
    if minutes >= 2880:
        return f"{minutes / 1440:.3g}d"
    return f"{minutes // 60}h{minutes % 60:02d}" if minutes >= 60 else f"{minutes}m"

"""What a run says on the terminal: its objectives, its orders by outcome, its providers by share."""

from __future__ import annotations

from collections.abc import Sequence

from aurora_sim.observe.recorder import Recorder
from aurora_sim.observe.slo import Objective


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned by two blanks: the first to the left, the others to the right. The first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def summary(
    recorder: Recorder,
    objectives: Sequence[Objective],
    alerts: Sequence[Sequence[str]],
    faults: Sequence[tuple[str, float, float]],
    complete: bool,
) -> str:
    """The whole text. Alerts are rows of `alerts.csv`; faults are (name, begin s, end s)."""
    parts = [] if complete else ["INCOMPLETE: interrupted; what was recorded up to here is written.\n"]
    if faults:
        parts.append("faults   " + "; ".join(f"{name} {_clock(at_s)}-{_clock(end_s)}" for name, at_s, end_s in faults))
    fired = [row for row in alerts if row[4] != ""]
    fired_text = "; ".join(
        f"{row[0]} {_clock(float(row[4]))}-{_clock(float(row[5])) if row[5] else ''}" for row in fired
    )
    parts.append(f"alerts   {fired_text or 'none fired'}\n")
    parts.append(
        table(
            [
                ("objective", "measured", "by GPU-hours", "target", "verdict"),
                *(
                    (
                        o.name,
                        _number(o.measured, o.unit),
                        "" if o.by_gpu_hours is None else _number(o.by_gpu_hours, o.unit),
                        f"{o.comparison} {_number(o.target, o.unit)}",
                        o.verdict,
                    )
                    for o in objectives
                ),
            ]
        )
    )
    parts.append("")
    parts.append(_outcomes(recorder))
    parts.append("")
    parts.append(_providers(recorder))
    if recorder.jobs_killed:
        parts.append(
            f"\njobs killed {recorder.jobs_killed}{_causes(recorder)}: routed again {recorder.jobs_rerouted}, "
            f"lost {recorder.jobs_lost} ({recorder.gpu_hours_lost:.0f} GPU-hours)"
        )
    return "\n".join(parts)


def _causes(recorder: Recorder) -> str:
    """What killed the jobs, where it was not outages alone."""
    causes: dict[str, int] = {}
    for (_, why), count in sorted(recorder.kill_causes.items()):
        causes[why] = causes.get(why, 0) + count
    return "" if set(causes) <= {"outage"} else f" ({', '.join(f'{why} {count}' for why, count in causes.items())})"


def _outcomes(recorder: Recorder) -> str:
    total = sum(recorder.outcomes.values())
    rows = [("outcome", "reason", "orders", "share")]
    rows += [
        (outcome, reason or "-", str(count), f"{count / total:.1%}")
        for (outcome, reason), count in sorted(recorder.outcomes.items(), key=lambda item: (-item[1], item[0]))
    ]
    allowed = sum(n for (outcome, _), n in recorder.outcomes.items() if outcome not in ("rejected", "denied"))
    text = table(rows)
    if allowed:
        by_count = recorder.outcomes["filled", ""] / allowed
        by_hours = recorder.gpu_hours_filled / recorder.gpu_hours_allowed
        text += f"\n\nfill rate {by_count:.4f} by count, {by_hours:.4f} by GPU-hours; {total} orders ended"
    return text


def _providers(recorder: Recorder) -> str:
    filled = sum(recorder.filled_by.values())
    rows = [("provider", "filled", "share", "failovers from it")]
    away: dict[str, int] = {}
    for (provider_id, _), count in recorder.failover_causes.items():
        away[provider_id] = away.get(provider_id, 0) + count
    names = sorted({*recorder.filled_by, *away}, key=lambda name: (-recorder.filled_by[name], name))
    rows += [
        (
            name,
            str(recorder.filled_by[name]),
            f"{recorder.filled_by[name] / filled:.1%}" if filled else "-",
            str(away.get(name, 0)),
        )
        for name in names
    ]
    return table(rows)


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "ms":
        return f"{value:g} ms"
    return f"{value:g}" if unit == "events" else f"{value:.3f}"


def _clock(seconds: float) -> str:
    """Hours and minutes since the start, as 1h05 or 35m."""
    minutes = round(seconds / 60)
    return f"{minutes // 60}h{minutes % 60:02d}" if minutes >= 60 else f"{minutes}m"

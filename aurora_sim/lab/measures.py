"""The figures by which runs are compared: each a number of one run, with its name, its unit and how to read it off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from aurora_sim.engine.run import Run
from aurora_sim.observe.tally import ENTRY_REFUSED

Unit = Literal["share", "ms", "events", "jobs", "USD", "GPU-hours"]


class Measure(NamedTuple):
    """A figure of a whole run; `of` gives None where the run has no data for it. No wall clock: another run repeats it."""

    name: str
    title: str
    unit: Unit
    of: Callable[[Run], float | None]


def measured(run: Run) -> dict[str, float | None]:
    """Every measure of a run, by name."""
    return {measure.name: measure.of(run) for measure in MEASURES}


def _fill_rate(run: Run) -> float | None:
    outcomes = run.recorder.outcomes
    allowed = sum(count for (outcome, _), count in outcomes.items() if outcome not in ENTRY_REFUSED)
    return outcomes["filled", ""] / allowed if allowed else None


def _fill_rate_gpu_hours(run: Run) -> float | None:
    recorder = run.recorder
    return recorder.gpu_hours_filled / recorder.gpu_hours_allowed if recorder.gpu_hours_allowed else None


def _dropped_share(run: Run) -> float | None:
    fill_rate = _fill_rate(run)
    return None if fill_rate is None else 1.0 - fill_rate


def _rtt(share: float) -> Callable[[Run], float | None]:
    return lambda run: run.recorder.rtts.quantile(share)


def _cost(run: Run) -> float | None:
    recorder = run.recorder
    return recorder.cost_usd / recorder.gpu_hours_filled if recorder.gpu_hours_filled else None


MEASURES: Final = (
    Measure("fill_rate", "fill rate, by count", "share", _fill_rate),
    Measure("fill_rate_gpu_hours", "fill rate, by GPU-hours", "share", _fill_rate_gpu_hours),
    Measure("dropped_share", "dropped requests", "share", _dropped_share),
    Measure("rtt_p50_ms", "bridge RTT, p50", "ms", _rtt(0.5)),
    Measure("rtt_p95_ms", "bridge RTT, p95", "ms", _rtt(0.95)),
    Measure("rtt_p99_ms", "bridge RTT, p99", "ms", _rtt(0.99)),
    Measure(
        "provenance_coverage_min",
        "provenance coverage, lowest 15 min",
        "share",
        lambda run: run.tracker.provenance_coverage_min,
    ),
    Measure("failovers_5m_max", "failover events, most in 5 min", "events", lambda run: run.tracker.failovers_5m_max),
    Measure("cost_usd_per_gpu_hour", "cost per GPU-hour", "USD", _cost),
    Measure("jobs_killed", "jobs killed", "jobs", lambda run: float(run.recorder.jobs_killed)),
    Measure("jobs_lost", "jobs lost", "jobs", lambda run: float(run.recorder.jobs_lost)),
    Measure("gpu_hours_lost", "GPU-hours lost", "GPU-hours", lambda run: run.recorder.gpu_hours_lost),
)
NAMES: Final = tuple(measure.name for measure in MEASURES)

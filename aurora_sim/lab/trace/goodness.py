"""How well a fitted scenario is like its trace: the scenario's own demand, drawn with several seeds, beside the trace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from aurora_sim.engine.simulation import HISTORY_S
from aurora_sim.lab.trace.dispersion import SCALES_S, gap_cv, index_of_dispersion
from aurora_sim.lab.trace.fit_profile import calm_profile
from aurora_sim.lab.trace.trace import Times, Trace
from aurora_sim.observe.recorder import STEP_S
from aurora_sim.observe.terminal import table
from aurora_sim.scenario.scenario import Loaded
from aurora_sim.world.sources import all_sources
from aurora_sim.world.streams import Streams

DISPERSION_MAX: Final = 0.30
KS_MAX: Final = 0.05
"""How far off a fit may be."""


@dataclass(frozen=True)
class Likeness:
    """What a trace, or one run's demand, is compared by. Dispersion by scale; shares by name; profile of the calm hours."""

    orders: int
    dispersion: list[float]
    gap_cv: float
    gpu_hours: float
    gpu_shares: dict[str, float]
    profile: list[float] | None


@dataclass(frozen=True)
class Goodness:
    """The trace's likeness, each seed's, and each seed's KS distance of the durations from the trace's."""

    trace: Likeness
    by_seed: dict[int, Likeness]
    ks: dict[int, float]

    def dispersion_errors(self) -> list[list[float]]:
        """By seed, how far the dispersion is off at each scale, relative to the trace's."""
        return [
            [_off(seen, true) for seen, true in zip(likeness.dispersion, self.trace.dispersion, strict=True)]
            for likeness in self.by_seed.values()
        ]

    @property
    def seeds_within(self) -> int:
        """How many seeds are within both bounds, at every scale."""
        return sum(
            max(map(abs, errors)) <= DISPERSION_MAX and ks <= KS_MAX
            for errors, ks in zip(self.dispersion_errors(), self.ks.values(), strict=True)
        )

    @property
    def good(self) -> bool:
        """The medians over the seeds are within both bounds."""
        errors = np.abs(np.median(self.dispersion_errors(), axis=0))
        return bool(errors.max() <= DISPERSION_MAX and np.median(list(self.ks.values())) <= KS_MAX)


def goodness(trace: Trace, loaded: Loaded, seeds: Sequence[int]) -> Goodness:
    """Draw the scenario's demand with each seed, and compare."""
    start_of_day_s = time_of_day_s(loaded.scenario.start)
    by_seed, ks = {}, {}
    for seed in seeds:
        drawn = demand_of_run(loaded, seed)
        by_seed[seed] = likeness(drawn, trace.span_s, start_of_day_s)
        ks[seed] = ks_distance(drawn.duration_s, trace.duration_s)
    return Goodness(likeness(trace, trace.span_s, start_of_day_s), by_seed, ks)


def time_of_day_s(moment: datetime) -> float:
    """Seconds after UTC midnight."""
    return moment.hour * 3600.0 + moment.minute * 60.0 + moment.second


def demand_of_run(loaded: Loaded, seed: int) -> Trace:
    """What a run of the scenario with that seed orders, from its own sources, as a trace."""
    world, until_s = loaded.world, loaded.scenario.steps * STEP_S
    warm_up_s = math.ceil(loaded.scenario.warm_up / STEP_S) * STEP_S
    sources = all_sources(
        world, (), Streams(seed), time_of_day_s(loaded.scenario.start), -warm_up_s - HISTORY_S, until_s
    )
    tenants = tuple(world.tenants)
    place = {tenant_id: number for number, tenant_id in enumerate(tenants)}
    rows = [
        (draft[0], place[draft[2]], draft[5], draft[6] / draft[5] * 3600.0)
        for source in sources
        for draft in source.drafts(0.0, 0.0)
        if draft[0] >= 0.0
    ]
    rows.sort(key=lambda row: row[0])
    columns = np.array(rows).reshape(-1, 4).T
    return Trace(
        columns[0], columns[3], columns[2].astype(np.int32), columns[1].astype(np.int32),
        np.zeros(len(rows), dtype=np.int32), tenants, ("any",),
    )  # fmt: skip


def likeness(trace: Trace, span_s: float, start_of_day_s: float) -> Likeness:
    counts, orders = np.unique(trace.gpus, return_counts=True)
    days = math.floor(span_s / 86_400.0)
    return Likeness(
        trace.arrival_s.size,
        [_or_nan(index_of_dispersion(trace.arrival_s, window_s, span_s)) for window_s in SCALES_S],
        _or_nan(gap_cv(trace.arrival_s)),
        float(trace.gpu_hours.sum()),
        {str(count): n / trace.gpus.size for count, n in zip(counts.tolist(), orders.tolist(), strict=True)},
        calm_profile(trace.arrival_s, days, start_of_day_s),
    )


def ks_distance(one: Times, other: Times) -> float:
    """Kolmogorov-Smirnov's distance: the most that the two distribution functions differ."""
    points = np.concatenate((one, other))
    below = [np.searchsorted(np.sort(values), points, side="right") / values.size for values in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


def goodness_text(found: Goodness) -> str:
    """The table: the trace, the seeds' median and range, and how far the median is off."""
    runs, true = list(found.by_seed.values()), found.trace
    rows: list[tuple[str, ...]] = [("", "trace", "fit, median", "lowest", "highest", "median off by")]

    def add(name: str, trace_value: float, values: Sequence[float], form: str, off: str | None = None) -> None:
        median = float(np.median(values))
        relative = _off(median, trace_value)
        told = off if off is not None else f"{relative:+.0%}" if math.isfinite(relative) else "-"
        shown = (format(value, form) for value in (trace_value, median, min(values), max(values)))
        rows.append((name, *shown, told))

    add("orders", true.orders, [run.orders for run in runs], ".0f")
    for number, scale in enumerate(("1 min", "10 min", "1 h")):
        add(f"dispersion {scale}", true.dispersion[number], [run.dispersion[number] for run in runs], ".1f")
    add("CV of gaps", true.gap_cv, [run.gap_cv for run in runs], ".2f")
    add("GPU-hours", true.gpu_hours, [run.gpu_hours for run in runs], ".0f")
    for count, share in true.gpu_shares.items():
        shares = [run.gpu_shares.get(count, 0.0) for run in runs]
        add(f"orders of {count} GPUs", share, shares, ".2%", f"{float(np.median(shares)) - share:+.2%}")
    ks = list(found.ks.values())
    rows.append(("KS of durations", "", *(f"{value:.3f}" for value in (np.median(ks), min(ks), max(ks))), ""))
    errors = profile_errors(found)
    if errors:
        shown = (f"{value:.2f}" for value in (float(np.median(errors)), min(errors), max(errors)))
        rows.append(("hourly profile error", "", *shown, ""))
    verdict = "within" if found.good else "NOT within"
    return (
        table(rows)
        + f"\n\nmedian {verdict} {DISPERSION_MAX:.0%} of the dispersion at every scale and {KS_MAX:g} of KS; "
        f"so are {found.seeds_within} of {len(runs)} seeds one by one"
    )


def profile_errors(found: Goodness) -> list[float]:
    """By seed, the mean absolute difference of the calm hours' factors from the trace's."""
    true = found.trace.profile
    runs = [likeness.profile for likeness in found.by_seed.values()]
    if true is None:
        return []
    return [float(np.abs(np.array(run) - np.array(true)).mean()) for run in runs if run is not None]


def goodness_json(found: Goodness) -> dict[str, Any]:
    """The same, by seed; what the trace is too short to say is null."""
    return {
        "trace": _told(found.trace),
        "seeds": {str(seed): {**_told(run), "ks": found.ks[seed]} for seed, run in found.by_seed.items()},
        "good": found.good,
        "seeds_within": found.seeds_within,
    }


def _told(likeness: Likeness) -> dict[str, Any]:
    dispersion = [None if math.isnan(index) else index for index in likeness.dispersion]
    return {
        **vars(likeness),
        "dispersion": dispersion,
        "gap_cv": None if math.isnan(likeness.gap_cv) else likeness.gap_cv,
    }


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _off(seen: float, true: float) -> float:
    """How far off it is, relative to the truth; infinite where that is 0, and not a number where either is not known."""
    return seen / true - 1.0 if true else 0.0 if seen == 0.0 else math.inf

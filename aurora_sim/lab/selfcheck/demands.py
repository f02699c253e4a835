"""Demand: the daily curve on its own clock, and how bursty the bursty presets are. Every order is denied, which is quick."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from aurora_sim.lab.selfcheck.bare import HOUR_S, Bare, Pool
from aurora_sim.lab.selfcheck.case import Case, Quantity, Sample
from aurora_sim.lab.selfcheck.engine_run import Counts, engine_run
from aurora_sim.lab.selfcheck.theory import burst_dispersion
from aurora_sim.observe.recorder import STEP_S
from aurora_sim.world.intensity import DAY_S, DIURNAL, MMPP_PRESETS, MmppShape
from aurora_sim.world.streams import Draws, Streams

STEPS_A_DAY: Final = round(DAY_S / STEP_S)


def _ordered(tenants: Mapping[str, dict[str, Any]], seed: int, days: int) -> Counts:
    bare = Bare([Pool("any", [1], 1.0)], 0.0, tenants=tenants, halted=True)
    return engine_run(bare, seed, days * STEPS_A_DAY)[0]


# The daily curve.

CURVES: Final = ("office", "consumer")
CURVE_PER_MINUTE: Final = 15.0


def daily_gaps_run(seed: int) -> Sample:
    """A day of two tenants. The integral of the rate between two orders is exponential of mean 1 (time rescaling)."""
    tenants = {curve: {"model": "poisson", "orders_per_minute": CURVE_PER_MINUTE, "diurnal": curve} for curve in CURVES}
    counts = _ordered(tenants, seed, 1)
    return {
        f"gaps, {curve} hours": np.diff(
            CURVE_PER_MINUTE / 60.0 * _curve_integral_s(curve, np.array(counts.denied_s[curve])), prepend=0.0
        ).tolist()
        for curve in CURVES
    }


def _curve_integral_s(curve: str, time_s: Draws) -> Draws:
    """The integral from 0, which is midnight, of 1 + amplitude cos(2 pi (hour - peak) / 24)."""
    amplitude, peak_h = DIURNAL[curve]
    turn = 2.0 * math.pi / DAY_S
    return time_s + amplitude / turn * (np.sin(turn * (time_s - peak_h * HOUR_S)) + math.sin(turn * peak_h * HOUR_S))


DAILY_GAPS: Final = Case(
    "daily-gaps",
    [Quantity(f"gaps, {curve} hours", 0.0, law="exponential") for curve in CURVES],
    7,
    daily_gaps_run,
)

# Bursts.

BURST_PER_MINUTE: Final = 1.0
BURST_WINDOW_S: Final = {"steady": 900.0, "rollout": 60.0, "campaign": 3600.0, "consumer": 900.0}
"""Some tens of spreads: with longer ones next to nothing but rare accidents tells a count from its control variate."""
BURST_DAYS: Final = 2
HISTORY_S: Final = 48.0 * HOUR_S
"""How long before time 0 the demand begins."""


def _dispersion(name: str, preset: MmppShape, spread_s: float) -> float:
    return burst_dispersion(
        BURST_WINDOW_S[name],
        rate_per_s=BURST_PER_MINUTE / 60.0,
        batch_mean=preset.batch_mean,
        spread_s=spread_s,
        calm_s=preset.calm_h * HOUR_S,
        burst_s=preset.burst_h * HOUR_S,
        ratio=preset.ratio,
        amplitude=DIURNAL[preset.diurnal][0],
    )


PUBLISHED: Final = dict(MMPP_PRESETS)
"""The presets as the theory takes them."""
DISPERSION: Final = {name: _dispersion(name, preset, preset.batch_spread_s) for name, preset in PUBLISHED.items()}
UNSPREAD: Final = {name: _dispersion(name, preset, 0.0) for name, preset in PUBLISHED.items()}


def burst_run(seed: int) -> Sample:
    """Days of one tenant for each preset, counted window by window, with a control variate.

    Few bursts fall into a run, so that the dispersion counted in one says little. But the few lines below make the same
    process, without the spread of a batch, of the same unit draws: its dispersion has a known expectation (the closed form for
    a spread of 0), and strays from that nearly as what is counted does.
    """
    tenants = {name: {"model": "mmpp", "preset": name, "orders_per_minute": BURST_PER_MINUTE} for name in PUBLISHED}
    counts = _ordered(tenants, seed, BURST_DAYS)

    def dispersion(window_s: float, times_s: Draws, weights: Draws | None = None) -> float:
        counted = np.bincount((times_s // window_s).astype(int), weights, round(BURST_DAYS * DAY_S / window_s))
        mean = BURST_PER_MINUTE / 60.0 * window_s
        return float(((counted - mean) ** 2).mean()) / mean

    found = {}
    for name, preset in PUBLISHED.items():
        window_s = BURST_WINDOW_S[name]
        batches = _batches(name, preset, Streams(seed), BURST_DAYS * DAY_S)
        found[f"dispersion, {name}"] = [dispersion(window_s, np.array(counts.denied_s.get(name, [])))]
        found[f"without spread, {name}"] = [dispersion(window_s, *batches)]
    return found


def _batches(name: str, preset: MmppShape, streams: Streams, until_s: float) -> tuple[Draws, Draws]:
    """When the batches from time 0 on begin, and how many orders each has, of the tenant's own unit draws."""
    sojourns = streams.exponential(f"{name}/sojourn", 0)
    share = preset.burst_h / (preset.calm_h + preset.burst_h)
    first = int(streams.uniform(f"{name}/first-state", 0)[0] < share)
    bursting = (np.arange(sojourns.size) + first) % 2
    ends_s = -HISTORY_S + np.cumsum(sojourns * np.where(bursting, preset.burst_h, preset.calm_h) * HOUR_S)
    grid_s = np.union1d(np.arange(-HISTORY_S, until_s + 1.0, STEP_S), ends_s[ends_s < until_s])
    middle_s = (grid_s[:-1] + grid_s[1:]) / 2.0
    amplitude, peak_h = DIURNAL[preset.diurnal]
    level = np.where(bursting, preset.ratio, 1.0)[np.searchsorted(ends_s, middle_s)]
    level *= 1.0 + amplitude * np.cos(2.0 * math.pi * (middle_s / HOUR_S - peak_h) / 24.0)
    per_s = BURST_PER_MINUTE / 60.0 / preset.batch_mean / (1.0 - share + preset.ratio * share)
    integral = np.concatenate(([0.0], np.cumsum(per_s * level * np.diff(grid_s))))
    blocks = range(1 + int(1.5 * integral[-1]) // sojourns.size)
    unit = np.cumsum(np.concatenate([streams.exponential(f"{name}/batch/gap", block) for block in blocks]))
    lucky = np.concatenate([streams.uniform(f"{name}/batch-size", block) for block in blocks])
    begun = unit < integral[-1]
    starts_s = np.interp(unit[begun], integral, grid_s)
    sizes = 1.0 + np.floor(np.log1p(-lucky[begun]) / math.log(1.0 - 1.0 / preset.batch_mean))
    return starts_s[starts_s >= 0.0], sizes[starts_s >= 0.0]


BURSTS: Final = Case(
    "burst-dispersion",
    [
        Quantity(f"dispersion, {name}", DISPERSION[name], control=(f"without spread, {name}", UNSPREAD[name]))
        for name in PUBLISHED
    ],
    40,
    burst_run,
)

"""The rate of a demand over time, and arrivals drawn from it.

A rate is piecewise constant on a grid; its integral maps a unit-rate Poisson process to arrivals of that rate (time
rescaling), so the i-th arrival depends on the i-th gap alone and a change of rate moves arrivals without drawing others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aurora_sim.world.streams import Draws, Streams, on_a_tick, stable

DAY_S: Final = 86_400.0
HOUR_S: Final = 3600.0
GRID_S: Final = 60.0

DIURNAL: Final = {"flat": (0.0, 0.0), "office": (0.35, 14.0), "consumer": (0.75, 15.0)}
"""Amplitude and peak hour (UTC) of the daily cosine; guesses but for the shape, which public traces share."""


@dataclass(frozen=True)
class MmppShape:
    """Two states, calm and burst (`ratio` times the calm rate), of exponential sojourns; orders come in batches."""

    diurnal: str
    ratio: float
    calm_h: float
    burst_h: float
    batch_mean: float
    batch_spread_s: float


MMPP_PRESETS: Final = {
    "steady": MmppShape("office", 6.0, 35.0, 2.5, 1.25, 10.0),
    "rollout": MmppShape("office", 27.0, 14.0, 0.3, 3.8, 1.0),
    "campaign": MmppShape("flat", 30.0, 22.0, 1.2, 23.0, 100.0),
    "consumer": MmppShape("consumer", 54.0, 4.4, 1.4, 2.1, 16.0),
}
"""Derived from public traces: steady like openb v2023, rollout like DLRM v2025, campaign like a Philly virtual cluster, consumer
like GenTD26."""


@dataclass(frozen=True)
class Intensity:
    """A rate per second, constant between the points of `grid_s`; `integral` is its cumulative value at each point."""

    grid_s: Draws
    rate_per_s: Draws

    @property
    def integral(self) -> Draws:
        return np.concatenate(([0.0], np.cumsum(self.rate_per_s * np.diff(self.grid_s))))

    def scaled(self, points_s: list[float], factor: Callable[[Draws], Draws]) -> Intensity:
        """This rate times `factor` of the cell's middle, on a grid that also has `points_s`."""
        inside = [point for point in points_s if self.grid_s[0] < point < self.grid_s[-1]]
        grid_s = np.union1d(self.grid_s, np.array(inside))
        middle_s = (grid_s[:-1] + grid_s[1:]) / 2.0
        cell = np.searchsorted(self.grid_s, middle_s, side="right") - 1
        return Intensity(grid_s, self.rate_per_s[cell] * factor(middle_s))


def diurnal(shape: str, mean_rate_per_s: float, start_of_day_s: float, from_s: float, until_s: float) -> Intensity:
    """A rate of the given daily mean: mean x (1 + amplitude x cos(2 pi (hour - peak) / 24)).

    `start_of_day_s` is the time of day (seconds after UTC midnight) at time 0.
    """
    amplitude, peak_h = DIURNAL[shape]
    if amplitude == 0.0:
        return Intensity(np.array([from_s, until_s]), np.array([mean_rate_per_s]))
    grid_s = np.append(np.arange(from_s, until_s, GRID_S), until_s)
    hour = ((grid_s[:-1] + grid_s[1:]) / 2.0 + start_of_day_s) / 3600.0
    return Intensity(
        grid_s, stable(mean_rate_per_s * (1.0 + amplitude * np.cos(2.0 * math.pi * (hour - peak_h) / 24.0)))
    )


def hourly(
    profile: Sequence[float], mean_rate_per_s: float, start_of_day_s: float, from_s: float, until_s: float
) -> Intensity:
    """A rate that goes through the profile hour by hour, again and again, from the midnight before time 0; its mean is kept."""
    first = math.floor((from_s + start_of_day_s) / HOUR_S) + 1
    inner_s = np.arange(first, math.ceil((until_s + start_of_day_s) / HOUR_S)) * HOUR_S - start_of_day_s
    grid_s = np.concatenate(([from_s], inner_s, [until_s]))
    hour = np.floor(((grid_s[:-1] + grid_s[1:]) / 2.0 + start_of_day_s) / HOUR_S).astype(np.int64) % len(profile)
    factors = np.array(profile) * len(profile) / math.fsum(profile)
    return Intensity(grid_s, stable(mean_rate_per_s * factors[hour]))


def mmpp(name: str, shape: MmppShape, base: Intensity, streams: Streams) -> Intensity:
    """`base` modulated by the two states, its long-run mean kept; the start is in the stationary law."""
    burst_share = shape.burst_h / (shape.calm_h + shape.burst_h)
    calm = 1.0 / (1.0 - burst_share + shape.ratio * burst_share)
    sojourn = streams.lookup(f"{name}/sojourn", "exponential")
    bursting = streams.lookup(f"{name}/first-state", "uniform").at(0) < burst_share
    switches_s: list[float] = []
    states = [bursting]
    now_s, end_s = float(base.grid_s[0]), float(base.grid_s[-1])
    while now_s < end_s:
        now_s += sojourn.at(len(switches_s)) * 3600.0 * (shape.burst_h if states[-1] else shape.calm_h)
        switches_s.append(now_s)
        states.append(not states[-1])
    levels = np.array([calm * shape.ratio if state else calm for state in states])
    return base.scaled(
        switches_s, lambda middle_s: levels[np.searchsorted(np.array(switches_s), middle_s, side="right")]
    )


def arrivals(name: str, intensity: Intensity, streams: Streams) -> Iterator[NDArray[np.float64]]:
    """Blocks of arrival times, ascending, until the intensity's grid ends; a block may be short, or empty at the end."""
    integral = intensity.integral
    reached = 0.0
    block = 0
    while reached < integral[-1]:
        rescaled = reached + np.cumsum(streams.exponential(f"{name}/gap", block))
        reached = float(rescaled[-1])
        block += 1
        yield on_a_tick(np.interp(rescaled[rescaled < integral[-1]], integral, intensity.grid_s))


def batches(name: str, shape: MmppShape, intensity: Intensity, streams: Streams) -> Iterator[NDArray[np.float64]]:
    """Blocks of arrival times when each arrival of `intensity` / mean size brings a geometric batch.

    Members come an exponential delay of mean `batch_spread_s` after their batch began.
    """
    thinned = Intensity(intensity.grid_s, intensity.rate_per_s / shape.batch_mean)
    end_s = float(intensity.grid_s[-1])
    waiting = np.empty(0)
    member = 0
    stay = math.log(1.0 - 1.0 / shape.batch_mean) if shape.batch_mean > 1.0 else -math.inf
    delays = streams.lookup(f"{name}/batch-delay", "exponential")
    for number, starts_s in enumerate(arrivals(f"{name}/batch", thinned, streams)):
        sizes = 1 + np.floor(np.log1p(-streams.uniform(f"{name}/batch-size", number)[: starts_s.size]) / stay).astype(
            np.int64
        )
        of_batch = np.repeat(starts_s, sizes)
        spread = delays.between(member, of_batch.size) * shape.batch_spread_s
        member += of_batch.size
        waiting = np.sort(np.concatenate((waiting, of_batch + spread)))
        if starts_s.size:
            # No later batch begins before this block's last one: what is due by then is complete and in order.
            due = int(np.searchsorted(waiting, starts_s[-1], side="right"))
            yield on_a_tick(waiting[:due])
            waiting = waiting[due:]
    yield on_a_tick(waiting[waiting < end_s])

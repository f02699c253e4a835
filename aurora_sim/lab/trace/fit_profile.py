"""The hour-of-day profile of a trace's ordinary hours: one campaign of hundreds of jobs is no habit of its hour."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from aurora_sim.lab.trace.trace import Times

DAYS_MIN: Final = 3
LEFT_OUT: Final = 0.25
"""The share of the days, those with the most arrivals in the hour, that an hour's factor is worked out without."""


def calm_profile(arrival_s: Times, days: int, begin_s: float) -> list[float] | None:
    """24 factors of mean 1: of each UTC hour the mean over the calmer three quarters of `days` days.

    `begin_s` is the time of day at second 0. None where there are too few days to tell, or too few arrivals.
    """
    if days < DAYS_MIN:
        return None
    first = int(begin_s // 3600.0)
    hours = np.floor((arrival_s + begin_s % 3600.0) / 3600.0).astype(np.int64)
    counts = np.bincount(hours[hours < 24 * days], minlength=24 * days)[: 24 * days].reshape(days, 24)
    calm = np.sort(counts, axis=0)[: days - math.ceil(LEFT_OUT * days)].mean(axis=0)
    if (calm > 0.0).sum() < 12:
        return None
    factors = np.roll(calm / calm.mean(), first)
    return [round(float(factor), 3) for factor in factors]

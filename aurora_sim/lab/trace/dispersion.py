"""The index of dispersion of counts: of arrivals, and of the processes that a demand model is made of, in closed form."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

SCALES_S: Final = (60.0, 600.0, 3600.0)
"""The three windows at which traces are described and fits are judged."""


def index_of_dispersion(arrival_s: NDArray[np.float64], window_s: float, span_s: float) -> float | None:
    """Variance over mean of the counts in windows of `window_s` that lie whole in [0, span_s]; 1 for a Poisson process.

    None where there are fewer than two windows or no arrival in them. Only windows with arrivals take memory.
    """
    windows = math.floor(span_s / window_s)
    places = np.floor(arrival_s / window_s)
    places = places[places < windows]
    if windows < 2 or places.size == 0:
        return None
    counts = np.unique(places, return_counts=True)[1].astype(np.float64)
    mean = float(counts.sum()) / windows
    around = float(((counts - mean) ** 2).sum()) + (windows - counts.size) * mean**2
    return around / (windows - 1) / mean


def gap_cv(arrival_s: NDArray[np.float64]) -> float | None:
    """Coefficient of variation of the gaps between arrivals; 1 for a Poisson process. None for fewer than three arrivals."""
    gaps = np.diff(arrival_s)
    mean = float(gaps.mean()) if gaps.size > 1 else 0.0
    return float(gaps.std(ddof=1)) / mean if mean > 0.0 else None


def together(window_s: NDArray[np.float64], memory_s: float) -> NDArray[np.float64]:
    """How much of a correlation that fades as exp(-t / memory_s) falls within one window: 0 for a short, 1 for a long one.

    1 - (m / w)(1 - exp(-w / m)). It is the chance that two members of a batch whose delays are exponential of mean m share a
    window of length w, and the growth of a two-state Markov-modulated Poisson process's dispersion towards its limit (Fischer and
    Meier-Hellstern, "The Markov-modulated Poisson process (MMPP) cookbook", 1993, section 2).
    """
    ratio = memory_s / window_s
    return 1.0 - ratio * -np.expm1(-1.0 / ratio)

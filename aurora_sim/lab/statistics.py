"""What a handful of independent figures says of the mean behind them: Student's interval, and when it is narrow enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CONFIDENCE: Final = 0.95
LOOK_AHEAD: Final = 5
"""Replications for which the precision must hold after it is first reached; that many per hundred beyond a hundred. The rule and
the figure are those of Hoad, Robinson & Davies, "Automated selection of the number of replications for a discrete-event
simulation", Journal of the Operational Research Society 61 (2010), which `sim-tools` has too: an interval is narrow by luck as
well, and who stops at the first narrow one stops too early too often."""


@dataclass(frozen=True)
class Interval:
    """The mean of `n` figures, and half the width of its 95 % interval: None below two figures, which say nothing of a spread."""

    n: int
    mean: float
    half_width: float | None
    lowest: float
    highest: float

    @property
    def relative(self) -> float:
        """The half-width in units of the mean; infinite where there is none, or the mean is 0 and not all figures are."""
        if self.half_width is None:
            return math.inf
        if self.half_width == 0.0:
            return 0.0
        return self.half_width / abs(self.mean) if self.mean else math.inf


def interval(figures: Sequence[float]) -> Interval | None:
    """Student's t interval of the mean; None without figures. They are of independent runs, so about their mean it is 95 % sure."""
    n = len(figures)
    if not n:
        return None
    mean = math.fsum(figures) / n
    lowest, highest = min(figures), max(figures)
    if lowest == highest:
        return Interval(n, lowest, 0.0 if n > 1 else None, lowest, highest)
    from scipy.special import stdtrit  # half a second; of the functions for t the one that is imported soonest

    variance = math.fsum((figure - mean) ** 2 for figure in figures) / (n - 1)
    quantile = float(stdtrit(n - 1, (1.0 + CONFIDENCE) / 2.0))
    return Interval(n, mean, quantile * math.sqrt(variance / n), lowest, highest)


class EnoughReplications:
    """Says after each replication whether that was the last: every measure's interval has kept to a relative half-width.

    Replications of `figures_min` at least; the precision must hold from one replication on for `LOOK_AHEAD` more. A measure that
    a replication has no figure of is not precise there.
    """

    def __init__(self, measures: int, precision: float, figures_min: int) -> None:
        self._precision = precision
        self._figures_min = figures_min
        self._figures: list[list[float]] = [[] for _ in range(measures)]
        self._replications = 0
        self.precise_since: int | None = None
        """The number of replications from which on the precision has held."""

    def add(self, figures: Sequence[float | None]) -> bool:
        """Take in a replication's measures; whether there are enough replications now."""
        self._replications += 1
        for known, figure in zip(self._figures, figures, strict=True):
            if figure is not None:
                known.append(figure)
        if not self._precise():
            self.precise_since = None
            return False
        if self.precise_since is None:
            self.precise_since = self._replications
        since = self.precise_since
        return self._replications - since >= math.ceil(LOOK_AHEAD * max(since, 100) / 100)

    def _precise(self) -> bool:
        if self._replications < self._figures_min:
            return False
        for known in self._figures:
            found = interval(known)
            if len(known) < self._replications or found is None or found.relative > self._precision:
                return False
        return True

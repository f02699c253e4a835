"""How a tenant's orders arrive, fitted: batches within a modulated rate, so that the dispersion is the trace's at every scale.

With batches of geometric size (mean m) whose members follow within about s seconds, and a rate that goes between calm and burst
with a memory of t seconds, the index of dispersion over windows of w seconds is

    1 + 2 (m - 1) together(w, s) + a together(w, t),        a = 2 t rate c2

where c2 is the rate's variance over its square. Least squares on the logarithm over nine windows find m, s, a and t. What is
left is how the variance comes about, from rare strong bursts or from frequent mild ones: the rate of the trace's calm hours says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from aurora_sim.lab.trace.dispersion import SCALES_S, index_of_dispersion, together
from aurora_sim.lab.trace.trace import Times
from aurora_sim.scenario.demand import Batches, Bursts, Mmpp, Poisson

WINDOWS_S: Final = np.array([30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0])
JUDGED_WEIGHT: Final = 3.0
"""How much more the three scales count at which a fit is judged."""
ORDERS_MIN: Final = 50
"""With fewer orders nothing can be said of how they cluster: a Poisson process."""
BURST_MEMORY_S: Final = (300.0, 72_000.0)
BATCH_SPREAD_S: Final = (1.0, 1200.0)
NOTHING: Final = 1e-3
"""A part of the dispersion below this is none."""


@dataclass(frozen=True)
class ArrivalFit:
    """One tenant's arrivals. `batch_part` is 2 (m - 1), `burst_part` is a; `calm_share` the calm rate over the mean."""

    rate_per_s: float
    batch_part: float
    batch_spread_s: float
    burst_part: float
    burst_memory_s: float
    calm_share: float
    profile: list[float] | None

    def demand(self) -> Poisson | Mmpp:
        """The fit as a scenario says it."""
        per_minute = float(f"{self.rate_per_s * 60.0:.6g}")
        bursts = self._bursts()
        batches = None
        if self.batch_part > NOTHING:
            mean, spread_s = 1.0 + self.batch_part / 2.0, round(self.batch_spread_s, 1)
            batches = Batches(mean=float(f"{mean:.5g}"), spread=spread_s)
        if bursts is None and batches is None:
            return Poisson(model="poisson", orders_per_minute=per_minute, profile=self.profile)
        return Mmpp(model="mmpp", orders_per_minute=per_minute, bursts=bursts, batches=batches, profile=self.profile)

    def _bursts(self) -> Bursts | None:
        """The two states that have this variance and memory, and this calm rate.

        With p the share of the time that bursts take, q the calm rate over the mean, the variance is (1 - p)/p (1 - q)^2.
        """
        variance = self.burst_part / (2.0 * self.burst_memory_s * self.rate_per_s)
        above = 1.0 - self.calm_share
        if self.burst_part <= NOTHING or above <= NOTHING:
            return None
        share = above**2 / (variance + above**2)
        ratio = 1.0 + above / (share * max(self.calm_share, 1e-4))
        burst_s, calm_s = self.burst_memory_s / (1.0 - share), self.burst_memory_s / share
        return Bursts(ratio=float(f"{min(ratio, 1e6):.5g}"), calm=round(calm_s, 1), burst=round(burst_s, 1))


def fit_arrivals(arrival_s: Times, span_s: float, profile: list[float] | None) -> ArrivalFit:
    """The fit of one tenant's arrivals on [0, span_s]."""
    rate_per_s = arrival_s.size / span_s
    calm_share = calm_rate(arrival_s, span_s) / rate_per_s
    windows_s = WINDOWS_S[span_s >= 2.0 * WINDOWS_S]
    if arrival_s.size < ORDERS_MIN or windows_s.size < 4:
        return ArrivalFit(rate_per_s, 0.0, 0.0, 0.0, BURST_MEMORY_S[0], calm_share, profile)
    found = [index_of_dispersion(arrival_s, float(window_s), span_s) for window_s in windows_s]
    excess = np.array([index - 1.0 if index is not None else 0.0 for index in found])
    if profile is not None:
        # The profile disperses counts too: by rate x window x its variance, in windows up to its hour.
        by_profile = rate_per_s * np.minimum(windows_s, 3600.0) * float(np.var(profile))
        excess = excess - np.minimum(by_profile, 0.9 * np.maximum(excess, 0.0))
    return ArrivalFit(rate_per_s, *_parts(windows_s, np.maximum(excess, 0.0)), calm_share, profile)


def calm_rate(arrival_s: Times, span_s: float) -> float:
    """The rate a second of the hours that have no more arrivals than the mean hour."""
    hours = max(1, math.floor(span_s / 3600.0))
    counts = np.bincount(np.minimum(arrival_s // 3600.0, hours - 1).astype(np.int64), minlength=hours)
    return float(counts[counts <= counts.mean()].mean()) / 3600.0


def _parts(windows_s: Times, excess: Times) -> tuple[float, float, float, float]:
    """Batch part and spread, burst part and memory, of the dispersion above 1 by window."""
    from scipy.optimize import least_squares

    weights = np.where(np.isin(windows_s, SCALES_S), JUDGED_WEIGHT, 1.0)
    target = np.log1p(excess)

    def misfit(logs: Times) -> Times:
        batch, spread_s, burst, memory_s = np.exp(logs)
        model = batch * together(windows_s, spread_s) + burst * together(windows_s, memory_s)
        return np.asarray(weights * (np.log1p(model) - target))

    low = np.log([NOTHING / 10, BATCH_SPREAD_S[0], NOTHING / 10, BURST_MEMORY_S[0]])
    high = np.log([1e4, BATCH_SPREAD_S[1], 1e5, BURST_MEMORY_S[1]])
    # The valley has side arms: start in each of them.
    starts = [
        (5.0, spread_s, 50.0, memory_s) for spread_s in (20.0, 100.0, 300.0) for memory_s in (1200.0, 3600.0, 7200.0)
    ]
    fits = [least_squares(misfit, np.log(start), bounds=(low, high)) for start in starts]
    best = min(fits, key=lambda fit: float(fit.cost))
    batch, spread_s, burst, memory_s = np.exp(best.x).tolist()
    return batch, spread_s, burst, memory_s

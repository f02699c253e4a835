"""The Weibull law of times that things stay up: S(t) = exp(-(t / scale)^k)."""

from __future__ import annotations

import math


def weibull_scale(mean: float, k: float) -> float:
    """The scale at which a Weibull law of shape k has this mean: mean / Gamma(1 + 1/k)."""
    return mean / math.gamma(1.0 + 1.0 / k)


def excess(gamma: float, k: float) -> float:
    """What is left, in units of the scale, of an up-time looked at in equilibrium; `gamma` is a Gamma(1/k) draw.

    The excess law has density S(t) / mean, so (t / scale)^k is Gamma(1/k): with k below 1 the node that one meets has lasted,
    and lasts longer than a new one.
    """
    return float(gamma ** (1.0 / k))

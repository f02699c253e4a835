"""The log-normal law of how long something takes."""

from __future__ import annotations

from math import exp
from typing import Protocol


class Law(Protocol):
    """A configured log-normal: its median in seconds, and the standard deviation of its logarithm."""

    @property
    def median_s(self) -> float: ...

    @property
    def sigma(self) -> float: ...


class LogNormal:
    """A duration in seconds: the median x e^(sigma z), for a standard normal z."""

    __slots__ = ("median_s", "sigma")

    def __init__(self, law: Law) -> None:
        # Copied: to read a field of a configuration takes as long as all the rest.
        self.median_s = law.median_s
        self.sigma = law.sigma

    def seconds(self, normal: float) -> float:
        """The duration that a standard normal draw stands for."""
        return self.median_s * exp(self.sigma * normal)

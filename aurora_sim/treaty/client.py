"""How the bridge client tries: timeouts, backoff, the failover bridge, then the next provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Move = Literal["retry", "failover_bridge", "next_provider"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """The client's knobs, as production has them.

    A try without an answer is given up after `timeout_ms`. The wait before the next grows from `backoff_base_s` to at
    most `backoff_cap_s`, jittered. A provider is tried `max_attempts` times over its own bridge, then
    `failover_attempts` times over `failover_bridges[bridge]`, if there is one. Fewer there (2: a guess, G): when both
    paths are silent it is the provider, and blind retry is what keeps a congested relayer congested.
    """

    timeout_ms: float = 2000.0
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0
    jitter: Literal["full", "none"] = "full"
    max_attempts: int = 5
    failover_attempts: int = 2
    failover_bridges: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not self.timeout_ms > 0.0:
            raise ValueError(f"`timeout_ms` ({self.timeout_ms}) must be greater than 0")
        if not 0.0 <= self.backoff_base_s <= self.backoff_cap_s:
            raise ValueError(
                f"`backoff_base_s` ({self.backoff_base_s}) must be in [0, `backoff_cap_s` ({self.backoff_cap_s})]"
            )
        if self.max_attempts < 1 or self.failover_attempts < 1:
            raise ValueError(
                f"`max_attempts` ({self.max_attempts}) and `failover_attempts` ({self.failover_attempts}) "
                "must be at least 1"
            )
        for bridge, failover in self.failover_bridges.items():
            if bridge == failover:
                raise ValueError(f"`failover_bridges`: {bridge} cannot be its own failover")


def next_move(settings: ClientSettings, attempts_on_this_bridge: int, *, on_failover: bool, has_failover: bool) -> Move:
    """What to do after `attempts_on_this_bridge` (at least 1) tries without an answer.

    `on_failover` says that these tries went over the failover bridge; there is no third bridge. A rejection by the
    provider is an answer, and does not come here: the next provider is tried at once.
    """
    if on_failover:
        return "retry" if attempts_on_this_bridge < settings.failover_attempts else "next_provider"
    if attempts_on_this_bridge < settings.max_attempts:
        return "retry"
    return "failover_bridge" if has_failover else "next_provider"


def backoff_s(settings: ClientSettings, attempt: int, u: float) -> float:
    """Seconds to wait after try number `attempt` (1, 2, ...) failed; `u` in [0, 1) is the caller's draw.

    Full jitter: u x min(cap, base x 2^(attempt - 1)), which spreads a herd better than equal or no jitter does
    (Brooker, "Exponential backoff and jitter", AWS 2015). Without jitter the same with u = 1.
    """
    # The exponent is held: 2^1024 is no float, and a queue that waits for hours gets there.
    ceiling_s = min(settings.backoff_cap_s, settings.backoff_base_s * 2.0 ** min(attempt - 1, 62))
    return u * ceiling_s if settings.jitter == "full" else ceiling_s

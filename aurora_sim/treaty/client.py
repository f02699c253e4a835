"""How the bridge client tries: timeouts, backoff, the failover bridge, then the next provider."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from aurora_sim.treaty.local_queue import QueueSettings

Move = Literal["retry", "failover_bridge", "next_provider"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """The client's knobs, as production has them; they can be changed while orders are under way (`BridgeClient.use`).

    A try without an answer is given up after `timeout_ms`. The wait before the next grows from `backoff_base_s` to at
    most `backoff_cap_s`, jittered. A provider is tried `max_attempts` times over its own bridge (None: until the order's
    deadline), then `failover_attempts` times over the failover bridge, if there is one. Fewer there (2: a guess, G): when
    both paths are silent it is the provider, and blind retry is what keeps a congested relayer congested.

    After `breaker_failures` tries in a row without an answer (None: never) the bridge is asked only once each
    `breaker_probe_s`; meanwhile orders go over the failover bridge or, without one, wait in the `queue` (None: there is none,
    and they go on as if the breaker were closed).
    """

    timeout_ms: float = 2000.0
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0
    jitter: Literal["full", "none"] = "full"
    max_attempts: int | None = 5
    failover_attempts: int = 2
    breaker_failures: int | None = 3
    breaker_probe_s: float = 30.0
    queue: QueueSettings | None = None

    def __post_init__(self) -> None:
        if not self.timeout_ms > 0.0:
            raise ValueError(f"`timeout_ms` ({self.timeout_ms}) must be greater than 0")
        if not 0.0 <= self.backoff_base_s <= self.backoff_cap_s:
            raise ValueError(
                f"`backoff_base_s` ({self.backoff_base_s}) must be in [0, `backoff_cap_s` ({self.backoff_cap_s})]"
            )
        if (self.max_attempts is not None and self.max_attempts < 1) or self.failover_attempts < 1:
            raise ValueError(
                f"`max_attempts` ({self.max_attempts}) and `failover_attempts` ({self.failover_attempts}) "
                "must be at least 1"
            )
        if self.breaker_failures is not None and self.breaker_failures < 1:
            raise ValueError(f"`breaker_failures` ({self.breaker_failures}) must be at least 1, or None")
        if not self.breaker_probe_s > 0.0:
            raise ValueError(f"`breaker_probe_s` ({self.breaker_probe_s}) must be greater than 0")

    def blind(self) -> ClientSettings:
        """Nothing but retry, until the order's deadline: what makes an outage of minutes one of hours."""
        return replace(self, max_attempts=None, breaker_failures=None, queue=None)

    def paced(self, *, probe_s: float = 1.0, queue: QueueSettings | None = None) -> ClientSettings:
        """Breaker, local queue and paced drain; `probe_s` is how soon a recovery is seen. The calibrated figures by default."""
        return replace(
            self,
            breaker_failures=self.breaker_failures or 3,
            breaker_probe_s=probe_s,
            queue=queue or self.queue or QueueSettings(),
        )


def next_move(settings: ClientSettings, attempts_on_this_bridge: int, *, on_failover: bool, has_failover: bool) -> Move:
    """What to do after `attempts_on_this_bridge` (at least 1) tries without an answer.

    `on_failover` says that these tries went over the failover bridge; there is no third bridge. A rejection by the
    provider is an answer, and does not come here: the next provider is tried at once.
    """
    if on_failover:
        return "retry" if attempts_on_this_bridge < settings.failover_attempts else "next_provider"
    if settings.max_attempts is None or attempts_on_this_bridge < settings.max_attempts:
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

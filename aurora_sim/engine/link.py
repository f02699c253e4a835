"""A link: how a provider is reached, over the client's side of a bridge and the bridge itself."""

from __future__ import annotations

import math
from collections.abc import Callable

from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.scenario.config import Bridge as BridgeConfig
from aurora_sim.scenario.config import ClientConfig
from aurora_sim.treaty.bridge_client import BridgeClient
from aurora_sim.treaty.client import ClientSettings
from aurora_sim.treaty.local_queue import QueueSettings
from aurora_sim.world.bridge import Bridge
from aurora_sim.world.lognormal import LogNormal
from aurora_sim.world.world import World


class Link(BridgeClient[LiveOrder]):
    """How a provider is reached: the client's side of a bridge, the bridge itself, and its second clock.

    An operator's `use` and `prefer_failover` take effect at once, also for the orders that wait.
    """

    __slots__ = ("alarm_s", "bridge", "changed", "name", "settlement")

    def __init__(self, bridge: Bridge, settings: ClientSettings) -> None:
        self.name = bridge.name
        self.bridge = bridge
        self.settlement = LogNormal(bridge.config.settlement)
        # When somebody who waits here is looked at next, and who sees to that: `Retries` sets these.
        self.alarm_s = math.inf
        self.changed: Callable[[Link], None] = _nobody_cares
        super().__init__(settings, service_rate_per_s(bridge.config))

    def use(self, settings: ClientSettings) -> None:
        super().use(settings)
        self.changed(self)

    def prefer_failover(self, preferred: bool) -> None:
        super().prefer_failover(preferred)
        self.changed(self)


def service_rate_per_s(config: BridgeConfig) -> float:
    """How many messages a second a bridge's workers can relay: workers / mean of the log-normal service time."""
    mean_s = config.service_median_ms / 1000.0 * math.exp(config.service_sigma**2 / 2.0)
    return config.workers / mean_s


def client_settings(client: ClientConfig) -> ClientSettings:
    """The client of every bridge, as the configuration has it."""
    queue = client.queue
    return ClientSettings(
        timeout_ms=client.timeout_ms,
        backoff_base_s=client.backoff_base,
        backoff_cap_s=client.backoff_cap,
        jitter=client.jitter,
        max_attempts=client.max_attempts,
        failover_attempts=client.failover_attempts,
        breaker_failures=client.breaker_failures,
        breaker_probe_s=client.breaker_probe,
        queue=None
        if queue is None
        else QueueSettings(orders_max=queue.orders_max, drain_fraction=queue.drain_fraction),
    )


def links(world: World, settings: ClientSettings) -> dict[str, Link]:
    """A link over each bridge."""
    made = {name: Link(bridge, settings) for name, bridge in world.bridges.items()}
    for link in made.values():
        if link.bridge.failover is not None:
            link.failover = made[link.bridge.failover]
    return made


def _nobody_cares(_: Link) -> None:
    pass

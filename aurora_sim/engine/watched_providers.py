"""What is known of the providers: looked at where something changed, and remembered of all others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from aurora_sim.engine.parts import Parts
from aurora_sim.observe.recorder import ProviderReading
from aurora_sim.treaty.ranking import ProviderView
from aurora_sim.treaty.reputation import after_ack, after_failure, credit
from aurora_sim.world.provider import Provider


class WatchedProviders:
    """The providers of a run, as the health checks show them to the router and the steps' ends read them off.

    A provider says by itself that it changed (`World.changed`). Of those that did not, a health check only visits the
    *unsettled*: the ones that the check before still moved towards their standing.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._changed = parts.world.changed
        providers = parts.world.providers.values()
        self._unsettled: dict[Provider, None] = dict.fromkeys(providers)
        self._unread: dict[Provider, None] = {}  # those that changed since they were read off, and
        self._unshown: dict[Provider, None] = {}  # since they were shown to the router
        self._readings = {provider.provider_id: _reading(provider) for provider in providers}
        self._leased = {provider.provider_id: provider.leased() for provider in providers}
        parts.router.refresh([view(provider) for provider in providers])
        self._hear()
        self._unread.clear()
        self._unshown.clear()

    def check_health(self) -> None:
        """Look at the providers, and show the router what was found.

        An answer counts for a provider's reputation as an ack does, silence as a failure: so one that nobody dares to use wins
        its standing back.
        """
        alpha, hysteresis_points = self._parts.reputation_alpha, self._parts.hysteresis_points
        self._hear()
        unsettled, unread, unshown = self._unsettled, self._unread, self._unshown
        for provider in {**unsettled, **unshown}:
            before = (provider.reputation, provider.credit)
            if provider.active:
                provider.reputation = after_ack(provider.reputation, provider.standing, alpha)
            else:
                provider.reputation = after_failure(provider.reputation, alpha)
            provider.credit = credit(provider.shown_reputation(), provider.credit, hysteresis_points)
            if before != (provider.reputation, provider.credit):
                unsettled[provider] = unread[provider] = unshown[provider] = None
            elif provider in unsettled:
                del unsettled[provider]
        self.show_router()

    def show_router(self) -> None:
        """Show the router what changed since the last time."""
        self._hear()
        if self._unshown:
            self._parts.router.update([view(provider) for provider in self._unshown])
            self._unshown.clear()

    def read(self) -> tuple[ProviderReading, ...]:
        """Every provider as it is now, in the configuration's order."""
        self._hear()
        for provider in self._unread:
            self._readings[provider.provider_id] = _reading(provider)
            self._leased[provider.provider_id] = provider.leased()
        self._unread.clear()
        return tuple(self._readings.values())

    def _hear(self) -> None:
        """Take note of those that say they changed."""
        for provider in self._changed:
            provider.noted = False
        self._unread.update(self._changed)
        self._unshown.update(self._changed)
        self._changed.clear()

    def leased_gpu_seconds(self, now_s: float) -> float:
        """GPU-seconds leased up to now, as of the last `read`."""
        return sum([gpus * now_s + ended_less_begun_s for gpus, ended_less_begun_s in self._leased.values()])


def view(provider: Provider) -> ProviderView:
    """What a health check finds out about a provider."""
    return ProviderView(
        provider_id=provider.provider_id,
        active=provider.active,
        regions=provider.open_regions,
        price_usd_per_hour=provider.price_usd_per_hour,
        capacity_gpus=provider.capacity_gpus,
        free_gpus={kind: max(0, pool.capacity_gpus - pool.leased_gpus) for kind, pool in provider.pools.items()},
        latency_ms=provider.latency_ms,
        reputation=provider.credit,
        routing_weight=provider.routing_weight,
    )


def _reading(provider: Provider) -> ProviderReading:
    return _as_read(
        (
            provider.provider_id,
            provider.active,
            provider.offered_gpus,
            provider.latency_ms,
            provider.mean_price_usd_per_hour,
            provider.shown_reputation(),
            provider.leased()[0],
        )
    )


_as_read: Final[Callable[[tuple[str, bool, int, float, float, float, int]], ProviderReading]] = partial(
    tuple.__new__, ProviderReading
)
"""`ProviderReading(...)`, without the steps of Python's that its constructor takes."""

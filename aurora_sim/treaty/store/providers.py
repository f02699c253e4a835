"""The way to the providers: who is asked for an ack, and what the router is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from aurora_sim.scenario.config import World
from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.key_files import Signer, signer_for
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.order import Order
from aurora_sim.treaty.ranking import ProviderView
from aurora_sim.treaty.signed_ack import SignedAck, sign_ack

SIGNER_KEPT_S: Final = 5.0


class ProviderPort(Protocol):
    """The providers as the desk reaches them; called by one thread, under the write lock: it must be quick."""

    def views(self, now_s: float) -> Sequence[ProviderView]:
        """What a health check finds now; asked for as often as the configuration says."""

    def offer(self, order: Order, provider_id: str, now_s: float) -> SignedAck | str:
        """The provider's signed ack, or the reason why there is none, such as `full`: one of few words."""


class EmbeddedProviders:
    """Stands in for the providers' endpoints: each takes every order that its list price allows, and signs for it.

    The keys are the providers' own, in the keys folder; without a key a provider takes nothing (`no_key`). Nobody
    counts GPUs here: how many are free is for a real provider to know, and to refuse.
    """

    def __init__(self, keys_dir: Path, registry: KeyRegistry, config: World) -> None:
        self._keys_dir = keys_dir
        self._registry = registry
        self._treaty_id = config.treaty.treaty_id
        self._prices = {
            provider_id: provider.prices_usd_per_hour[config.price_profile]
            for provider_id, provider in config.providers.items()
        }
        self._views = views_from_config(config)
        self._signers: dict[str, tuple[float, Signer | None]] = {}

    def views(self, now_s: float) -> Sequence[ProviderView]:
        """The configuration's providers, all up and all free."""
        return self._views

    def offer(self, order: Order, provider_id: str, now_s: float) -> SignedAck | str:
        """An ack at the list price."""
        price = self._prices[provider_id].get(order.gpu_type)
        if price is None:
            return "gpu_type"
        signer = self._signer(provider_id, now_s)
        if signer is None:
            return "no_key"
        return sign_ack(
            signer,
            order_id=order.order_id,
            treaty_id=self._treaty_id,
            provider_id=provider_id,
            price_usd_per_hour=price,
            time_s=now_s,
        )

    def _signer(self, provider_id: str, now_s: float) -> Signer | None:
        """The key that is valid now; looked up anew every few seconds, for it may be rotated meanwhile."""
        until_s, signer = self._signers.get(provider_id, (float("-inf"), None))
        if now_s >= until_s:
            try:
                signer = signer_for(self._keys_dir, self._registry, f"provider:{provider_id}", now_s)
            except InputError:
                signer = None
            self._signers[provider_id] = (now_s + SIGNER_KEPT_S, signer)
        return signer


def views_from_config(config: World) -> tuple[ProviderView, ...]:
    """The providers as the configuration has them, every GPU on offer free."""
    views = []
    for provider_id, provider in config.providers.items():
        gpus = {name: int(pool.capacity_gpus * provider.capacity) for name, pool in provider.gpus.items()}
        prices = provider.prices_usd_per_hour[config.price_profile]
        views.append(
            ProviderView(
                provider_id=provider_id,
                active=True,
                regions=frozenset(provider.regions),
                price_usd_per_hour=prices,
                capacity_gpus=gpus,
                free_gpus=gpus,
                latency_ms=provider.latency_ms,
                reputation=provider.reputation,
                routing_weight=provider.routing_weight,
            )
        )
    return tuple(views)

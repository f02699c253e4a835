"""The simulated surroundings of one run: providers, bridges, regions and provenance services."""

from __future__ import annotations

from typing import Final

from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.world.bridge import Bridge
from aurora_sim.world.front_door import FrontDoor
from aurora_sim.world.interruptions import Interruptions
from aurora_sim.world.market import Market
from aurora_sim.world.modifiers import Modifiers
from aurora_sim.world.prices import PriceWalk
from aurora_sim.world.provenance import ProvenanceServices
from aurora_sim.world.provider import Provider
from aurora_sim.world.streams import Streams

PRICE_STEP_S: Final = 60.0
"""How often prices move."""


class World:
    """Everything that is simulated, by name, in the configuration's order."""

    def __init__(self, config: WorldConfig, streams: Streams) -> None:
        profile = config.price_profile
        self.changed: dict[Provider, None] = {}
        """The providers of which something changed since somebody took note of them, each once, in the order of change."""
        self.providers = {
            provider_id: Provider(
                provider_id,
                provider,
                {
                    kind: PriceWalk(
                        f"{provider_id}/{kind}",
                        provider.prices_usd_per_hour[profile][kind],
                        config.price_process,
                        streams,
                        PRICE_STEP_S,
                    )
                    for kind in provider.gpus
                },
                self.changed,
            )
            for provider_id, provider in config.providers.items()
        }
        self._prices_stand_still = config.price_process.stands_still
        self._add_failures(config, streams)
        self.bridges = {
            name: Bridge(name, bridge, config.client.abandon_cost) for name, bridge in config.bridges.items()
        }
        regions = dict.fromkeys(region for provider in config.providers.values() for region in provider.regions)
        regions.update(dict.fromkeys(tenant.region for tenant in config.tenants.values()))
        self.region_losses = {region: Modifiers() for region in regions}
        self.region_loss: dict[str, float] = dict.fromkeys(regions, 0.0)  # share of messages lost beside the bridge's
        self.provenance = ProvenanceServices(config.provenance, streams)
        self.front_door = FrontDoor(config.tenants)
        self.faults_on: set[int] = set()  # by their number in the scenario
        self.ended_early: set[int] = set()  # and never come on again
        self.held: dict[int, float] = {}  # at a value that somebody gave them, while they are on

    def _add_failures(self, config: WorldConfig, streams: Streams) -> None:
        """Give each provider the failures that are switched on for it."""
        market, nodes = config.failures.market, config.failures.nodes
        for provider_id, provider in self.providers.items():
            bids = market.bids.get(provider_id) if market.enabled else None
            offers = market.offers.get(provider_id) if market.enabled else None
            leaving = nodes.providers.get(provider_id) if nodes.enabled else None
            if bids is not None or offers is not None:
                provider.market = Market(provider_id, bids, offers, streams)
            if bids is not None or leaving is not None:
                provider.interruptions = Interruptions(provider_id, leaving, bids, streams)

    def recompute(self) -> None:
        """Work out afresh, after a fault began, grew or ended, what the orders' life reads of all but providers and bridges."""
        for region, losses in self.region_losses.items():
            self.region_loss[region] = min(1.0, losses.total())
        self.provenance.recompute()
        self.front_door.recompute()

    def move_prices(self) -> None:
        """One price step on, at every provider."""
        if self._prices_stand_still:
            return
        for provider in self.providers.values():
            for walk in provider.walks.values():
                walk.move()
            provider.reprice()

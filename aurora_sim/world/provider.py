"""A provider: GPUs per type as a stock of leases, its regions, its price, and what outages do to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import attrgetter
from typing import Final

from aurora_sim.scenario.config import ANYWHERE
from aurora_sim.scenario.config import Provider as ProviderConfig
from aurora_sim.scenario.errors import InvariantError
from aurora_sim.world.interruptions import Interruptions
from aurora_sim.world.lognormal import LogNormal
from aurora_sim.world.market import Market
from aurora_sim.world.modifiers import Modifiers
from aurora_sim.world.prices import PriceWalk

_NUMBER: Final = attrgetter("number")


class Pool:
    """A provider's GPUs of one type: how many it leases and has, and what one costs.

    `row_text` is what rows of orders say of it; whoever writes it keeps it here, and it is empty again when that changed.
    """

    __slots__ = ("capacity_gpus", "gpu_type", "leased_gpus", "price_usd_per_hour", "row_text")

    def __init__(self, gpu_type: str, capacity_gpus: int, price_usd_per_hour: float = 0.0) -> None:
        self.gpu_type = gpu_type
        self.leased_gpus = 0
        self.capacity_gpus = capacity_gpus
        self.price_usd_per_hour = price_usd_per_hour
        self.row_text = ""


class Lease:
    """GPUs of a pool that one job holds at one provider.

    It is asked for, then `live` from `Provider.take` on, and ends by `Provider.release` or `Provider.strike`. `node` is the job's
    place among the provider's nodes in its region, from 0 to 1: nodes fail in this order, so an outage of share s takes those
    with `node < s`. `number` counts the provider's leases in the order of taking. Whoever has jobs extends it by what a job is.
    """

    __slots__ = ("gpus", "live", "node", "number", "place", "pool", "provider", "region")

    def __init__(self, provider: Provider, pool: Pool, gpus: int, region: str) -> None:
        self.provider = provider
        self.pool = pool
        self.gpus = gpus
        self.region = region
        self.node = 0.0
        self.number = 0
        self.place = 0  # among those that the provider holds
        self.live = False

    @property
    def gpu_type(self) -> str:
        """The type of its GPUs."""
        return self.pool.gpu_type


class Provider:
    """The state of one provider.

    Whenever anything of it changes that is seen from outside, it puts itself into `changed`; whoever takes it out there sets
    `noted` back.

    A lease is taken by `take` after `refusal` said nothing against it, and ends by `release` (the job is done) or by `strike`
    (an outage took its node). Invariant, held at each change: 0 <= leased, and no lease beyond the GPUs on offer, per type.
    """

    def __init__(
        self, provider_id: str, config: ProviderConfig, walks: Mapping[str, PriceWalk], changed: dict[Provider, None]
    ) -> None:
        self.provider_id = provider_id
        self._changed = changed
        self.noted = False  # whether it is in there
        self.bridge = config.bridge
        self.regions = tuple(config.regions)
        self.standing = config.reputation  # what its reputation recovers to
        self.reputation = config.reputation
        self.credit = config.reputation  # what tenants' floors are held against, as of the last health check
        self.routing_weight = config.routing_weight
        self._placement = LogNormal(config.placement)
        self._placement_min_s = config.placement.min_s
        self.walks = walks
        self.market: Market | None = None  # where it may have no bid or no offer, and
        self.interruptions: Interruptions | None = None  # what may take a job off its node
        self.base_capacity_gpus = {
            kind: math.floor(pool.capacity_gpus * config.capacity) for kind, pool in config.gpus.items()
        }
        self.base_latency_ms = config.latency_ms
        self.pools = {kind: Pool(kind, gpus) for kind, gpus in self.base_capacity_gpus.items()}
        self.capacity_factors = Modifiers()
        self.latency_factors = Modifiers()
        self.reputation_points = Modifiers()
        self.wrong_keys = Modifiers()
        self.failed_attestations = Modifiers()
        self.signs_well = True  # with the key that is registered for it
        self.attestation_refusal = ""  # why its acks count as rejections, however well signed
        self.price_factors = {kind: Modifiers() for kind in self.base_capacity_gpus}
        self.dark = {region: Modifiers() for region in self.regions}
        self.dark_share = dict.fromkeys(self.regions, 0.0)
        self._dark = False  # whether any region is, in part
        self.capacity_gpus = dict(self.base_capacity_gpus)
        self.offered_gpus = sum(self.capacity_gpus.values())
        self.price_usd_per_hour: dict[str, float] = {}
        self.mean_price_usd_per_hour = 0.0
        self.latency_ms = config.latency_ms
        self.lit = 1.0  # share of its nodes that is not dark
        self.active = True
        self.open_regions = frozenset(self.regions)
        self._offset_gpu_s = 0.0
        self._leases: list[Lease] = []  # each at its `place`
        self._leases_taken = 0
        self.reprice()

    def _note(self) -> None:
        """Something of it changed."""
        if not self.noted:
            self.noted = True
            self._changed[self] = None

    # What it offers, from its base and the faults that are on.

    def reprice(self) -> None:
        """Take over the price walks and the price faults."""
        self._note()
        self.price_usd_per_hour = {kind: walk.price_usd_per_hour for kind, walk in self.walks.items()}
        for kind, factors in self.price_factors.items():
            if factors:
                self.price_usd_per_hour[kind] = round(self.price_usd_per_hour[kind] * factors.product(), 6)
        for kind, price in self.price_usd_per_hour.items():
            pool = self.pools[kind]
            pool.price_usd_per_hour = price
            pool.row_text = ""
        prices = self.price_usd_per_hour.values()
        self.mean_price_usd_per_hour = sum(prices) / len(prices) if prices else 0.0

    def recompute(self) -> None:
        """Work out capacity, latency and activity afresh after a fault began, grew or ended."""
        self._note()
        self.dark_share = {region: dark.compound_share() for region, dark in self.dark.items()}
        self._dark = any(self.dark_share.values())
        self.lit = lit = math.fsum(1.0 - share for share in self.dark_share.values()) / len(self.regions)
        offered = lit * self.capacity_factors.product()
        self.capacity_gpus = {kind: math.floor(gpus * offered + 1e-9) for kind, gpus in self.base_capacity_gpus.items()}
        self.latency_ms = self.base_latency_ms * self.latency_factors.product()
        for kind, pool in self.pools.items():
            pool.capacity_gpus = self.capacity_gpus[kind]
            pool.row_text = ""
        self.offered_gpus = sum(self.capacity_gpus.values())
        self.active = lit > 0.0
        self.signs_well = not self.wrong_keys
        self.attestation_refusal = "ack_attestation" if self.failed_attestations else ""
        self.open_regions = frozenset(region for region, share in self.dark_share.items() if share < 1.0)

    def move_reputation(self, reputation: float) -> None:
        """It has earned another reputation."""
        self.reputation = reputation
        self._note()

    def shown_reputation(self) -> float:
        """Its earned reputation and what reputation faults add, within 0 to 100."""
        if not self.reputation_points:
            return self.reputation
        return min(100.0, max(0.0, self.reputation + self.reputation_points.total()))

    # Leases.

    def dark_for(self, region: str) -> float:
        """The dark share of the nodes where a job for `region` runs: there or, at a provider without regions, anywhere."""
        share = self.dark_share.get(region)
        return share if share is not None else self.dark_share.get(ANYWHERE, 1.0)

    def refusal(self, pool: Pool, gpus: int, region: str, max_price_usd_per_hour: float) -> str:
        """Why it would refuse such a job now, on this pool of its own, or nothing."""
        if self._dark and self.dark_for(region) >= 1.0:
            return "provider_down" if not self.active else "region_down"
        if pool.leased_gpus + gpus > pool.capacity_gpus:
            return "full"
        if pool.price_usd_per_hour > max_price_usd_per_hour:
            return "price_moved"
        return ""

    def placement_s(self, luck: float) -> float:
        """How long it takes to place a job, in seconds; `luck` is a standard normal draw."""
        placement_s = self._placement.seconds(luck)
        return placement_s if placement_s > self._placement_min_s else self._placement_min_s

    def take(self, now_s: float, lease: Lease, luck: float) -> None:
        """Let a lease begin; `luck` in [0, 1) places its job among the nodes that are up."""
        pool, gpus = lease.pool, lease.gpus
        if self._dark:
            dark = self.dark_for(lease.region)
            luck = dark + luck * (1.0 - dark)
        lease.node = luck
        lease.live = True
        pool.leased_gpus += gpus
        if pool.leased_gpus > pool.capacity_gpus:
            leased, offered = pool.leased_gpus, pool.capacity_gpus
            raise InvariantError(f"{self.provider_id} leases {leased} {pool.gpu_type}, more than it has ({offered})")
        self._offset_gpu_s -= gpus * now_s
        leases = self._leases
        lease.number = self._leases_taken
        self._leases_taken += 1
        lease.place = len(leases)
        leases.append(lease)
        self._note()

    def release(self, now_s: float, lease: Lease) -> None:
        """Give the GPUs back: the job is done."""
        if not lease.live:
            raise InvariantError(
                f"a lease ends once: that of {lease.gpus} {lease.gpu_type} at {self.provider_id} has ended"
            )
        lease.live = False
        leases = self._leases
        last = leases.pop()  # takes the place of the one that goes
        if last is not lease:
            last.place = lease.place
            leases[lease.place] = last
        pool, gpus = lease.pool, lease.gpus
        pool.leased_gpus -= gpus
        if pool.leased_gpus < 0:
            raise InvariantError(f"{self.provider_id} leases {pool.leased_gpus} {pool.gpu_type}, fewer than none")
        self._offset_gpu_s += gpus * now_s
        self._note()

    def strike(self, now_s: float) -> list[Lease]:
        """End the leases whose nodes are dark now, oldest first; the caller decides what becomes of their jobs."""
        if not self._dark:
            return []
        struck = [lease for lease in self._leases if lease.node < self.dark_for(lease.region)]
        struck.sort(key=_NUMBER)
        for lease in struck:
            self.release(now_s, lease)
        return struck

    def forget_leases(self) -> None:
        """Nothing will happen to them any more."""
        self._leases.clear()

    @property
    def leased_gpus(self) -> dict[str, int]:
        """By GPU type."""
        return {kind: pool.leased_gpus for kind, pool in self.pools.items()}

    def held_gpus(self) -> dict[str, int]:
        """By GPU type, what the leases hold that have not ended: counted anew, to hold `leased_gpus` against."""
        held: dict[str, int] = {}
        for kind, pool in self.pools.items():
            gpus = 0
            for lease in self._leases:
                if lease.pool is pool:
                    gpus += lease.gpus
            held[kind] = gpus
        return held

    def leased(self) -> tuple[int, float]:
        """The leased GPUs, and what to add to them x now for the GPU-seconds leased up to now.

        That is the end of each lease less the beginning of each, times its GPUs.
        """
        gpus = 0
        for pool in self.pools.values():
            gpus += pool.leased_gpus
        return gpus, self._offset_gpu_s

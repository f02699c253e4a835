"""What a run is made of: the treaty's real parts, the simulated world, and the recorder, wired from the configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurora_sim.engine.control_plane import STATE_LOST, ControlPlane
from aurora_sim.engine.eavesdropper import Eavesdropper
from aurora_sim.engine.link import Link, client_settings, links
from aurora_sim.engine.live_order import LiveOrder, TenantTerms
from aurora_sim.observe.recorder import Recorder
from aurora_sim.scenario.config import RateLimit
from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.treaty.coverage import CoverageGuard
from aurora_sim.treaty.gateway import Gateway, Refusal, TokenBucketSettings
from aurora_sim.treaty.ledger import QuotaLedger
from aurora_sim.treaty.nonce import MemoryNonceCache
from aurora_sim.treaty.order import Order
from aurora_sim.treaty.policy import UNKNOWN_REGION
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.terms import region_indexes
from aurora_sim.treaty.provenance import ReceiptDesk
from aurora_sim.treaty.ranking import Preferences
from aurora_sim.treaty.router import Router
from aurora_sim.world.demand import BridgeLuck
from aurora_sim.world.job import Job
from aurora_sim.world.streams import Streams
from aurora_sim.world.world import World

if TYPE_CHECKING:
    from aurora_sim.engine.crypto import Crypto
    from aurora_sim.engine.crypto_receipts import RealReceipts
    from aurora_sim.engine.releases import Releases


Check = Callable[[Order, float], Refusal | None]
"""(order, seconds) -> why it is not let in, or None."""


@dataclass(slots=True)
class Parts:
    """The wiring of one run. Times in seconds from the scenario's start."""

    world: World
    streams: Streams
    recorder: Recorder
    gateway: Gateway
    nonces: MemoryNonceCache
    policy: PolicyHost
    ledger: QuotaLedger
    router: Router
    links: dict[str, Link]
    receipts: ReceiptDesk[Job]
    guard: CoverageGuard
    treaty_id: str
    tenants: dict[str, TenantTerms]
    max_latency_ms: dict[str, float]
    order_valid_for_s: float
    clock_skew_max_s: float
    decision_wait_s: float
    reputation_alpha: float
    outage_penalty_points: float
    hysteresis_points: float
    start_of_day_s: float
    health_check_every_s: float
    crypto: Crypto | None = None
    real_receipts: RealReceipts | None = None
    """What really signs and verifies, or None where orders, acks and receipts are only said to be good."""
    releases: Releases | None = None
    """The policies of the scenario that are released while it runs, if it has any."""
    control_plane: ControlPlane | None = None
    """Where nonces and quotas can be lost: what they are restored from."""
    issued: dict[str, LiveOrder] | None = None
    """The last accepted order of each tenant: what an eavesdropper captures to replay, if there is one. One may keep more."""

    @property
    def policies(self) -> PolicyHost | Releases:
        """All policies that decide, as one: to be amended together, and counted together."""
        return self.policy if self.releases is None else self.releases

    def retry_luck(self, order: LiveOrder) -> BridgeLuck:
        """The bridge luck of an order's later tries: a stream for each number of tries, at the order's index."""
        draws = self.streams.generator(f"{order.source}/bridge/try#{order.attempts}", order.index)
        network, gateway, service = draws.standard_normal(3).tolist()
        tail, loss = draws.random(2).tolist()
        return network, gateway, service, tail, loss

    def jitter(self, order: LiveOrder) -> float:
        """The draw, uniform on [0, 1), for the wait after an order's last try."""
        return float(self.streams.generator(f"{order.source}/bridge/backoff#{order.attempts}", order.index).random())

    def notice_s(self, order: LiveOrder) -> float:
        """How long it takes until a killed job's tenant knows: it looks as often as the router, so uniform over that."""
        draws = self.streams.generator(f"{order.source}/job/notice#{order.attempts}", order.index)
        return float(draws.random()) * self.health_check_every_s

    def check_under_faults(self, now_s: float) -> Check | None:
        """The gateway's check as faults leave it now: by the clock that it has, and of nothing while its state is lost.

        None: they leave it as it is.
        """
        check, add_s, lost = self.gateway.check, self.world.front_door.clock_add_s, self.world.front_door.state_lost
        if self.control_plane is not None:
            self.control_plane.follow(lost, now_s)
        if lost:
            return lambda order, now_s: STATE_LOST
        return (lambda order, now_s: check(order, now_s + add_s)) if add_s else None

    def give_back(self, order: LiveOrder) -> None:
        """Give back the quota of an allowed order that ended unfilled."""
        if self.control_plane is None:
            self.ledger.give_back(order.tenant_id, order.day, order.gpu_hours)
        else:
            self.control_plane.give_back(order)

    def struck(self, order: LiveOrder, what: str, share: float) -> bool:
        """Whether an order is among the share that `what` befalls: by a draw of its own, at its index."""
        return share >= 1.0 or self.streams.generator(f"{order.source}/{what}", order.index).random() < share

    def trouble(self, order: LiveOrder) -> None:
        """What is wrong with its tenant's client goes with an honest order."""
        door, tenant_id = self.world.front_door, order.tenant_id
        if tenant_id in door.wrong_key:
            order.signature_valid = False
        if self.struck(order, "schema-drift", door.drift_share.get(tenant_id, 0.0)):
            order.malformed_field = "gpu_type"

    def spoil(self, order: LiveOrder, defect: str) -> None:
        """Make of an order a request of the given kind that must be refused."""
        match defect:
            case "schema":
                order.malformed_field = "gpu_type"
            case "signature":
                order.signature_valid = False
            case "clock-skew":
                order.issued_s = order.time_s + 2.0 * self.clock_skew_max_s + 1.0
                order.deadline_s = order.issued_s + self.order_valid_for_s
            case "expired":
                order.deadline_s = order.time_s - 1.0
                order.issued_s = order.deadline_s - self.order_valid_for_s
            case "replay":
                issued, tenant_id = self.issued, order.tenant_id
                assert issued is not None, "somebody replays what nobody listened to"
                captured = issued.to_replay(order) if isinstance(issued, Eavesdropper) else issued.get(tenant_id)
                if captured is None:
                    order.signature_valid = False  # nothing was captured yet, and nobody else can sign
                    return
                order.nonce = captured.nonce
                order.issued_s, order.deadline_s = captured.issued_s, captured.deadline_s
                order.workload_type = captured.workload_type
                order.gpu_type, order.gpus, order.gpu_hours = captured.gpu_type, captured.gpus, captured.gpu_hours
                order.max_price_usd_per_hour = captured.max_price_usd_per_hour
                order.max_latency_ms = captured.max_latency_ms
            case _:
                raise AssertionError(f"no such kind of bad request: {defect}")


def assemble(
    config: WorldConfig,
    seed: int,
    policy: PolicyHost,
    recorder: Recorder,
    start_of_day_s: float,
    crypto_start_s: float | None = None,
) -> Parts:
    """Wire a run. The policy must be loaded with `treaty_terms(config.treaty)`.

    `crypto_start_s`: the Unix time of the start, where everything is really signed and verified; else None.
    """
    streams = Streams(seed)
    world = World(config, streams)
    indexes = region_indexes(config.treaty)
    gateway, client, provenance = config.gateway, config.client, config.provenance
    collapse = config.failures.reputation
    crypto, real_receipts = (None, None) if crypto_start_s is None else _crypto(config, world, streams, crypto_start_s)
    services = real_receipts or world.provenance
    return Parts(
        world=world,
        streams=streams,
        recorder=recorder,
        gateway=Gateway(
            {workload.gpu_type for workload in config.workloads.values()} | set(config.price_limits),
            set(world.region_losses) | set(indexes),
            gateway.clock_skew_max,
            gateway.max_gpus_per_order,
            tenant_rate=_bucket(gateway.tenant_rate),
            source_rate=_bucket(gateway.source_rate),
            nonce_ttl_s=gateway.nonce_ttl,
        ),
        nonces=MemoryNonceCache(gateway.nonce_ttl),
        policy=policy,
        ledger=QuotaLedger(config.treaty.quota_gpu_hours_daily_per_tenant, config.treaty.quota_gpu_hours_total),
        router=Router(
            {
                tenant_id: Preferences(
                    price=wants.price, latency=wants.latency, reputation=wants.reputation, capacity=wants.capacity
                )
                for tenant_id, wants in (
                    (tenant_id, tenant.preferences) for tenant_id, tenant in config.tenants.items()
                )
            }
        ),
        links=links(world, client_settings(client)),
        receipts=ReceiptDesk(
            services,
            services,
            services,
            grace_s=provenance.grace,
            backoff_base_s=provenance.retry_base,
            backoff_cap_s=provenance.retry_cap,
        ),
        guard=CoverageGuard(provenance.halt_below, provenance.halt_after),
        treaty_id=config.treaty.treaty_id,
        tenants={
            tenant_id: TenantTerms(
                tenant_id,
                tenant.region,
                indexes.get(tenant.region, UNKNOWN_REGION),
                tenant.reputation,
                tenant.min_provider_reputation,
            )
            for tenant_id, tenant in config.tenants.items()
        },
        max_latency_ms={name: workload.max_latency_ms for name, workload in config.workloads.items()},
        order_valid_for_s=gateway.order_valid_for,
        clock_skew_max_s=gateway.clock_skew_max,
        decision_wait_s=config.policy.decision_wait,
        reputation_alpha=config.router.reputation_alpha_per_order,
        outage_penalty_points=collapse.outage_penalty_points if collapse.enabled else 0.0,
        hysteresis_points=collapse.hysteresis_points if collapse.enabled else 0.0,
        start_of_day_s=start_of_day_s,
        health_check_every_s=config.router.health_check_every,
        crypto=crypto,
        real_receipts=real_receipts,
    )


def _crypto(config: WorldConfig, world: World, streams: Streams, start_s: float) -> tuple[Crypto, RealReceipts]:
    # Their imports take longer than a short run.
    from aurora_sim.engine.crypto import Crypto
    from aurora_sim.engine.crypto_receipts import RealReceipts

    crypto = Crypto(
        start_s,
        streams,
        treaty_id=config.treaty.treaty_id,
        tenants=config.tenants,
        providers=config.providers,
        region_indexes=region_indexes(config.treaty),
    )
    return crypto, RealReceipts(world.provenance, crypto, streams)


def _bucket(limit: RateLimit | None) -> TokenBucketSettings | None:
    return None if limit is None else TokenBucketSettings(limit.rate_per_s, limit.burst)

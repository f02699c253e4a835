"""What is checked of a submission before anybody takes the write lock: the gateway's part, with the real signature."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from aurora_sim.scenario.config import RateLimit, World
from aurora_sim.treaty.gateway import (
    CLOCK_SKEW,
    DEADLINE_PASSED,
    ISSUED_TOO_OLD,
    RATE_LIMITED,
    TREATY_HALTED,
    Gateway,
    Refusal,
    TokenBucketSettings,
)
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.order import Order
from aurora_sim.treaty.policy.abi import UNKNOWN_REGION
from aurora_sim.treaty.ranking import GLOBAL
from aurora_sim.treaty.signed_order import OrderInvalid, OrderRequest, read_order, signing_bytes, to_order, verify_order
from aurora_sim.treaty.store.answers import Answer, Submission
from aurora_sim.treaty.store.refusals import RETRY_HALTED_S, refusal, schema_refusal

_AFTER_THE_SIGNATURE = frozenset({CLOCK_SKEW, ISSUED_TOO_OLD, DEADLINE_PASSED})


@dataclass(slots=True)
class Candidate:
    """A submission that passed the front door, at its place in the batch."""

    place: int
    request: OrderRequest
    order: Order

    @property
    def fields(self) -> dict[str, Any]:
        """The order as its tenant wrote it."""
        return dict(self.request.__dict__)


class FrontDoor:
    """Answers what may not pass, in the order that `Gateway` has written down."""

    def __init__(self, config: World, registry: KeyRegistry) -> None:
        self._config = config
        self._regions = known_regions(config)
        self.gateway = gateway_from_config(config, self._regions)
        self._registry = registry
        self._tenants = frozenset(config.tenants)
        self._treaty_id = config.treaty.treaty_id
        rates = config.gateway.tenant_rate, config.gateway.source_rate
        self._retry_tenant_s, self._retry_source_s = (1.0 / rate.rate_per_s if rate else None for rate in rates)

    def examine(self, place: int, submission: Submission, now_s: float) -> Candidate | Answer:
        """Spends tokens of the source, and makes the signature's arithmetic only for a request that paid."""
        if self.gateway.halted:
            return self.halted()
        try:
            request = read_order(submission.body)
        except OrderInvalid as invalid:
            return schema_refusal(invalid.field, invalid.message)
        signed = signing_bytes(request)
        # The gateway is told that the signature is good, so as to hear whether it is worth checking; what it would have
        # said after the signature waits for that.
        order = to_order(
            request,
            source=submission.source,
            region_index=UNKNOWN_REGION,
            signature_valid=True,
            treaty_id=self._treaty_id,
            signed=signed,
        )
        refused = self.gateway.check(order, now_s)
        if refused is not None and refused not in _AFTER_THE_SIGNATURE:
            return self._answer(refused, self._retry_source_s)
        if request.tenant_id not in self._tenants:
            return refusal(401, "tenant_unknown")
        fault = verify_order(request, signed, self._registry, now_s)
        if fault:
            return refusal(401, fault)
        if refused is not None:
            return self._answer(refused, None)
        return Candidate(place, request, order)

    def admit(self, candidate: Candidate, now_s: float) -> Answer | None:
        """The gateway's last check, of an order whose nonce is new; spends a token of its tenant."""
        refused = self.gateway.admit(candidate.order, now_s)
        return None if refused is None else self._answer(refused, self._retry_tenant_s)

    def halted(self) -> Answer:
        """503, with the reasons."""
        reasons = "; ".join(self.gateway.halt_reasons)
        message = f"The treaty is halted, and takes no orders: {reasons}"
        return refusal(503, "treaty_halted", message=message, retry_after_s=RETRY_HALTED_S)

    def follow(self, regions: Collection[str], reasons: Collection[str]) -> None:
        """Know the regions of an amended treaty too, and let these halts stand and no others."""
        if not self._regions.issuperset(regions):
            self._regions |= set(regions)
            self.gateway = gateway_from_config(self._config, self._regions)  # with full buckets: it is seldom
        self.gateway.resume()
        for reason in reasons:
            self.gateway.halt(reason)

    def _answer(self, refused: Refusal, retry_after_s: float | None) -> Answer:
        if refused is TREATY_HALTED:
            return self.halted()
        kind, _, field = refused.reason.partition(":")
        if kind == "schema":
            return schema_refusal(field)
        return refusal(refused.status, refused.reason, retry_after_s=retry_after_s if refused is RATE_LIMITED else None)


def known_regions(config: World) -> set[str]:
    """Every region that a provider, a tenant or the treaty names."""
    regions = {region for provider in config.providers.values() for region in provider.regions}
    regions |= {tenant.region for tenant in config.tenants.values()} | set(config.treaty.regions)
    return regions - {GLOBAL}


def gateway_from_config(config: World, regions: Collection[str]) -> Gateway:
    """The gateway that the configuration describes, as the engine has it."""
    gateway = config.gateway
    return Gateway(
        {workload.gpu_type for workload in config.workloads.values()} | set(config.price_limits),
        regions,
        gateway.clock_skew_max,
        gateway.max_gpus_per_order,
        tenant_rate=_bucket(gateway.tenant_rate),
        source_rate=_bucket(gateway.source_rate),
        nonce_ttl_s=gateway.nonce_ttl,
    )


def _bucket(rate: RateLimit | None) -> TokenBucketSettings | None:
    return None if rate is None else TokenBucketSettings(rate.rate_per_s, rate.burst)

"""What operators can do in a game: the treaty's own levers, and the repairs of what broke.

Each is a step's `do`, with its arguments in `with`. They are told apart by name, so that a missing or an unknown argument is found
when the file is read.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aurora_sim.scenario.quantities import (
    Factor,
    NonNegative,
    Positive,
    PositiveCount,
    PositiveSeconds,
    Seconds,
    Share,
    Strict,
    wrong,
)

Name = Annotated[str, Field(min_length=1, max_length=64)]


class NoArguments(Strict):
    """Nothing to say."""


class ProviderWeights(Strict):
    """Router weights by provider; those not named keep theirs."""

    weights: Annotated[dict[Name, NonNegative], Field(min_length=1)]


class OneProvider(Strict):
    provider: Name


class TrafficShares(Strict):
    """A provider's routing weight goes through these shares of its configured one, one every so often."""

    provider: Name
    shares: Annotated[list[Share], Field(min_length=1, max_length=100)]
    every: PositiveSeconds


class Reason(Strict):
    reason: Annotated[str, Field(min_length=1, max_length=200)]


class Quota(Strict):
    """The treaty's quotas times these factors: an amendment, which the policy's treaty block takes over."""

    daily_per_tenant_factor: Factor = 1.0
    total_factor: Factor = 1.0

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.daily_per_tenant_factor == self.total_factor == 1.0:
            raise wrong("both factors are 1, so nothing would be amended", "Give a factor other than 1")
        return self


class PriceLimits(Strict):
    """What tenants may pay for a GPU type, times a factor."""

    gpu_type: Name
    factor: Factor


class Substitutes(Strict):
    """GPU types that orders of a workload may take when no provider has theirs."""

    workload: Name
    gpu_types: Annotated[list[Name], Field(min_length=1)]


class KeyRotation(Strict):
    """All tenants' keys are replaced; signatures by the old ones are good for `overlap` longer."""

    overlap: Seconds = 0.0


class OneTenant(Strict):
    tenant: Name


class OneBridge(Strict):
    bridge: Name


class ClientRetry(Strict):
    """How the client tries over a bridge from now on: `paced` opens the breaker, queues locally and drains at its pace."""

    bridge: Name
    mode: Literal["blind", "backoff", "paced"]


class SourceLimit(Strict):
    """A token bucket for each source of requests."""

    rate_per_s: Positive
    burst: PositiveCount


class CanaryShare(Strict):
    """The share of orders that the released policy decides; the rest is decided by the one before it."""

    share: Share


class Snapshot(Strict):
    """`replay_log`: whether what the log has after the snapshot is redone before anything is let in."""

    replay_log: bool = True


class Message(Strict):
    """Somebody is told; nothing else changes."""

    whom: Name


ACTIONS: dict[str, type[Strict]] = {
    "set-router-weights": ProviderWeights,
    "drain-provider": OneProvider,  # its routing weight becomes 0
    "shift-traffic-back": TrafficShares,
    "remove-provider-key": OneProvider,  # its acks count no more, and it is asked no more
    "restore-provider-key": OneProvider,
    "halt-treaty": Reason,
    "resume-treaty": NoArguments,
    "verify-pending-orders": NoArguments,
    "check-integrity": NoArguments,
    "amend-quota": Quota,
    "revert-quota": NoArguments,
    "raise-price-limits": PriceLimits,
    "revert-price-limits": NoArguments,
    "allow-substitutes": Substitutes,
    "revert-substitutes": NoArguments,
    "audit-orders": NoArguments,
    "rotate-keys": KeyRotation,
    "publish-tenant-key": OneTenant,
    "purge-nonces": NoArguments,
    "failover-tsa": NoArguments,
    "revert-tsa": NoArguments,
    "re-pin": NoArguments,
    "restart-pinning": NoArguments,
    "patch-receipt-script": NoArguments,
    "clean-disk": NoArguments,
    "failover-bridge": OneBridge,
    "revert-bridge": OneBridge,
    "set-retry": ClientRetry,
    "limit-sources": SourceLimit,
    "unlimit-sources": NoArguments,
    "set-canary": CanaryShare,
    "roll-back-policy": NoArguments,
    "fix-gateway-secret": NoArguments,
    "sync-gateway-clock": NoArguments,
    "roll-back-client": OneTenant,
    "restore-control-plane": Snapshot,
    "notify": Message,
}
"""Every action, with the model of its arguments."""

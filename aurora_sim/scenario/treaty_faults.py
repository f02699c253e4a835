"""Faults of the treaty's own parts, and of those who deal with it: gateway, policy, keys, clients' releases, job nodes' disks.

They come and go as those of providers and bridges do, and each can be ended before its time by whoever repairs it.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aurora_sim.scenario.fault_base import FaultBase
from aurora_sim.scenario.quantities import SECONDS_MAX, PositiveSeconds, Seconds, Share, SignedSeconds
from aurora_sim.scenario.strict import wrong


class AtOnce(FaultBase):
    """A fault that is there or not there: a key cannot be a quarter wrong."""

    @model_validator(mode="after")
    def _no_ramp(self) -> Self:
        if self.ramp > 0.0:
            raise wrong(f"a {self.fault} fault is there at once, whole", "Take ramp out", "ramp")  # type: ignore[attr-defined]
        return self


class OwnPart(FaultBase):
    """A fault of a part that the treaty has one of, so that its kind says what it strikes."""

    @property
    def target(self) -> str:
        return ""


class BadAcks(AtOnce):
    """A provider signs its acks with a key that is not the one registered for it: each is refused as `ack_signature`."""

    fault: Literal["bad-acks"]
    provider: str


class Attestation(AtOnce):
    """A provider's nodes fail their attestation: its acks are refused as `ack_attestation`, though well signed."""

    fault: Literal["attestation"]
    provider: str


class KeyMismatch(AtOnce):
    """A tenant signs with a key that the registry does not have yet: its orders are refused until the key is published."""

    fault: Literal["key-mismatch"]
    tenant: str


class SchemaDrift(FaultBase):
    """A share of a tenant's orders comes from a client release that sends a bad field."""

    fault: Literal["schema-drift"]
    tenant: str
    share: Share = 1.0


class GatewayClock(OwnPart):
    """The gateway's clock is off by `add` seconds, fast above 0 and slow below; two such faults add up.

    The gateway's own checks say what follows. One that is slow by more than `gateway.clock_skew_max` refuses every order as
    issued in its future; one that is fast refuses what is not valid for longer than that (`gateway.order_valid_for`).
    """

    fault: Literal["gateway-clock"]
    add: SignedSeconds


class GatewayDown(OwnPart):
    """The gateway takes orders and lets them in, and crashes when it is to submit one: a crash loop for a missing secret.

    It needs the secret for nothing before that, and is up again at once. So a share of the orders that the policy allows is
    lost with its process: they end `undelivered`, for `gateway_crash`, and give their quota back.
    """

    fault: Literal["gateway-down"]
    share: Share = 1.0


class PolicySlow(OwnPart):
    """Each decision takes `add` longer, in simulated time."""

    fault: Literal["policy-slow"]
    add: PositiveSeconds


class PolicyRelease(OwnPart):
    """A released policy decides a share of the orders, as a canary; the one before it decides the rest.

    `module` is a WASM module of the policy's ABI, as given, beside the scenario, or in the checkout. `share` can be changed while
    it is out; to end the fault is to roll the release back.
    """

    fault: Literal["policy-release"]
    module: Annotated[str, Field(min_length=1)]
    share: Share = 1.0


class StateLost(AtOnce, OwnPart):
    """The gateway's nonces and quotas are gone, and nothing is let in (503, `state_lost`) until they are restored.

    Operators restore them from the latest of the snapshots that are made every `snapshot_every`, with the log after it or without.
    Where nobody does, it is over after `for`, with the log; without `for`, never.
    """

    fault: Literal["state-lost"]
    for_s: Seconds = Field(default=SECONDS_MAX, alias="for")
    snapshot_every: PositiveSeconds = 900.0


class DiskFull(OwnPart):
    """On a share of the job nodes the disk is full: what a job there leaves cannot be written, so its receipt cannot be made.

    Unlike the receipt script's errors it is no matter of luck at each try: a node stays full until somebody cleans it.
    """

    fault: Literal["disk-full"]
    share: Share = 1.0

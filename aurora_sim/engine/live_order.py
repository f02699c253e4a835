"""An order on its way through its life: what the tenant submitted, and what has become of it so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aurora_sim.treaty.order import Order
from aurora_sim.world.bridge import Message
from aurora_sim.world.demand import OrderDraft
from aurora_sim.world.provider import Provider

if TYPE_CHECKING:
    from aurora_sim.engine.link import Link

NO_POLICY_CODE: Final = -2
"""`policy_code` of an order that never reached the policy."""


class TenantTerms:
    """What every order of a tenant has in common. `index` is the treaty's number of its region."""

    __slots__ = ("min_provider_reputation", "region", "region_index", "reputation", "tenant_id")

    def __init__(
        self, tenant_id: str, region: str, region_index: int, reputation: int, min_provider_reputation: float
    ) -> None:
        self.tenant_id = tenant_id
        self.region = region
        self.region_index = region_index
        self.reputation = reputation
        self.min_provider_reputation = min_provider_reputation


class LiveOrder(Order):
    """An order and its state.

    It is *new*, then at the *gateway*, with the *policy*, being *routed* (`candidates`, of which number `place` is asked), on a
    bridge (`message` is the try that is waited for), and *ended* (`outcome` is set). A filled order is let go of, as its job says
    all that is still asked; if that is killed, the order is made anew from it, still `filled`, and routed again.
    """

    __slots__ = (
        "attempts",
        "bridge",
        "bridge_luck",
        "candidates",
        "day",
        "ended_s",
        "failovers",
        "index",
        "job_luck",
        "killed_s",
        "link",
        "message",
        "outcome",
        "place",
        "policy_code",
        "provider",
        "provider_id",
        "reason",
        "refused",
        "signed_id",
        "submitted_s",
        "tenant_reputation",
        "time_s",
        "tries",
        "via",
    )  # what its life adds to what it says

    candidates: Sequence[str]
    place: int
    provider_id: str  # the candidate that is asked, or that filled it
    provider: Provider
    link: Link  # how that one is reached
    bridge: str  # once ended unfilled: that of the provider asked last
    signed_id: str  # the id of its content, where signatures are really made
    submitted_s: float  # to this candidate, for the first time
    via: Link  # the link in use: that one, or the one it fails over to
    tries: int  # to this candidate, over the link in use
    message: Message | None
    killed_s: float  # when its job was killed last; only the order that was made anew for that has it
    day: int  # the UTC day that its quota was taken on
    outcome: str
    reason: str
    ended_s: float

    def __init__(
        self, source: str, draft: OrderDraft, tenant: TenantTerms, max_latency_ms: float, valid_for_s: float
    ) -> None:
        (time_s, index, _, workload, gpu_type, gpus, gpu_hours, max_price, bridge_luck, job_luck) = draft
        self.order_id = self.nonce = f"{source}-{index}"
        self.tenant_id = tenant.tenant_id
        self.source = source
        self.workload_type = workload
        self.gpu_type = gpu_type
        self.gpus = gpus
        self.gpu_hours = gpu_hours
        self.region = tenant.region
        self.region_index = tenant.region_index
        self.max_price_usd_per_hour = max_price
        self.max_latency_ms = max_latency_ms
        self.min_reputation = tenant.min_provider_reputation
        self.issued_s = self.time_s = time_s
        self.deadline_s = time_s + valid_for_s
        self.signature_valid = True
        self.malformed_field = ""
        self.tenant_reputation = tenant.reputation
        self.index = index
        self.bridge_luck = bridge_luck  # packed, as is the other
        self.job_luck = job_luck
        self.policy_code = NO_POLICY_CODE
        self.attempts = 0
        self.failovers = 0
        self.refused = False
        self.outcome = ""
        # The rest is set when the order gets there: an assignment here costs every order, also one that is refused.

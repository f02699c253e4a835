"""A filled order's job, while it runs."""

from __future__ import annotations

from aurora_sim.engine.live_order import LiveOrder, TenantTerms
from aurora_sim.world.demand import OrderDraft
from aurora_sim.world.job import Job
from aurora_sim.world.provider import Pool, Provider


class RunningJob(Job):
    """A job with the GPUs that it holds: what is asked of its order at its end, and to order it anew where it is killed.

    An order is over in a second, and its job in hours: so thousands of jobs run at a time, and what one is made of has left the
    processor's caches when it ends. In one object, without all that only the way to the provider needed, that costs least.
    What has an order's name is as it was when that was filled. `day` is the UTC day that its quota was taken on. `signed_id` is the
    id of the order's content where signatures are really made, and is empty where they are not, or were not when it began.
    """

    __slots__ = (
        "attempts",
        "bridge_luck",
        "day",
        "failovers",
        "gpu_hours",
        "max_price_usd_per_hour",
        "policy_code",
        "signed_id",
        "tenant_id",
        "time_s",
        "workload_type",
    )

    def __init__(self, order: LiveOrder, provider: Provider, pool: Pool, day: int, signed_id: str) -> None:
        super().__init__(
            provider,
            pool,
            order.gpus,
            order.region,
            order.order_id,
            order.source,
            order.index,
            order.job_luck,
        )
        self.tenant_id = order.tenant_id
        self.workload_type = order.workload_type
        self.gpu_hours = order.gpu_hours
        self.max_price_usd_per_hour = order.max_price_usd_per_hour
        self.time_s = order.time_s
        self.policy_code = order.policy_code
        self.attempts = order.attempts
        self.failovers = order.failovers
        self.bridge_luck = b"" if order.attempts else order.bridge_luck  # the first try's is spent
        self.day = day
        self.signed_id = signed_id

    def ordered_anew(self, tenant: TenantTerms, max_latency_ms: float, valid_for_s: float) -> LiveOrder:
        """The order that was filled, as it was but for its way: to be routed again."""
        draft: OrderDraft = (
            self.time_s, self.index, self.tenant_id, self.workload_type, self.pool.gpu_type, self.gpus, self.gpu_hours,
            self.max_price_usd_per_hour, self.bridge_luck, self.packed_luck(),
        )  # fmt: skip
        order = LiveOrder(self.source, draft, tenant, max_latency_ms, valid_for_s)
        order.attempts = self.attempts
        order.failovers = self.failovers
        order.policy_code = self.policy_code
        order.outcome = "filled"
        order.day = self.day
        if self.signed_id:
            order.signed_id = self.signed_id
        return order

"""What `config/` says: the treaty, the providers, the tenants, the bridges, and the services around them.

Each section of `World` is one file of `config/` or a part of one (`SECTIONS` says which); a scenario's `world:` overrides
any of it by key. Units stand last in the names.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aurora_sim.scenario.demand import Demand, DurationTable, TenantDemand
from aurora_sim.scenario.failures import Failures
from aurora_sim.scenario.operators import OperatorsConfig
from aurora_sim.scenario.quantities import NonNegative, Positive, PositiveCount, PositiveSeconds, Seconds, Share
from aurora_sim.scenario.strict import Strict, wrong

Percent = Annotated[float, Field(ge=0, le=100)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Law = Literal["lognormal", "exponential"]
GpuShares = Annotated[dict[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}$")], NonNegative], Field(min_length=1)]
ANYWHERE = "global"


class Treaty(Strict):
    """The terms that the policy enforces; written into the module's treaty block."""

    treaty_id: Name
    regions: Annotated[list[Name], Field(min_length=1, max_length=64)]
    quota_gpu_hours_total: Positive
    quota_gpu_hours_daily_per_tenant: Positive
    min_reputation: Annotated[int, Field(ge=0, le=100)]
    halted: bool = False


class RateLimit(Strict):
    """A token bucket."""

    rate_per_s: Positive
    burst: PositiveCount


class GatewayConfig(Strict):
    clock_skew_max: Seconds
    order_valid_for: Seconds
    nonce_ttl: Seconds
    max_gpus_per_order: Annotated[int, Field(ge=1, le=65536)]
    tenant_rate: RateLimit | None = None
    source_rate: RateLimit | None = None


class PolicyConfig(Strict):
    """`decision_wait` is what each order waits for its decision in simulated time, beside the measured call."""

    decision_wait: Seconds = 0.0


class RouterConfig(Strict):
    """`health_check_every`: how old the router's view of the providers may get."""

    health_check_every: PositiveSeconds
    reputation_alpha_per_order: Share


class LogNormal(Strict):
    """A log-normal of the given median; `min_s` cuts it off below."""

    median_s: Positive
    sigma: NonNegative
    min_s: NonNegative = 0.0


class GpuPool(Strict):
    """The GPUs of one type that a provider leases out."""

    capacity_gpus: Annotated[int, Field(ge=0, le=10_000_000)]


class Provider(Strict):
    bridge: Name
    regions: Annotated[list[Name], Field(min_length=1)]
    gpus: Annotated[dict[Name, GpuPool], Field(min_length=1)]
    prices_usd_per_hour: dict[Name, dict[Name, Positive]]
    latency_ms: Positive
    reputation: Percent
    routing_weight: NonNegative = 1.0
    capacity: NonNegative = 1.0  # share of its GPUs on offer
    placement: LogNormal


class PriceProcess(Strict):
    """Log-price = mean-reverting Ornstein-Uhlenbeck + decaying jumps; a zero switches its part off."""

    reversion_per_h: Positive = 0.15
    stationary_sd: NonNegative = 0.06
    jumps_per_day: NonNegative = 0.04
    jump_log_mean: float = 0.405
    jump_log_sd: NonNegative = 0.2
    jump_half_life_h: Positive = 10.0
    jump_up_share: Share = 0.8

    @property
    def stands_still(self) -> bool:
        """Whether prices are the list prices for good."""
        return self.stationary_sd == self.jumps_per_day == 0.0


class Preferences(Strict):
    """What a tenant's ranking weighs; the router scores with their shares."""

    price: NonNegative
    latency: NonNegative
    reputation: NonNegative
    capacity: NonNegative

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if self.price + self.latency + self.reputation + self.capacity <= 0:
            raise wrong("all four weights are 0", "Give price, latency, reputation or capacity a weight above 0")
        return self


class Tenant(Strict):
    """`gpus_per_order` takes the place of the one for all. `durations` names a table that says how long its orders last, in place
    of the workloads' GPU-hours."""

    region: Name
    reputation: Annotated[int, Field(ge=0, le=100)]
    min_provider_reputation: Percent
    demand: TenantDemand
    mix: Annotated[dict[Name, NonNegative], Field(min_length=1)]
    preferences: Preferences
    gpus_per_order: GpuShares | None = None
    durations: Name | None = None

    @model_validator(mode="after")
    def _some_mix(self) -> Self:
        if sum(self.mix.values()) <= 0:
            raise wrong("every share of the mix is 0", "Give at least one workload a share above 0", "mix")
        if self.gpus_per_order is not None and sum(self.gpus_per_order.values()) <= 0:
            raise wrong("every share is 0", "Give at least one number of GPUs a share above 0", "gpus_per_order")
        return self


class Workload(Strict):
    """GPU-hours an order are log-normal, or exponential of the same median; the price limit is uniform between `low` and `high`.

    `gpu_hours_sigma` is the log-normal's; an exponential law has none.
    """

    gpu_type: Name
    gpu_hours_median: Positive
    gpu_hours_sigma: NonNegative
    gpu_hours_law: Law = "lognormal"
    max_latency_ms: Positive


class PriceLimit(Strict):
    low: Positive
    high: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high < self.low:
            raise wrong(f"high ({self.high:g}) is below low ({self.low:g})", "Give low <= high", "high")
        return self


class Tail(Strict):
    """A share `p` of messages also waits Pareto(`xm_ms`, `alpha`) ms."""

    p: Share
    xm_ms: Positive
    alpha: Positive


class Bridge(Strict):
    network_median_ms: Positive
    network_sigma: NonNegative
    gateway_median_ms: Positive
    gateway_sigma: NonNegative
    service_median_ms: Positive
    service_sigma: NonNegative
    service_law: Law = "lognormal"  # or exponential, of the same median and without sigma
    workers: Annotated[int, Field(ge=1, le=100_000)]
    tail: Tail
    loss: Share
    settlement: LogNormal
    failover: Name | None = None


class QueueConfig(Strict):
    """Where orders wait at the client for a bridge that does not answer; they leave at that share of the bridge's capacity."""

    orders_max: PositiveCount = 10_000
    drain_fraction: Annotated[float, Field(gt=0, le=1)] = 0.65


class ClientConfig(Strict):
    """How the router's client submits over a bridge; `abandon_cost` is the share of a service that an abandoned try still costs.

    `max_attempts` null: until the order's deadline; `breaker_failures` null: no breaker; `queue` null: no local queue.
    """

    timeout_ms: Positive
    backoff_base: Seconds
    backoff_cap: Seconds
    jitter: Literal["full", "none"] = "full"
    max_attempts: Annotated[int, Field(ge=1, le=100)] | None
    failover_attempts: Annotated[int, Field(ge=1, le=100)]
    breaker_failures: Annotated[int, Field(ge=1, le=1000)] | None
    breaker_probe: PositiveSeconds
    queue: QueueConfig | None = None
    abandon_cost: Share

    @model_validator(mode="after")
    def _cap_above_base(self) -> Self:
        if self.backoff_base > self.backoff_cap:
            raise wrong(
                f"backoff_base ({self.backoff_base:g} s) is above backoff_cap ({self.backoff_cap:g} s)",
                "Give backoff_base <= backoff_cap",
                "backoff_base",
            )
        return self


class Service(Strict):
    """One provenance service: its latency, and the chance that a single call fails."""

    median_s: Positive
    sigma: NonNegative
    failure: Share


class ProvenanceConfig(Strict):
    batch_every: PositiveSeconds
    grace: Seconds
    retry_base: Seconds
    retry_cap: Seconds
    timestamp: Service
    pin: Service
    script_failure: Share
    halt_below: Share
    halt_after: Seconds


class Slo(Strict):
    """The runbook's objectives; `benchmarks/baseline_seeds.py` shows the baseline's margin over each."""

    fill_rate_p50_min: Share
    fill_rate_p5_min: Share
    rtt_p95_ms_max: Positive
    provenance_coverage_min: Share
    policy_decision_p95_ms_max: Positive
    dropped_share_max: Share
    failovers_per_5m_max: NonNegative
    window_orders_min: PositiveCount
    windows_min: PositiveCount


class World(Strict):
    """All of `config/`, with a scenario's overrides in place."""

    treaty: Treaty
    gateway: GatewayConfig
    policy: PolicyConfig
    router: RouterConfig
    price_profile: Name
    price_process: PriceProcess
    providers: Annotated[dict[Name, Provider], Field(min_length=1)]
    tenants: Annotated[dict[Name, Tenant], Field(min_length=1)]
    workloads: Annotated[dict[Name, Workload], Field(min_length=1)]
    price_limits: dict[Name, PriceLimit]
    gpus_per_order: GpuShares
    durations: dict[Name, DurationTable] = Field(default_factory=dict)
    demand: Demand
    client: ClientConfig
    bridges: Annotated[dict[Name, Bridge], Field(min_length=1)]
    provenance: ProvenanceConfig
    failures: Failures
    operators: OperatorsConfig
    slo: Slo


SECTIONS: dict[str, tuple[str, ...]] = {
    "aurora-treaty-akash.json": ("treaty",),
    "gateway.json": ("gateway", "policy"),
    "providers.json": ("router", "price_profile", "price_process", "providers"),
    "tenants.json": ("tenants", "workloads", "price_limits", "gpus_per_order", "durations", "demand"),
    "bridges.json": ("client", "bridges"),
    "provenance.json": ("provenance",),
    "failures.json": ("failures",),
    "operators.json": ("operators",),
    "slo.json": ("slo",),
}
"""Which file of `config/` holds which sections. The treaty's file is the section itself: production reads it as it is."""

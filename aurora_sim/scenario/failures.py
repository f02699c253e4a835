"""How the world fails by itself: outages by renewal, nodes that leave, markets that do not deliver, reputations that collapse.

Each model has its own switch, and its figures stay in place while it is off. `config/README.md` says where they come from.
"""

from typing import Annotated, Self

from pydantic import Field

from aurora_sim.scenario.quantities import Factor, NonNegative, Positive, Seconds, Share
from aurora_sim.scenario.strict import Strict

WeibullShape = Annotated[float, Field(ge=0.3, le=10)]
"""Below 1 what has lasted will last; 1 is the exponential law. Below 0.3 most spells would be shorter than a second."""
UpTimeHours = Annotated[float, Field(ge=0.1, le=87_600)]
"""A mean time between 6 minutes and ten years: shorter, and a long run would be nothing but outages."""
RepairHours = Annotated[float, Field(ge=0.01, le=8760)]


class Renewal(Strict):
    """Up for a Weibull time of mean `up_time_mean_h`, then dark for a log-normal time, and so on."""

    up_time_mean_h: UpTimeHours
    repair_median_h: RepairHours
    repair_sigma: Annotated[float, Field(ge=0, le=3)]


class RegionRenewal(Renewal):
    """A region's own events. Each strikes a provider's nodes there with one chance, and its nodes elsewhere with the other."""

    joint_probability_same_region: Share
    joint_probability_cross_region: Share


class BetaLaw(Strict):
    alpha: Positive
    beta: Positive


class RenewalOutages(Strict):
    """A share `full_share` of outages takes all nodes; the others take a beta-distributed part of them.

    `up_time_factor` stretches every mean up-time: 0.1 brings ten times as many outages.
    """

    enabled: bool = False
    up_time_factor: Annotated[Factor, Field(ge=0.001, le=1000)] = 1.0
    up_time_weibull_k: WeibullShape
    full_share: Share
    partial_loss: BetaLaw
    providers: dict[str, Renewal]
    regions: RegionRenewal
    bridges: Renewal


class WeibullHours(Strict):
    weibull_k: WeibullShape
    scale_h: Positive


class InterruptibleHours(WeibullHours):
    """A share of the jobs runs on interruptible GPUs, and is outbid after a time of this law."""

    share: Share


class ProviderNodes(Strict):
    """How long a node stays, and how long an interruptible job is left alone."""

    node_up: WeibullHours
    interruptible: InterruptibleHours | None = None


class NodeDepartures(Strict):
    enabled: bool = False
    providers: dict[str, ProviderNodes]


class Bids(Strict):
    """An order without a bid is known for one after `bid_timeout`; one without a manifest holds GPUs for `manifest_timeout`."""

    no_bid_share: Share
    bid_timeout: Seconds
    no_manifest_share: Share
    manifest_timeout: Seconds


class Offers(Strict):
    """A share of the offers is taken by somebody else before the order gets there."""

    gone_share: Share


class MarketFailures(Strict):
    enabled: bool = False
    bids: dict[str, Bids]
    offers: dict[str, Offers]


class ReputationCollapse(Strict):
    """What an outage costs at once, and how far above a floor a provider must come that has sunk below it."""

    enabled: bool = False
    outage_penalty_points: Annotated[NonNegative, Field(le=100)]
    hysteresis_points: Annotated[NonNegative, Field(le=100)]


class Failures(Strict):
    outages: RenewalOutages
    nodes: NodeDepartures
    market: MarketFailures
    reputation: ReputationCollapse

    def off(self) -> Self:
        """The same with every model switched off."""
        models = {name: getattr(self, name).model_copy(update={"enabled": False}) for name in type(self).model_fields}
        return self.model_copy(update=models)


PROVIDER_TABLES: tuple[tuple[str, str], ...] = (
    ("outages", "providers"),
    ("nodes", "providers"),
    ("market", "bids"),
    ("market", "offers"),
)
"""Where in `failures` the keys are names of providers."""

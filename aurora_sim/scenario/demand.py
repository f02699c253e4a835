"""How orders arrive: the models that a tenant's `demand` names, and the replay of a trace."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aurora_sim.scenario.quantities import Factor, NonNegative, PositiveSeconds, Seconds, Share
from aurora_sim.scenario.strict import Strict, wrong

OrdersPerMinute = Annotated[float, Field(ge=0, le=1e6)]
Diurnal = Literal["flat", "office", "consumer"]


HourlyProfile = Annotated[list[NonNegative], Field(min_length=1, max_length=8784)]
"""How the rate goes hour by hour, over its mean: the first is the hour after UTC midnight of the scenario's first day, and after
the last it starts anew: 24 for a day, 168 for a week."""


def _check_profile(profile: list[float] | None) -> None:
    if profile is not None and sum(profile) <= 0:
        raise wrong("every hour's factor is 0", "Give at least one hour a factor above 0", "profile")


class Poisson(Strict):
    """A Poisson process; `diurnal` or `profile` bends its rate (mean 1), else it is homogeneous."""

    model: Literal["poisson"]
    orders_per_minute: OrdersPerMinute
    diurnal: Diurnal = "flat"
    profile: HourlyProfile | None = None

    @model_validator(mode="after")
    def _one_profile(self) -> Self:
        _check_profile(self.profile)
        if self.profile is not None and self.diurnal != "flat":
            raise wrong("diurnal and profile both bend the rate", "Keep one of them", "diurnal")
        return self


class Bursts(Strict):
    """Two states, calm and burst, of exponential lengths with these means; the burst's rate is `ratio` times the calm one."""

    ratio: Annotated[float, Field(ge=1, le=1e6)]
    calm: PositiveSeconds
    burst: PositiveSeconds


class Batches(Strict):
    """Orders come in batches of geometric size; members follow an exponential delay of mean `spread` after the batch began."""

    mean: Annotated[float, Field(ge=1, le=100_000)]
    spread: Seconds


class Mmpp(Strict):
    """A two-state Markov-modulated Poisson process of batches; `orders_per_minute` is its long-run mean.

    Either a `preset`, or its own `bursts`, `batches` and hourly `profile`, each of which may be left out.
    """

    model: Literal["mmpp"]
    preset: Literal["steady", "rollout", "campaign", "consumer"] | None = None
    orders_per_minute: OrdersPerMinute
    bursts: Bursts | None = None
    batches: Batches | None = None
    profile: HourlyProfile | None = None

    @model_validator(mode="after")
    def _preset_or_own(self) -> Self:
        _check_profile(self.profile)
        own = [name for name in ("bursts", "batches", "profile") if getattr(self, name) is not None]
        if self.preset is None and not own:
            raise wrong("it has neither a preset nor bursts, batches or a profile", "Name a preset, or give its own")
        if self.preset is not None and own:
            raise wrong(f"a preset has its own {own[0]}", f"Leave out preset, or {own[0]}", own[0])
        return self


TenantDemand = Annotated[Poisson | Mmpp, Field(discriminator="model")]

QuantilePoint = Annotated[list[float], Field(min_length=2, max_length=2)]
Quantiles = Annotated[list[QuantilePoint], Field(min_length=2, max_length=1001)]


class DurationTable(Strict):
    """How long orders last, by their number of GPUs; `"*"` stands for the numbers that are not named.

    A law is a list of [probability, seconds], from probability 0 to 1; between them the logarithm of the seconds is linear.
    """

    by_gpus: Annotated[dict[Annotated[str, Field(pattern=r"^([1-9][0-9]{0,4}|\*)$")], Quantiles], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for gpus, points in self.by_gpus.items():
            shares, seconds = [point[0] for point in points], [point[1] for point in points]
            if shares[0] != 0 or shares[-1] != 1 or sorted(set(shares)) != shares:
                raise wrong(
                    f"the probabilities of {gpus} do not rise from 0 to 1", "Begin with 0, end with 1", "by_gpus"
                )
            if seconds[0] <= 0 or sorted(seconds) != seconds or seconds[-1] > 1e9:
                raise wrong(f"the seconds of {gpus} do not rise from above 0", "Sort them, all above 0", "by_gpus")
        return self


class Replay(Strict):
    """Orders from a trace file instead of the tenants' own demand.

    `tenants` maps the trace's tenant names and `gpu_types` its GPU types; `"*"` stands for all that are not named. A GPU
    type may map to one type or to shares of several. `time_scale` stretches the gaps (0.5: twice as fast); `thin` keeps
    that share of the rows.
    """

    trace: Annotated[str, Field(min_length=1)]
    workload: str
    tenants: Annotated[dict[str, str], Field(min_length=1)]
    gpu_types: Annotated[dict[str, str | dict[str, NonNegative]], Field(min_length=1)]
    time_scale: Factor = 1.0
    thin: Share = 1.0


class Demand(Strict):
    """`factor` scales every tenant's rate; `replay`, where given, takes the place of the tenants' models."""

    factor: NonNegative = 1.0
    replay: Replay | None = None

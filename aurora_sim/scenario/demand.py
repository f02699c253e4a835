"""How orders arrive: the models that a tenant's `demand` names, and the replay of a trace."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from aurora_sim.scenario.quantities import Factor, NonNegative, Share
from aurora_sim.scenario.strict import Strict

OrdersPerMinute = Annotated[float, Field(ge=0, le=1e6)]
Diurnal = Literal["flat", "office", "consumer"]


class Poisson(Strict):
    """A Poisson process; `diurnal` bends its rate over the day (mean 1), else it is homogeneous."""

    model: Literal["poisson"]
    orders_per_minute: OrdersPerMinute
    diurnal: Diurnal = "flat"


class Mmpp(Strict):
    """A two-state Markov-modulated Poisson process of batches; `orders_per_minute` is its long-run mean."""

    model: Literal["mmpp"]
    preset: Literal["steady", "rollout", "campaign", "consumer"]
    orders_per_minute: OrdersPerMinute


TenantDemand = Annotated[Poisson | Mmpp, Field(discriminator="model")]


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

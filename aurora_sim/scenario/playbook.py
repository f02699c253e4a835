"""A playbook: a scenario that operators answer, and what must be true of how it went.

steady-state must hold -> method breaks things -> response acts on what is seen -> rollbacks undo it -> expect decides
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from aurora_sim.scenario.actions import ACTIONS, Name
from aurora_sim.scenario.errors import did_you_mean
from aurora_sim.scenario.fault_base import FaultId
from aurora_sim.scenario.operators import OperatorsConfig, ResponseLaw, Severity
from aurora_sim.scenario.quantities import PositiveSeconds, Seconds, Strict, wrong
from aurora_sim.scenario.scenario import Scenario

__all__ = [
    "TOTALS",
    "Condition",
    "Expectation",
    "OperatorsConfig",
    "Playbook",
    "ResponseLaw",
    "Seen",
    "Severity",
    "Sli",
    "Step",
]

Sli = Literal["fill_rate", "bridge_rtt", "provenance_coverage", "policy_decision", "dropped", "failovers"]
"""The objectives' indicators, each with its objective in `config/slo.json`."""
Seen = Literal[
    "fill_rate",
    "fill_rate_gpu_hours",
    "bridge_rtt",
    "provenance_coverage",
    "policy_decision",
    "dropped",
    "failovers",
    "rejected",
    "denied",
    "tenant_served",
    "provider_active",
    "provider_reputation",
    "provider_filled",
    "free_gpus",
]
"""What is recorded each minute and can be seen by operators.

The indicators are over the trailing 5 minutes (coverage: 15): shares, `bridge_rtt` and `policy_decision` as p95 in ms; `dropped`,
`rejected` (by the gateway), `denied` (by the policy) and `failovers` as counts. `tenant_served` is a tenant's filled share of the
orders it sent that have ended; `provider_*` and `free_gpus` are a provider's.
"""


TOTALS: Final = (
    "orders",
    "allowed",
    "filled",
    "dropped",
    "rejected",
    "denied",
    "gpu_hours_allowed",
    "gpu_hours_filled",
    "gpu_hours_lost",
    "cost_usd",
    "failovers",
    "jobs_killed",
    "jobs_rerouted",
    "jobs_lost",
    "replays_accepted",
    "orders_in_flight",
    "receipts_owed",
    "honest_refused",
    "recovery_point_s",
    "orders_forgotten",
)
"""What is known of a whole game.

`receipts_owed` are those beyond their grace at its end; `honest_refused` the tenants' own orders that were rejected or denied;
`recovery_point_s` how old the state was that the control plane was restored to, at worst, and `orders_forgotten` what it forgot.
"""


class Condition(Strict):
    """What can be seen, and makes a step due: one of an alert that fires, a metric beyond a bound, or a provider that is up."""

    alert: str | None = None
    metric: Seen | None = None
    tenant: Name | None = None
    provider: Name | None = None
    below: float | None = None
    above: float | None = None
    for_s: Seconds = Field(default=0.0, alias="for")
    active_for: PositiveSeconds | None = Field(default=None, alias="active-for")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [self.alert is not None, self.metric is not None, self.active_for is not None]
        if sum(kinds) != 1:
            raise wrong("it needs exactly one of alert, metric, active-for", "Give one of them")
        if self.metric is not None and (self.below is None) == (self.above is None):
            raise wrong("a metric needs exactly one of below and above", "Give one bound")
        if self.metric is None and (self.below is not None or self.above is not None):
            raise wrong("a bound needs a metric", "Give metric: fill_rate, or take below and above out")
        if self.active_for is not None and self.provider is None:
            raise wrong("active-for needs a provider", "Give provider: akash")
        _subject(self.metric, self.tenant, self.provider)
        return self


class Step(Strict):
    """One thing that operators do: when it is due, how long until somebody is on it, how long it takes, and what it is.

    Due at `at`, or when `when` holds, for the first time, or, with neither, when the step before it is done. `after` is
    `response-time` (drawn from the severity's law in config/operators.json, for the first step of an incident) or a duration.
    `takes` is the step's own duration; without it, the action's of config/operators.json. With `again` it is due each time that
    `when` holds anew, and so are those that follow it; a rollback, once each time that something of the response was done.
    """

    id: FaultId | None = None
    at: Seconds | None = None
    when: Condition | None = None
    after: Literal["response-time"] | Seconds = 0.0
    takes: Seconds | None = None
    again: bool = False
    do: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")

    @model_validator(mode="after")
    def _known_action(self) -> Self:
        if self.at is not None and self.when is not None:
            raise wrong("it has both at and when", "Keep one: a step is due once", "at")
        if self.again and self.when is None:
            raise wrong("again needs when", "Give when: {alert: ...}, or take again out", "again")
        if self.do not in ACTIONS:
            raise wrong(f"there is no action {self.do!r}", did_you_mean(self.do, ACTIONS), "do")
        return self


class Expectation(Strict):
    """What must be true. Exactly one of:

    alert    fires `fires-within` so long of the fault's begin (`of`); with `may-fire` only allowed to, with `silent` never
    metric   `recovers-to` a bound `within` so long of the fault's begin, and is there for `for`, but for minutes that are
             outside without the fault too; or is `at-least` or `at-most` one at every minute that has a value, `while` a
             fault is on, or `from` one time `until` another
    never    no order that matches ends `while` a fault is on, or `from` one time `until` another
    share    of the orders that match `of-orders` (all), those that also match it are a share within bounds; of honest orders
             alone, unless one of the two names a source
    total    a total of the run is within bounds (the record names its totals)
    violation  this safety rule is broken so many times: for a drill that shows what a wrong step does; else any violation fails
    action   it was done `within` so long of the fault's begin

    Orders are matched by outcome, reason, provider, tenant, workload and source: `honest`, `bad`, or the name of the demand or
    bad-requests fault that they came from.
    """

    alert: str | None = None
    fires_within: Seconds | None = Field(default=None, alias="fires-within")
    may_fire: bool = Field(default=False, alias="may-fire")
    silent: bool = False
    metric: Seen | None = None
    tenant: Name | None = None
    provider: Name | None = None
    recovers_to: float | None = Field(default=None, alias="recovers-to")
    at_least: float | None = Field(default=None, alias="at-least")
    at_most: float | None = Field(default=None, alias="at-most")
    never: dict[str, str] | None = None
    share: dict[str, str] | None = None
    of_orders: dict[str, str] | None = Field(default=None, alias="of-orders")
    total: str | None = None
    action: str | None = None
    violation: str | None = None
    of: str | None = None
    within: Seconds | None = None
    for_s: Seconds = Field(default=600.0, alias="for")
    while_: str | None = Field(default=None, alias="while")
    from_s: Seconds | None = Field(default=None, alias="from")
    until: Seconds | None = None
    weight: Annotated[float, Field(ge=0, le=10)] = 1.0

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = ("alert", "metric", "never", "share", "total", "action", "violation")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            raise wrong(f"it needs exactly one of {', '.join(kinds)}", "Say one thing in each expectation")
        bounded = self.at_least is not None or self.at_most is not None
        if self.alert is not None and [self.fires_within is not None, self.may_fire, self.silent].count(True) != 1:
            raise wrong("an alert needs exactly one of fires-within, may-fire, silent", "Give one", "alert")
        if self.metric is not None and (self.recovers_to is not None) == bounded:
            raise wrong("a metric needs either recovers-to, or at-least or at-most", "Give one", "metric")
        if self.recovers_to is not None and self.within is None:
            raise wrong("recovers-to needs within", "Give within: 60m", "recovers-to")
        if given[0] in ("share", "total", "violation") and not bounded:
            raise wrong(f"{given[0]} needs at-least or at-most", "Give a bound", given[0])
        if self.never is not None and self.while_ is None and self.from_s is None:
            raise wrong("never needs while (a fault) or from", "Give while: FAULT, or from: 0s", "never")
        if self.action is not None and self.within is None:
            raise wrong("an action needs within", "Give within: 60m", "action")
        _subject(self.metric, self.tenant, self.provider)
        return self


class Playbook(Scenario):
    """One game. Its id is its path below the folder of games, without the ending."""

    runbook: Annotated[str, Field(min_length=1)]
    severity: Severity
    needs_response: bool = Field(default=True, alias="needs-response")
    """Whether the game is lost without its response: a drill that nobody can lose teaches nothing."""
    tags: list[FaultId] = Field(default_factory=list)
    seeds_max: Annotated[int, Field(ge=1, le=1000)] | None = Field(default=None, alias="seeds-max")
    """Play it with no more seeds than this, however many are asked for: for games of days."""
    steady_state: Annotated[list[Sli], Field(min_length=1)] = Field(alias="steady-state")
    response: list[Step] = Field(default_factory=list)
    rollbacks: list[Step] = Field(default_factory=list)
    stop_when: Condition | None = Field(default=None, alias="stop-when")
    expect: Annotated[list[Expectation], Field(min_length=1)]


def _subject(metric: str | None, tenant: str | None, provider: str | None) -> None:
    """A metric of a tenant or a provider says whose it is, and no other does."""
    if metric is None:
        return
    if (metric == "tenant_served") != (tenant is not None):
        raise wrong(
            f"metric {metric} and tenant do not go together", "tenant_served needs a tenant, no other has one", "metric"
        )
    if (metric.startswith("provider_") or metric == "free_gpus") != (provider is not None):
        raise wrong(
            f"metric {metric} and provider do not go together", "provider_* and free_gpus need a provider", "metric"
        )

"""The faults that a scenario's `method` schedules.

Each has `at` (seconds from the start), `for` (how long) and `ramp` (how long it takes to come on, within `for`); it ends at
`at + for`, at once. Faults on the same thing compose: factors multiply, shares of an outage compound, losses add. One with
`repeat` strikes again and again: it stands for as many faults.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aurora_sim.scenario.fault_base import FaultBase, exactly_one
from aurora_sim.scenario.quantities import NonNegative, Seconds, Share
from aurora_sim.scenario.strict import wrong
from aurora_sim.scenario.treaty_faults import (
    Attestation,
    BadAcks,
    DiskFull,
    GatewayClock,
    GatewayDown,
    KeyMismatch,
    PolicyRelease,
    PolicySlow,
    SchemaDrift,
    StateLost,
)


class Outage(FaultBase):
    """A share of a provider or a region goes dark, or of a bridge's messages; jobs on the dark share are killed.

    A provider with a region: of its nodes there.
    """

    fault: Literal["outage"]
    provider: str | None = None
    region: str | None = None
    bridge: str | None = None
    share: Share = 1.0

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if self.provider is None or self.region is None or self.bridge is not None:
            exactly_one(self, "provider", "region", "bridge")
        return self


class Capacity(FaultBase):
    """A provider offers `factor` of its GPUs; running jobs go on."""

    fault: Literal["capacity"]
    provider: str
    factor: NonNegative


class Price(FaultBase):
    fault: Literal["price"]
    provider: str
    factor: Annotated[float, Field(gt=0, le=1000)]
    gpu_type: str | None = None


class Latency(FaultBase):
    """A provider's own service latency, as the router sees it at its health checks."""

    fault: Literal["latency"]
    provider: str
    factor: Annotated[float, Field(gt=0, le=1000)]


class BridgeSlow(FaultBase):
    """A bridge's relaying takes `factor` times as long."""

    fault: Literal["bridge-slow"]
    bridge: str
    factor: Annotated[float, Field(gt=0, le=1000)]


class Network(FaultBase):
    """The network part of a bridge's round trip takes `factor` times as long."""

    fault: Literal["network"]
    bridge: str
    factor: Annotated[float, Field(gt=0, le=1000)]


class Relayers(FaultBase):
    """A bridge has `workers` relay workers instead of its own; the least of several such faults holds."""

    fault: Literal["relayers"]
    bridge: str
    workers: Annotated[int, Field(ge=0, le=100_000)]


class Loss(FaultBase):
    """A further share `add` of messages is lost, on a bridge or for orders of a region."""

    fault: Literal["loss"]
    bridge: str | None = None
    region: str | None = None
    add: Share

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        exactly_one(self, "bridge", "region")
        return self


class DemandChange(FaultBase):
    """A tenant (or, if none is named, every tenant) orders `factor` times as much."""

    fault: Literal["demand"]
    tenant: str | None = None
    factor: Annotated[float, Field(ge=0, le=1000)]


class BadRequests(FaultBase):
    """Requests that no honest client sends, `rate` a second: they must be refused, and harm nobody.

    A replay is the tenant's last accepted order or, with `captured`, one of that many: the last ones of all the fault's tenants
    together that were accepted before it began, in turn.
    """

    fault: Literal["bad-requests"]
    kind: Literal["schema", "signature", "replay", "clock-skew", "expired"]
    rate: Annotated[float, Field(gt=0, le=100_000)]
    tenant: str | None = None
    captured: Annotated[int, Field(ge=1, le=100_000)] | None = None

    @model_validator(mode="after")
    def _replays_what_it_captured(self) -> Self:
        if self.captured is not None and self.kind != "replay":
            raise wrong(f"{self.kind} requests replay nothing", "Give kind: replay, or take captured out", "captured")
        return self


class Flood(FaultBase):
    """Well-formed but bogus submissions, `rate` a second in all from so many `sources`, that the gateway hands on to a bridge.

    They are no orders, and only the far chain can tell: each takes a relay worker as an order does, unless the gateway's limit
    on its source (`gateway.source_rate`) refuses it.
    """

    fault: Literal["flood"]
    bridge: str
    rate: Annotated[float, Field(gt=0, le=100_000)]
    sources: Annotated[int, Field(ge=1, le=100_000)] = 1


class Reputation(FaultBase):
    """A provider's reputation is moved by `add` points (0 to 100 in all)."""

    fault: Literal["reputation"]
    provider: str
    add: Annotated[float, Field(ge=-100, le=100)]


class Provenance(FaultBase):
    """A share `failure` of a provenance service's calls fails, beside its own failures."""

    fault: Literal["provenance"]
    service: Literal["timestamp", "pin", "script"]
    failure: Share = 1.0


class OutageHistory(FaultBase):
    """A recorded outage history, replayed: each incident in its span becomes an outage, with its severity as the share.

    `file` is a CSV with the columns start_time, end_time (seconds), status (severity, 0 to 1). The record's second `offset`
    happens at `at`, and what the record says of the seconds from there on happens for `for`.
    """

    fault: Literal["outage-history"]
    file: Annotated[str, Field(min_length=1)]
    provider: str | None = None
    region: str | None = None
    bridge: str | None = None
    offset: Seconds = 0.0

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        exactly_one(self, "provider", "region", "bridge")
        if self.repeat is not None:
            raise wrong("a history comes once", "Give it again with another at and id", "repeat")
        return self


Fault = Annotated[
    Outage
    | Capacity
    | Price
    | Latency
    | BridgeSlow
    | Network
    | Relayers
    | Loss
    | DemandChange
    | BadRequests
    | Flood
    | Reputation
    | Provenance
    | BadAcks
    | Attestation
    | KeyMismatch
    | SchemaDrift
    | GatewayClock
    | GatewayDown
    | PolicySlow
    | PolicyRelease
    | StateLost
    | DiskFull,
    Field(discriminator="fault"),
]


MethodEntry = Annotated[Fault | OutageHistory, Field(discriminator="fault")]
"""What stands in a scenario's `method`: a fault, or what becomes faults when the scenario is loaded."""


def named(faults: list[Fault]) -> list[tuple[str, Fault]]:
    """Each fault with its name: its `id`, or `<target>-<fault>`, with `-2`, `-3` for those that would be equal.

    A fault of a part that there is only one of has no target, and is named for its kind.

    One that repeats becomes as many faults, each with its own time and `-1`, `-2` and so on after the name.
    """
    names: list[tuple[str, Fault]] = []
    taken: set[str] = set()
    for fault in faults:
        base = fault.id or f"{fault.target}-{fault.fault}".lstrip("-")
        if fault.repeat is None:
            names.append((_free(base, taken), fault))
            continue
        for time in range(fault.repeat.times):
            again = fault.model_copy(update={"at": fault.at + time * fault.repeat.every, "repeat": None})
            names.append((_free(f"{base}-{time + 1}", taken), again))
    return names


def _free(base: str, taken: set[str]) -> str:
    """The name, or with the first number from 2 on that makes it one of its own; it is then taken."""
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name)
    return name

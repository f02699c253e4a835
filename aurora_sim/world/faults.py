"""When the scenario's faults strike the world, and what each does there.

Rules for one instant: 1. every fault that ends or begins then is taken over before anything else happens; 2. the state is then
worked out afresh from what is on; 3. then jobs on dark nodes are killed, provider by provider in the configuration's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

from aurora_sim.scenario import faults as kinds
from aurora_sim.scenario import treaty_faults as own_kinds
from aurora_sim.world.bridge import Message
from aurora_sim.world.modifiers import Modifiers
from aurora_sim.world.provider import Lease, Provider
from aurora_sim.world.world import World

RAMP_STEPS: Final = 20
"""A ramp is a staircase of this many steps."""
DRAWN: Final = (kinds.DemandChange, kinds.BadRequests)
"""Faults that change nothing in the world while it runs: the orders are drawn with them in it."""


class Change(NamedTuple):
    """At `time_s` the fault with this number comes on to `level` (0 to 1), or ends (0)."""

    time_s: float
    number: int
    level: float


class Impact(NamedTuple):
    """What a change did at once.

    Leases whose jobs were killed, messages whose way was worked out anew, and of which providers what share of the nodes went
    dark that was not.
    """

    killed: list[Lease]
    replanned: list[Message]
    darkened: list[tuple[Provider, float]]


def changes(faults: Sequence[tuple[str, kinds.Fault]]) -> list[tuple[float, list[Change]]]:
    """Every change in time, grouped by instant. A fault without length, or of one too short for the clock, changes nothing."""
    found: list[Change] = []
    for number, (_, fault) in enumerate(faults):
        if fault.end <= fault.at or isinstance(fault, DRAWN):
            continue
        steps = RAMP_STEPS if fault.ramp > 0 else 1
        begins = [(fault.at + fault.ramp * step / steps, (step + 1) / steps) for step in range(steps)]
        found += [Change(time_s, number, level) for time_s, level in begins if time_s < fault.end]
        found.append(Change(fault.end, number, 0.0))
    found.sort(key=lambda change: (change.time_s, change.level > 0.0, change.number))
    return [(time_s, list(group)) for time_s, group in groupby(found, key=lambda change: change.time_s)]


def apply(world: World, faults: Sequence[tuple[str, kinds.Fault]], due: Sequence[Change], now_s: float) -> Impact:
    """Take over the changes of one instant, but for those of faults that were ended before their time."""
    due = [change for change in due if change.number not in world.ended_early]
    return _take_over(world, faults, due, now_s) if due else Impact([], [], [])


def end(world: World, faults: Sequence[tuple[str, kinds.Fault]], number: int, now_s: float) -> Impact:
    """End the fault with this number now, before its time: somebody repaired it.

    Whatever of it is on is off from now on, and nothing that was still scheduled of it comes: a ramp goes no further, and one
    that has not begun never begins. Other faults on the same thing stay as they are. One that is over, or was ended
    before, is left in peace. The caller carries on with the impact as after `apply`.

    Raises ValueError for a fault of demand or of bad requests: those are orders that were drawn, and nobody can repair them.
    """
    if isinstance(faults[number][1], DRAWN):
        raise ValueError(f"{faults[number][0]} is in the orders themselves, and cannot be ended")
    if number in world.ended_early:
        return Impact([], [], [])
    world.ended_early.add(number)
    return (
        _take_over(world, faults, [Change(now_s, number, 0.0)], now_s)
        if number in world.faults_on
        else Impact([], [], [])
    )


def hold(world: World, faults: Sequence[tuple[str, kinds.Fault]], number: int, value: float, now_s: float) -> Impact:
    """Set the value (share, factor, ...) of a fault that is on, from now until it ends: its ramp no longer moves it.

    Raises ValueError for a fault that is not on.
    """
    if number not in world.faults_on:
        raise ValueError(f"{faults[number][0]} is not on")
    world.held[number] = value
    return _take_over(world, faults, [Change(now_s, number, 1.0)], now_s)


def _take_over(world: World, faults: Sequence[tuple[str, kinds.Fault]], due: Sequence[Change], now_s: float) -> Impact:
    for change in due:
        fault = faults[change.number][1]
        if change.level > 0.0:
            world.faults_on.add(change.number)
        else:
            world.faults_on.discard(change.number)
        for modifiers, full in _struck(world, fault):
            if change.level > 0.0:
                held = world.held.get(change.number)
                modifiers.set(change.number, _at_level(fault, full, change.level) if held is None else held)
            else:
                modifiers.clear(change.number)
    darkened = []
    for provider in world.providers.values():
        lit = provider.lit
        provider.recompute()
        provider.reprice()
        if provider.lit < lit:
            darkened.append((provider, lit - provider.lit))
    world.recompute()
    replanned = [message for bridge in world.bridges.values() for message in bridge.recompute(now_s)]
    killed = [lease for provider in world.providers.values() for lease in provider.strike(now_s)]
    return Impact(killed, replanned, darkened)


def _at_level(fault: kinds.Fault, full: float, level: float) -> float:
    """The fault's value when it has come on to `level`: factors start from 1, shares and points from 0."""
    if isinstance(fault, kinds.Relayers):
        return full  # workers go at once
    start = 1.0 if hasattr(fault, "factor") else 0.0
    return start + (full - start) * level


def _struck(world: World, fault: kinds.Fault) -> list[tuple[Modifiers, float]]:
    """The quantities that the fault touches, each with the fault's full value."""
    match fault:
        case kinds.Outage(provider=str(name), region=str(region)):
            return [(world.providers[name].dark[region], fault.share)]
        case kinds.Outage(provider=str(name)):
            return [(dark, fault.share) for dark in world.providers[name].dark.values()]
        case kinds.Outage(region=str(region)):
            return [(p.dark[region], fault.share) for p in world.providers.values() if region in p.dark]
        case kinds.Outage(bridge=str(name)):
            return [(world.bridges[name].dark, fault.share)]
        case kinds.Capacity():
            return [(world.providers[fault.provider].capacity_factors, fault.factor)]
        case kinds.Price():
            factors = world.providers[fault.provider].price_factors
            return [(factor, fault.factor) for kind, factor in factors.items() if fault.gpu_type in (None, kind)]
        case kinds.Latency():
            return [(world.providers[fault.provider].latency_factors, fault.factor)]
        case kinds.BridgeSlow():
            return [(world.bridges[fault.bridge].service_factors, fault.factor)]
        case kinds.Network():
            return [(world.bridges[fault.bridge].network_factors, fault.factor)]
        case kinds.Relayers():
            return [(world.bridges[fault.bridge].worker_limits, float(fault.workers))]
        case kinds.Loss(bridge=str(name)):
            return [(world.bridges[name].losses, fault.add)]
        case kinds.Loss(region=str(region)):
            return [(world.region_losses[region], fault.add)]
        case kinds.Reputation():
            return [(world.providers[fault.provider].reputation_points, fault.add)]
        case kinds.Provenance():
            return [(world.provenance.failures[fault.service], fault.failure)]
        case own_kinds.BadAcks():
            return [(world.providers[fault.provider].wrong_keys, 1.0)]
        case own_kinds.Attestation():
            return [(world.providers[fault.provider].failed_attestations, 1.0)]
        case own_kinds.KeyMismatch():
            return [(world.front_door.wrong_keys[fault.tenant], 1.0)]
        case own_kinds.SchemaDrift():
            return [(world.front_door.drifts[fault.tenant], fault.share)]
        case own_kinds.GatewayClock():
            return [(world.front_door.clock_offsets, fault.add)]
        case own_kinds.GatewayDown():
            return [(world.front_door.crashes, fault.share)]
        case own_kinds.PolicySlow():
            return [(world.front_door.decision_waits, fault.add)]
        case own_kinds.PolicyRelease():
            return [(world.front_door.releases, fault.share)]
        case own_kinds.StateLost():
            return [(world.front_door.state_losses, 1.0)]
        case own_kinds.DiskFull():
            return [(world.provenance.full_disks, fault.share)]
        case _:
            return []

"""Whether each fault's effect was seen in the world: what was told to break is believed only when something is different."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aurora_sim.engine.game_life import GameLife
from aurora_sim.engine.parts import Parts
from aurora_sim.engine.simulation import Simulation
from aurora_sim.observe.game_record import FaultSeen
from aurora_sim.scenario import faults as kinds
from aurora_sim.scenario import treaty_faults as own_kinds

NO_CHANGE = {"factor": 1.0, "share": 0.0, "add": 0.0, "failure": 0.0}
"""Values with which a fault changes nothing: such a one is never observed."""


Grown = Callable[[str], float]
"""How much a counter has grown since a fault began."""


@dataclass
class _Course:
    """One fault: how long it is on, the counters when it began, and what was seen of it first."""

    name: str
    fault: kinds.Fault
    end_s: float
    by_itself: bool
    before: dict[str, float] = field(default_factory=dict)
    begun: bool = False
    over: bool = False
    effect: str = ""


class FaultsSeen:
    """Looks at the world while faults are on, and ends them before their time when operators mend what they broke."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._parts = simulation.parts
        assert isinstance(simulation.life, GameLife)
        self._life = simulation.life
        self._courses = [
            _Course(name, fault, fault.end, number >= simulation.scripted)
            for number, (name, fault) in enumerate(simulation.faults)
        ]
        self._state_can_be_lost = any(isinstance(fault, own_kinds.StateLost) for _, fault in simulation.faults)
        self._by_name = {course.name: course for course in self._courses}

    def look(self, now_s: float) -> None:
        """Look for the effects of the faults that are on; called at each change of faults, and each minute."""
        if self._state_can_be_lost:
            self._life.watch.state_lost(any(isinstance(fault, own_kinds.StateLost) for _, fault in self.on(now_s)))
        for course in self._courses:
            if course.effect or course.over or now_s < course.fault.at:
                continue
            if not course.begun:
                course.begun = True
                course.before = self._counters(course.fault)
            course.over = now_s > course.end_s
            if not _changes_nothing(course.fault):
                course.effect = self._effect(course, now_s)

    def span(self, name: str) -> tuple[float, float]:
        """Begin and end of a fault, as far as they are known by now."""
        course = self._by_name[name]
        return course.fault.at, course.end_s

    def on(self, now_s: float) -> Sequence[tuple[int, kinds.Fault]]:
        """The faults that are on, with their numbers."""
        return [
            (number, course.fault)
            for number, course in enumerate(self._courses)
            if course.fault.at <= now_s < course.end_s
        ]

    def end(self, number: int, now_s: float) -> None:
        """End a fault now, exactly back to what was before it; requests drawn ahead are sent no more."""
        course = self._courses[number]
        course.end_s = max(course.fault.at, min(course.end_s, now_s))
        if isinstance(course.fault, kinds.DemandChange | kinds.BadRequests):
            self._life.stopped.update(self._sources(course))
        else:
            self._simulation.repair(number)

    def record(self, end_s: float) -> list[FaultSeen]:
        """Every fault that had begun by the end of the game."""
        return [
            FaultSeen(
                course.name,
                course.fault.at,
                min(course.end_s, end_s),
                bool(course.effect),
                course.effect,
                course.by_itself,
            )
            for course in self._courses
            if course.fault.at < end_s
        ]

    def _sources(self, course: _Course) -> list[str]:
        tenant = getattr(course.fault, "tenant", None)
        tenants = [tenant] if tenant else list(self._parts.tenants)
        if isinstance(course.fault, kinds.BadRequests):
            return [f"{course.name}/{tenant_id}" for tenant_id in tenants]
        return [f"{tenant_id}/{course.name}" for tenant_id in tenants]

    def _counters(self, fault: kinds.Fault) -> dict[str, float]:
        parts = self._parts
        desk, recorder = parts.receipts, parts.recorder
        hosts = parts.releases.hosts if parts.releases is not None else {}
        waited, usual_ns = recorder.decision_times.waited, round(parts.decision_wait_s * 1e9)
        counters: dict[str, float] = {
            "timestamp": desk.timestamp_failures,
            "pin": desk.pin_failures,
            "script": desk.script_failures,
            "released": sum(host.decisions for host in hosts.values()),
            "slow": sum(count for wait_ns, count in waited.items() if wait_ns > usual_ns),
        }
        for (_, reason), count in recorder.outcomes.items():
            counters[reason] = counters.get(reason, 0.0) + count
        for (provider_id, reason), count in recorder.failover_causes.items():
            counters[f"{reason}/{provider_id}"] = count
        for name, bridge in parts.world.bridges.items():
            counters[f"lost/{name}"], counters[f"sent/{name}"] = bridge.lost, bridge.messages
            counters[f"bogus/{name}"] = bridge.bogus
        for source, count in self._life.arrived.items():
            counters[f"arrived/{source}"] = count
        return counters

    def _effect(self, course: _Course, now_s: float) -> str:
        """What is different in the world now, or empty."""
        fault, before, now = course.fault, course.before, self._counters(course.fault)

        def more(name: str) -> float:
            return now.get(name, 0.0) - before.get(name, 0.0)

        if isinstance(fault, kinds.DemandChange | kinds.BadRequests):
            if isinstance(fault, kinds.DemandChange) and fault.factor < 1.0:
                return self._lull(course, fault, now_s, more)
            came = sum(more(f"arrived/{source}") for source in self._sources(course))
            came += sum(before.get(f"arrived/{source}", 0.0) for source in self._sources(course))
            return f"{came:g} requests of it came" if came else ""
        if course.over:
            return ""  # its counters have grown by what came after it
        return _different(fault, self._parts, more)

    def _lull(self, course: _Course, fault: kinds.DemandChange, now_s: float, more: Grown) -> str:
        """Fewer orders than before, in the whole time of the fault: half-way to its factor at least."""
        if not course.over:
            return ""
        tenants = [fault.tenant] if fault.tenant else list(self._parts.tenants)
        came = sum(more(f"arrived/{tenant}") for tenant in tenants)
        earlier = sum(course.before.get(f"arrived/{tenant}", 0.0) for tenant in tenants)
        earlier_s = fault.at - self._simulation.began_s
        expected = earlier / earlier_s * (now_s - fault.at) if earlier_s > 0.0 else 0.0
        return f"{came:g} orders came in place of {expected:.0f}" if came < expected * (1.0 + fault.factor) / 2 else ""


def _changes_nothing(fault: kinds.Fault) -> bool:
    return any(getattr(fault, name, None) == value for name, value in NO_CHANGE.items())


def _different(fault: kinds.Fault, parts: Parts, more: Grown) -> str:
    """How the thing that the fault is on differs from its base; `more` says how much a counter has grown since it began."""
    world = parts.world
    provider_id, bridge_id = getattr(fault, "provider", None), getattr(fault, "bridge", None)
    provider = world.providers[provider_id] if provider_id else None
    bridge = world.bridges[bridge_id] if bridge_id else None
    match fault:
        case kinds.Outage() | kinds.Loss() if bridge is not None:
            lost = more(f"lost/{bridge.name}")
            return f"{lost:g} messages lost at {bridge.loss:.3g}" if lost and bridge.loss > bridge.config.loss else ""
        case kinds.Outage(region=str(region)):
            dark = [p.provider_id for p in world.providers.values() if p.dark_share.get(region, 0.0) > 0.0]
            return f"{region} is dark at {', '.join(dark)}" if dark else ""
        case kinds.Outage() | kinds.Capacity() if provider is not None:
            offered, base = sum(provider.capacity_gpus.values()), sum(provider.base_capacity_gpus.values())
            return f"{provider.provider_id} offers {offered} of {base} GPUs" if offered != base else ""
        case kinds.Price() if provider is not None:
            for kind, walk in provider.walks.items():
                price = provider.price_usd_per_hour[kind]
                if fault.gpu_type in (None, kind) and price != walk.price_usd_per_hour:
                    return f"{kind} costs {price:g} in place of {walk.price_usd_per_hour:g} USD an hour"
            return ""
        case kinds.Latency() if provider is not None:
            slower = provider.latency_ms != provider.base_latency_ms
            return f"{provider.latency_ms:g} ms in place of {provider.base_latency_ms:g}" if slower else ""
        case kinds.BridgeSlow() if bridge is not None:
            sent = more(f"sent/{bridge.name}") and bridge.service_factor != 1.0
            return f"service takes {bridge.service_factor:g} times as long" if sent else ""
        case kinds.Network() if bridge is not None:
            base_ms, median_ms = bridge.config.network_median_ms, bridge.network_median_s * 1000.0
            slower = more(f"sent/{bridge.name}") > 0.0 and median_ms != base_ms
            return f"the network takes {median_ms:g} ms in place of {base_ms:g}" if slower else ""
        case kinds.Relayers() if bridge is not None:
            fewer = bridge.workers != bridge.config.workers
            return f"{bridge.workers} workers in place of {bridge.config.workers}" if fewer else ""
        case kinds.Flood() if bridge is not None:
            bogus = more(f"bogus/{bridge.name}")
            return f"{bogus:g} bogus submissions reached {bridge.name}" if bogus else ""
        case kinds.Loss(region=str(region)):
            lost = sum(more(f"lost/{name}") for name in world.bridges)
            return f"messages for {region} are lost" if lost and world.region_loss[region] > 0.0 else ""
        case kinds.Reputation() if provider is not None:
            shown = provider.shown_reputation()
            return f"{shown:.1f} in place of {provider.reputation:.1f}" if shown != provider.reputation else ""
        case kinds.Provenance():
            failures = more(fault.service)
            return f"{failures:g} calls failed" if failures and world.provenance.raised(fault.service) else ""
        case _:
            return _different_in_the_treaty(fault, parts, more)


def _different_in_the_treaty(fault: kinds.Fault, parts: Parts, more: Grown) -> str:
    """The same of a fault of the treaty's own parts, or of those who deal with it."""
    door = parts.world.front_door
    match fault:
        case own_kinds.BadAcks() | own_kinds.Attestation():
            provider = parts.world.providers[fault.provider]
            reason = "ack_signature" if isinstance(fault, own_kinds.BadAcks) else "ack_attestation"
            wrong = not provider.signs_well if isinstance(fault, own_kinds.BadAcks) else provider.attestation_refusal
            refused = more(f"{reason}/{provider.provider_id}") + more(reason)
            return f"{refused:g} acks refused: {reason}" if refused and wrong else ""
        case own_kinds.KeyMismatch():
            rejected = more("signature_invalid")
            return f"{rejected:g} orders rejected: signature_invalid" if rejected and door.wrong_key else ""
        case own_kinds.SchemaDrift():
            rejected = more("schema:gpu_type")
            return f"{rejected:g} orders rejected: schema:gpu_type" if rejected and door.drift_share else ""
        case own_kinds.GatewayClock():
            rejected = sum(more(reason) for reason in ("clock_skew", "issued_too_old", "deadline_passed"))
            return f"{rejected:g} orders rejected for their time" if rejected and door.clock_add_s else ""
        case own_kinds.GatewayDown():
            lost = more("gateway_crash")
            return f"{lost:g} orders lost in a crash" if lost else ""
        case own_kinds.StateLost():
            rejected = more("state_lost")
            return f"{rejected:g} orders rejected: state_lost" if rejected and door.state_lost else ""
        case own_kinds.PolicySlow():
            slow = more("slow")
            return f"{slow:g} decisions took longer" if slow else ""
        case own_kinds.PolicyRelease():
            decided = more("released")
            return f"{decided:g} orders were decided by a released policy" if decided and door.release_shares else ""
        case own_kinds.DiskFull():
            failures = more("script")
            return (
                f"{failures:g} receipts could not be written" if failures and parts.world.provenance.full_disks else ""
            )
        case _:
            return ""

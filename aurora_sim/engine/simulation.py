"""One run: the world set going in its steady state, then step by step.

    history (drawn, not simulated) -> warm-up (simulated, not recorded) -> steps of 60 s

The history places those jobs of the last days that would still run; the warm-up fills queues, health views and windows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from aurora_sim.engine import floods
from aurora_sim.engine.clock import Clock
from aurora_sim.engine.control_plane import ControlPlane, Loss
from aurora_sim.engine.eavesdropper import listening
from aurora_sim.engine.invariants import Invariants
from aurora_sim.engine.life import OrderLife
from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.engine.parts import assemble
from aurora_sim.engine.releases import Releases
from aurora_sim.engine.running_job import RunningJob
from aurora_sim.engine.watched_providers import WatchedProviders
from aurora_sim.observe.recorder import STEP_S, Recorder, StepReading
from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.scenario.faults import Fault, Flood
from aurora_sim.scenario.treaty_faults import PolicyRelease, StateLost
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.ranking import Explanation
from aurora_sim.world.demand import OrderDraft
from aurora_sim.world.faults import apply, changes, end, hold
from aurora_sim.world.renewals import renewal_outages
from aurora_sim.world.sources import OrderSource, all_sources
from aurora_sim.world.world import PRICE_STEP_S

HISTORY_S: Final = 48 * 3600.0
"""How far back jobs may have begun: with the calibrated GPU-hours 1 % of the leased GPUs would be older."""
VIEW_EVERY_JOBS: Final = 20
"""How many jobs of the history are placed between two looks at the providers, about as many as between two health checks."""


class Simulation:
    """A run of `steps` steps. Make it, then call `step` for each; `finish` checks that nothing was lost.

    `crypto_start_s` is the scenario's start in Unix seconds where everything is really signed and verified; None where orders,
    acks and receipts carry whether they are good. `faults` is all that strikes, by name: the scenario's method, and the outages
    that come by themselves. `life` may be one that is watched.
    """

    def __init__(
        self,
        config: WorldConfig,
        method: Sequence[tuple[str, Fault]],
        *,
        seed: int,
        steps: int,
        start_of_day_s: float,
        warm_up_s: float,
        policy: PolicyHost,
        recorder: Recorder,
        crypto_start_s: float | None = None,
        life: type[OrderLife] = OrderLife,
    ) -> None:
        replayed = config.demand.replay is not None
        self._config = config
        self._warm_up_s = 0.0 if replayed else math.ceil(warm_up_s / STEP_S) * STEP_S
        self.env = self._env = Clock(-self._warm_up_s)
        self._recorder = recorder
        self.parts = self._parts = assemble(config, seed, policy, recorder, start_of_day_s, crypto_start_s)
        self.parts.issued = listening(method, list(config.tenants), always=crypto_start_s is not None)
        snapshot_every_s = [fault.snapshot_every for _, fault in method if isinstance(fault, StateLost)]
        if snapshot_every_s:
            self.parts.control_plane = ControlPlane(self.parts.nonces, self.parts.ledger)
        self._watched = WatchedProviders(self._parts)
        self.life = self._life = life(self._env, self._parts)
        self.began_s = -self._warm_up_s
        self.end_s = steps * STEP_S
        self.scripted = len(method)
        """So many of the faults are the method's; those after them come by themselves."""
        self.faults = faults = (*method, *renewal_outages(config, self._parts.streams, self.end_s))
        if any(isinstance(fault, PolicyRelease) for _, fault in faults):
            self.parts.releases = Releases(
                policy, faults, self.parts.streams, self.parts.world.front_door.release_shares
            )
        sources = all_sources(
            config,
            faults,
            self._parts.streams,
            start_of_day_s,
            from_s=-self._warm_up_s - (0.0 if replayed else HISTORY_S),
            until_s=self.end_s,
        )
        # Faults are scheduled before all else, so that at one instant they strike first.
        for time_s, due in changes(faults):
            self._env.timeout(time_s - self._env.now, due).callbacks.append(
                lambda event: self._life.struck(apply(self._parts.world, faults, event.value, self._env.now))
            )
        for every_s, act in (
            (config.router.health_check_every, self._watched.check_health),
            (PRICE_STEP_S, self._parts.world.move_prices),
            (config.provenance.batch_every, lambda: self._parts.receipts.work(self._env.now)),
        ):
            self._every(every_s, act)
        if (plane := self.parts.control_plane) is not None:
            self._every(min(snapshot_every_s), lambda: plane.snapshot(self._env.now))
        for number, (name, fault) in enumerate(faults):
            if isinstance(fault, Flood):
                floods.let_come(self._env, self._parts, number, name, fault)
        self._place_history(sources)
        recorder.step = -round(self._warm_up_s / STEP_S)
        self._invariants = Invariants(self._env, self._parts, self._life)
        self._leased_before_s = 0.0

    def warm_up(self) -> StepReading | None:
        """Run up to time 0, and read off what is there; None without a warm-up."""
        reading = None
        while self._recorder.step < 0:
            reading = self.step()
        self._watched.read()
        self._leased_before_s = self._watched.leased_gpu_seconds(self._env.now)
        return reading

    def advance(self, until_s: float) -> None:
        """Run up to a time within the step, for whoever wants to go slowly. Slices change nothing."""
        if until_s > self._env.now:
            self._env.advance(until_s)

    def step(self) -> StepReading:
        """Run to the end of the current step and read everything off."""
        self.advance(self.next_step_s)
        return self.close_step()

    def close_step(self) -> StepReading:
        """Read everything off at the end of the current step, up to which it was run by `advance`."""
        parts, now_s = self._parts, self._env.now
        self._invariants.check()
        day = int((now_s + parts.start_of_day_s) // 86_400.0)
        providers = self._watched.read()
        coverage = parts.receipts.coverage(now_s)
        self._guard_provenance(coverage, now_s)
        return self._recorder.close_step(
            coverage=coverage,
            providers=providers,
            tenant_gpu_hours_used=parts.ledger.used_by_each(parts.tenants, day),
            gpu_hours_leased=(self._watched.leased_gpu_seconds(now_s) - self._leased_before_s) / 3600.0,
            halted=parts.gateway.halted,
            bridge_queues={name: bridge.queue_length(now_s) for name, bridge in parts.world.bridges.items()},
        )

    def running_faults(self, *kinds: str) -> list[int]:
        """The numbers of the faults that are on now, of these kinds (`outage`) or of all, in the scenario's order."""
        on = sorted(self._parts.world.faults_on)
        return [number for number in on if not kinds or self.faults[number][1].fault in kinds]

    def repair(self, number: int) -> None:
        """End the fault with this number now, before its time; `aurora_sim.world.faults.end` says what that means."""
        self._life.struck(end(self._parts.world, self.faults, number, self._env.now))

    def restore_control_plane(self, replay_log: bool) -> Loss | None:
        """Restore nonces and quotas from the latest snapshot, and from the log after it if it is replayed, and let orders in again.

        What was lost and restored, with the recovery point; None where nothing was lost.
        """
        plane = self._parts.control_plane
        if plane is None or not plane.lost:
            return None
        plane.replay_log = replay_log
        for number in self.running_faults("state-lost"):
            self.repair(number)
        return plane.losses[-1]

    def set_share(self, number: int, share: float) -> None:
        """Set the share of a fault that is on, such as that of a policy release in its canary; until it ends."""
        self._life.struck(hold(self._parts.world, self.faults, number, share, self._env.now))

    @property
    def next_step_s(self) -> float:
        """When the current step ends."""
        return (self._recorder.step + 1) * STEP_S

    def explain(self, tenant_id: str, workload: str, gpus: int, max_price_usd_per_hour: float) -> Explanation:
        """How the router, with the view that it has now, ranks such an order of the tenant."""
        gpu_type = self._config.workloads[workload].gpu_type
        draft: OrderDraft = (
            self._env.now, 0, tenant_id, workload, gpu_type, gpus, 1.0, max_price_usd_per_hour, b"", b"",
        )  # fmt: skip
        tenant, latency_ms = self._parts.tenants[tenant_id], self._parts.max_latency_ms[workload]
        return self._parts.router.explain(
            LiveOrder("explained", draft, tenant, latency_ms, self._parts.order_valid_for_s)
        )

    @property
    def in_flight(self) -> int:
        """Orders that arrived since time 0 and had not ended at the end of the last step."""
        return self._recorder.arrived_total - self._recorder.ended_total

    def finish(self) -> dict[str, float | int]:
        """Check the books, and say how the run's bookkeeping stands."""
        parts = self._parts
        self._invariants.finish()
        return {
            "orders_in": self._recorder.arrived_total,
            "orders_ended": self._recorder.ended_total,
            "orders_in_flight": self.in_flight,
            "quota_taken_gpu_hours": round(parts.ledger.taken_total, 6),
            "quota_used_gpu_hours": round(parts.ledger.used_total, 6),
            "quota_given_back_gpu_hours": round(parts.ledger.given_back_total, 6),
            "receipts_completed_jobs": parts.receipts.completed_jobs,
            "receipts_complete": parts.receipts.complete_receipts,
            "receipts_late": parts.receipts.late_receipts,
            "bridge_messages": sum(bridge.messages for bridge in parts.world.bridges.values()),
            "bridge_messages_lost": sum(bridge.lost for bridge in parts.world.bridges.values()),
            "policy_decisions": parts.policies.decisions,
            "policy_traps": parts.policies.traps,
        }

    def let_go(self) -> None:
        """Drop what is still under way: this is the end.

        Orders, jobs and providers know each other: left for the cycle collector, they would all be looked through before they go.
        """
        self._env.events.clear()
        for provider in self._parts.world.providers.values():
            provider.forget_leases()

    # The long-lived actors.

    def _every(self, every_s: float, act: Callable[[], object]) -> None:
        """Do it at the first instant, after the faults that strike then, and ever again."""
        env = self._env

        def tick(_: object) -> None:
            act()
            env.timeout(every_s).callbacks.append(tick)

        env.timeout(0.0).callbacks.append(tick)

    def _guard_provenance(self, coverage: float | None, now_s: float) -> None:
        """Fail closed: halt new allocations when coverage has been too low for too long, whatever anybody does."""
        if self._parts.guard.observe(coverage, now_s):
            self._parts.gateway.halt("provenance_coverage")
        else:
            self._parts.gateway.resume("provenance_coverage")

    # The history.

    def _place_history(self, sources: Sequence[OrderSource]) -> None:
        """Place the jobs that began before the warm-up and still run, then let the orders arrive."""
        parts, now_s = self._parts, self._env.now
        midnight_s = math.floor(parts.start_of_day_s / 86_400.0) * 86_400.0 - parts.start_of_day_s
        running: list[tuple[OrderDraft, str]] = []
        for source in sources:
            drafts = source.drafts(now_s, midnight_s)
            for draft in drafts:
                if draft[0] >= now_s:
                    self._life.follow(source, drafts, draft)
                    break
                running.append((draft, source.source))
            for tenant_id, gpu_hours in source.used_gpu_hours.items():
                parts.ledger.take(tenant_id, int((now_s + parts.start_of_day_s) // 86_400.0), gpu_hours)
        running.sort(key=lambda job: (job[0][0], job[1]))
        for number, (draft, name) in enumerate(running):
            if number % VIEW_EVERY_JOBS == 0:
                self._watched.show_router()
            order = LiveOrder(
                name,
                draft,
                parts.tenants[draft[2]],
                parts.max_latency_ms[draft[3]],
                parts.order_valid_for_s,
            )
            self._place_running(order, parts.router.rank(order))

    def _place_running(self, order: LiveOrder, candidates: Sequence[str]) -> None:
        """A job that began before the run and still runs: on the first candidate that has room, if there is one."""
        now_s, gpu_type, gpus, region = self._env.now, order.gpu_type, order.gpus, order.region
        for provider in map(self._parts.world.providers.__getitem__, candidates):
            pool = provider.pools[gpu_type]
            if not provider.refusal(pool, gpus, region, order.max_price_usd_per_hour):
                job = RunningJob(order, provider, pool, 0, "")
                provider.take(now_s, job, job.node_luck)
                self._life.run_on(job, order.gpu_hours / gpus * 3600.0, now_s - order.time_s, 0)
                return

"""One game, played once: a playbook over a simulated world, on one seed, in one of the three arms.

warm-up -> steps of 60 s: orders and faults -> alert rules -> what operators see -> their steps, as events -> the record
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from aurora_sim.engine.faults_seen import FaultsSeen
from aurora_sim.engine.game_life import GameLife
from aurora_sim.engine.levers import Levers
from aurora_sim.engine.operations import Operations, Trigger
from aurora_sim.engine.read_once import policy_host, rule_file
from aurora_sim.engine.run import collecting_seldom, simulate
from aurora_sim.engine.safety import SafetyWatch
from aurora_sim.engine.simulation import Simulation
from aurora_sim.observe.alerts import FIRING, AlertEngine, RuleFile
from aurora_sim.observe.game_record import ActionDone, AlertSpan, Arm, GameRecord
from aurora_sim.observe.game_recorder import GameRecorder
from aurora_sim.observe.order_queries import OrderCounts, bad_sources, order_queries
from aurora_sim.observe.recorder import StepReading
from aurora_sim.observe.series import reproducible_samples
from aurora_sim.scenario.playbook import Playbook
from aurora_sim.scenario.scenario import Loaded
from aurora_sim.scenario.strict import Strict
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.terms import treaty_terms

STEADY_S: Final = 600.0
"""How long a stopped game goes on after its last rollback: long enough to see whether the steady state is back."""
COLLECT_EVERY_STEPS: Final = 5000


Watch = Callable[[float, GameRecorder, StepReading], object]
"""Is shown each minute of a game: its time in seconds, the recorder, and what was read."""


def play(
    loaded: Loaded,
    playbook: Playbook,
    seed: int,
    arm: Arm,
    policy: Path,
    rules: Path,
    watch: Watch = lambda time_s, recorder, reading: None,
) -> GameRecord:
    """Play a game and keep what is needed to judge it. The same arguments give the same record; no files are written.

    Raises InputError for a bad policy or rules file.
    """
    with policy_host(policy, treaty_terms(loaded.world.treaty)) as host, collecting_seldom():
        return _Game(loaded, playbook, seed, arm, host, rule_file(rules), watch).played()


class _Game:
    def __init__(
        self,
        loaded: Loaded,
        playbook: Playbook,
        seed: int,
        arm: Arm,
        policy: PolicyHost,
        rules: RuleFile,
        show: Watch,
    ) -> None:
        world, faults = loaded.world, loaded.faults
        if arm == "calm":
            world, faults = world.model_copy(update={"failures": world.failures.off()}), ()
        self._playbook, self._seed, self._arm, self._show = playbook, seed, arm, show
        self._treaty_id = world.treaty.treaty_id
        bad = bad_sources(faults, list(world.tenants))
        queries = order_queries(playbook.expect)
        self._counts = OrderCounts(queries, bad, self._span)
        self._never = dict.fromkeys((name for name, _ in loaded.faults), (0.0, 0.0)) if arm == "calm" else {}
        wait_ms = world.policy.decision_wait * 1000.0
        self._recorder = GameRecorder(list(world.tenants), bad, self._counts, wait_ms)
        played = Loaded(loaded.path, loaded.scenario, world, tuple(faults), loaded.sha256, loaded.overrides)
        self._simulation: Simulation = simulate(played, seed, playbook.steps, policy, self._recorder, life=GameLife)
        life = self._simulation.life
        assert isinstance(life, GameLife)
        self._watch = life.watch = SafetyWatch(
            world.provenance.halt_below, world.provenance.halt_after, world.gateway.nonce_ttl
        )
        if world.treaty.halted:
            self._watch.halted("the treaty's own terms")
        self._faults = FaultsSeen(self._simulation)
        life.after_faults = lambda: self._faults.look(self._simulation.env.now)
        self._levers = Levers(self._simulation, world, self._faults)
        self._alerts, self._rule_samples = AlertEngine(rules), rules.sample_names
        # Without a fault nothing is to be stopped, and one calm play serves all the games over the same world.
        self._stop = None if playbook.stop_when is None or arm == "calm" else Trigger(playbook.stop_when)
        self._operations: Operations | None = None
        if arm == "answered":
            self._operations = Operations(
                playbook, world, self._simulation.parts.streams, self._simulation.env, self._pull
            )

    def played(self) -> GameRecord:
        """Step by step to the end, or to where `stop-when` and the rollbacks after it end it."""
        simulation = self._simulation
        reading = simulation.warm_up()
        if reading is not None:
            self._evaluate(0.0, reading)
        ends_s: float | None = None
        stopped = False
        for _ in range(self._playbook.steps):
            now_s = simulation.next_step_s
            simulation.advance(now_s)
            reading = simulation.close_step()
            self._faults.look(now_s)
            self._evaluate(now_s, reading)
            firing = {a.alert: a.fired_s for a in self._alerts.states() if a.state == FIRING and a.fired_s is not None}
            if self._operations is not None:
                self._operations.observe(now_s, self._recorder.seen, firing)
            if not stopped and self._stop is not None and self._stop.holds(now_s, self._recorder.seen, firing):
                stopped = True
                self._abort(now_s)
            if stopped and ends_s is None and (self._operations is None or self._operations.rolled_back):
                ends_s = now_s + STEADY_S
            if ends_s is not None and now_s >= ends_s:
                break
        return self._record(stopped)

    def _span(self, fault: str) -> tuple[float, float]:
        return self._never[fault] if fault in self._never else self._faults.span(fault)

    def _evaluate(self, now_s: float, reading: StepReading) -> None:
        samples = reproducible_samples(self._recorder, reading, self._treaty_id, only=self._rule_samples)
        self._alerts.observe(now_s, samples)
        self._watch.covered(reading.provenance_coverage, now_s)
        self._show(now_s, self._recorder, reading)

    def _pull(self, action: str, arguments: Strict) -> tuple[str, float]:
        refused = self._levers.pull(action, arguments)
        return refused, 0.0 if refused else self._levers.stages_s(arguments)

    def _abort(self, now_s: float) -> None:
        """End the faults that are on, and have everything rolled back."""
        for number, _ in self._faults.on(now_s):
            self._faults.end(number, now_s)
        if self._operations is not None:
            self._operations.abort()

    def _record(self, stopped: bool) -> GameRecord:
        recorder, now_s = self._recorder, self._simulation.env.now
        return GameRecord(
            seed=self._seed,
            arm=self._arm,
            steps=recorder.step,
            stopped_early=stopped,
            series=recorder.series,
            alerts=[
                AlertSpan(alert.alert, alert.severity, alert.started_s, alert.fired_s, alert.resolved_s)
                for alert in self._alerts.alerts()
            ],
            actions=self._actions(),
            faults=self._faults.record(now_s),
            violations=self._watch.violations,
            totals=self._totals(now_s),
            counts=self._counts.counts,
        )

    def _actions(self) -> list[ActionDone]:
        return [] if self._operations is None else self._operations.done

    def _totals(self, now_s: float) -> dict[str, float]:
        recorder, books = self._recorder, self._simulation.finish()
        outcomes, plane = recorder.outcomes, self._simulation.parts.control_plane
        losses = [] if plane is None else plane.losses
        by_outcome: dict[str, int] = {}
        for (outcome, _), count in outcomes.items():
            by_outcome[outcome] = by_outcome.get(outcome, 0) + count
        filled, rejected, denied = (by_outcome.get(outcome, 0) for outcome in ("filled", "rejected", "denied"))
        allowed = recorder.ended_total - rejected - denied
        return {
            "orders": float(recorder.arrived_total),
            "allowed": float(allowed),
            "filled": float(filled),
            "dropped": float(allowed - filled),
            "rejected": float(rejected),
            "denied": float(denied),
            "gpu_hours_allowed": recorder.gpu_hours_allowed,
            "gpu_hours_filled": recorder.gpu_hours_filled,
            "gpu_hours_lost": recorder.gpu_hours_lost,
            "cost_usd": recorder.cost_usd,
            "failovers": float(recorder.failovers_total),
            "jobs_killed": float(recorder.jobs_killed),
            "jobs_rerouted": float(recorder.jobs_rerouted),
            "jobs_lost": float(recorder.jobs_lost),
            "replays_accepted": float(self._watch.replays_accepted),
            "orders_in_flight": float(books["orders_in_flight"]),
            "receipts_owed": float(self._simulation.parts.receipts.overdue(now_s)),
            "honest_refused": float(recorder.honest_refused),
            "recovery_point_s": max(
                (0.0 if loss.log_replayed else loss.snapshot_age_s for loss in losses), default=0.0
            ),
            "orders_forgotten": float(sum(loss.orders_forgotten for loss in losses)),
        }

"""Short games for the tests: a playbook written to a file, read back, and played."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from engine_runs import AFTERNOON_S, FAULTS, POLICY, PROJECT, Row, a_config, host, parsed

from aurora_sim.engine.faults_seen import FaultsSeen
from aurora_sim.engine.game import play
from aurora_sim.engine.game_life import GameLife
from aurora_sim.engine.levers import Levers
from aurora_sim.engine.safety import SafetyWatch
from aurora_sim.engine.simulation import Simulation
from aurora_sim.observe.alerts import alerts_of, load_rules
from aurora_sim.observe.game_record import Arm, GameRecord
from aurora_sim.observe.recorder import Recorder, StepReading
from aurora_sim.scenario.actions import ACTIONS
from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.scenario.faults import named
from aurora_sim.scenario.playbook_file import LoadedPlaybook, load_playbook

RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"
OUTAGE = {"at": "10m", "fault": "outage", "provider": "akash", "for": "15m"}


@lru_cache(maxsize=1)
def alerts() -> dict[str, float]:
    return alerts_of(load_rules(RULES))


def a_playbook(**different: Any) -> dict[str, Any]:
    """A short game with nothing in it, and these keys; `_` stands for `-`."""
    playbook: dict[str, Any] = {
        "title": "A game",
        "runbook": "2. Failover to Backup Provider",
        "severity": "SEV2",
        "start": "2026-01-05T14:00:00Z",
        "steps": 40,
        "warm-up": "10m",
        "steady-state": ["fill_rate"],
        "expect": [{"metric": "fill_rate", "at-least": 0.5}],
    }
    return {**playbook, **{key.replace("_", "-"): value for key, value in different.items()}}


def loaded(folder: Path, **different: Any) -> LoadedPlaybook:
    path = folder / "game.yaml"
    path.write_text(yaml.safe_dump(a_playbook(**different), sort_keys=False))
    return load_playbook(path, alerts=alerts())


def played(folder: Path, arm: Arm = "answered", seed: int = 42, **different: Any) -> GameRecord:
    game = loaded(folder, **different)
    return play(game.loaded, game.playbook, seed, arm, POLICY, RULES)


@dataclass
class Running:
    """A simulation in a game's dress, with its levers at hand: what a test pulls, and all that can be seen afterwards."""

    simulation: Simulation
    life: GameLife
    levers: Levers
    faults: FaultsSeen
    texts: list[str]

    @property
    def watch(self) -> SafetyWatch:
        return self.life.watch

    def pull(self, action: str, **arguments: Any) -> str:
        return self.levers.pull(action, ACTIONS[action].model_validate(arguments))

    def run(self, steps: int) -> list[StepReading]:
        readings = []
        for _ in range(steps):
            self.simulation.advance(self.simulation.next_step_s)
            readings.append(self.simulation.close_step())
            self.faults.look(self.simulation.env.now)
            self.watch.covered(readings[-1].provenance_coverage, readings[-1].time_s)
        return readings

    def rows(self) -> list[Row]:
        """The orders that ended since the last call."""
        text = "".join(self.texts)
        self.texts.clear()
        return parsed(text.splitlines())


def running(*method: dict[str, Any], steps: int = 120, seed: int = 42, world: WorldConfig | None = None) -> Running:
    """A world under these faults, at time 0."""
    config = world or a_config()
    policy = host(config)
    texts: list[str] = []
    simulation = Simulation(
        config,
        named(FAULTS.validate_python(list(method))),
        seed=seed,
        steps=steps,
        start_of_day_s=AFTERNOON_S,
        warm_up_s=600.0,
        policy=policy,
        recorder=Recorder(texts.append),
        life=GameLife,
    )
    life = simulation.life
    assert isinstance(life, GameLife)
    life.watch = SafetyWatch(config.provenance.halt_below, config.provenance.halt_after, config.gateway.nonce_ttl)
    faults = FaultsSeen(simulation)
    life.after_faults = lambda: faults.look(simulation.env.now)
    simulation.warm_up()
    return Running(simulation, life, Levers(simulation, config, faults), faults, texts)

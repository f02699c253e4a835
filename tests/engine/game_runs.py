"""Short games for the tests: a playbook written to a file, read back, and played."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from engine_runs import POLICY, PROJECT

from aurora_sim.engine.game import play
from aurora_sim.observe.alerts import load_rules
from aurora_sim.observe.game_record import Arm, GameRecord
from aurora_sim.scenario.playbook_file import LoadedPlaybook, load_playbook

RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"
OUTAGE = {"at": "10m", "fault": "outage", "provider": "akash", "for": "15m"}


@lru_cache(maxsize=1)
def alerts() -> dict[str, float]:
    return {rule.alert: rule.for_s for rule in load_rules(RULES).rules}


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

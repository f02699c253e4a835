"""Games that are really played, for the tests: short ones written to a folder, or those of the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from aurora_sim.lab.wargame.catalogue import read_games
from aurora_sim.lab.wargame.play import GameOptions
from aurora_sim.lab.wargame.results import ExpectationResult, GameResult, Results
from aurora_sim.lab.wargame.week import play_week
from aurora_sim.scenario.configuration import PROJECT

CATALOGUE = PROJECT / "scenarios" / "war-games"
POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"
OUTAGE = {"id": "dark", "at": "12m", "fault": "outage", "provider": "akash", "for": "8m"}


def a_game(folder: Path, name: str, **different: Any) -> Path:
    """A game of 45 minutes in which Akash is dark for eight, and these keys; `_` stands for `-`."""
    playbook: dict[str, Any] = {
        "title": "A game",
        "runbook": "2. Failover to Backup Provider",
        "severity": "SEV2",
        "needs-response": False,
        "start": "2026-01-05T14:00:00Z",
        "steps": 45,
        "warm-up": "10m",
        "steady-state": ["fill_rate"],
        "method": [OUTAGE],
        "expect": [
            {"alert": "AuroraFailoversCritical", "may-fire": True},
            {"alert": "AuroraFillRateCritical", "may-fire": True},
            {"alert": "AuroraDroppedRequestsCritical", "may-fire": True},
            {"never": {"outcome": "filled", "provider": "akash"}, "while": "dark"},
        ],
    }
    path = folder / "war-games" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(playbook | {k.replace("_", "-"): v for k, v in different.items()}, sort_keys=False))
    return path


def week(
    *paths: Path, seeds: range = range(1, 2), jobs: int = 1, set_: tuple[str, ...] = (), respond: bool = True
) -> Results:
    """These games, played and judged."""
    options = GameOptions(POLICY, RULES, None, set_)
    games = read_games(paths, options)
    return play_week(games, seeds, options, jobs, respond=respond, whole=False, watch=lambda game: None)


def expected(game: GameResult, text: str) -> ExpectationResult:
    """The expectation or check whose text has this in it."""
    (found,) = (e for e in game.expectations if text in e.text)
    return found

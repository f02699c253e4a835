"""Audits of rule files over a few games and a short day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from exported_runs import POLICY, PROJECT, RULES

from aurora_sim.lab.alerts.audit import Day, audit
from aurora_sim.lab.alerts.results import Audit, RuleAudit
from aurora_sim.lab.wargame.catalogue import read_games
from aurora_sim.lab.wargame.play import GameOptions
from aurora_sim.observe.alerts import load_rules

GAMES = PROJECT / "scenarios" / "war-games"
OPTIONS = GameOptions(POLICY, RULES, PROJECT / "config")


def audited(rules: Path, *games: str, whole: bool = False, day_steps: int = 120) -> Audit:
    """An audit over the games, each on seed 1, and a fault-free day of so many minutes."""
    found = read_games([GAMES / f"{game}.yaml" for game in games], OPTIONS)
    day = Day(PROJECT / "scenarios" / "baseline.yaml", day_steps)
    return audit(load_rules(rules), found, [1], day, OPTIONS, 1, whole=whole)


def rule_file(path: Path, rules: Mapping[str, str], held: str = "2m") -> Path:
    """A rule file of these expressions, by alert."""
    listed = [{"alert": alert, "expr": expression, "for": held} for alert, expression in rules.items()]
    path.write_text(json.dumps({"groups": [{"name": "tests", "rules": listed}]}), encoding="utf-8")
    return path


def by_alert(found: Audit) -> dict[str, RuleAudit]:
    return {rule.alert: rule for rule in found.rules}


def kinds(rule: RuleAudit) -> set[str]:
    return {defect.kind for defect in rule.defects}

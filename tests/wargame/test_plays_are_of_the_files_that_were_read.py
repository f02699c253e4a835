"""A play whose files are not, where it is played, what they were where it was planned is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aurora_sim.lab.wargame.play import GameOptions, Play, play_one, read_game
from aurora_sim.scenario.errors import RunError


def test_changed_rules_are_refused(project: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    text = (project / "config" / "prometheus" / "alert_rules.yml").read_text()
    rules.write_text(text)
    options = GameOptions(project / "policy" / "wasm" / "vault-law-akash-policy.wasm", rules)
    game = read_game(project / "scenarios" / "war-games" / "gateway" / "clock-skew.yaml", options)
    task = Play(game.path, 1, "unanswered", options, game.inputs(options))
    assert play_one(task) == play_one(task)
    rules.write_text(text + "# other\n")
    with pytest.raises(RunError, match=r"clock-skew.yaml, or a file that it is played with, is not what it was"):
        play_one(task)


def test_another_playbook_is_refused(project: Path) -> None:
    games = project / "scenarios" / "war-games"
    options = GameOptions(
        project / "policy" / "wasm" / "vault-law-akash-policy.wasm",
        project / "config" / "prometheus" / "alert_rules.yml",
    )
    one, other = (read_game(games / name, options) for name in ("gateway/clock-skew.yaml", "rtt/ddos.yaml"))
    task = Play(one.path, 1, "unanswered", options, one.inputs(options))
    with pytest.raises(RunError, match="is not what it was at the start"):
        play_one(replace(task, path=other.path))

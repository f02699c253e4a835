"""Games really played: a fault that changes nothing is void, a provider left off loses, replays get in only in the wrong order."""

from __future__ import annotations

import pytest
from real_games import CATALOGUE, a_game, expected, week


def test_a_game_is_won_that_does_nothing_wrong(tmp_path):
    (game,) = week(a_game(tmp_path, "plain")).games
    assert game.verdict == "passed", game.decided_by


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "capacity", "provider": "akash", "factor": 1.0},
        {"fault": "price", "provider": "akash", "factor": 1.0},
        {"fault": "bridge-slow", "bridge": "axelar", "factor": 1.0},
        {"fault": "demand", "factor": 1.0},
        {"fault": "outage", "provider": "akash", "share": 0.0},
    ],
    ids=lambda fault: fault["fault"],
)
def test_a_fault_that_changes_nothing_makes_the_game_void(tmp_path, fault):
    nothing = {"id": "nothing", "at": "12m", "for": "8m", **fault}
    (game,) = week(a_game(tmp_path, "nothing", method=[nothing], expect=[{"total": "orders", "at-least": 1}])).games
    assert expected(game, "total orders").verdict == "passed"
    assert (game.verdict, game.score) == ("void", None)
    assert "nothing had no effect" in game.decided_by


def test_a_rollback_that_leaves_a_provider_off_loses_the_game(tmp_path):
    drain = {"at": "13m", "takes": "1m", "do": "drain-provider", "with": {"provider": "akash"}}
    back = {
        "at": "21m",
        "takes": "1m",
        "do": "shift-traffic-back",
        "with": {"provider": "akash", "shares": [1.0], "every": "1m"},
    }
    forgotten = {"at": "21m", "takes": "1m", "do": "set-router-weights", "with": {"weights": {"flux": 1.0}}}
    whole, left_off = week(
        a_game(tmp_path, "whole", response=[drain], rollbacks=[back]),
        a_game(tmp_path, "left-off", response=[drain], rollbacks=[forgotten]),
    ).games
    assert whole.verdict == "passed", whole.decided_by
    assert left_off.verdict == "failed"
    assert "akash filled none" in expected(left_off, "every provider in use after").measured


def test_no_replay_is_accepted_when_keys_are_rotated_first():
    (game,) = week(CATALOGUE / "procedures" / "replay-attack.yaml").games
    assert game.verdict == "passed", game.decided_by
    assert expected(game, "replays_accepted").measured.startswith("0 ")
    assert game.violations == []


def test_purged_first_replays_get_in_until_keys_are_rotated():
    (game,) = week(CATALOGUE / "procedures" / "replay-purge-first.yaml").games
    assert game.verdict == "passed", game.decided_by
    leak = expected(game, "replayed-nonce")
    assert int(leak.measured.split()[0]) > 10
    assert all("replayed-nonce" in line for line in game.violations)
    assert expected(game, "with source replays").measured.startswith("0 orders"), "none once they are rotated"
    assert game.lost_without_response, "with nobody at work nothing leaks, and there is nothing to show"

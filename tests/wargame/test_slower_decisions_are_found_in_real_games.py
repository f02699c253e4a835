"""Against the last results of real games: an equal build on other seeds is silent, a policy 40 ms slower has regressed."""

from __future__ import annotations

import pytest
from real_games import OUTAGE, a_game, week

from aurora_sim.lab.wargame.against import findings, regressed

SEEDS = 10
SLOWER = ("policy.decision_wait=40ms",)


@pytest.fixture(scope="module")
def games(tmp_path_factory):
    folder = tmp_path_factory.mktemp("games")
    slow = {"id": "slow", "at": "12m", "fault": "bridge-slow", "bridge": "axelar", "factor": 2, "for": "5m"}
    rest = [{"share": {"outcome": "filled"}, "at-least": 0.5}]
    return (
        a_game(folder, "outage", steps=30, method=[{**OUTAGE, "for": "5m"}]),
        a_game(folder, "slow-bridge", steps=30, method=[slow], expect=rest),
    )


@pytest.fixture(scope="module")
def before(games):
    return week(*games, seeds=range(1, 1 + SEEDS))


def test_an_equal_build_on_other_seeds_is_silent(games, before):
    assert findings(before, week(*games, seeds=range(101, 101 + SEEDS))) == []


def test_a_policy_40_ms_slower_has_regressed(games, before):
    found = findings(before, week(*games, seeds=range(101, 101 + SEEDS), set_=SLOWER))
    assert regressed(found)
    slower = {f.game for f in found if f.kind == "regressed" and f.what == "policy decision p95, median minute"}
    assert slower == {game.id for game in before.games}

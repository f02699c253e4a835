"""Captured orders are replayed in turn, and none is accepted: unless nonces are purged, and the keys are still the old ones."""

from __future__ import annotations

import pytest
from engine_runs import FAULTS, simulate
from game_runs import played
from pydantic import ValidationError

ON_S = 300.0
VALID_S = 600.0


def attack(captured=50, **different):
    return {
        "at": ON_S, "for": 600.0, "fault": "bad-requests", "kind": "replay", "rate": 4.0, "id": "bad", "captured": captured,
        **different,
    }  # fmt: skip


def purge(simulation, step):
    if step >= 5:
        simulation.parts.nonces.clear()


def what_it_is(row):
    return tuple(row[name] for name in ("tenant_id", "workload_type", "gpu_type", "gpus", "gpu_hours"))


def accepted(seen):
    """Replays that got in: the rows of those that ended otherwise than at the door."""
    return [row for row in seen.bad() if row["outcome"] not in ("rejected", "denied")]


@pytest.fixture(scope="module")
def calm():
    return simulate()


def test_none_is_accepted_and_no_honest_order_is_touched(calm):
    seen = simulate(attack())
    assert {(row["outcome"], row["reason"]) for row in seen.bad()} == {
        ("denied", "replayed_nonce"), ("rejected", "deadline_passed"),
    }  # fmt: skip
    assert len(seen.bad()) > 1500
    assert seen.recorder.replays_accepted == 0
    assert seen.honest() == calm.rows


def test_what_is_replayed_is_each_of_the_captured_in_turn(calm):
    kept = [row for row in calm.rows if float(row["time_s"]) < ON_S]
    kept = sorted(kept, key=lambda row: float(row["time_s"]))[-50:]
    replayed = {what_it_is(row) for row in simulate(attack()).bad()}
    assert replayed == {what_it_is(row) for row in kept}
    mine = [what_it_is(row) for row in kept if row["tenant_id"] == "tenant-dao"]
    bad = [row for row in simulate(attack(tenant="tenant-dao", captured=3)).bad() if row["outcome"] != "rejected"]
    bad.sort(key=lambda row: float(row["time_s"]))
    assert [what_it_is(row) for row in bad[:7]] == [*mine[-3:], *mine[-3:], mine[-3]]


def test_after_a_purge_each_that_is_still_valid_gets_in_again_and_none_that_is_not():
    seen = simulate(attack(), before_step=purge)
    got_in = accepted(seen)
    assert len(got_in) == seen.recorder.replays_accepted > 100
    assert {row["reason"] for row in seen.bad() if row["outcome"] == "rejected"} <= {"deadline_passed", "rate_limited"}
    assert max(float(row["time_s"]) for row in got_in) < ON_S + VALID_S


def test_really_sent_it_is_the_same_to_the_byte():
    method = [
        attack(rate=2.0, **{"at": 60.0, "for": 120.0}),
        {**attack(), "id": "bad-last", "captured": None, "rate": 1.0},
    ]
    carried, real = (
        simulate(*method, steps=6, warm_up_s=120.0, before_step=purge, crypto_start_s=start)
        for start in (None, 1_767_621_600.0)
    )
    assert real.text == carried.text
    assert real.recorder.replays_accepted == carried.recorder.replays_accepted


@pytest.mark.parametrize(
    ("first", "then", "get_in"), [("rotate-keys", "purge-nonces", False), ("purge-nonces", "rotate-keys", True)]
)
def test_keys_are_rotated_before_nonces_are_purged(tmp_path, first, then, get_in):
    game = played(
        tmp_path,
        method=[attack(at="10m")],
        response=[{"at": "12m", "takes": "0s", "do": first}, {"at": "15m", "takes": "0s", "do": then}],
        steps=25,
    )
    assert [action.do for action in game.actions] == [first, then]
    assert (game.totals["replays_accepted"] > 10) is get_in
    assert ("replayed-nonce" in {violation.rule for violation in game.violations}) is get_in


@pytest.mark.parametrize("replay_log", [True, False])
def test_the_watch_sees_what_a_restore_without_the_log_lets_in(tmp_path, replay_log):
    game = played(
        tmp_path,
        method=[attack(at="10m"), {"at": "10m", "fault": "state-lost", "snapshot_every": "7m"}],
        response=[{"at": "12m", "takes": "0s", "do": "restore-control-plane", "with": {"replay_log": replay_log}}],
        steps=25,
    )
    assert [action.refused for action in game.actions] == [""]
    assert (game.totals["replays_accepted"] > 10) is not replay_log
    assert {violation.rule for violation in game.violations} == (set() if replay_log else {"replayed-nonce"})


def test_only_replays_capture():
    with pytest.raises(ValidationError, match="replay nothing"):
        FAULTS.validate_python([attack(kind="schema")])

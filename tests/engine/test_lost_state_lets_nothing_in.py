"""With nonces and quotas lost nothing is let in; restored with the log, no nonce is accepted twice and no quota taken twice."""

from __future__ import annotations

import pytest
from engine_runs import simulate

from aurora_sim.engine.simulation import Simulation

LOST_S, BACK_STEP = 500.0, 12
BACK_S = BACK_STEP * 60.0
LOSS = {"at": LOST_S, "fault": "state-lost", "snapshot_every": "4m"}
ATTACK = {
    "at": LOST_S, "for": 600.0, "fault": "bad-requests", "kind": "replay", "rate": 4.0, "id": "bad", "captured": 200,
}  # fmt: skip
SNAPSHOT_S = 360.0
"""The last before the loss: they begin with the warm-up, 10 minutes before the start."""


def restoring(replay_log, seen=None):
    def operate(simulation: Simulation, step: int) -> None:
        if step == BACK_STEP:
            loss = simulation.restore_control_plane(replay_log)
            assert loss is not None
            assert simulation.restore_control_plane(replay_log) is None
            if seen is not None:
                seen.append(loss)

    return operate


def arrived(row):
    return float(row["time_s"])


@pytest.fixture(scope="module")
def calm():
    return simulate()


def test_while_it_is_lost_nothing_is_let_in(calm):
    seen = simulate(LOSS, ATTACK, before_step=restoring(True))
    lost = [row for row in seen.rows if LOST_S <= arrived(row) < BACK_S]
    assert {(row["outcome"], row["reason"]) for row in lost} == {("rejected", "state_lost")}
    assert len(lost) > 500
    assert {row["order_id"] for row in seen.honest()} == {row["order_id"] for row in calm.rows}
    again = [row for row in seen.honest() if arrived(row) >= BACK_S]
    assert sum(row["outcome"] == "filled" for row in again) > 0.8 * len(again) > 50


def test_with_the_log_no_replay_gets_in_and_no_quota_is_taken_twice():
    used = {}

    def look(simulation: Simulation, step: int) -> None:
        used[step] = simulation.parts.ledger.used_total
        restoring(True)(simulation, step)

    seen = simulate(LOSS, ATTACK, before_step=look)
    assert seen.recorder.replays_accepted == 0
    assert used[8] > used[9] == 0.0  # lost between the two
    filled_after = sum(
        float(row["gpu_hours"]) for row in seen.rows if row["outcome"] == "filled" and arrived(row) >= BACK_S
    )
    assert seen.books["quota_used_gpu_hours"] > used[8] + 0.99 * filled_after > used[8]


def test_with_the_log_the_state_is_what_it_was_and_what_jobs_gave_back_meanwhile():
    """Of two runs that differ in nothing but the loss, from one instant to the next, all that follows is the same."""

    def at_once(simulation: Simulation, step: int) -> None:
        if step == 9:
            assert simulation.parts.control_plane is not None
            simulation.parts.control_plane.follow(True, simulation.env.now)
            simulation.parts.control_plane.follow(False, simulation.env.now)

    never = {**LOSS, "at": 1e6}
    outage = {"at": 300.0, "for": 900.0, "fault": "outage", "provider": "akash"}
    untouched, restored = simulate(never, outage), simulate(never, outage, before_step=at_once)
    assert restored.text == untouched.text
    assert restored.books == untouched.books


def test_without_the_log_what_came_after_the_snapshot_gets_in_again_and_that_is_seen():
    losses = []
    seen = simulate(LOSS, ATTACK, before_step=restoring(False, losses))
    got_in = [row for row in seen.bad() if row["outcome"] not in ("rejected", "denied")]
    assert len(got_in) == seen.recorder.replays_accepted > 20
    gap = [row for row in seen.honest() if SNAPSHOT_S <= arrived(row) < LOST_S]
    assert losses[0].orders_forgotten == losses[0].orders_in_gap == len(gap)
    # Each of the gap gets in once more at most: its nonce is known again from then on.
    assert len(got_in) <= len(gap)
    assert {(row["tenant_id"], row["gpu_hours"]) for row in got_in} <= {
        (row["tenant_id"], row["gpu_hours"]) for row in gap
    }


def test_the_recovery_point_is_told():
    losses = []
    simulate(LOSS, before_step=restoring(True, losses))
    loss = losses[0]
    assert (loss.snapshot_s, loss.lost_s, loss.restored_s) == (SNAPSHOT_S, LOST_S, BACK_S)
    assert (loss.snapshot_age_s, loss.log_replayed, loss.orders_forgotten) == (LOST_S - SNAPSHOT_S, True, 0)
    assert loss.orders_in_gap > 50


@pytest.mark.parametrize("replay_log", [True, False])
def test_the_books_balance_whatever_ends_while_it_is_lost(replay_log):
    """Orders that wait, are killed or give up meanwhile give back what was taken before: once, and only where it is known."""
    storm = [
        {"at": 300.0, "for": 400.0, "fault": "outage", "region": "us-west-2"},
        {"at": 420.0, "for": 300.0, "fault": "relayers", "bridge": "axelar", "workers": 0},
    ]
    again = {**LOSS, "at": 800.0, "for": 60.0, "id": "again"}
    seen = simulate(LOSS, again, *storm, before_step=restoring(replay_log))
    assert seen.books["quota_taken_gpu_hours"] == pytest.approx(
        seen.books["quota_used_gpu_hours"] + seen.books["quota_given_back_gpu_hours"]
    )
    assert any(LOST_S <= arrived(row) < BACK_S for row in seen.rows)


def test_nobody_restores_it_and_it_is_over_after_its_time_or_never():
    for length, until_s in (({"for": 120.0}, 620.0), ({}, 1200.0)):
        seen = simulate({**LOSS, **length})
        refused = [arrived(row) for row in seen.rows if row["reason"] == "state_lost"]
        assert LOST_S <= min(refused) < max(refused) < until_s
        assert max(refused) > until_s - 20.0


def test_before_the_loss_nothing_is_different(calm):
    seen = simulate({**LOSS, "at": 1e6})
    assert seen.text == calm.text
    assert seen.books == calm.books

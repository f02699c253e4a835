"""Response times are those of the severity's law, escalation included; one step at a time, and each when its trigger holds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import simpy
from engine_runs import a_config
from game_runs import OUTAGE, loaded, played
from scipy import stats

from aurora_sim.engine.operations import Operations, Trigger
from aurora_sim.scenario.operators import ResponseLaw
from aurora_sim.scenario.playbook import Condition
from aurora_sim.world.operators import Operators
from aurora_sim.world.streams import Streams

DRAWS = 2000


def law(severity: str) -> ResponseLaw:
    return a_config().operators.response[severity]  # type: ignore[index]


def responses(severity: str, seed: int = 7) -> list[tuple[float, str]]:
    operators = Operators(law(severity), Streams(seed))
    return [operators.response("response", number) for number in range(DRAWS)]


def first_by(severity: str, time_s: float) -> float:
    """P(somebody is there by then): of two independent log-normals, the second `escalate_after` later."""
    given = law(severity)

    def alone(by_s: float) -> float:
        return float(stats.lognorm.cdf(by_s, given.sigma, scale=given.median)) if by_s > 0 else 0.0

    second = 0.0 if given.escalate_after is None else alone(time_s - given.escalate_after)
    return 1.0 - (1.0 - alone(time_s)) * (1.0 - second)


@pytest.mark.parametrize("severity", ["SEV1", "SEV2", "SEV3", "SEV4"])
def test_response_times_have_the_law(severity: str) -> None:
    times = sorted(time_s for time_s, _ in responses(severity))
    distance = max(abs(first_by(severity, time_s) - (rank + 0.5) / DRAWS) for rank, time_s in enumerate(times))
    assert distance < 1.95 / math.sqrt(DRAWS), "Kolmogorov-Smirnov at 0.1 %"


def test_escalation_calls_a_second_responder_when_it_is_due() -> None:
    assert {by for _, by in responses("SEV4")} == {"first"}
    both = [by for _, by in responses("SEV1")]
    assert 0.45 < both.count("second") / DRAWS < 0.55, "both are called at once"
    late = [(time_s, by) for time_s, by in responses("SEV2") if by == "second"]
    assert late
    assert min(time_s for time_s, _ in late) > 1800.0


def test_a_number_has_its_draw_whatever_else_is_drawn() -> None:
    assert Operators(law("SEV2"), Streams(7)).response("response", 5) == responses("SEV2")[5]
    assert responses("SEV2", seed=8)[5] != responses("SEV2")[5]
    assert Operators(law("SEV2"), Streams(7)).response("rollback", 5) != responses("SEV2")[5]


# Triggers.


def held_at(condition: dict[str, Any], values: list[float | None], name: str = "fill_rate") -> list[int]:
    trigger = Trigger(Condition.model_validate(condition))
    return [m for m, value in enumerate(values) if trigger.holds(m * 60.0, {name: value}, {})]


def test_a_bound_must_hold_without_a_break() -> None:
    low: list[float | None] = [0.9, 0.7, 0.7, 0.9, 0.7, 0.7, 0.7, None, 0.7]
    assert held_at({"metric": "fill_rate", "below": 0.8}, low) == [1, 2, 4, 5, 6, 8]
    assert held_at({"metric": "fill_rate", "below": 0.8, "for": "2m"}, low) == [6]
    assert held_at({"metric": "fill_rate", "above": 0.8}, low) == [0, 3]
    up: list[float | None] = [1, 0, 0, 1, 1, 1]
    assert held_at({"provider": "akash", "active-for": "2m"}, up, "provider_active{akash}") == [5]


def test_an_alert_is_seen_when_it_fires() -> None:
    trigger = Trigger(Condition(alert="A"))
    assert not trigger.holds(60.0, {}, {"B": 0.0})
    assert trigger.holds(120.0, {}, {"A": 120.0})


# Steps.


def operate(folder: Path, **parts: Any) -> tuple[Operations, simpy.Environment, list[tuple[float, str]]]:
    game = loaded(folder, **parts)
    env, pulled = simpy.Environment(), []

    def pull(action: str, _: object) -> tuple[str, float]:
        pulled.append((env.now, action))
        return "", 600.0 if action == "shift-traffic-back" else 0.0

    return Operations(game.playbook, game.loaded.world, Streams(42), env, pull), env, pulled


def test_one_operator_works_on_one_step_at_a_time(tmp_path: Path) -> None:
    steps = [
        {"at": "5m", "takes": "4m", "do": "audit-orders"},
        {"at": "6m", "takes": "1m", "do": "purge-nonces"},
        {"do": "re-pin", "takes": "2m", "after": "1m"},
        {"at": "6m", "takes": "1m", "do": "check-integrity"},
    ]
    operations, env, pulled = operate(tmp_path, response=steps)
    env.run(3600.0)
    assert pulled == [
        (540.0, "audit-orders"),
        (600.0, "purge-nonces"),
        (660.0, "check-integrity"),
        (780.0, "re-pin"),
    ]
    purge = operations.done[1]
    assert (purge.due_s, purge.acknowledged_s, purge.began_s, purge.done_s) == (360.0, 360.0, 540.0, 600.0)


def test_a_step_after_stages_waits_for_the_last(tmp_path: Path) -> None:
    shift = {
        "at": "1m", "takes": "1m", "do": "shift-traffic-back",
        "with": {"provider": "akash", "shares": [0.5, 1.0], "every": "10m"},
    }  # fmt: skip
    operations, env, pulled = operate(tmp_path, response=[shift, {"do": "audit-orders", "takes": "1m"}])
    env.run(3600.0)
    assert pulled == [(120.0, "shift-traffic-back"), (780.0, "audit-orders")]
    assert operations.done[0].done_s == 720.0


def test_rollbacks_are_looked_at_when_something_was_done(tmp_path: Path) -> None:
    up = {"provider": "akash", "active-for": "5m"}
    operations, env, pulled = operate(
        tmp_path,
        response=[{"at": "8m", "takes": "2m", "do": "audit-orders"}],
        rollbacks=[{"when": up, "takes": "0s", "do": "re-pin"}],
    )
    for minute in range(1, 30):
        env.run(minute * 60.0)
        operations.observe(env.now, {"provider_active{akash}": 1.0}, {})
    assert pulled == [(600.0, "audit-orders"), (960.0, "re-pin")], "active for 5 min, seen from minute 11 on"


def test_a_step_that_comes_again_is_another_incident_each_time(tmp_path: Path) -> None:
    """With what follows it, and with its rollback, once for each time; while its alert goes on it is not due anew."""
    operations, env, pulled = operate(
        tmp_path,
        steps=400,
        response=[
            {
                "when": {"alert": "AuroraFillRateLow"},
                "again": True,
                "after": "response-time",
                "takes": "0s",
                "do": "re-pin",
            },
            {"takes": "1m", "do": "audit-orders"},
        ],
        rollbacks=[
            {
                "when": {"metric": "fill_rate", "above": 0.9, "for": "30m"},
                "again": True,
                "takes": "0s",
                "do": "revert-substitutes",
            }
        ],
    )
    for minute in range(1, 400):
        env.run(minute * 60.0)
        bad = 10 <= minute < 90 or 200 <= minute < 290
        operations.observe(env.now, {"fill_rate": 0.5 if bad else 1.0}, {"AuroraFillRateLow": 0.0} if bad else {})
    once = ["re-pin", "audit-orders", "revert-substitutes"]
    assert [action for _, action in pulled] == once + once
    assert [time_s for time_s, action in pulled if action == "revert-substitutes"] == [120 * 60.0, 320 * 60.0]
    waits_s = [action.acknowledged_s - action.due_s for action in operations.done if action.step == "re-pin"]
    assert waits_s[0] != waits_s[1]
    assert waits_s[0] == pytest.approx(Operators(law("SEV2"), Streams(42)).response("response", 0)[0])


def test_after_an_abort_all_is_rolled_back_and_nothing_else_done(tmp_path: Path) -> None:
    operations, env, pulled = operate(
        tmp_path,
        response=[{"at": "1m", "takes": "1m", "do": "audit-orders"}, {"at": "10m", "do": "purge-nonces"}],
        rollbacks=[
            {"when": {"provider": "akash", "active-for": "5m"}, "takes": "1m", "do": "re-pin"},
            {"takes": "1m", "do": "check-integrity"},
        ],
    )
    env.run(300.0)
    operations.abort()
    assert not operations.rolled_back
    env.run(3600.0)
    assert pulled == [(120.0, "audit-orders"), (360.0, "re-pin"), (420.0, "check-integrity")]
    assert operations.rolled_back


def test_a_stopped_game_ends_its_faults_rolls_back_and_goes_on_for_ten_minutes(tmp_path: Path) -> None:
    record = played(
        tmp_path,
        method=[OUTAGE | {"for": "30m"}],
        response=[{"at": "11m", "takes": "1m", "do": "drain-provider", "with": {"provider": "akash"}}],
        rollbacks=[
            {
                "when": {"provider": "akash", "active-for": "20m"},
                "takes": "50s",
                "do": "shift-traffic-back",
                "with": {"provider": "akash", "shares": [1.0], "every": "1m"},
            }
        ],
        **{"stop-when": {"metric": "provider_active", "provider": "akash", "below": 0.5, "for": "4m"}},
    )
    assert record.stopped_early
    (fault,) = record.faults
    assert (fault.at_s, fault.end_s, fault.observed) == (600.0, 900.0, True)
    assert [(action.do, action.done_s) for action in record.actions] == [
        ("drain-provider", 720.0),
        ("shift-traffic-back", 950.0),
    ]
    assert record.steps == 26, "ten minutes after the minute of the rollback"
    assert record.series["provider_active{akash}"][15:] == [1.0] * 11


def test_nothing_is_answered_in_the_other_arms(tmp_path: Path) -> None:
    steps = [{"at": "5m", "do": "drain-provider", "with": {"provider": "akash"}}]
    for arm in ("calm", "unanswered"):
        assert played(tmp_path, arm, steps=10, response=steps).actions == []
    assert len(played(tmp_path, steps=10, response=steps).actions) == 1


def test_a_lever_with_nothing_to_do_is_refused(tmp_path: Path) -> None:
    record = played(tmp_path, steps=10, response=[{"at": "1m", "takes": "1m", "do": "resume-treaty"}])
    assert [action.refused for action in record.actions] == ["the treaty is not halted"]

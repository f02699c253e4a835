"""A game whose fault nobody saw, that was not in its steady state, or that has no data is void; whatever is broken fails it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from game_records import AT_REST, STEPS, a_playbook, a_record, series_with

from aurora_sim.lab.wargame.judge import judge
from aurora_sim.observe.game_record import ActionDone, AlertSpan, FaultSeen, Violation
from aurora_sim.scenario.configuration import PROJECT
from aurora_sim.scenario.scenario import load

SLO = load(PROJECT / "scenarios" / "baseline.yaml").world.slo
RTO_S = 3600.0


def judged(record=None, playbook=None, calm=None):
    return judge(playbook or a_playbook(), record or a_record(), calm or a_record("calm"), SLO, RTO_S)


def test_a_game_in_which_everything_held_is_passed():
    verdict = judged()
    assert verdict.verdict == "passed", verdict
    assert verdict.incident.impact_s == 32 * 60.0
    assert verdict.incident.fire_s == 2220.0
    assert verdict.incident.ack_s == 2700.0
    assert verdict.incident.mitigate_s == 51 * 60.0
    assert verdict.incident.resolve_s == 3600.0


def test_a_fault_without_an_effect_makes_it_void():
    verdict = judged(a_record(faults=[FaultSeen("dark", 1800.0, 3600.0, False, "")]))
    assert verdict.verdict == "void"
    assert "dark" in verdict.checks["faults observed"].why_void


def test_a_bad_start_makes_it_void():
    verdict = judged(a_record(series=series_with("bridge_rtt", 400.0, 20, 28)))
    assert verdict.verdict == "void"


def test_an_expectation_without_data_makes_it_void():
    nothing = {"provider_reputation{akash}": [None] * STEPS}
    expect = [{"metric": "provider_reputation", "provider": "akash", "at-least": 10.0, "while": "dark"}]
    assert judged(a_record(series=nothing), a_playbook(expect=expect)).verdict == "void"
    assert judged(a_record(counts=[0, 0])).verdict == "void"
    share = [{"share": {"outcome": "filled"}, "at-least": 0.5}]
    assert judged(a_record(counts=[0, 0]), a_playbook(expect=share)).verdict == "void"


@pytest.mark.parametrize(
    "broken",
    [
        {"counts": [500, 1]},
        {"alerts": []},
        {"violations": [Violation("no allocation while halted", 2000.0, "order x")]},
        {"alerts": [*a_record().alerts, AlertSpan("AuroraBridgeRttCritical", "critical", 2000.0, 2300.0, 2400.0)]},
        {"low_until": STEPS},
        {"low_until": 92},
        {"series": series_with("provider_filled{akash}", 0.0, 31, STEPS)},
        {"series": series_with("bridge_rtt", 400.0, 70, STEPS)},
    ],
    ids=[
        "forbidden-order",
        "missed-alarm",
        "violation",
        "other-critical",
        "never-back",
        "late",
        "left-off",
        "not-alive",
    ],
)
def test_what_is_broken_fails_it(broken):
    assert judged(a_record(**broken)).verdict == "failed"


def test_a_provider_left_off_by_the_rollback_fails_it_although_every_indicator_is_good():
    rolled = ActionDone("rollback-1", "rollback", "set-router-weights", 4000.0, 4000.0, 4000.0, 4200.0, "first")
    record = a_record(series=series_with("provider_filled{akash}", 0.0, 31, STEPS))
    verdict = judged(replace(record, actions=[*record.actions, rolled]))
    assert verdict.checks["every provider in use after"].verdict == "failed"


def test_a_provider_that_is_busy_with_what_the_fault_sent_it_is_not_left_off():
    busy = series_with("provider_filled{akash}", 0.0, 31, STEPS) | series_with("free_gpus{akash}", 10.0, 31, STEPS)
    assert judged(a_record(series=busy)).checks["every provider in use after"].verdict == "passed"


def test_a_provider_that_only_takes_what_is_too_much_for_the_others_may_have_none():
    """One without a single order in some five minutes of the last hour, with no fault at all, has no custom that it could lose."""
    playbook, record = a_playbook(), a_record(series=series_with("provider_filled{akash}", 0.0, 31, STEPS))
    for idle, verdict in ((0, "failed"), (1, "passed")):
        calm = a_record("calm", series=series_with("provider_filled{akash}", 0.0, STEPS - 30, STEPS - 30 + idle))
        check = judge(playbook, record, calm, SLO, RTO_S).checks["every provider in use after"]
        assert check.verdict == verdict


def test_recovery_that_does_not_last_is_none():
    relapse = series_with("fill_rate", 0.5, 31, 50)
    relapse["fill_rate"][55:60] = [0.5] * 5
    verdict = judged(a_record(series=relapse))
    assert verdict.incident.mitigate_s == 61 * 60.0


def test_minutes_without_a_value_neither_help_nor_break():
    gap = series_with("fill_rate", 0.5, 31, 50)
    gap["fill_rate"][52:55] = [None] * 3
    assert judged(a_record(series=gap)).incident.mitigate_s == 51 * 60.0
    silent = {"fill_rate": [AT_REST["fill_rate"]] * 40 + [None] * (STEPS - 40)}
    assert judged(a_record(series=silent)).verdict == "void"


def recovery(values, calm=None, within="20m"):
    """How `fill_rate recovers-to 0.8` of the fault at minute 30 went, for a series with and one without the fault."""
    expect = [{"metric": "fill_rate", "recovers-to": 0.8, "within": within, "of": "dark"}]
    twin = a_record("calm", series={"fill_rate": calm} if calm else None)
    return judged(a_record(series={"fill_rate": values}), a_playbook(expect=expect), twin).held[0]


def low_at(*steps):
    return [0.5 if step in steps else 1.0 for step in range(STEPS)]


def test_a_minute_that_is_bad_without_the_fault_too_does_not_undo_a_recovery():
    held = recovery(low_at(*range(31, 36), 45), calm=low_at(45))
    assert (held.verdict, held.measured) == ("passed", "back after 7m")


def test_a_minute_that_is_bad_with_the_fault_alone_undoes_a_recovery():
    held = recovery(low_at(*range(31, 36), 45), calm=low_at(46))
    assert (held.verdict, held.measured) == ("passed", "back after 17m")
    assert recovery(low_at(*range(31, 36), 48, 55), calm=low_at(46)).verdict == "failed"


def test_nothing_recovers_from_what_is_bad_without_the_fault_too():
    always = low_at(*range(31, STEPS))
    assert recovery(always, calm=always).verdict == "void"


@pytest.mark.parametrize(("seen", "verdict"), [(1.0, "void"), (0.5, "failed")], ids=["no-breach", "never-back"])
def test_too_few_values_do_not_show_a_recovery_and_one_can_show_that_there_was_none(seen, verdict):
    values = low_at()
    values[33:] = [seen] + [None] * (STEPS - 34)
    assert recovery(values).verdict == verdict


def test_too_few_values_before_it_is_back_show_no_recovery():
    values = low_at(31)
    values[32:48] = [None] * 16
    assert recovery(values).verdict == "void"


def test_too_few_values_and_back_too_late_is_failed_and_not_void():
    values = low_at(31, 54)
    values[32:54] = [None] * 22
    held = recovery(values)
    assert held.verdict == "failed"
    assert held.measured.startswith("back after")

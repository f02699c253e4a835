"""Right, false, missed: an alert's firings in a game, and in a fault-free day, are told apart by the war game's own definitions."""

from __future__ import annotations

from pathlib import Path

import pytest
from audits import audited, by_alert, rule_file

from aurora_sim.lab.alerts.results import RuleAudit

GAME = "rtt/network-congestion"  # the round trip is out of its objective for a while; every order is filled
RULES = {
    "AuroraBridgeRttHigh": "treaty_rtt_ms > 350",  # what the game asks for
    "Early": "treaty_rtt_ms > 340",  # of the same indicator, a little before it is out
    "OtherIndicator": "treaty_fill_rate <= 1 and on () simulated_time_seconds > 2000",  # inside its objective all the while
    "NoIndicator": "simulated_time_seconds > 900 and simulated_time_seconds < 3300",  # from the fault's begin to its end
    "Before": "simulated_time_seconds > 600 and simulated_time_seconds < 900",
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RuleAudit]:
    path = rule_file(tmp_path_factory.mktemp("rules") / "rules.yml", RULES)
    return by_alert(audited(path, GAME, day_steps=60))


def test_what_the_game_asks_for_is_right(rules: dict[str, RuleAudit]) -> None:
    rule = rules["AuroraBridgeRttHigh"]
    assert (rule.expected, rule.fired, rule.false, rule.missed, rule.false_days) == (1, 1, [], [], [])
    assert rule.precision == rule.recall == 1.0
    assert rule.detection_s is not None
    assert rule.reset_s is not None
    assert rule.detection_s > 0.0
    assert rule.reset_s == 60.0, "it resolves in the first minute that is inside"


def test_one_whose_indicator_is_out_is_right_though_nobody_asked(rules: dict[str, RuleAudit]) -> None:
    assert rules["Early"].fired == 1
    assert rules["Early"].recall is None


def test_one_whose_indicator_is_inside_is_false(rules: dict[str, RuleAudit]) -> None:
    rule = rules["OtherIndicator"]
    assert (rule.fired, len(rule.false), rule.false_days) == (0, 1, [1])
    assert rule.precision == 0.0


def test_one_without_an_indicator_is_right_from_the_fault_on(rules: dict[str, RuleAudit]) -> None:
    assert (rules["NoIndicator"].fired, rules["NoIndicator"].false) == (1, [])
    assert (rules["Before"].fired, len(rules["Before"].false)) == (0, 1)
    assert rules["Before"].false_days == [1]


def test_an_expected_alert_that_is_late_or_silent_is_missed(tmp_path: Path) -> None:
    path = rule_file(tmp_path / "rules.yml", {"AuroraBridgeRttHigh": "treaty_rtt_ms > 5000"})
    found = audited(path, GAME, day_steps=30)
    [rule] = found.rules
    assert rule.missed == [f"{GAME} seed 1"]
    assert rule.recall == 0.0
    assert rule.games[GAME].missed == 1
    assert not found.clean


def test_two_rules_of_one_name_are_judged_apart(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(
        "groups:\n- name: a\n  rules:\n"
        "  - {alert: AuroraBridgeRttHigh, expr: treaty_rtt_ms > 350, for: 2m}\n"
        "  - {alert: AuroraBridgeRttHigh, expr: treaty_fill_rate > 2}\n",
        encoding="utf-8",
    )
    first, second = audited(path, GAME, day_steps=30).rules
    assert (first.fired, [defect.kind for defect in first.defects]) == (1, [])
    assert (second.fired, [defect.kind for defect in second.defects]) == (0, ["deaf"])
    assert first.missed == second.missed == [], "the game asks for the alert, and one of the two gives it"


def test_the_audit_is_the_same_with_any_number_of_processes(tmp_path: Path) -> None:
    from audits import GAMES
    from exported_runs import aurora

    texts = []
    for jobs in (1, 2):
        out = tmp_path / f"{jobs}.json"
        aurora("alerts", "audit", "--games", GAMES / f"{GAME}.yaml", "--day-steps", 30, "--jobs", jobs, "--json", out)
        texts.append(out.read_bytes())
    assert texts[0] == texts[1]

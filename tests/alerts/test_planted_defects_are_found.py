"""`aurora-sim alerts audit`: each planted defect is found, for what it is; in our own rules there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from audits import GAMES, audited, by_alert, kinds, rule_file
from exported_runs import RULES, aurora

from aurora_sim.lab.alerts.results import Audit

BAD = 'sum(rate(treaty_orders_total{outcome=~"refused|expired|unroutable"}[5m]))'
ALL = 'sum(rate(treaty_orders_total{outcome!~"rejected|denied"}[5m]))'
WAITS = "sum by (le) (rate(policy_decision_duration_ms_bucket[5m]))"
PLANTED = {
    "blind": {
        "Misspelt": "treaty_fil_rate < 0.8",
        "MisspeltTwice": "rate(treaty_failovers_total[5m]) > 1 and treaty_fill_rate < 0.8",
        "MisspeltAndAbsent": "absent(treaty_fil_rate)",
        "NoSuchLabel": 'provider_active{provider="akash"} == 0',
        "NoSuchOutcome": 'increase(treaty_orders_total{outcome="lost"}[5m]) > 1',
        "NoSuchProvider": 'provider_active{provider_id="akahs"} == 0',
    },
    "deaf": {
        "AboveOne": "treaty_fill_rate > 1.5",
        "BelowZero": "treaty_fill_rate < 0",
        "AboveOneFromTheLeft": "1.5 < treaty_fill_rate",
        "MoreThanAll": f"{BAD} / {ALL} > 1.44",  # a burn rate times a budget of more than 1
        "BeyondTheBuckets": f"histogram_quantile(0.95, {WAITS}) > 100000",
        "NeverBoth": "treaty_rtt_ms > 350 and treaty_provenance_coverage < -0.1",
        "NegativeCount": "sum(treaty_dropped_requests) + 1 < 1",
    },
    "noisy": {"AtRest": "treaty_rtt_ms > 250", "Always": "treaty_fill_rate >= 0"},
    "rate-of-gauge": {
        "RateOfGauge": "rate(treaty_dropped_requests[5m]) > 1",
        "IncreaseOfGauge": "sum(increase(provider_leased_gpus[5m])) > 100000",
        "IrateOfGauge": "abs(irate(bridge_queue_messages[5m])) > 1000",
    },
}
SOUND = {
    "Low": "treaty_fill_rate < 0.8",
    "Failovers": "increase(treaty_failover_events_total[5m]) > 10",
    "Share": f"{BAD} / {ALL} > 0.9",
    "Slow": f"histogram_quantile(0.95, {WAITS}) > 90",
    "Gone": 'absent(provider_active{provider_id="akahs"} == 1) and treaty_fill_rate < 0.5',
    "NotThere": 'treaty_fill_rate < 0.5 unless provider_active{provider_id="akahs"} == 1',
    "Queue": "delta(bridge_queue_messages[5m]) > 1000",
    "OrEither": "treaty_fill_rate < 0 or treaty_fill_rate < 0.5",
    "NoSuchReasonYet": 'increase(treaty_orders_total{reason="state_lost"}[5m]) > 1',
    "OfServe": "desk_waiting_orders > 1000",
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    rules = {alert: text for of_kind in PLANTED.values() for alert, text in of_kind.items()} | SOUND
    return audited(rule_file(tmp_path_factory.mktemp("rules") / "planted.yml", rules), "rtt/network-congestion")


@pytest.mark.parametrize(("kind", "alert"), [(kind, alert) for kind, rules in PLANTED.items() for alert in rules])
def test_a_planted_defect_is_found(planted: Audit, kind: str, alert: str) -> None:
    # What is absent for ever fires for ever.
    assert kinds(by_alert(planted)[alert]) == {kind} | ({"noisy"} if alert == "MisspeltAndAbsent" else set())


@pytest.mark.parametrize("alert", SOUND)
def test_a_sound_rule_has_none(planted: Audit, alert: str) -> None:
    assert kinds(by_alert(planted)[alert]) == set()


def test_it_says_what_is_wrong(planted: Audit) -> None:
    rules = by_alert(planted)
    assert rules["Misspelt"].defects[0].what == "nobody exports treaty_fil_rate. Did you mean treaty_fill_rate?"
    assert "within 0 and 1, and is never > 1.5" in rules["AboveOne"].defects[0].what
    assert "more than 5%" in rules["AtRest"].defects[0].what
    assert "rate() of treaty_dropped_requests, which is a gauge" in rules["RateOfGauge"].defects[0].what
    assert "vault-law serve" in rules["OfServe"].note
    assert rules["Misspelt"].place.endswith("planted.yml:1: groups.0.rules.0.expr")
    assert not planted.clean


def test_a_threshold_that_nothing_comes_near_is_deaf_over_the_whole_catalogue(tmp_path: Path) -> None:
    rules = {
        "Far": "treaty_rtt_ms > 100000",
        "FarFromZero": "treaty_dropped_requests > 1000",
        "FarInPart": "treaty_rtt_ms > 350 and treaty_dropped_requests > 1000",
        "FarOnOneSide": "treaty_rtt_ms > 350 or treaty_dropped_requests > 1000",
        "Near": "treaty_rtt_ms > 450",
    }
    path = rule_file(tmp_path / "far.yml", rules)
    whole = by_alert(audited(path, "rtt/network-congestion", whole=True, day_steps=30))
    assert {alert for alert, rule in whole.items() if kinds(rule)} == {"Far", "FarFromZero", "FarInPart"}
    assert "over the whole catalogue" in whole["Far"].defects[0].what
    part = by_alert(audited(path, "rtt/network-congestion", whole=False, day_steps=30))
    assert not any(map(kinds, part.values())), "a few games say nothing of what the others reach"


def test_ours_have_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("rtt/network-congestion", "provenance/disk-full", "low-fill/network-partition")
    games = [argument for name in names for argument in ("--games", GAMES / f"{name}.yaml")]
    table = tmp_path / "audit.json"
    assert aurora("alerts", "audit", *games, "--day-steps", 120, "--jobs", 1, "--json", table) == 0
    assert "clean: 0 defects, 0 missed, 0 false alarms" in capsys.readouterr().out
    found = Audit.model_validate(json.loads(table.read_text(encoding="utf-8")))
    assert found.clean
    assert not any(rule.defects or rule.false_days or rule.missed for rule in found.rules)
    rules = by_alert(found)
    assert rules["AuroraBridgeRttHigh"].recall == rules["AuroraFailoversHigh"].recall == 1.0
    # Across a partition nothing fails over while nobody answers: what they enable does.
    assert rules["AuroraFailoversHigh"].games["low-fill/network-partition"].answered == 1


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert aurora("alerts", "audit", *arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1, told.err
    return told.err


def test_bad_input_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere.yml" in refused(capsys, tmp_path / "nowhere.yml")
    unsupported = rule_file(tmp_path / "deriv.yml", {"A": "deriv(treaty_rtt_ms[5m]) > 1"})
    assert "the function deriv is not evaluated here" in refused(capsys, unsupported)
    (tmp_path / "empty.yml").write_text("groups: []\n", encoding="utf-8")
    assert "there is no rule in it" in refused(capsys, tmp_path / "empty.yml")
    assert "no game has this tag" in refused(capsys, RULES, "--only", "no-such-tag")
    assert "no such file or folder" in refused(capsys, RULES, "--games", tmp_path / "nowhere")
    assert "its folder does not exist" in refused(capsys, RULES, "--json", tmp_path / "nowhere" / "a.json")
    valueless = rule_file(tmp_path / "twice.yml", {"A": "provider_active > on () provider_reputation"})
    few = ("--games", GAMES / "gateway" / "clock-skew.yaml", "--day-steps", 1)
    assert "A has no value" in refused(capsys, valueless, *few)

"""One file of rules: Prometheus takes it as it is, and the lab reads the same rules from it."""

from __future__ import annotations

import pytest
from alert_runs import RULES, promtool

from aurora_sim.observe.alerts import load_rules
from aurora_sim.observe.series import METRICS


@pytest.mark.needs("promtool")
def test_promtool_accepts_the_file() -> None:
    verdict = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert f"SUCCESS: {len(load_rules(RULES).rules)} rules found" in verdict.stdout


def test_every_rule_says_how_bad_it_is_and_what_to_do() -> None:
    for rule in load_rules(RULES).rules:
        assert rule.severity in ("warning", "critical", "page", "ticket"), rule.alert
        assert set(rule.annotations) == {"summary", "runbook"}, rule.alert
        assert rule.annotations["runbook"].startswith("RUNBOOK.md, "), rule.alert


def test_no_rule_is_blind() -> None:
    exported = {name for metric in METRICS for name in metric.sample_names}
    assert load_rules(RULES).sample_names <= exported

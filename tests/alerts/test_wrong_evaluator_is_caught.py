"""The judge has teeth: one alert wrong at one minute, in its state or its labels, and promtool fails the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from alert_runs import RULES, TREATY, judged, minutes_of, play

from aurora_sim.observe.alerts import load_rules

FILL_RATES = [0.9] * 30 + [0.75] * 10 + [0.9] * 20  # fires from minute 35 to 39


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("minute", [0, 34, 35, 37, 39, 40, 59])
def test_one_wrong_minute_fails(tmp_path: Path, minute: int) -> None:
    rules = load_rules(RULES)
    recorded = minutes_of({("treaty_fill_rate", TREATY): FILL_RATES})
    engine, states = play(rules, recorded)
    assert judged(tmp_path, rules, recorded, states) == ""
    firing = engine.alerts()[0]
    mistaken = [*states]
    mistaken[minute] = () if 35 <= minute < 40 else (replace(firing, resolved_s=None),)
    verdict = judged(tmp_path, rules, recorded, mistaken)
    assert "alertname: AuroraFillRateLow" in verdict
    assert f"time: {minute}m" in verdict or minute == 0


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("wrong", [{"labels": (("severity", "warning"),)}, {"annotations": {}}])
def test_wrong_labels_or_annotations_fail(tmp_path: Path, wrong: dict[str, object]) -> None:
    rules = load_rules(RULES)
    recorded = minutes_of({("treaty_fill_rate", TREATY): FILL_RATES})
    _, states = play(rules, recorded)
    mistaken = [*states]
    mistaken[36] = (replace(states[36][0], **wrong),)  # type: ignore[arg-type]
    assert "FAILED" in judged(tmp_path, rules, recorded, mistaken)

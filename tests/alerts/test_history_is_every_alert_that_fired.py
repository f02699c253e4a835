"""`alerts.csv`: a row for each alert that fired, and for what is still pending at the end; always in the same order."""

from __future__ import annotations

from pathlib import Path

import pytest
from alert_runs import minutes_of, play, rules_of, zoned

from aurora_sim.observe.alerts import AlertEngine
from aurora_sim.observe.series import Sample
from aurora_sim.scenario.errors import InputError


def test_its_rows(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, [("gauge > 1", "2m"), ("gauge > 5", "0s")])
    recorded = minutes_of(
        {
            zoned("gauge", "east", "1"): [0, 2, 2, 2, 0, 0, 2, 0, 2],
            zoned("gauge", "west", "1"): [0, 2, 2, 2, 2, 9, 9, 9, 9],
        }
    )
    engine, states = play(rules, recorded)
    assert engine.history() == [
        ("Rule0", "warning", "resolved", "60", "180", "240"),
        ("Rule0", "warning", "firing", "60", "180", ""),  # west; the east's two minutes at 360 s never fired
        ("Rule1", "warning", "firing", "300", "300", ""),
        ("Rule0", "warning", "pending", "480", "", ""),
    ]
    assert [alert.state for alert in states[2]] == ["pending", "pending"], "a state stays as it was when it was taken"
    assert dict(states[3][0].labels) == {"zone": "east", "node": "1", "severity": "warning"}


def test_a_series_that_ends_resolves_its_alert_at_once(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, [("gauge > 1", "0s")])
    recorded = minutes_of({("gauge", ()): [2, 2, None, 2], ("other", ()): [0, 0, 0, 0]})
    assert [row[2:] for row in play(rules, recorded)[0].history()] == [
        ("resolved", "0", "0", "120"),
        ("firing", "180", "180", ""),
    ]


def test_a_week_keeps_its_minutes(tmp_path: Path) -> None:
    engine = AlertEngine(rules_of(tmp_path, [("gauge > 1", "0s")]))
    engine.observe(12_345_660.0, [Sample("gauge", (), 2.0)])
    assert engine.history()[0][3] == "12345660"


def test_minutes_come_in_order(tmp_path: Path) -> None:
    engine = AlertEngine(rules_of(tmp_path, [("gauge > 1", "0s")]))
    engine.observe(60.0, [])
    with pytest.raises(ValueError, match="come after"):
        engine.observe(60.0, [])
    with pytest.raises(ValueError, match="two samples"):
        engine.observe(120.0, [Sample("gauge", (), 1.0), Sample("gauge", (), 2.0)])


def test_a_rule_without_a_value_names_itself_and_its_line(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, [("gauge > on (zone) other", "0s")])
    both = {zoned(name, "east", node): [3.0] for name in ("gauge", "other") for node in ("1", "2")}
    with pytest.raises(InputError, match=r"rules.yml:1: groups.0.rules.0.expr: Rule0 has no value at 0 s: > finds two"):
        play(rules, minutes_of(both))

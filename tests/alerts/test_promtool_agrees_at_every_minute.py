"""Prometheus's own promtool finds the same alerts firing at every minute, with the same labels and annotations.

That expressions have the same values, to the last bit, is in test_values_equal_prometheus.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from alert_runs import RULES, TREATY, Minutes, judged, minutes_of, play, rules_of, varied_minutes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aurora_sim.observe.alerts import load_rules

pytestmark = pytest.mark.needs("promtool")

# Values on both sides of the thresholds, and at them.
LEVELS: dict[str, tuple[float, ...]] = {
    "treaty_fill_rate": (0.95, 0.8, 0.79, 0.7, 0.69),
    "treaty_rtt_ms": (300.0, 350.0, 351.5, 500.0, 640.0),
    "treaty_provenance_coverage": (1.0, 0.9, 0.89, 0.8, 0.75),
    "treaty_dropped_requests": (0.0, 50.0, 51.0, 100.0, 101.0),
}
BOUNDS_MS = ("10.0", "25.0", "50.0", "100.0", "+Inf")


def eventful_minutes(seed: int, length: int) -> Minutes:
    """The SLIs in spells of one level, some of them absent; failovers in bursts, with resets; decisions fast and slow."""
    draw = random.Random(seed)
    series: dict[Any, list[float | None]] = {}
    for metric, levels in LEVELS.items():
        values: list[float | None] = []
        while len(values) < length:
            values += [draw.choice((*levels, None))] * draw.choice((1, 2, 4, 5, 6, 9, 10, 11, 16))
        series[metric, TREATY] = values[:length]
    failovers: list[float | None] = []
    counts = dict.fromkeys(BOUNDS_MS, 0.0)
    rate, place, total = 0.0, 0, 0.0
    for minute in range(length):
        if minute % 8 == 0:
            rate, place = draw.choice((0.0, 1.0, 2.0, 3.0, 4.0, 5.0)), draw.randrange(5)
        total = rate if draw.random() < 0.03 else total + rate
        failovers.append(None if draw.random() < 0.05 else total)
        for number, bound in enumerate(BOUNDS_MS):
            counts[bound] += 36.0 if number >= place else 0.0
            key = ("policy_decision_duration_ms_bucket", (("le", bound),))
            series.setdefault(key, []).append(counts[bound])
    series["treaty_failover_events_total", TREATY] = failovers
    return minutes_of(series)


@pytest.mark.parametrize("seed", range(4))
def test_on_the_runbooks_rules(tmp_path: Path, seed: int) -> None:
    rules, recorded = load_rules(RULES), eventful_minutes(seed, 240)
    engine, states = play(rules, recorded)
    assert judged(tmp_path, rules, recorded, states) == ""
    assert len({row[0] for row in engine.history()}) >= 8, "a run in which little fires proves little"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_on_the_runbooks_rules_with_any_series(tmp_path: Path, data: st.DataObject) -> None:
    series: dict[Any, list[float | None]] = {
        (metric, TREATY): data.draw(st.lists(st.none() | st.sampled_from(levels), min_size=40, max_size=40))
        for metric, levels in LEVELS.items()
    }
    growths = data.draw(st.lists(st.none() | st.integers(-3, 6), min_size=40, max_size=40))
    count, counts = 0.0, []
    for growth in growths:
        count = 0.0 if growth is not None and growth < 0 else count + (growth or 0)
        counts.append(None if growth is None else count)
    series["treaty_failover_events_total", TREATY] = counts
    rules, recorded = load_rules(RULES), minutes_of(series)
    assert judged(tmp_path, rules, recorded, play(rules, recorded)[1]) == ""


CONDITIONS = [
    ("gauge > 3", "2m"),
    ("gauge{zone='east'} > 0 and on (zone, node) other > 0", "1m"),
    ("sum by (zone) (gauge) < -2", "3m"),
    ("count without (node) (gauge) < 2 or absent(gauge)", "0s"),
    ("increase(requests_total[5m]) > 25", "4m"),
    ("rate(requests_total[10m]) * 60 > bool 4 == 1", "90s"),
    ("delta(gauge[7m]) < -5 unless other == 0", "2m"),
    ("histogram_quantile(0.9, rate(wait_bucket[5m])) > 2", "2m"),
    ("max_over_time(gauge[6m]) - min_over_time(gauge[6m]) > 12", "1m"),
    ("absent(requests_total{zone='east',node='1'})", "1m"),
    ("absent(nothing{zone='east'})", "10m"),
    ("-gauge >= 8", "0s"),
    ("single != single", "0s"),
    ("1", "1h"),
]


@pytest.mark.parametrize("seed", range(4))
def test_on_other_rules(tmp_path: Path, seed: int) -> None:
    rules, recorded = rules_of(tmp_path, CONDITIONS), varied_minutes(seed, 90)
    engine, states = play(rules, recorded)
    assert judged(tmp_path, rules, recorded, states) == ""
    assert len({row[0] for row in engine.history()}) >= 10


def test_on_alerts_that_share_a_name_and_annotations_with_labels(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(
        "groups:\n"
        "- name: one\n"
        "  rules:\n"
        "  - {alert: Gauge, expr: gauge > 4, labels: {severity: warning, node: ''}, annotations:\n"
        "      {summary: 'high on {{ $labels.node }} in {{$labels.zone}}{{ $labels.nowhere }}'}}\n"
        "- name: two\n"
        "  interval: 60s\n"
        "  rules:\n"
        "  - {alert: Gauge, expr: 'max(gauge) > 6', for: 1m, labels: {severity: critical}}\n",
        encoding="utf-8",
    )
    # One node a zone: without the label `node`, two would be one alert.
    recorded = [
        (time_s, [sample for sample in samples if ("node", "1") in sample.labels])
        for time_s, samples in varied_minutes(11, 60)
    ]
    rules = load_rules(path)
    _, states = play(rules, recorded)
    assert judged(tmp_path, rules, recorded, states) == ""
    assert {alert.severity for state in states for alert in state} == {"warning", "critical"}

"""`aurora-sim alerts export`: promtool agrees with every minute of a run as it is, and with nothing else."""

from __future__ import annotations

import json
import math
import random
import re
from pathlib import Path

import pytest
from alert_runs import promtool
from exported_runs import PROJECT, RULES, aurora, tape

from aurora_sim.lab.alerts.export import export
from aurora_sim.lab.alerts.tape import Tape
from aurora_sim.observe.alerts import load_rules
from aurora_sim.observe.alerts.functions import KNOWN

pytestmark = pytest.mark.needs("promtool")

SCENARIOS = ("akash-outage", "region-partition", "relayer-outage", "demand-surge", "price-spike", "capacity-exhaustion")
draw = random.Random(20)
RUNS = [(draw.choice(SCENARIOS), draw.randrange(2**32), draw.randrange(60, 121)) for _ in range(20)]


def verdict(folder: Path) -> str:
    """Promtool's complaints about what was exported into a folder; empty where it agrees."""
    done = promtool("test", "rules", folder / "rule_test.yml")
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(("name", "seed", "steps"), RUNS)
def test_of_random_runs(tmp_path: Path, name: str, seed: int, steps: int) -> None:
    exported = export(tape(name, seed, steps), RULES, tmp_path)
    assert exported.assertions == len(load_rules(RULES).rules) * (steps + 1)
    if name != "relayer-outage":  # it is over before any rule has held for long enough
        assert exported.fired > 0, "a run in which nothing fires proves little"
    assert verdict(tmp_path) == ""


def test_of_a_folder_that_a_run_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    settings = ("--seed", 5, "--steps", 60, "--set", "providers.flux.capacity=0.5", "--out", out, "--quiet")
    assert aurora("run", PROJECT / "scenarios" / "akash-outage.yaml", *settings) == 0
    assert aurora("alerts", "export", out) == 0
    assert "--storage.tsdb.retention.time=10y --web.listen-address=127.0.0.1" in capsys.readouterr().out
    assert verdict(out / "alerts") == ""
    moved = tmp_path / "moved"  # the files need nothing but each other
    (out / "alerts").rename(moved)
    assert verdict(moved) == ""


def test_of_a_game(tmp_path: Path) -> None:
    game = PROJECT / "scenarios" / "war-games" / "low-fill" / "demand-surge.yaml"
    assert aurora("alerts", "export", game, "--seed", 3, "--arm", "answered", "--out", tmp_path / "a", "--quiet") == 0
    assert verdict(tmp_path / "a") == ""


# One rule for each function, whose condition changes in the course of a run.
OVER_RANGE = {
    "rate": "rate(treaty_failover_events_total[5m]) > 0.1",
    "increase": "increase(treaty_failover_events_total[7m]) > 10",
    "irate": "irate(treaty_failover_events_total[3m]) > 0.1",
    "delta": "delta(provider_leased_gpus{provider_id='akash'}[5m]) < -20",
    "sum_over_time": "sum_over_time(treaty_dropped_requests[5m]) > 100",
    "avg_over_time": "avg_over_time(treaty_fill_rate[6m]) < 0.85",
    "min_over_time": "min_over_time(treaty_fill_rate[4m]) < 0.8",
    "max_over_time": "max_over_time(treaty_dropped_requests[9m]) > 50",
    "count_over_time": "count_over_time(treaty_fill_rate[10m]) >= 11",
    "last_over_time": "last_over_time(treaty_rtt_ms[5m]) > 290",
    "abs": "abs(delta(provider_leased_gpus{provider_id='akash'}[3m])) > 20",
    "clamp_min": "clamp_min(treaty_fill_rate, 0.5) < 0.8",
    "clamp_max": "clamp_max(provider_active, 0.5) < 0.2",
    "absent": "absent(provider_active{provider_id='akash'} == 1)",
    "histogram_quantile": "histogram_quantile(0.95, sum by (le) (rate(bridge_rtt_ms_bucket[5m]))) > 290",
}


def rules_with(path: Path, expressions: list[str], held: str = "2m") -> Path:
    """A rule file of these expressions."""
    rules = [
        {"alert": f"Rule{number}", "expr": expression, "for": held} for number, expression in enumerate(expressions)
    ]
    path.write_text(json.dumps({"groups": [{"name": "tests", "rules": rules}]}), encoding="utf-8")
    return path


def test_of_every_function(tmp_path: Path) -> None:
    assert set(OVER_RANGE) == KNOWN
    rules = rules_with(tmp_path / "functions.yml", [*OVER_RANGE.values()])
    exported = export(tape("akash-outage", 42, 60), rules, tmp_path / "out")
    assert exported.fired >= len(KNOWN)
    assert verdict(tmp_path / "out") == ""


@pytest.fixture(scope="module")
def outage() -> Tape:
    return tape("akash-outage", 42, 60)


@pytest.mark.parametrize(
    ("alert", "minutes"),
    [
        ("AuroraFillRateLow", -1),
        ("AuroraFillRateLow", 1),
        ("AuroraFailoversHigh", 1),
        ("AuroraFailoversCritical", 1),
        ("AuroraDroppedRequestsHigh", 1),
    ],
)
def test_a_duration_that_is_a_minute_off_is_seen(tmp_path: Path, outage: Tape, alert: str, minutes: int) -> None:
    text = RULES.read_text(encoding="utf-8")
    begin = text.index(f"alert: {alert}\n")
    end = text.index("labels:", begin)
    rule = text[begin:end]
    held = re.search(r"for: (\d+)m\n", rule)
    changed = (
        rule.replace(held[0], f"for: {int(held[1]) + minutes}m\n")
        if held
        else rule.replace("expr:", f"for: {minutes}m\n        expr:")
    )
    other = tmp_path / "other.yml"
    other.write_text(text[:begin] + changed + text[end:], encoding="utf-8")
    export(outage, other, tmp_path / "out")
    assert verdict(tmp_path / "out") == ""
    (tmp_path / "out" / "rules.yml").write_text(text, encoding="utf-8")
    assert f"alertname: {alert}" in verdict(tmp_path / "out")


@pytest.mark.parametrize(("metric", "sign"), [("treaty_fill_rate", "<"), ("treaty_dropped_requests", ">")])
def test_a_threshold_that_is_one_number_off_is_seen(tmp_path: Path, outage: Tape, metric: str, sign: str) -> None:
    values = [sample.value for _, samples in outage.minutes for sample in samples if sample.name == metric]
    threshold = sorted(values)[len(values) // 8] if sign == "<" else sorted(values)[-len(values) // 8]
    next_one = math.nextafter(threshold, math.inf if sign == "<" else -math.inf)  # the recorded value itself passes
    for name, number in (("exact.yml", threshold), ("next.yml", next_one)):
        rules_with(tmp_path / name, [f"{metric} {sign} {number!r}"], held="0s")
    export(outage, tmp_path / "next.yml", tmp_path / "out")
    assert verdict(tmp_path / "out") == ""
    (tmp_path / "out" / "rules.yml").write_bytes((tmp_path / "exact.yml").read_bytes())
    assert "alertname: Rule0" in verdict(tmp_path / "out")

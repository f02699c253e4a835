"""Recorded minutes for the alert tests, the lab's evaluation of them, and promtool's verdict on it."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import pytest

from aurora_sim.observe.alerts import Alert, AlertEngine, RuleFile, load_rules, write_rule_test
from aurora_sim.observe.series import Sample

Minutes = list[tuple[float, list[Sample]]]
TREATY = (("treaty_id", "AURORA-AKASH-001"),)
RULES = Path(__file__).resolve().parents[2] / "config" / "prometheus" / "alert_rules.yml"


@cache
def _promtool_version() -> str:
    return subprocess.run(["promtool", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    """What promtool says. Prometheus 3 leaves the sample at a range's start out, and is no judge of version 2's semantics."""
    if not _promtool_version().startswith("2.") and os.environ.get("AURORA_REQUIRE_TOOLS") != "1":
        pytest.skip(f"promtool {_promtool_version()} is not of Prometheus 2")
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)


def minutes_of(series: dict[tuple[str, tuple[tuple[str, str], ...]], Sequence[float | None]]) -> Minutes:
    """Minutes from 0 s on, of the values of each series; None where it has no sample."""
    length = max(len(values) for values in series.values())
    return [
        (
            60.0 * minute,
            [
                Sample(name, labels, float(value))
                for (name, labels), values in series.items()
                if minute < len(values) and (value := values[minute]) is not None
            ],
        )
        for minute in range(length)
    ]


def play(rules: RuleFile, recorded: Minutes) -> tuple[AlertEngine, list[tuple[Alert, ...]]]:
    """The engine after the last minute, and its states at each."""
    engine = AlertEngine(rules)
    states = []
    for time_s, samples in recorded:
        engine.observe(time_s, samples)
        states.append(engine.states())
    return engine, states


def judged(folder: Path, rules: RuleFile, recorded: Minutes, states: Sequence[Sequence[Alert]]) -> str:
    """Promtool's output on the lab's evaluation; empty where it agrees with every minute."""
    path = folder / "rule_test.yml"
    write_rule_test(path, rules, recorded, states)
    verdict = promtool("test", "rules", path)
    output = verdict.stdout + verdict.stderr
    assert ("FAILED" in output) == (verdict.returncode != 0), output
    return output if verdict.returncode else ""


def rules_of(folder: Path, expressions: Iterable[tuple[str, str]]) -> RuleFile:
    """A loaded file with one rule for each (expression, for)."""
    path = folder / "rules.yml"
    rules = [
        {"alert": f"Rule{number}", "expr": expression, "for": held, "labels": {"severity": "warning"}}
        for number, (expression, held) in enumerate(expressions)
    ]
    path.write_text(json.dumps({"groups": [{"name": "tests", "rules": rules}]}), encoding="utf-8")
    return load_rules(path)


def zoned(name: str, zone: str, node: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The key of a series with two labels."""
    return name, (("zone", zone), ("node", node))


def varied_minutes(seed: int, length: int) -> Minutes:
    """Gauges and counters in two zones and a histogram, with gaps, resets, late starts, early ends, NaN and infinities.

    The values of metrics with more than one series are whole, so that a sum is the same in whatever order promtool adds up.
    """
    draw = random.Random(seed)
    series: dict[tuple[str, tuple[tuple[str, str], ...]], list[float | None]] = {}
    for zone in ("east", "west"):
        for node in ("1", "2"):
            series[zoned("gauge", zone, node)] = [float(draw.randrange(-9, 10)) for _ in range(length)]
            series[zoned("other", zone, node)] = [float(draw.randrange(-2, 3)) for _ in range(length)]
            series[zoned("requests_total", zone, node)] = _counter(draw, length)
    series["tenths", ()] = [draw.randrange(-99, 100) / 10 for _ in range(length)]
    series["single", ()] = [draw.choice((0.0, 1.0, 2.0, math.inf, -math.inf)) for _ in range(length)]
    for values in series.values():
        _tear(draw, values)
    for path in ("/a", "/b"):
        for bound, counts in _buckets(draw, length).items():
            series["wait_bucket", (("path", path), ("le", bound))] = counts
    return minutes_of(series)


def _counter(draw: random.Random, length: int) -> list[float | None]:
    count, counts = float(draw.randrange(40)), []
    for _ in range(length):
        count = float(draw.randrange(5)) if draw.random() < 0.08 else count + draw.choice((0, 0, 1, 3, 20))
        counts.append(count)
    return list(counts)


def _tear(draw: random.Random, values: list[float | None]) -> None:
    """Gaps of every length, also at both ends."""
    for start in range(len(values)):
        if draw.random() < 0.06:
            for minute in range(start, min(len(values), start + draw.choice((1, 2, 4, 5, 6, 7, 11)))):
                values[minute] = None


def _buckets(draw: random.Random, length: int) -> dict[str, list[float | None]]:
    bounds = ["-1", "0.5", "1", "1.0", "2.5", "10", draw.choice(("+Inf", "Inf"))]
    total = dict.fromkeys(bounds, 0.0)
    counts: dict[str, list[float | None]] = {bound: [] for bound in bounds}
    for _ in range(length):
        for place in (draw.randrange(len(bounds)) for _ in range(draw.choice((0, 1, 9)))):
            for bound in bounds[place:]:
                total[bound] += 1.0
        for bound in bounds:
            gone = draw.random() < 0.03  # one bucket alone: counts below those before, or no last bucket
            counts[bound].append(None if gone else total[bound])
    return counts

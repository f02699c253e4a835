"""What the lab would evaluate otherwise than Prometheus is refused when the file is loaded: file, line, and its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alert_runs import promtool

from aurora_sim.observe.alerts import load_rules
from aurora_sim.scenario.errors import InputError

EXPRESSIONS = [
    ("quantile_over_time(0.9, a[5m]) > 1", "quantile_over_time"),
    ("idelta(a[5m]) > 1", "idelta"),
    ("predict_linear(a[1h], 60) > 1", "predict_linear"),
    ("time() - a > 60", "time"),
    ("label_replace(a, 'b', '$1', 'c', '(.*)') > 1", "label_replace"),
    ("vector(1)", "vector"),
    ("topk(3, a) > 1", "topk"),
    ("quantile(0.9, a) > 1", "quantile"),
    ("count_values('version', a) > 1", "count_values"),
    ("stddev(a) > 1", "stddev"),
    ("a offset 5m > 1", "offset"),
    ("rate(a[5m] offset 1h) > 1", "offset"),
    ("a @ 60 > 1", "@"),
    ("max_over_time(a[1h:1m]) > 1", "subqueries"),
    ("a atan2 b", "atan2"),
    ("a > on (x) group_left (y) b", "group_left"),
    ("a > on (x) group_right b", "group_right"),
    ("{job='aurora'} > 1", "metric name"),
    ("{__name__=~'a|b'} > 1", "metric name"),
    ("ALERTS{alertname='Other'}", "ALERTS"),
    ("a{b=~'(?i)x'}", "(?i)x"),
    ("a{b=~'[[:alpha:]]'}", "[[:alpha:]]"),
    ("a{b=~'\\\\pL'}", "pL"),
]
NOT_PROMQL = ["a >", "a ? b", "rate(a)", "unknown(a)", "sum(a[5m])", "a{b=~'('}", "1 > 2", "", "a[5m]", "'text'"]


def written(folder: Path, rule: dict[str, object] | str, **group: object) -> Path:
    """A rule file with one rule, one key a line: the expression is on line 7."""
    path = folder / "rules.yml"
    if isinstance(rule, str):
        rule = {"alert": "Tested", "expr": rule}
    lines = ["# a rule file", "groups:", "- name: tests", *(f"  {k}: {json.dumps(v)}" for k, v in group.items())]
    lines += ["  rules:", "  -", *(f"    {key}: {json.dumps(value)}" for key, value in rule.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("expression", "name"), EXPRESSIONS)
def test_an_expression(tmp_path: Path, expression: str, name: str) -> None:
    path = written(tmp_path, expression)
    with pytest.raises(InputError) as caught:
        load_rules(path)
    assert name in caught.value.what
    assert caught.value.where == f"{path}:7: groups.0.rules.0.expr"


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(("expression", "name"), EXPRESSIONS)
def test_prometheus_would_take_it(tmp_path: Path, expression: str, name: str) -> None:
    assert promtool("check", "rules", written(tmp_path, expression)).returncode == 0


@pytest.mark.parametrize("expression", NOT_PROMQL)
def test_what_is_no_condition(tmp_path: Path, expression: str) -> None:
    with pytest.raises(InputError, match=r":7: groups\.0\.rules\.0\.expr"):
        load_rules(written(tmp_path, expression))


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("expression", NOT_PROMQL)
def test_prometheus_would_not_take_it(tmp_path: Path, expression: str) -> None:
    verdict = promtool("check", "rules", written(tmp_path, expression))
    # A range or a text shows only at its first evaluation.
    assert (verdict.returncode == 0) == (expression in ("a[5m]", "'text'"))


RULE: dict[str, object] = {"alert": "Tested", "expr": "a > 1"}


@pytest.mark.parametrize(
    ("rule", "group", "named"),
    [
        ({"record": "b", "expr": "a"}, {}, "recording rules"),
        (RULE | {"keep_firing_for": "5m"}, {}, "keep_firing_for"),
        (RULE | {"forr": "5m"}, {}, "forr"),
        (RULE | {"for": "5 minutes"}, {}, "5 minutes"),
        (RULE | {"for": "1.5h"}, {}, "1.5h"),
        (RULE | {"for": 300}, {}, "300"),
        (RULE | {"for": ""}, {}, "''"),
        (RULE | {"labels": {"severity": 1}}, {}, "1"),
        (RULE | {"labels": {"a-b": "c"}}, {}, "a-b"),
        (RULE | {"labels": {"alertname": "c"}}, {}, "alertname"),
        (RULE | {"labels": {"node": "{{ $labels.node }}"}}, {}, "templates in labels"),
        (RULE | {"annotations": {"summary": "now {{ $value }}"}}, {}, "templates"),
        ({"alert": "Tested"}, {}, "expr"),
        ({"expr": "a"}, {}, "alert"),
        (RULE, {"interval": "30s"}, "30 s"),
        (RULE, {"limit": 3}, "limit"),
        (RULE, {"query_offset": "1m"}, "query_offset"),
        (RULE, {"intervall": "1m"}, "intervall"),
    ],
)
def test_a_key_or_value(tmp_path: Path, rule: dict[str, object], group: dict[str, object], named: str) -> None:
    path = written(tmp_path, rule, **group)
    with pytest.raises(InputError) as caught:
        load_rules(path)
    assert caught.value.where.startswith(f"{path}:")
    assert named in str(caught.value).removeprefix(str(path))


def test_two_groups_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text("groups:\n- name: a\n- name: a\n", encoding="utf-8")
    with pytest.raises(InputError, match="the name of two groups"):
        load_rules(path)


def test_durations_are_prometheuss(tmp_path: Path) -> None:
    for text, seconds in (
        ("1h30m", 5400.0),
        ("90s", 90.0),
        ("1d", 86400.0),
        ("2w", 1209600.0),
        ("250ms", 0.25),
        (0, 0.0),
    ):
        (rule,) = load_rules(written(tmp_path, RULE | {"for": text})).rules
        assert rule.for_s == seconds

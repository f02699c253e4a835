"""Every supported expression has the value that Prometheus gives it, to the last bit, with the same labels.

Alerts show only on which side of a threshold a value is; here promtool compares the values themselves.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from alert_runs import Minutes, promtool, rules_of, varied_minutes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aurora_sim.observe.alerts import write_rule_test
from aurora_sim.observe.alerts.evaluate import Evaluation, EvaluationError
from aurora_sim.observe.alerts.functions import KNOWN
from aurora_sim.observe.alerts.operators import AGGREGATIONS, ARITHMETIC, COMPARISONS, SETS
from aurora_sim.observe.alerts.store import Labels, SeriesStore

pytestmark = pytest.mark.needs("promtool")

TABLE = """
    gauge | gauge{zone='east'} | gauge{zone!='east'} | gauge{zone=~'e.*x?'} | gauge{node!~'[2-9]'} | gauge{zone=~'eas'}
    {__name__='gauge',node='1'} | gauge{nowhere=''} | nothing
    gauge + other | gauge - 3 | 2 * gauge | gauge / other | gauge % other | gauge ^ 2 | other ^ -1 | 7 % 0 | 1 / 0 | -1 / 0 | 1 / -0
    (1 / 0 > bool 0) + (1 / -0 < bool 0)
    2 ^ 3 ^ 2 | -2 ^ 2 | -gauge ^ 2 | (-other) ^ 3 | 1e308 * 1e308 | -(gauge) | 2 - -other
    gauge > 2 | 2 < gauge | gauge >= bool 2 | 1 == bool 1 | gauge != other | gauge == bool other | 3 > bool 4
    gauge <= on (zone, node) other | gauge{node='1'} > on (zone) other{node='2'}
    gauge{node='2'} * ignoring (node) gauge{node='1'}
    gauge and other | gauge or other | gauge unless other | gauge and on (zone) other{node='1'} | gauge > 0 or other
    gauge or nothing | nothing and gauge | nothing unless gauge | gauge unless ignoring (zone) other > 1
    delta(gauge[1m]) | delta(gauge[3m]) | delta(gauge[20m]) | delta(requests_total[5m])
    rate(gauge[5m]) | increase(single[5m])
    sum(gauge) | sum by (zone) (gauge) | sum without (zone) (gauge) | sum by (nowhere) (other) | sum by (__name__, node) (gauge)
    min by (zone) (gauge) | max by (zone) (gauge) | avg by (zone) (gauge) | count by (zone) (gauge) | max(single) | avg(single)
    max(rate(requests_total[5m])) | min without (node) (increase(requests_total[6m]))
    histogram_quantile(-1, wait_bucket) | histogram_quantile(0, wait_bucket) | histogram_quantile(1.5, wait_bucket)
    histogram_quantile(0.5, wait_bucket) | histogram_quantile(0.95, wait_bucket) | histogram_quantile(1, wait_bucket)
    histogram_quantile(0.95, rate(wait_bucket[5m])) | histogram_quantile(0.9, gauge)
    histogram_quantile(0.5, sum by (le) (increase(wait_bucket{path='/a'}[4m])))
    histogram_quantile(0.9, wait_bucket{le!~'.*Inf'}) | histogram_quantile(0.9, sum by (path) (wait_bucket))
    absent(gauge) | absent(gauge{zone='east',node='1',zone='east'}) | absent(nothing{a='b',c=~'d',e=''})
    absent((nothing{a='b'})) | absent(sum(nothing{a='b'}))
    abs(gauge) | clamp_min(gauge, 2) | clamp_max(single, 1 + 1) | clamp_min(gauge, 0 / 0)
"""
EXPRESSIONS = [
    *(expression for line in TABLE.split("\n") for expression in line.strip().split(" | ") if expression),
    *(
        f"{f}(requests_total[{range_}])"
        for f in ("rate", "increase", "irate")
        for range_ in ("1m", "2m", "5m", "7m30s", "1h")
    ),
    *(
        f"{name}_over_time({metric}[{range_}])"
        for name in ("avg", "min", "max", "sum", "count", "last")
        for metric in ("gauge", "single", "tenths")
        for range_ in ("30s", "4m", "15m")
    ),
]


def _evaluated(folder: Path, expression: str, recorded: Minutes) -> list[dict[Labels, float] | str]:
    """The value at each minute, or why there is none."""
    rules = rules_of(folder, [(expression, "0s")])
    store = SeriesStore(rules.selectors)
    evaluation = Evaluation(store)
    values: list[dict[Labels, float] | str] = []
    for time_s, samples in recorded:
        store.observe(time_s, samples)
        try:
            values.append(dict(evaluation.vector(rules.rules[0].expression)))
        except EvaluationError as error:
            values.append(str(error))
    return values


def _verdict(folder: Path, recorded: Minutes, cases: Sequence[tuple[int, str, dict[Labels, float]]]) -> str:
    """Promtool's complaints about (minute, expression, value)."""
    rules = rules_of(
        folder, [(metric, "0s") for metric in ("gauge", "other", "requests_total", "single", "tenths", "wait_bucket")]
    )
    write_rule_test(folder / "rule_test.yml", rules, recorded, [()] * len(recorded))
    text = (folder / "rule_test.yml").read_text(encoding="utf-8").partition("  alert_rule_test:\n")[0]
    tests = [
        {
            "expr": expression,
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": _notation(labels), "value": number} for labels, number in value.items()],
        }
        for minute, expression, value in cases
    ]
    written = json.dumps(tests).replace("-Infinity", "-.inf").replace("Infinity", ".inf")
    path = folder / "value_test.yml"
    path.write_text(f"{text}  promql_expr_test: {written}\n", encoding="utf-8")
    verdict = promtool("test", "rules", path)
    return "" if verdict.returncode == 0 else verdict.stdout + verdict.stderr


def _notation(labels: Labels) -> str:
    return "{" + ",".join(f"{label}={json.dumps(text)}" for label, text in labels) + "}"


def _comparable(value: dict[Labels, float]) -> bool:
    return not any(map(math.isnan, value.values()))  # to promtool, NaN is not NaN


@pytest.mark.parametrize("seed", range(3))
def test_of_every_expression(tmp_path: Path, seed: int) -> None:
    recorded = varied_minutes(seed, 45)
    cases = []
    for expression in EXPRESSIONS:
        values = _evaluated(tmp_path, expression, recorded)
        assert not any(isinstance(value, str) for value in values), (expression, values)
        cases += [(minute, expression, v) for minute, v in enumerate(values) if isinstance(v, dict) and _comparable(v)]
    assert len(cases) > 40 * len(EXPRESSIONS) * 0.8
    assert _verdict(tmp_path, recorded, cases) == ""


def test_the_table_has_everything_that_is_supported() -> None:
    text = " ".join(EXPRESSIONS)
    for name in (*KNOWN, *AGGREGATIONS, *ARITHMETIC, *COMPARISONS, *SETS):
        assert name in text, name


def test_promtool_sees_one_wrong_bit(tmp_path: Path) -> None:
    recorded = varied_minutes(0, 30)
    value = {(): 7.0}
    assert _verdict(tmp_path, recorded, [(20, "7 * 1", value)]) == ""
    assert "7 * 1" in _verdict(tmp_path, recorded, [(20, "7 * 1", {(): math.nextafter(7.0, 8.0)})])


# Sums and means over series depend on the order of adding as soon as they are not of whole numbers, and promtool's order is
# another at each call: so they are made of selectors only, and means of two series at most.
LABELS = st.sampled_from(["", "{zone='east'}", "{node='2'}", "{zone!~'e.*'}", "{zone='west',node='1'}"])
METRICS = st.sampled_from(["gauge", "other", "requests_total"])
SELECTORS = st.builds(str.__add__, METRICS, LABELS)
RANGES = st.sampled_from(["1m", "90s", "3m", "5m", "12m"])
MATCHING = st.sampled_from(["", "", "on (zone, node) ", "ignoring (node) ", "on (zone) ", "on () "])
OVER_RANGE = st.sampled_from(sorted(KNOWN - {"abs", "absent", "clamp_min", "clamp_max", "histogram_quantile"}))
LEAVES = st.one_of(
    SELECTORS,
    st.builds("{}({}[{}])".format, OVER_RANGE, SELECTORS, RANGES),
    st.builds("sum {}({})".format, st.sampled_from(["", "by (zone) ", "without (zone) "]), SELECTORS),
    st.builds("avg by (zone) ({})".format, SELECTORS),
    st.builds("histogram_quantile({}, rate(wait_bucket[{}]))".format, st.sampled_from(["0.5", "0.95"]), RANGES),
)
ONE_OPERAND = st.sampled_from(["abs", "absent", "-", "min by (zone) ", "max", "count by (node) "])
NUMBERS = st.sampled_from(["0", "1", "-2", "2.5", "(3 - 1)"])


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    plain = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", ">", "<= bool", ">= bool"])
    return st.one_of(
        st.builds("({} {} {}{})".format, inner, plain, MATCHING, inner),
        st.builds("({} {} {})".format, inner, plain, NUMBERS),
        st.builds("({} {} {})".format, NUMBERS, plain, inner),
        st.builds("({} {} {}{})".format, inner, st.sampled_from(SETS), MATCHING, inner),
        st.builds("{}({})".format, ONE_OPERAND, inner),
        st.builds("clamp_max({}, {})".format, inner, NUMBERS),
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 5), expression=st.recursive(LEAVES, _combined, max_leaves=5))
def test_of_any_expression(tmp_path: Path, seed: int, expression: str) -> None:
    recorded = varied_minutes(seed, 30)
    values = _evaluated(tmp_path, expression, recorded)
    cases = [(m, expression, value) for m, value in enumerate(values) if isinstance(value, dict) and _comparable(value)]
    if cases:
        assert _verdict(tmp_path, recorded, cases) == ""
    refused = next((minute for minute, value in enumerate(values) if isinstance(value, str)), None)
    if refused is not None:  # Prometheus has no value there either
        assert "err:" in _verdict(tmp_path, recorded, [(refused, expression, {})])

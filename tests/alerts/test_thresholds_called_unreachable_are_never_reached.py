"""What the audit says of an expression's values is true of every value that it has: a rule is called deaf only if it is."""

from __future__ import annotations

import math
from functools import cache

from exported_runs import tape
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aurora_sim.lab.alerts.exported import exported
from aurora_sim.lab.alerts.reach import reach
from aurora_sim.observe.alerts.evaluate import Evaluation, EvaluationError
from aurora_sim.observe.alerts.expression import selectors
from aurora_sim.observe.alerts.parse import Parser
from aurora_sim.observe.alerts.store import SeriesStore

MINUTES = 60


@cache
def recorded() -> list[tuple[float, list[tuple[str, tuple[tuple[str, str], ...], float]]]]:
    """The minutes of a run with an outage in it."""
    return [(time_s, [*samples]) for time_s, samples in tape("akash-outage", 42, MINUTES).minutes]


def test_every_sample_is_of_an_exported_metric_and_within_its_bounds() -> None:
    known = exported()
    for _, samples in recorded():
        for name, labels, value in samples:
            metric = known[name]
            assert metric.recorded
            assert metric.bounds[0] <= value <= metric.bounds[1], (name, value)
            assert metric.labels is None or {label for label, _ in labels} <= metric.labels


def test_both_exporters_are_asked() -> None:
    known = exported()
    assert not known["desk_waiting_orders"].recorded
    assert known["http_requests_total"].kind == "counter"
    assert known["treaty_rtt_ms"].labels == {"treaty_id"}
    assert known["policy_decision_duration_ms_bucket"].labels == {"le"}


INSTANT = st.sampled_from(
    [
        "treaty_fill_rate",
        "treaty_rtt_ms",
        "treaty_dropped_requests",
        "provider_active",
        "provider_reputation{provider_id=~'a.*'}",
        "treaty_orders_total",
        "provider_leased_gpus",
    ]
)
COUNTERS = st.sampled_from(
    ["treaty_failover_events_total", "treaty_orders_total", "treaty_orders_total{outcome!~'filled|rejected'}"]
)
ANY_RANGE = st.sampled_from(["3m", "5m", "12m"])
OVER_TIME = st.sampled_from(["sum", "avg", "min", "max", "count", "last"])
SHARES = st.sampled_from(
    [
        "sum(rate(treaty_orders_total{outcome=~'refused|unroutable'}[5m])) / sum(rate(treaty_orders_total[5m]))",
        "sum(increase(treaty_orders_total{outcome='filled'}[9m])) / sum(increase(treaty_orders_total{outcome!~'denied'}[9m]))",
        "sum(rate(treaty_orders_total{outcome='filled'}[5m])) / sum(rate(treaty_orders_total{outcome!='filled'}[5m]))",
    ]
)
LEAVES = st.one_of(
    INSTANT,
    SHARES,
    st.builds("{}({}[{}])".format, st.sampled_from(["rate", "increase", "irate"]), COUNTERS, ANY_RANGE),
    st.builds("delta({}[{}])".format, INSTANT, ANY_RANGE),
    st.builds("{}_over_time({}[{}])".format, OVER_TIME, INSTANT, ANY_RANGE),
    st.builds(
        "histogram_quantile({}, rate({}_bucket[5m]))".format,
        st.sampled_from(["0", "0.5", "1", "2", "-1"]),
        st.sampled_from(["bridge_rtt_ms", "policy_decision_duration_ms"]),
    ),
    st.sampled_from(["0", "1", "0.5", "-3", "(2 - 1)"]),
)
SIGNS = st.sampled_from(["<", ">", "<=", ">=", "==", "!="])


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", "%", "^"]), inner),
        st.builds("({} {} {})".format, inner, SIGNS, st.sampled_from(["0", "1", "0.8", "60", "-1"])),
        st.builds("({} {} {})".format, st.sampled_from(["0", "1", "0.8", "60", "-1"]), SIGNS, inner),
        st.builds("({} {} bool {})".format, inner, SIGNS, st.sampled_from(["0", "1", "0.8"])),
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or", "unless", "<", ">="]), inner),
        st.builds("{}({})".format, st.sampled_from(["abs", "-", "sum", "min", "max", "avg", "count", "absent"]), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["clamp_min", "clamp_max"]), inner, st.sampled_from(["0", "2"])),
    )


@settings(max_examples=200, deadline=None)
@given(text=st.recursive(LEAVES, _combined, max_leaves=4))
@example("sum(provider_active)")
@example("sum_over_time(treaty_fill_rate[5m])")
@example("count(provider_active) * 2")
@example("sum(rate(treaty_orders_total{outcome='filled'}[5m])) / sum(rate(treaty_orders_total{outcome!='filled'}[5m]))")
@example("treaty_fill_rate < 0 or treaty_rtt_ms > 0")
def test_every_value_is_within_reach(text: str) -> None:
    try:
        node = Parser().parse(text)
    except Exception:
        return  # not every text of the grammar is PromQL: a number has no `and`
    span = reach(node)
    store = SeriesStore(selectors(node))
    evaluation = Evaluation(store)
    for time_s, samples in recorded():
        store.observe(time_s, samples)
        try:
            values = [value for _, value in evaluation.vector(node) if not math.isnan(value)]
        except EvaluationError:
            continue
        for value in values:
            assert span is not None, (text, time_s, value)
            slack = 1e-9 * max(1.0, abs(value))
            assert span[0] - slack <= value <= span[1] + slack, (text, time_s, value, span)

"""A rule is not evaluated before each series that it cannot do without was there: until then it is empty, and does not fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from alert_runs import minutes_of, play, rules_of, varied_minutes, zoned
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aurora_sim.observe.alerts.evaluate import Evaluation
from aurora_sim.observe.alerts.shape import needed
from aurora_sim.observe.alerts.store import SeriesStore

SELECTORS = st.builds(
    "{}{}".format,
    st.sampled_from(["gauge", "other", "requests_total", "nothing"]),
    st.sampled_from(["", "{node='1'}", "{zone='north'}"]),
)
LEAVES = st.one_of(
    st.sampled_from(["1", "-2.5"]),
    SELECTORS,
    st.builds("rate({}[5m])".format, SELECTORS),
    st.builds("count_over_time({}[5m])".format, SELECTORS),
    st.builds("sum({})".format, SELECTORS),
)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    vectors = inner.filter(lambda text: not text.strip("(-").startswith(("1", "2")))
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "/", "> bool", "<= bool"]), inner),
        st.builds("({} {} on (zone) {})".format, vectors, st.sampled_from(["*", ">", "<", "and"]), vectors),
        st.builds("({} {} {})".format, vectors, st.sampled_from(["and", "or", "unless"]), vectors),
        st.builds("{}({})".format, st.sampled_from(["abs", "absent", "-", "max", "count by (node) "]), vectors),
        st.builds("clamp_min({}, 2)".format, vectors),
        st.builds("histogram_quantile(0.9, {})".format, vectors),
    )


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(expression=st.recursive(LEAVES, _combined, max_leaves=5))
def test_it_is_empty_until_then(tmp_path: Path, expression: str) -> None:
    rules = rules_of(tmp_path, [(expression, "0s")])
    node = rules.rules[0].expression
    store = SeriesStore(rules.selectors)
    evaluation = Evaluation(store)
    for time_s, samples in varied_minutes(0, 8):
        store.observe(time_s, samples)
        if not all(map(store.has_series, needed(node))):
            assert evaluation.vector(node) == []


@pytest.mark.parametrize("expression", ["late > 1", "gauge and late > 1", "sum(rate(late[5m])) / sum(gauge) > 0"])
def test_it_fires_from_the_first_minute_on(tmp_path: Path, expression: str) -> None:
    rules = rules_of(tmp_path, [(expression, "0s"), ("absent(late)", "0s")])
    recorded = minutes_of(
        {zoned("gauge", "east", "1"): [1.0] * 6, zoned("late", "east", "1"): [None, None, *[5.0, 9.0] * 2]}
    )
    fired = [(row[0], row[3]) for row in play(rules, recorded)[0].history()]
    assert fired == [("Rule1", "0"), ("Rule0", "180" if "rate" in expression else "120")]

"""Each alert fires at the runbook's threshold and after its duration, to the minute.

The table is typed from the runbook's "Key Performance Indicators", not read from the rule file. A metric rests, and steps
over its threshold at minute 30. Just at the threshold nothing may happen: the runbook says "<" and ">".
"""

from __future__ import annotations

import pytest
from alert_runs import RULES, TREATY, Minutes, minutes_of, play

from aurora_sim.observe.alerts import load_rules
from aurora_sim.observe.tally import DecisionTimes

STEP_MINUTE = 30
LENGTH = 60

RUNBOOK = [
    # alert, severity, metric, at rest, at the threshold, over it, fires after minutes
    ("AuroraFillRateLow", "warning", "treaty_fill_rate", 0.95, 0.80, 0.7999, 5),
    ("AuroraFillRateCritical", "critical", "treaty_fill_rate", 0.95, 0.70, 0.6999, 10),
    ("AuroraBridgeRttHigh", "warning", "treaty_rtt_ms", 300.0, 350.0, 350.1, 10),
    ("AuroraBridgeRttCritical", "critical", "treaty_rtt_ms", 300.0, 500.0, 500.1, 5),
    ("AuroraProvenanceCoverageLow", "warning", "treaty_provenance_coverage", 0.99, 0.90, 0.8999, 15),
    ("AuroraProvenanceCoverageCritical", "critical", "treaty_provenance_coverage", 0.99, 0.80, 0.7999, 10),
    ("AuroraDroppedRequestsHigh", "warning", "treaty_dropped_requests", 3.0, 50.0, 51.0, 0),
    ("AuroraDroppedRequestsCritical", "critical", "treaty_dropped_requests", 3.0, 100.0, 101.0, 0),
]
DECISIONS = [("AuroraPolicyDecisionSlow", "warning", 10), ("AuroraPolicyDecisionCritical", "critical", 5)]
FAILOVERS = [("AuroraFailoversHigh", "warning", 10), ("AuroraFailoversCritical", "critical", 20)]
BURNS = [
    # alert, severity, burn rate, short window and long window in minutes: SRE workbook, chapter 5; the budget is 5 %
    ("AuroraDroppedBudgetBurns14x", "page", 14.4, 5, 60),
    ("AuroraDroppedBudgetBurns6x", "page", 6.0, 30, 360),
    ("AuroraDroppedBudgetBurns3x", "ticket", 3.0, 120, 1440),
    ("AuroraDroppedBudgetBurns1x", "ticket", 1.0, 360, 4320),
]


def fired(minutes: Minutes, alert: str) -> list[tuple[str, ...]]:
    """The rows of one alert: severity, state, and the minutes at which it started and fired."""
    engine, _ = play(load_rules(RULES), minutes)
    rows = [row for row in engine.history() if row[0] == alert]
    return [(row[1], row[2], *(str(int(text) // 60) for text in row[3:5])) for row in rows]


def stepped(metric: str, rest: float, after: float) -> Minutes:
    return minutes_of({(metric, TREATY): [rest] * STEP_MINUTE + [after] * (LENGTH - STEP_MINUTE)})


def test_the_table_has_every_rule() -> None:
    rules = [(rule.alert, rule.severity) for rule in load_rules(RULES).rules]
    assert sorted(rules) == sorted((row[0], row[1]) for row in (*RUNBOOK, *DECISIONS, *FAILOVERS, *BURNS))


@pytest.mark.parametrize(("alert", "severity", "metric", "rest", "at", "over", "held"), RUNBOOK)
def test_a_step_over_the_threshold_fires_after_the_duration(
    alert: str, severity: str, metric: str, rest: float, at: float, over: float, held: int
) -> None:
    assert fired(stepped(metric, rest, at), alert) == []
    expected = (severity, "firing", str(STEP_MINUTE), str(STEP_MINUTE + held))
    assert fired(stepped(metric, rest, over), alert) == [expected]


@pytest.mark.parametrize(("alert", "severity", "metric", "rest", "at", "over", "held"), RUNBOOK)
def test_one_minute_less_does_not_fire(
    alert: str, severity: str, metric: str, rest: float, at: float, over: float, held: int
) -> None:
    values = [rest] * STEP_MINUTE + [over] * held + [rest] * (LENGTH - STEP_MINUTE - held)
    assert fired(minutes_of({(metric, TREATY): values}), alert) == []


def decisions(wait_ms: float) -> Minutes:
    """Thirty-six decisions a minute, at once until the step and of `wait_ms` from then on, as the exporter has them."""
    counts = dict.fromkeys((*DecisionTimes.BOUNDS_MS, float("inf")), 0)
    values: dict[float, list[float | None]] = {bound: [] for bound in counts}
    for minute in range(LENGTH):
        for bound in counts:
            counts[bound] += 36 if minute < STEP_MINUTE or wait_ms <= bound else 0
            values[bound].append(float(counts[bound]))
    name = "policy_decision_duration_ms_bucket"
    return minutes_of(
        {(name, (("le", "+Inf" if bound == float("inf") else str(bound)),)): values[bound] for bound in values}
    )


@pytest.mark.parametrize(("alert", "severity", "held"), DECISIONS)
def test_slow_decisions_fire(alert: str, severity: str, held: int) -> None:
    threshold_ms = {"warning": 25.0, "critical": 50.0}[severity]
    assert fired(decisions(threshold_ms), alert) == []
    # Of the first five-minute range with a slow minute, 20 % of the decisions are slow: its 95th percentile is over.
    expected = (severity, "firing", str(STEP_MINUTE), str(STEP_MINUTE + held))
    assert fired(decisions(threshold_ms + 0.5), alert) == [expected]


def failovers(in_five_minutes: int) -> Minutes:
    """So many failovers in each five minutes, evenly, from a counter that has stood at 1000."""
    values = [1000.0 + max(0, minute - STEP_MINUTE) * in_five_minutes / 5 for minute in range(LENGTH)]
    return minutes_of({("treaty_failover_events_total", TREATY): values})


@pytest.mark.parametrize(("alert", "severity", "threshold"), FAILOVERS)
def test_failovers_fire_at_once(alert: str, severity: str, threshold: int) -> None:
    assert fired(failovers(threshold), alert) == []
    # With one more than the threshold in five minutes, the fifth minute is the first that is over.
    minute = str(STEP_MINUTE + 5)
    assert fired(failovers(threshold + 1), alert) == [(severity, "firing", minute, minute)]


def burning(bad_share: float, from_minute: int, length: int, per_minute: float = 100.0) -> Minutes:
    """Orders that end at a steady rate, none bad before a minute and this share from it on."""
    key = "treaty_orders_total"
    good, bad = 0.0, 0.0
    filled, refused = [], []
    for minute in range(length):
        share = bad_share if minute > from_minute else 0.0
        good, bad = good + per_minute * (1.0 - share), bad + per_minute * share
        filled.append(good)
        refused.append(bad)
    return minutes_of(
        {
            (key, (*TREATY, ("outcome", "filled"))): filled,
            (key, (*TREATY, ("outcome", "refused"), ("reason", "full"))): refused,
        }
    )


@pytest.mark.parametrize(("alert", "severity", "burn", "short", "long"), BURNS)
def test_a_budget_that_burns_too_fast_in_both_windows_fires(
    alert: str, severity: str, burn: float, short: int, long: int
) -> None:
    bound = 0.05 * burn
    # All bad from a minute on: the long window's share passes the bound when that much of it is bad; just at it, rounding decides.
    begin, needed = long, int(bound * long + 1e-6)
    [(found, state, _, minute)] = fired(burning(1.0, begin, begin + needed + 3), alert)
    assert (found, state) == (severity, "firing")
    assert int(minute) - begin - needed in (0, 1)
    # Just at the bound for ever: silent.
    assert fired(burning(bound, 0, long + 30), alert) == []


@pytest.mark.parametrize(("alert", "severity", "burn", "short", "long"), BURNS)
def test_few_orders_burn_no_budget(alert: str, severity: str, burn: float, short: int, long: int) -> None:
    assert fired(burning(1.0, 0, long + 10, per_minute=99.0 / long), alert) == []

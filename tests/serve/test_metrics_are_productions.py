"""On the metrics port dashboards and alert rules find production's names, with their labels and what they count."""

from __future__ import annotations

import subprocess

import pytest
from memory_desk import MemoryDesk, Served, an_order, ask, serving
from prometheus_client.parser import text_string_to_metric_families

from aurora_sim.treaty.serve.meter import Histogram, Meter

TREATY = {"treaty_id": "AURORA-AKASH-001"}
UNIT_MS = "metric names should not contain abbreviated units"
UNIT_HOURS = 'use base unit "seconds" instead of "hours"'
FIXED_BY_PRODUCTION = {
    f"gpu_hours_total {UNIT_HOURS}",
    f"policy_decision_duration_ms {UNIT_MS}",
    f"provider_latency_ms {UNIT_MS}",
    f"tenant_gpu_hours_used {UNIT_HOURS}",
    f"treaty_rtt_ms {UNIT_MS}",
}
NAMED_AFTER_THOSE = {f"tenant_daily_quota_gpu_hours {UNIT_HOURS}", f"treaty_quota_gpu_hours {UNIT_HOURS}"}


def scrape(served: Served) -> str:
    page = ask(served.metrics_port, "GET", "/metrics")
    assert page.status == 200
    return page.body.decode()


def values(page: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


@pytest.fixture
def busy() -> Served:
    with serving() as served:
        meter = served.meter
        meter.decided(0.01, 0)
        meter.acknowledged("akash", 12.0)
        meter.failed_over("flux", "refused")
        meter.ended("filled", "", 0.5)
        meter.ended("denied", "tenant_daily_quota", 9.0)
        for body in (an_order(), an_order(), b"{"):
            served.post(body)
        served.ask("GET", "/no/such/path")
        served.ask("BREW", "/orders")
        yield served


def test_the_names_of_production_have_their_values(busy: Served) -> None:
    found = values(scrape(busy))

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert value("treaty_fill_rate", **TREATY) == 0.95
    assert value("treaty_rtt_ms", **TREATY) == 12.0
    assert value("treaty_provenance_coverage", **TREATY) == 0.99
    assert value("treaty_dropped_requests", **TREATY) == 3.0
    assert value("treaty_failover_events_total", **TREATY) == 1.0
    assert value("treaty_halted", **TREATY) == 0.0
    assert value("gpu_hours_total") == 12.5
    assert value("policy_decision_duration_ms_count") == 1.0
    assert value("policy_decision_duration_ms_bucket", le="25.0") == 1.0
    assert value("policy_decision_duration_ms_bucket", le="0.005") == 0.0
    assert value("tenant_gpu_hours_used", tenant_id="tenant-research") == 12.5
    assert value("provider_active", provider_id="akash") == 1.0
    assert value("provider_capacity_gpus", provider_id="akash") == 220.0
    assert value("provider_latency_ms", provider_id="akash") == 300.0
    assert value("provider_price_usd_per_hour", provider_id="akash") == 1.8
    assert value("provider_reputation", provider_id="akash") == 78.0
    assert value("treaty_orders_total", **TREATY, outcome="filled") == 1.0
    assert value("treaty_orders_total", **TREATY, outcome="denied", reason="tenant_daily_quota") == 1.0
    assert value("http_requests_total", method="POST", path="/orders", status="202") == 1.0
    assert value("http_requests_total", method="POST", path="/orders", status="409") == 1.0
    assert value("http_requests_total", method="POST", path="/orders", status="422") == 1.0
    assert value("http_requests_total", method="GET", path="other", status="404") == 1.0
    assert value("http_requests_total", method="other", path="/orders", status="405") == 1.0
    assert value("order_decision_duration_seconds_count") == 3.0
    assert value("desk_batch_orders_sum") == 3.0
    assert value("treaty_database_up") == 1.0


def test_without_the_database_its_metrics_are_absent_and_the_others_stay() -> None:
    with serving(MemoryDesk(unavailable=True)) as served:
        found = {name for name, _ in values(scrape(served))}
    assert "treaty_fill_rate" not in found
    assert "tenant_gpu_hours_used" not in found
    assert {"treaty_database_up", "http_requests_total", "desk_waiting_orders"} - found == {"http_requests_total"}


def test_only_metrics_are_on_that_port_and_on_no_other(busy: Served) -> None:
    assert ask(busy.metrics_port, "GET", "/orders/x").status == 404
    assert ask(busy.metrics_port, "POST", "/metrics").status == 405
    assert busy.ask("GET", "/metrics").status == 404


@pytest.mark.needs("promtool")
def test_promtool_complains_of_nothing_but_fixed_names(busy: Served) -> None:
    told = subprocess.run(
        ["promtool", "check", "metrics"], input=scrape(busy).encode(), capture_output=True, timeout=30, check=False
    )
    assert told.stdout == b""
    assert set(told.stderr.decode().split("\n")) - {""} == FIXED_BY_PRODUCTION | NAMED_AFTER_THOSE


def test_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.5):
        histogram.add(value)
    assert histogram.counts == [2, 2, 1]


@pytest.mark.parametrize(("count", "p95_ms"), [(0, None), (1, 1.0), (20, 19.0), (100, 95.0), (101, 96.0)])
def test_the_round_trip_is_the_95th_percentile(count: int, p95_ms: float | None) -> None:
    meter = Meter()
    for rtt_ms in range(count, 0, -1):
        meter.acknowledged("akash", float(rtt_ms))
    assert meter.rtt_p95_ms() == p95_ms

"""The metrics of a serving process under production's names: its own counts, and what the database says of the treaty.

All is read when somebody asks. While the database is out of reach its metrics are absent, and `treaty_database_up` is 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any, Final

from prometheus_client import Metric as Family
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from aurora_sim.treaty.ranking import ProviderView
from aurora_sim.treaty.serve.meter import Histogram, Meter
from aurora_sim.treaty.serve.state import LatestReadings
from aurora_sim.treaty.store.answers import Readings, StoreUnavailable

FILLED: Final = ("filled", "")


class ServiceCollector(Collector):
    """Makes the families of a scrape; `waiting` counts the orders in the desk's line."""

    def __init__(self, treaty_id: str, meter: Meter, latest: LatestReadings, waiting: Callable[[], int]) -> None:
        self._treaty_id = treaty_id
        self._meter = meter
        self._latest = latest
        self._waiting = waiting

    def describe(self) -> Iterable[Family]:
        """Nothing, so that registering reads nothing."""
        return ()

    def collect(self) -> Iterator[Family]:
        """One family for each metric."""
        yield from self._of_this_process()
        try:
            readings = self._latest.get()
        except StoreUnavailable:
            yield _database_up(False)
            return
        yield _database_up(True)
        yield from self._of_the_treaty(readings)
        yield from _of_the_providers(readings.providers)

    def _of_this_process(self) -> Iterator[Family]:
        meter, treaty = self._meter, {"treaty_id": self._treaty_id}
        rtt_ms = meter.rtt_p95_ms()
        if rtt_ms is not None:
            yield _gauge(
                "treaty_rtt_ms",
                "95th percentile of the round trip to the provider, order to ack, over the trailing 5 minutes.",
                rtt_ms,
                treaty,
            )
        yield _counter(
            "treaty_failover_events_total",
            "Times that an order went on to its next candidate.",
            [(treaty, sum(_copy(meter.failovers).values()))],
        )
        yield _histogram("policy_decision_duration_ms", "Time of a policy decision.", [({}, meter.decisions_ms)])
        yield _histogram(
            "order_decision_duration_seconds",
            "Time from an order's arrival at the desk's line to its answer: signature, nonce, policy, route, ack and commit.",
            [({}, meter.answers_s)],
        )
        yield _histogram("desk_batch_orders", "Orders answered together, in one transaction.", [({}, meter.batches)])
        yield _gauge("desk_waiting_orders", "Orders that wait for the desk.", self._waiting())
        yield _counter(
            "treaty_orders_total",
            "Orders that have ended, by outcome and the reason that refines it.",
            [
                (treaty | {"outcome": outcome} | ({"reason": reason} if reason else {}), count)
                for (outcome, reason), count in sorted({FILLED: 0, **_copy(meter.ended_by)}.items())
            ],
        )
        yield _counter(
            "provider_orders_filled_total",
            "Orders that the provider has filled.",
            [({"provider_id": provider}, count) for provider, count in sorted(_copy(meter.filled_by).items())],
        )
        yield _counter(
            "provider_refusals_total",
            "Times that the provider did not take an order, by reason.",
            [
                ({"provider_id": provider, "reason": reason}, count)
                for (provider, reason), count in sorted(_copy(meter.failovers).items())
            ],
        )
        yield _counter(
            "http_requests_total",
            "Requests answered.",
            [
                ({"method": method, "path": path, "status": str(status)}, count)
                for (method, path, status), count in sorted(_copy(meter.requests).items())
            ],
        )
        yield _histogram(
            "http_request_duration_seconds",
            "Time from a request's head to its answer.",
            [({"path": path}, histogram) for path, histogram in sorted(meter.request_seconds.copy().items())],
        )

    def _of_the_treaty(self, readings: Readings) -> Iterator[Family]:
        treaty = {"treaty_id": readings.treaty_id}
        if readings.fill_rate is not None:
            yield _gauge(
                "treaty_fill_rate",
                "Share of the orders allowed by the policy that were filled, over the trailing 5 minutes.",
                readings.fill_rate,
                treaty,
            )
        if readings.provenance_coverage is not None:
            yield _gauge(
                "treaty_provenance_coverage",
                "Complete receipts per completed job, over the trailing 15 minutes.",
                readings.provenance_coverage,
                treaty,
            )
        yield _gauge(
            "treaty_dropped_requests",
            "Orders allowed by the policy and not filled, over the trailing 5 minutes.",
            readings.dropped_recently,
            treaty,
        )
        halted = bool(readings.halt_reasons)
        yield _gauge(
            "treaty_halted", "Whether every order is refused because the treaty is halted: 1 or 0.", halted, treaty
        )
        yield _gauge("treaty_terms_version", "Version of the terms in force.", readings.terms_version, treaty)
        yield _gauge("treaty_log_entries", "Entries of the order log.", readings.log_entries, treaty)
        yield _gauge("treaty_nonces_held", "Nonces that the database holds.", readings.nonces_held, treaty)
        # All tenants', on all days; nothing is ever taken back from it, so it is a counter.
        yield _counter("gpu_hours_total", "GPU-hours of the orders filled.", [({}, readings.gpu_hours_used_total)])
        yield _gauge(
            "treaty_quota_gpu_hours", "GPU-hours of the treaty in all.", readings.quota_gpu_hours_total, treaty
        )
        yield _gauge(
            "tenant_daily_quota_gpu_hours",
            "GPU-hours that each tenant may use on a day (UTC).",
            readings.quota_gpu_hours_daily_per_tenant,
            treaty,
        )
        used = GaugeMetricFamily(
            "tenant_gpu_hours_used",
            "GPU-hours of today's quota (UTC) that the tenant has taken.",
            labels=("tenant_id",),
        )
        for tenant_id, gpu_hours in sorted(readings.gpu_hours_used_today.items()):
            used.add_metric((tenant_id,), gpu_hours)
        yield used


def _of_the_providers(views: Iterable[ProviderView]) -> Iterator[Family]:
    def gauge(name: str, description: str, value: Callable[[ProviderView], float]) -> Family:
        family = GaugeMetricFamily(name, description, labels=("provider_id",))
        for view in views:
            family.add_metric((view.provider_id,), value(view))
        return family

    yield gauge("provider_active", "Whether the provider answers: 1 or 0.", lambda view: float(view.active))
    yield gauge(
        "provider_capacity_gpus", "GPUs on offer, leased ones included.", lambda view: sum(view.capacity_gpus.values())
    )
    yield gauge("provider_latency_ms", "The provider's own service latency.", lambda view: view.latency_ms)
    yield gauge(
        "provider_price_usd_per_hour",
        "Price of a GPU-hour, the mean over the provider's GPU types.",
        lambda view: sum(view.price_usd_per_hour.values()) / max(1, len(view.price_usd_per_hour)),
    )
    yield gauge("provider_reputation", "Reputation, 0 to 100.", lambda view: view.reputation)


def _database_up(up: bool) -> Family:
    return _gauge("treaty_database_up", "Whether the database and the order log can be read: 1 or 0.", up)


def _copy(counter: Counter[Any]) -> dict[Any, int]:
    """A copy, in one step: the thread that counts may add a key meanwhile."""
    return dict(counter)


def _gauge(name: str, description: str, value: float, labels: dict[str, str] | None = None) -> Family:
    family = GaugeMetricFamily(name, description)
    family.add_sample(name, labels or {}, float(value))
    return family


def _counter(name: str, description: str, values: Iterable[tuple[dict[str, str], float]]) -> Family:
    family = CounterMetricFamily(name.removesuffix("_total"), description)
    for labels, value in values:
        family.add_sample(name, labels, float(value))
    return family


def _histogram(name: str, description: str, values: Iterable[tuple[dict[str, str], Histogram]]) -> Family:
    family = HistogramMetricFamily(name, description)
    for labels, histogram in values:
        cumulative = list(accumulate(histogram.counts.copy()))
        for bound, count in zip((*map(str, histogram.bounds), "+Inf"), cumulative, strict=True):
            family.add_sample(f"{name}_bucket", {**labels, "le": bound}, count)
        family.add_sample(f"{name}_sum", labels, histogram.sum)
        family.add_sample(f"{name}_count", labels, cumulative[-1])
    return family

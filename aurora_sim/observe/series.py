"""The table of metrics: what each is called, what it means, and where its value comes from.

The exporter and the evaluation of the alert rules both read it, so that a name or a value cannot mean two things. The names of
production are fixed; the others follow Prometheus's conventions. Times are simulated, but for the policy's decision time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache, lru_cache, partial
from itertools import accumulate, chain
from typing import Final, Literal, NamedTuple

from aurora_sim.observe.recorder import ProviderReading, Recorder, StepReading
from aurora_sim.observe.tally import RttHistogram

RTT_BOUNDS_MS: Final = (25, 50, 100, 150, 200, 250, 300, 350, 400, 500, 750, 1000, 2000, 5000, 10_000, 30_000)
"""350 and 500 are the objective and the critical threshold: at these the histogram is exact."""
FILLED: Final = ("filled", "")


class Buckets(NamedTuple):
    """A histogram's value. `counts` are cumulative, one for each bound and one, the last, for all."""

    bounds: tuple[float, ...]
    counts: Sequence[int]
    sum: float


Labels = tuple[tuple[str, str], ...]
"""Label names and values."""

Values = Iterable[tuple[tuple[str, ...], float | Buckets]]
"""The values of a metric, each with those of its labels; without any while there is no data."""


class Metric(NamedTuple):
    """A row of the table. `read` gives the values of all labels but `treaty_id`, which is the same for a whole run."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    labels: tuple[str, ...]
    read: Callable[[Recorder, StepReading], Values]

    @property
    def sample_names(self) -> tuple[str, ...]:
        """The names of its samples."""
        if self.kind == "histogram":
            return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)


class Sample(NamedTuple):
    """One number with its name and labels. A label without a value is left out, which to Prometheus is the same."""

    name: str
    labels: Labels
    value: float


_sample: Final[Callable[[tuple[str, Labels, float]], Sample]] = partial(tuple.__new__, Sample)


def samples(recorder: Recorder, reading: StepReading, treaty_id: str) -> Iterator[Sample]:
    """Every sample as of now, in the table's order. Safe on another thread than the run's."""
    return _samples(METRICS, recorder, reading, treaty_id)


def reproducible_samples(
    recorder: Recorder, reading: StepReading, treaty_id: str, only: AbstractSet[str] | None = None
) -> Iterator[Sample]:
    """The same without any wall clock: decisions take what the scenario lets orders wait for them, and the call no time.

    `only`: the sample names that are wanted; metrics that have none of them are left out.
    """
    return _samples(
        _wanted(frozenset(only)) if only is not None else REPRODUCIBLE_METRICS, recorder, reading, treaty_id
    )


@cache
def _wanted(sample_names: frozenset[str]) -> tuple[Metric, ...]:
    """The reproducible metrics that have any of these samples."""
    return tuple(metric for metric in REPRODUCIBLE_METRICS if not sample_names.isdisjoint(metric.sample_names))


def _samples(metrics: Iterable[Metric], recorder: Recorder, reading: StepReading, treaty_id: str) -> Iterator[Sample]:
    found: list[Sample] = []
    for name, _, _, label_names, read in metrics:
        for values, value in read(recorder, reading):
            labels = _labels(label_names, treaty_id, values)
            if isinstance(value, Buckets):
                found += _histogram(name, labels, value)
            else:
                found.append(_sample((name, labels, float(value))))
    return iter(found)


# Labels are the same from step to step.


@lru_cache(maxsize=1024)
def _labels(names: tuple[str, ...], treaty_id: str, values: tuple[str, ...]) -> Labels:
    treaty = (treaty_id,) if names[:1] == TREATY else ()
    return tuple((label, text) for label, text in zip(names, treaty + values, strict=True) if text)


@lru_cache(maxsize=1024)
def _bucket_labels(labels: Labels, bounds: tuple[float, ...]) -> tuple[Labels, ...]:
    # `350.0`, not `350`: Prometheus 3 writes bounds so whatever is sent, and Prometheus 2 keeps what is sent.
    return tuple((*labels, ("le", bound)) for bound in (*(str(float(bound)) for bound in bounds), "+Inf"))


def _histogram(name: str, labels: Labels, buckets: Buckets) -> Iterator[Sample]:
    counts = [*map(float, buckets.counts)]
    names = (f"{name}_bucket",) * len(counts)
    return chain(
        map(_sample, zip(names, _bucket_labels(labels, buckets.bounds), counts, strict=True)),
        map(_sample, ((f"{name}_sum", labels, buckets.sum), (f"{name}_count", labels, counts[-1]))),
    )


# Where the values come from. The run's thread goes on counting meanwhile: `dict(...)` copies in one step, a loop would not.


def _one(value: float | Buckets | None) -> Values:
    return () if value is None else (((), value),)


def _by_provider(value: Callable[[ProviderReading], float]) -> Callable[[Recorder, StepReading], Values]:
    def read(_: Recorder, reading: StepReading) -> Values:
        return [((provider.provider_id,), value(provider)) for provider in reading.providers]

    return read


def _gpu_hours(_: Recorder, reading: StepReading) -> Values:
    return _one(reading.gpu_hours_leased if reading.step >= 0 else 0.0)  # the warm-up's are not the run's


def _orders(recorder: Recorder, _: StepReading) -> Values:
    return sorted({FILLED: 0, **dict(recorder.outcomes)}.items())


def _orders_filled(recorder: Recorder, reading: StepReading) -> Values:
    return [((provider.provider_id,), recorder.filled_by[provider.provider_id]) for provider in reading.providers]


def _rtts(recorder: Recorder, _: StepReading) -> Values:
    rtts = recorder.rtts
    return _one(Buckets(RTT_BOUNDS_MS, rtts.cumulative((*RTT_BOUNDS_MS, RttHistogram.LAST_MS)), rtts.sum_ms))


def _measured_decisions(recorder: Recorder, _: StepReading) -> Values:
    times = recorder.decision_times
    return _one(Buckets(times.BOUNDS_MS, list(accumulate(list(times.counts))), times.sum_ns / 1e6))


WAITED_BOUNDS_MS: Final = (1.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0)
"""Bounds for decisions that take what the scenario says: the thresholds' and a few around them are enough."""


def _waited_decisions(recorder: Recorder, _: StepReading) -> Values:
    times = recorder.decision_times
    counts, sum_ms = [0] * (len(WAITED_BOUNDS_MS) + 1), 0.0
    for wait_ns, decisions in sorted(dict(times.waited).items()):
        sum_ms += decisions * (wait_ns / 1e6)
        for place in range(bisect_left(WAITED_BOUNDS_MS, wait_ns / 1e6), len(counts)):
            counts[place] += decisions
    return _one(Buckets(WAITED_BOUNDS_MS, counts, sum_ms))


TREATY: Final = ("treaty_id",)
PROVIDER: Final = ("provider_id",)

METRICS: Final = (
    # Production's names.
    Metric(
        "treaty_fill_rate",
        "gauge",
        "Share of the orders allowed by the policy that were filled, over the trailing 5 minutes; absent below 20 orders.",
        TREATY,
        lambda _, reading: _one(reading.fill_rate),
    ),
    Metric(
        "treaty_rtt_ms",
        "gauge",
        "95th percentile of the bridge round trip, submit to ack, over the trailing 5 minutes.",
        TREATY,
        lambda _, reading: _one(reading.rtt_p95_ms),
    ),
    Metric(
        "treaty_provenance_coverage",
        "gauge",
        "Complete receipts per completed job, over the trailing 15 minutes.",
        TREATY,
        lambda _, reading: _one(reading.provenance_coverage),
    ),
    Metric(
        "treaty_dropped_requests",
        "gauge",
        "Orders allowed by the policy and not filled, over the trailing 5 minutes.",
        TREATY,
        lambda _, reading: _one(reading.dropped_5m),
    ),
    Metric(
        "treaty_failover_events_total",
        "counter",
        "Times that an order or a killed job went on to its next candidate.",
        TREATY,
        lambda recorder, _: _one(recorder.failovers_total),
    ),
    Metric("gpu_hours_total", "counter", "GPU-hours that jobs have held GPUs for.", (), _gpu_hours),
    Metric(
        "policy_decision_duration_ms",
        "histogram",
        "Time of a policy decision: the measured call, and what the scenario lets orders wait.",
        (),
        _measured_decisions,
    ),
    Metric(
        "provider_active",
        "gauge",
        "Whether the provider answers: 1 or 0.",
        PROVIDER,
        _by_provider(lambda provider: float(provider.active)),
    ),
    Metric(
        "provider_capacity_gpus",
        "gauge",
        "GPUs on offer, leased ones included.",
        PROVIDER,
        _by_provider(lambda provider: provider.capacity_gpus),
    ),
    Metric(
        "provider_latency_ms",
        "gauge",
        "The provider's own service latency.",
        PROVIDER,
        _by_provider(lambda provider: provider.latency_ms),
    ),
    Metric(
        "provider_price_usd_per_hour",
        "gauge",
        "Price of a GPU-hour, the mean over the provider's GPU types.",
        PROVIDER,
        _by_provider(lambda provider: provider.price_usd_per_hour),
    ),
    Metric(
        "provider_reputation",
        "gauge",
        "Reputation, 0 to 100.",
        PROVIDER,
        _by_provider(lambda provider: provider.reputation),
    ),
    Metric(
        "tenant_gpu_hours_used",
        "gauge",
        "GPU-hours of today's quota (UTC) that the tenant has taken.",
        ("tenant_id",),
        lambda _, reading: [((tenant_id,), used) for tenant_id, used in reading.tenant_gpu_hours_used.items()],
    ),
    # The simulator's own.
    Metric("bridge_rtt_ms", "histogram", "Bridge round trip of filled orders, submit to ack.", (), _rtts),
    Metric(
        "bridge_queue_messages",
        "gauge",
        "Messages that wait for a relay worker of the bridge.",
        ("bridge",),
        lambda _, reading: [((bridge,), length) for bridge, length in reading.bridge_queues.items()],
    ),
    Metric(
        "jobs_killed_total",
        "counter",
        "Running jobs that an outage killed.",
        (),
        lambda recorder, _: _one(recorder.jobs_killed),
    ),
    Metric(
        "jobs_lost_total",
        "counter",
        "Killed jobs that found no other provider.",
        (),
        lambda recorder, _: _one(recorder.jobs_lost),
    ),
    Metric(
        "provider_leased_gpus",
        "gauge",
        "GPUs that jobs hold.",
        PROVIDER,
        _by_provider(lambda provider: provider.leased_gpus),
    ),
    Metric("provider_orders_filled_total", "counter", "Orders that the provider has filled.", PROVIDER, _orders_filled),
    Metric(
        "simulated_time_seconds",
        "gauge",
        "Simulated time since the scenario's start, at the end of the latest step.",
        (),
        lambda _, reading: _one(reading.time_s),
    ),
    Metric(
        "treaty_fill_rate_gpu_hours",
        "gauge",
        "As treaty_fill_rate, with each order counted by its GPU-hours.",
        TREATY,
        lambda _, reading: _one(reading.fill_rate_gpu_hours),
    ),
    Metric(
        "treaty_halted",
        "gauge",
        "Whether the gateway refuses every order because the treaty is halted: 1 or 0.",
        TREATY,
        lambda _, reading: _one(float(reading.halted)),
    ),
    Metric(
        "treaty_orders_total",
        "counter",
        "Orders that have ended, by outcome and the reason that refines it.",
        ("treaty_id", "outcome", "reason"),
        _orders,
    ),
)
"""Every metric, each once."""

REPRODUCIBLE_METRICS: Final = tuple(
    metric._replace(read=_waited_decisions) if metric.read is _measured_decisions else metric for metric in METRICS
)

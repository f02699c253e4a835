"""What the product exports, asked of its two exporters themselves: the simulator's table of metrics, and `vault-law serve`.

A rule that names anything else is blind. What is known of a metric's values says which thresholds can be reached.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal, cast

from aurora_sim.observe.series import METRICS, RTT_BOUNDS_MS
from aurora_sim.observe.tally import DecisionTimes
from aurora_sim.scenario.playbook_check import OUTCOMES

Kind = Literal["gauge", "counter", "histogram"]

SHARES: Final = frozenset(
    {
        "treaty_fill_rate",
        "treaty_fill_rate_gpu_hours",
        "treaty_provenance_coverage",
        "provider_active",
        "treaty_halted",
        "treaty_database_up",
    }
)
"""Gauges from 0 to 1."""
REPUTATION_MAX: Final = 100.0
LABEL_VALUES: Final = {"outcome": frozenset(OUTCOMES)}
"""Labels whose every value is known beforehand."""
LATE_LABELS: Final = frozenset({"outcome", "reason"})
"""Labels of which series come only when something has happened: that there is none yet says nothing."""


@dataclass(frozen=True)
class Exported:
    """The samples of one name. `labels` are None where its exporter tells them only once it has counted.

    `bounds` are of its values. `recorded`: a simulated run has it; what `vault-law serve` alone exports is never heard here.
    `buckets_max` is the highest finite bound of a histogram, beyond which no quantile goes.
    """

    name: str
    kind: Kind
    labels: frozenset[str] | None
    bounds: tuple[float, float]
    recorded: bool
    buckets_max: float | None = None


@cache
def exported() -> dict[str, Exported]:
    """Every sample name of the product. No metric of it is ever negative."""
    found: dict[str, Exported] = {}
    for metric in METRICS:
        bounds = {"policy_decision_duration_ms": DecisionTimes.BOUNDS_MS, "bridge_rtt_ms": RTT_BOUNDS_MS}
        for name in metric.sample_names:
            labels = frozenset((*metric.labels, "le") if name.endswith("_bucket") else metric.labels)
            top = max(bounds[metric.name]) if metric.kind == "histogram" else None
            found[name] = Exported(name, metric.kind, labels, _bounds(name), True, top)
    for one in _of_serve():
        known = found.get(one.name)
        if known is None:
            found[one.name] = one
        else:
            assert known.labels is not None, "the table of metrics says it of each"
            tops = [top for top in (known.buckets_max, one.buckets_max) if top is not None]
            labels = known.labels | (one.labels or frozenset())
            found[one.name] = replace(known, labels=labels, buckets_max=max(tops, default=None))
    return found


def _bounds(name: str) -> tuple[float, float]:
    if name == "provider_reputation":
        return 0.0, REPUTATION_MAX
    return 0.0, 1.0 if name in SHARES else math.inf


def _of_serve() -> Iterable[Exported]:
    """What a serving process exports that has seen one order; half a second of imports, and only this asks."""
    from aurora_sim.treaty.ranking import ProviderView
    from aurora_sim.treaty.serve.collector import ServiceCollector
    from aurora_sim.treaty.serve.meter import Meter
    from aurora_sim.treaty.serve.state import LatestReadings
    from aurora_sim.treaty.store.answers import Readings

    provider = ProviderView(
        provider_id="a",
        active=True,
        regions=frozenset(),
        price_usd_per_hour={},
        capacity_gpus={},
        free_gpus={},
        latency_ms=1.0,
        reputation=0.0,
    )

    class Idle:
        def get(self) -> Readings:
            return Readings(
                treaty_id="a",
                terms_version=1,
                quota_gpu_hours_total=1.0,
                quota_gpu_hours_daily_per_tenant=1.0,
                halt_reasons=(),
                fill_rate=1.0,
                provenance_coverage=1.0,
                gpu_hours_used_total=0.0,
                gpu_hours_used_today={"a": 0.0},
                dropped_recently=0,
                nonces_held=0,
                log_entries=0,
                providers=(provider,),
            )

    meter = Meter()
    meter.acknowledged("a", 1.0)
    for family in ServiceCollector("a", meter, cast(LatestReadings, Idle()), lambda: 0).collect():
        kind = cast(Kind, family.type)
        suffixes = {"gauge": ("",), "counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}[kind]
        les = [float(s.labels["le"]) for s in family.samples if "le" in s.labels]
        top = max((le for le in les if math.isfinite(le)), default=None)
        for name in (family.name + suffix for suffix in suffixes):
            labels = [frozenset(s.labels) for s in family.samples if s.name == name]
            # A counter's sample may lack a label, such as the reason, that another of its samples will have.
            closed = labels[0] if labels and kind != "counter" else None
            yield Exported(name, kind, closed, _bounds(name), False, top)

"""The recorder of a game: it also counts the playbook's order queries, and keeps each minute what operators can see."""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import Final

from aurora_sim.observe.order_queries import OrderCounts, source
from aurora_sim.observe.recorder import TRAILING_STEPS, Recorder, StepReading
from aurora_sim.observe.rows import ARRIVAL, ORDER_ID, PROVIDER, TENANT, FilledOrder, UnfilledOrder
from aurora_sim.observe.tally import ENTRY_REFUSED

SERVED_ORDERS_MIN: Final = 5
"""Below so many ended orders of a tenant in five minutes there is no `tenant_served`."""


class _Minute:
    """What one step adds to the trailing counts."""

    def __init__(self) -> None:
        self.served: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.filled_by: Counter[str] = Counter()
        self.rejected = 0
        self.denied = 0


class GameRecorder(Recorder):
    """Keeps no rows. `series` has a value for each recorded step, by `name` or `name{subject}`; `seen` is the latest of each."""

    def __init__(self, tenants: list[str], bad: frozenset[str], counts: OrderCounts, decision_wait_ms: float) -> None:
        super().__init__(None, decision_wait_ms)
        self.step_closed = self._keep
        self._tenants = tenants
        self._bad = bad
        self._counts = counts
        self._minutes: deque[_Minute] = deque(maxlen=TRAILING_STEPS)
        self._waited: deque[Counter[int]] = deque([Counter()], maxlen=TRAILING_STEPS + 1)
        """How many decisions had been waited how long for, at the end of each step."""
        self.honest_refused = 0
        """The tenants' own orders that were rejected or denied."""
        self.seen: dict[str, float | None] = {}
        self.series: dict[str, list[float | None]] = {}

    def _keep(self, ended: list[FilledOrder | UnfilledOrder], reading: StepReading) -> None:
        """Add up what a game keeps of a step that has ended."""
        self._waited.append(self.decision_times.waited.copy())
        minute = _Minute()
        for order in ended:
            filled = isinstance(order, tuple)
            order_id, tenant = (
                (order[ORDER_ID], order[TENANT]) if isinstance(order, tuple) else (order.order_id, order.tenant_id)
            )
            if isinstance(order, tuple):
                minute.filled_by[order[PROVIDER]] += 1
            else:
                minute.rejected += order.outcome == "rejected"
                minute.denied += order.outcome == "denied"
            if source(order_id) not in self._bad:
                minute.ended[tenant] += 1
                minute.served[tenant] += filled
        self._minutes.append(minute)
        self.seen = self._look(reading)
        if reading.step >= 0:
            recorded = [
                order for order in ended if (order[ARRIVAL] if isinstance(order, tuple) else order.time_s) >= 0.0
            ]
            self._counts.add(recorded)
            if reading.tally.refused_entry:
                self.honest_refused += sum(
                    not isinstance(order, tuple)
                    and order.outcome in ENTRY_REFUSED
                    and source(order.order_id) not in self._bad
                    for order in recorded
                )
            for name, value in self.seen.items():
                self.series.setdefault(name, []).append(value)

    def _decision_p95_ms(self) -> float | None:
        """Of what orders waited for their decisions in the trailing window, in simulated time."""
        waited = self._waited[-1] - self._waited[0]
        wanted, seen = math.ceil(0.95 * sum(waited.values()) - 1e-9), 0
        for wait_ns in sorted(waited):
            seen += waited[wait_ns]
            if seen >= wanted:
                return wait_ns / 1e6
        return None

    def _look(self, reading: StepReading) -> dict[str, float | None]:
        minutes = self._minutes
        seen: dict[str, float | None] = {
            "fill_rate": reading.fill_rate,
            "fill_rate_gpu_hours": reading.fill_rate_gpu_hours,
            "bridge_rtt": reading.rtt_p95_ms,
            "provenance_coverage": reading.provenance_coverage,
            "policy_decision": self._decision_p95_ms(),
            "dropped": float(reading.dropped_5m),
            "failovers": float(reading.failovers_5m),
            "rejected": float(sum(minute.rejected for minute in minutes)),
            "denied": float(sum(minute.denied for minute in minutes)),
        }
        for tenant in self._tenants:
            ended = sum(minute.ended[tenant] for minute in minutes)
            served = sum(minute.served[tenant] for minute in minutes)
            seen[f"tenant_served{{{tenant}}}"] = served / ended if ended >= SERVED_ORDERS_MIN else None
        for provider in reading.providers:
            name = provider.provider_id
            seen[f"provider_active{{{name}}}"] = float(provider.active)
            seen[f"provider_reputation{{{name}}}"] = provider.reputation
            seen[f"provider_filled{{{name}}}"] = float(sum(minute.filled_by[name] for minute in minutes))
            seen[f"free_gpus{{{name}}}"] = float(max(0, provider.capacity_gpus - provider.leased_gpus))
        return seen

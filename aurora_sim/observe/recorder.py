"""The recorder: what the engine tells of every order, counted as it happens and read at the end of each step.

On the hot path it only counts and formats one row; the SLIs are worked out once a step, over trailing windows.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from aurora_sim.observe.rows import (
    ARRIVAL,
    ORDER_ID,
    FilledOrder,
    KilledOrder,
    UnfilledOrder,
    filled_rows,
    unfilled_row,
)
from aurora_sim.observe.tally import DecisionTimes, RttHistogram, StepTally, ranked

_joined: Final = np.concatenate
STEP_S: Final = 60.0
TRAILING_STEPS: Final = 5
FILL_ORDERS_MIN: Final = 20
"""Below so many ended orders in five minutes there is no fill rate: a ratio of a handful says nothing."""


class ProviderReading(NamedTuple):
    """One provider at the end of a step, in the order of its file. GPUs are summed over its types, the price is their mean."""

    provider_id: str
    active: bool
    capacity_gpus: int
    latency_ms: float
    price_usd_per_hour: float
    reputation: float
    leased_gpus: int


class StepReading(NamedTuple):
    """Everything that is known at the end of a step; an SLI is None where there is no data for it."""

    step: int
    time_s: float
    tally: StepTally
    fill_rate: float | None
    fill_rate_gpu_hours: float | None
    rtt_p50_ms: float | None
    rtt_p95_ms: float | None
    rtt_p99_ms: float | None
    provenance_coverage: float | None
    dropped_5m: int
    failovers_5m: int
    providers: tuple[ProviderReading, ...]
    tenant_gpu_hours_used: Mapping[str, float]
    gpu_hours_leased: float
    halted: bool
    bridge_queues: Mapping[str, int]


class Recorder:
    """Counts and rows of one run.

    Orders that arrived before time 0 (the warm-up) count in the trailing windows alone: they have no row and are in no total.
    The engine counts arrivals in `tally.arrived` and appends to `decisions_ns` by itself, and `filled` is a list's own append:
    for one thing an order, a method of ours would cost more than what it does. `write_rows` takes the text of a step's rows;
    None keeps none. `has_row` says of an order's id whether it has one; None: every order has.
    """

    def __init__(
        self,
        write_rows: Callable[[str], object] | None,
        decision_wait_ms: float = 0.0,
        has_row: Callable[[str], bool] | None = None,
    ) -> None:
        self._write_rows = write_rows
        self._has_row = has_row
        self.rows_written = 0
        self.step = 0
        self.tally = StepTally()
        self.filled: Callable[[FilledOrder], None] = self.tally.ended.append
        """An order was filled: the columns of its row."""
        self.warm_up_left = 0
        """Orders that came before time 0 and have not ended."""
        self._trailing: deque[StepTally] = deque(maxlen=TRAILING_STEPS)
        self.rtts = RttHistogram()
        self.decision_times = DecisionTimes(decision_wait_ms)
        self.decisions_ns: list[int] = []  # measured in the step that is running
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.filled_by: Counter[str] = Counter()
        self.failover_causes: Counter[tuple[str, str]] = Counter()
        self.arrived_total = 0
        self.ended_total = 0
        self.gpu_hours_allowed = 0.0
        self.gpu_hours_filled = 0.0
        self.cost_usd = 0.0
        self.failovers_total = 0
        self.jobs_killed = 0
        self.kill_causes: Counter[tuple[str, str]] = Counter()
        self.jobs_rerouted = 0
        self.jobs_lost = 0
        self.gpu_hours_lost = 0.0
        self.replays_accepted = 0
        """Requests that replayed an order that was accepted before, and were allowed."""
        self.latest: StepReading | None = None
        self.step_closed: Callable[[list[FilledOrder | UnfilledOrder], StepReading], object] | None = None
        """Whoever wants to see each step at its end: the orders that ended in it, and what was read."""

    # What the engine tells.

    def unfilled(self, order: UnfilledOrder) -> None:
        """An order ended otherwise. It is kept until the step's end, and must not change any more."""
        self.tally.ended.append(order)
        self.tally.ended_unfilled += 1

    def wait_for_decisions(self, wait_ms: float) -> None:
        """From now on each order waits so long for its decision, beside the measured call."""
        self.decision_times.add(self.decisions_ns)
        self.decisions_ns.clear()
        self.decision_times.wait_ns = round(wait_ms * 1e6)

    def failed_over(self, provider_id: str, why: str) -> None:
        """A candidate failed, and the next one is asked."""
        self.tally.failovers += 1
        if self.step >= 0:
            self.failovers_total += 1
            self.failover_causes[provider_id, why] += 1

    def killed(self, provider_id: str, why: str) -> None:
        """A running job was killed: `outage`, or what else took it off its node."""
        self.tally.jobs_killed += 1
        if self.step >= 0:
            self.jobs_killed += 1
            self.kill_causes[provider_id, why] += 1

    def rerouted(self, order: KilledOrder, outcome: str) -> None:
        """A killed job found another provider, or is lost; one that was killed in the warm-up counts nowhere."""
        if order.killed_s < 0.0:
            return
        if outcome == "filled":
            self.jobs_rerouted += 1
        else:
            self.tally.jobs_lost += 1
            self.jobs_lost += 1
            self.gpu_hours_lost += order.gpu_hours

    # What is read at the end of a step.

    def close_step(
        self,
        coverage: float | None,
        providers: tuple[ProviderReading, ...],
        tenant_gpu_hours_used: Mapping[str, float],
        gpu_hours_leased: float,
        halted: bool,
        bridge_queues: Mapping[str, int],
    ) -> StepReading:
        """End the step that is running: work out its SLIs, and begin the next."""
        tally = self.tally
        ended = tally.ended
        self._close_orders(tally)
        self._trailing.append(tally)
        recent = tuple(self._trailing)
        filled = sum([t.filled for t in recent])
        dropped = sum([t.dropped for t in recent])
        gpu_hours_filled = sum([t.gpu_hours_filled for t in recent], 0.0)
        gpu_hours = gpu_hours_filled + sum([t.gpu_hours_dropped for t in recent], 0.0)
        rtts = _joined([t.rtts_ms for t in recent])
        rtts.sort()
        enough = filled + dropped >= FILL_ORDERS_MIN
        self.decision_times.add(self.decisions_ns)
        self.decisions_ns.clear()
        reading = StepReading(
            step=self.step,
            time_s=(self.step + 1) * STEP_S,
            tally=tally,
            fill_rate=filled / (filled + dropped) if enough else None,
            fill_rate_gpu_hours=gpu_hours_filled / gpu_hours if enough else None,
            rtt_p50_ms=ranked(rtts, 0.5),
            rtt_p95_ms=ranked(rtts, 0.95),
            rtt_p99_ms=ranked(rtts, 0.99),
            provenance_coverage=coverage,
            dropped_5m=dropped,
            failovers_5m=sum(t.failovers for t in recent),
            providers=providers,
            tenant_gpu_hours_used=tenant_gpu_hours_used,
            gpu_hours_leased=gpu_hours_leased,
            halted=halted,
            bridge_queues=bridge_queues,
        )
        if self.step >= 0:
            self._add_up(tally)
        self.latest = reading
        self.step += 1
        self.tally = StepTally()
        self.filled = self.tally.ended.append
        if self.step_closed is not None:
            self.step_closed(ended, reading)
        return reading

    def _close_orders(self, tally: StepTally) -> None:
        """Count the step's orders and write their rows; those of the warm-up that end after it belong to no step."""
        ended, tally.ended = tally.ended, []
        if self.step < 0:
            self.warm_up_left += tally.arrived - len(ended)
        elif self.warm_up_left:
            recorded = [order for order in ended if _arrival_s(order) >= 0.0]
            self.warm_up_left -= len(ended) - len(recorded)
            ended = recorded
        filled: list[FilledOrder] = ended  # type: ignore[assignment]  # nearly every step's are all filled
        unfilled: list[UnfilledOrder] = []
        if tally.ended_unfilled:
            filled = [order for order in ended if isinstance(order, tuple)]
            unfilled = [order for order in ended if not isinstance(order, tuple)]
        tally.close(filled, unfilled)
        if self._write_rows is not None and self.step >= 0:
            rows = ended if self._has_row is None else [order for order in ended if self._has_row(_order_id(order))]
            if rows:
                self.rows_written += len(rows)
                self._write_rows(
                    "".join([_row(self.step, order) for order in rows]) if unfilled else filled_rows(self.step, rows)  # type: ignore[arg-type]
                )

    def _add_up(self, tally: StepTally) -> None:
        """Put a recorded step into the totals."""
        self.rtts.add(tally.rtts_ms.tolist())
        self.arrived_total += tally.arrived
        self.ended_total += tally.filled + sum(tally.unfilled.values())
        if tally.filled:
            self.outcomes["filled", ""] += tally.filled
        for outcome, orders in tally.unfilled.items():
            self.outcomes[outcome] += orders
        for provider_id, orders in tally.filled_by.items():
            self.filled_by[provider_id] += orders
        self.gpu_hours_filled += tally.gpu_hours_filled
        self.gpu_hours_allowed += tally.gpu_hours_filled + tally.gpu_hours_dropped
        self.cost_usd += tally.cost_usd


def _arrival_s(order: FilledOrder | UnfilledOrder) -> float:
    return order[ARRIVAL] if isinstance(order, tuple) else order.time_s


def _order_id(order: FilledOrder | UnfilledOrder) -> str:
    return order[ORDER_ID] if isinstance(order, tuple) else order.order_id


def _row(step: int, order: FilledOrder | UnfilledOrder) -> str:
    return filled_rows(step, [order]) if isinstance(order, tuple) else unfilled_row(step, order)

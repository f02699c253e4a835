"""What is kept of one game, played once: enough to judge it, to draw it and to compare it, and small enough to send home."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

Arm = Literal["calm", "unanswered", "answered"]
"""No fault; the fault without the response; the fault with it. All three on the same seed, so on the same orders."""


@dataclass(frozen=True, slots=True)
class AlertSpan:
    """One time that an alert was pending or firing. Times in seconds from the start; None: it never fired, is not resolved."""

    alert: str
    severity: str
    started_s: float
    fired_s: float | None
    resolved_s: float | None


@dataclass(frozen=True, slots=True)
class ActionDone:
    """A step that operators took: due (its trigger held), acknowledged (somebody is on it), begun, done.

    `refused` is why the lever did nothing, or empty. `by` is `first` or `second`, who was called on escalation, or `automatic`.
    """

    step: str
    part: Literal["response", "rollback"]
    do: str
    due_s: float
    acknowledged_s: float
    began_s: float
    done_s: float
    by: Literal["first", "second", "automatic"]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class FaultSeen:
    """A fault, and whether its effect was seen in the world; `effect` says what was. `by_itself`: nobody scripted it."""

    name: str
    at_s: float
    end_s: float
    observed: bool
    effect: str
    by_itself: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never happen, and did: the safety rule's name, when, and what."""

    rule: str
    time_s: float
    detail: str


@dataclass(frozen=True, slots=True)
class GameRecord:
    """One game, one seed, one arm.

    `series`: by name (`fill_rate`, `provider_active{akash}`), a value for each recorded step of 60 s, None where there was none.
    `totals`: by name: orders, allowed, filled, dropped, rejected, denied, gpu_hours_allowed, gpu_hours_filled, gpu_hours_lost,
    cost_usd, failovers, jobs_killed, jobs_rerouted, jobs_lost, replays_accepted, orders_in_flight, receipts_owed
    (beyond their grace), honest_refused, recovery_point_s, orders_forgotten: the playbook's `TOTALS`, in their order.
    `counts`: for each order query of the playbook, in order, how many orders matched; see `order_queries`.
    """

    seed: int
    arm: Arm
    steps: int
    stopped_early: bool
    series: dict[str, list[float | None]]
    alerts: list[AlertSpan]
    actions: list[ActionDone]
    faults: list[FaultSeen]
    violations: list[Violation]
    totals: dict[str, float]
    counts: list[int]

    def digest(self) -> str:
        """SHA-256 of all that it says; equal for equal plays, whatever the machine or the number of processes."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

"""What goes over the desk: submissions in, answers out, and what can be read of it; the HTTP server knows only this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from aurora_sim.treaty.ranking import ProviderView

JsonObject = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Submission:
    """One request as it came: its body, and the address that it came from, the unit of the per-source rate limit."""

    body: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one submission.

    202 `{"order_id", "status": "accepted", "treaty_id", "provider_id", "price_usd_per_hour", "ack": {...}}`; else
    `{"error": REASON, "message": TEXT}` with `field` (422 `schema`) and `order_id` (where the order is known: 403, 409,
    503 `no_route:...` and `refused`). `retry_after_s` is set where the very same order may come again: 429 and 503.
    """

    status: int
    body: JsonObject
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """The state of the treaty, read from the database: what all workers share.

    `fill_rate` is filled / (filled + unroutable + refused) of the orders of the last 5 minutes, `provenance_coverage`
    as the guard sees it; both 0 to 1, None without data. GPU-hours are what is used; `gpu_hours_used_today` has every
    tenant of the configuration. `nonces_held` counts the database's.
    """

    treaty_id: str
    terms_version: int
    quota_gpu_hours_total: float
    quota_gpu_hours_daily_per_tenant: float
    halt_reasons: tuple[str, ...]
    fill_rate: float | None
    provenance_coverage: float | None
    gpu_hours_used_total: float
    gpu_hours_used_today: Mapping[str, float]
    dropped_recently: int
    nonces_held: int
    log_entries: int
    providers: tuple[ProviderView, ...] = field(repr=False)


class DeskObserver(Protocol):
    """Is told, in the thread that calls `submit`, what the desk of this process does; must be quick, and not raise."""

    def decided(self, duration_ms: float, code: int) -> None:
        """The policy answered one order with `code` (`policy.abi.reason` names it)."""

    def acknowledged(self, provider_id: str, rtt_ms: float) -> None:
        """A provider was asked, and its good ack came after `rtt_ms`."""

    def failed_over(self, provider_id: str, reason: str) -> None:
        """`provider_id` did not take the order, and the next candidate is asked, if there is one."""

    def ended(self, outcome: str, reason: str, gpu_hours: float) -> None:
        """An order ended: `filled`, `rejected` (gateway), `denied`, `unroutable` or `refused`; the reasons are bounded."""


class SubmissionDesk(Protocol):
    """What the HTTP server asks of the desk. `submit` belongs to one thread; the others may be called from any."""

    def submit(self, submissions: Sequence[Submission], now_s: float) -> list[Answer]:
        """Take the submissions in, in their order, in one transaction; one answer each, in the same order.

        Never raises for what a sender or the machine did: where the database, the nonce store or the log is out of
        reach, every order that got that far is answered 503 and nothing is accepted.
        """

    def order(self, order_id: str) -> JsonObject | None:
        """What is known of an order, None when nothing is. Raises `StoreUnavailable`."""

    def tick(self, now_s: float) -> None:
        """Run the provenance guard: it halts the treaty, or lifts its own halt. Raises `StoreUnavailable`."""

    def readings(self, now_s: float) -> Readings:
        """The state of the treaty for the metrics. Raises `StoreUnavailable`."""

    def close(self) -> None:
        """Give back connections. Idempotent."""


class StoreUnavailable(Exception):  # noqa: N818  (the state of the store, as the operator would say it)
    """The database or the order log cannot be used now; the message says which and why, in one line.

    `reason` is one of `database_unavailable`, `log_unavailable`, `log_mismatch`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

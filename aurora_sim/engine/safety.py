"""What must never happen, watched at every allocation by books of its own, so that a guard that broke is seen."""

from __future__ import annotations

from collections import Counter
from typing import Final

from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.observe.game_record import Violation

KEPT_PER_RULE: Final = 100
"""A guard that broke lets in every order: so many violations of a rule are kept, and all are counted."""


class SafetyWatch:
    """Keeps its own account of what was halted, of coverage, and of the nonces that were allowed; asks no guard.

    An allocation is an order that the policy allowed: its quota is taken, and it is on its way to a provider. An order that was
    pending when the treaty was halted may still be filled.
    """

    def __init__(self, coverage_floor: float, coverage_for_s: float, nonce_ttl_s: float) -> None:
        self._floor = coverage_floor
        self._for_s = coverage_for_s
        self._ttl_s = nonce_ttl_s
        self._halted_by = ""
        self._state_lost = False
        self._below_since_s: float | None = None
        self._coverage: float | None = None
        self._coverage_failed = False
        # Nonces in two generations of one TTL each: all of the last TTL are in them, and memory is bounded.
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._next_generation_s = -nonce_ttl_s
        self.violations: list[Violation] = []
        self.counted: Counter[str] = Counter()
        self.replays_accepted = 0

    # What operators and faults did.

    def halted(self, reason: str) -> None:
        """Operators halted the treaty."""
        self._halted_by = reason

    def resumed(self) -> None:
        """Operators let orders in again, and vouch for the receipts: a coverage seen low counts from now on."""
        self._halted_by = ""
        if self._coverage is None:
            self._below_since_s = None
            self._coverage_failed = False

    def state_lost(self, lost: bool) -> None:
        """The control plane's state was lost, or is restored."""
        self._state_lost = lost

    def covered(self, coverage: float | None, now_s: float) -> None:
        """The provenance coverage at the end of a step; none is no evidence."""
        self._coverage = coverage
        if coverage is None:
            return
        if coverage >= self._floor:
            self._below_since_s, self._coverage_failed = None, False
        elif self._below_since_s is None:
            self._below_since_s = now_s
        else:
            self._coverage_failed = now_s - self._below_since_s > self._for_s

    # What must not follow.

    def allowed(self, order: LiveOrder, now_s: float, trapped: bool) -> None:
        """An order was allowed; `trapped`: the call that decided it ended in a trap."""
        if self._halted_by:
            self._violated("halted", now_s, f"{order.order_id} was allowed while halted: {self._halted_by}")
        if self._coverage_failed:
            self._violated("coverage", now_s, f"{order.order_id} was allowed with coverage {self._coverage}")
        if self._state_lost:
            self._violated("state-lost", now_s, f"{order.order_id} was allowed with policy state lost")
        if trapped:
            self._violated("trapped-call", now_s, f"{order.order_id} was allowed by a call that trapped")
        if now_s >= self._next_generation_s:
            self._old, self._young = self._young, set()
            self._next_generation_s = now_s + self._ttl_s
        if order.nonce in self._young or order.nonce in self._old or order.nonce != order.order_id:
            self.replays_accepted += 1
            self._violated("replayed-nonce", now_s, f"{order.order_id} was allowed on the nonce {order.nonce}")
        self._young.add(order.nonce)

    def filled(self, order: LiveOrder, provider_id: str, good_ack: bool, now_s: float) -> None:
        """A job starts on a provider's ack, which is good as far as the world knows."""
        if not good_ack:
            self._violated("bad-ack", now_s, f"{order.order_id} starts on a bad ack of {provider_id}")

    def _violated(self, rule: str, now_s: float, detail: str) -> None:
        self.counted[rule] += 1
        if self.counted[rule] <= KEPT_PER_RULE:
            self.violations.append(Violation(rule, now_s, detail))

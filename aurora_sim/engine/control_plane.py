"""What the gateway must remember, lost and restored: the nonces it accepted, and the quota that was taken.

    running ..snapshots.. -> lost: nothing is let in -> restored from the latest snapshot, and from the log if that is replayed

A snapshot is a copy as of its time. The log has every change since, because it is written before an answer is given: snapshot and
log together are the state as it was when it was lost. Without the log, what happened after the snapshot is forgotten: those
nonces are new again, and that quota is free again. Jobs go on meanwhile, and what they give back is not lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.treaty.gateway import Refusal
from aurora_sim.treaty.ledger import LedgerState, QuotaLedger
from aurora_sim.treaty.nonce import AcceptedNonces, MemoryNonceCache

STATE_LOST: Final = Refusal(503, "state_lost")


@dataclass
class Loss:
    """One loss of the state, and how it was restored. Its recovery point is `snapshot_age_s` before the loss.

    `orders_in_gap` were accepted after the snapshot that it was restored from. `restored_s` is None while it is lost.
    """

    lost_s: float
    snapshot_s: float
    orders_in_gap: int
    restored_s: float | None = None
    log_replayed: bool = False

    @property
    def snapshot_age_s(self) -> float:
        return self.lost_s - self.snapshot_s

    @property
    def orders_forgotten(self) -> int:
        """Accepted orders that nobody remembers: those of the gap, unless the log was replayed."""
        return 0 if self.log_replayed or self.restored_s is None else self.orders_in_gap


class ControlPlane:
    """The nonce cache and the quota ledger of a run in which they can be lost."""

    def __init__(self, nonces: MemoryNonceCache, ledger: QuotaLedger) -> None:
        self._nonces = nonces
        self._ledger = ledger
        self._snapshot: tuple[float, AcceptedNonces, LedgerState] | None = None
        self._with_log: tuple[AcceptedNonces, LedgerState] | None = None  # while it is lost
        self._given_back: list[LiveOrder] = []  # while it is lost
        self._forgotten: list[tuple[float, float]] = []  # from when until when what was taken is forgotten
        self.losses: list[Loss] = []
        """Every loss, oldest first."""
        self.replay_log = True
        """Whether the next restore replays the log: for whoever restores it to say."""

    @property
    def lost(self) -> bool:
        """Whether the state is lost now, and nothing may be let in."""
        return self._with_log is not None

    def snapshot(self, now_s: float) -> None:
        """Copy the state; while it is lost there is none to copy."""
        if not self.lost:
            self._snapshot = now_s, self._nonces.snapshot(), self._ledger.snapshot()

    def follow(self, lost: bool, now_s: float) -> None:
        """Lose the state or restore it, when that is not as it was before."""
        if lost and not self.lost:
            self._lose(now_s)
        elif not lost and self.lost:
            self._restore(now_s)

    def give_back(self, order: LiveOrder) -> None:
        """Give back the quota of an order that ended unfilled; where that it was taken is forgotten, there is none to give."""
        if self.lost:
            self._given_back.append(order)
        elif not any(from_s <= order.time_s < until_s for from_s, until_s in self._forgotten):
            self._ledger.give_back(order.tenant_id, order.day, order.gpu_hours)

    def _lose(self, now_s: float) -> None:
        if self._snapshot is None:
            self.snapshot(now_s)  # it began with one
        assert self._snapshot is not None
        snapshot_s, accepted, _ = self._snapshot
        self._with_log = self._nonces.snapshot(), self._ledger.snapshot()
        gap = len(self._with_log[0].keys() - accepted.keys())
        self.losses.append(Loss(now_s, snapshot_s, gap))
        self._nonces.restore({})
        self._ledger.restore(LedgerState())

    def _restore(self, now_s: float) -> None:
        assert self._snapshot is not None
        assert self._with_log is not None
        snapshot_s, accepted, taken = self._snapshot
        loss = self.losses[-1]
        loss.restored_s, loss.log_replayed = now_s, self.replay_log
        if self.replay_log:
            accepted, taken = self._with_log
        else:
            self._forgotten.append((snapshot_s, loss.lost_s))
        self._nonces.restore(accepted)
        self._ledger.restore(taken)
        self._with_log, self.replay_log = None, True
        given_back, self._given_back = self._given_back, []
        for order in given_back:
            self.give_back(order)

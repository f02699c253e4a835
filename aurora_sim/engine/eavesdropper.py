"""Attackers who listen at the gateway, and keep more accepted orders than the last one of each tenant."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.observe.recorder import Recorder
from aurora_sim.scenario.faults import BadRequests, Fault
from aurora_sim.treaty.policy import ALLOW

Admit = Callable[[LiveOrder, float], None]
"""(order, simulated seconds) -> None: the way from the gateway on."""


class Eavesdropper(dict[str, LiveOrder]):
    """The last accepted order of each tenant, and beside it, for each fault with `captured`, the last so many before it began.

    A dict that also listens, so that a run without such a fault pays nothing.
    """

    def __init__(self, faults: Sequence[tuple[str, Fault]], tenants: Sequence[str]) -> None:
        super().__init__()
        self._kept: list[tuple[float, str | None, deque[LiveOrder]]] = []  # until when, whose, what
        self._by_source: dict[str, deque[LiveOrder]] = {}
        self._in_turn: dict[str, list[LiveOrder]] = {}
        for name, fault in faults:
            if isinstance(fault, BadRequests) and fault.captured is not None:
                kept: deque[LiveOrder] = deque(maxlen=fault.captured)
                self._kept.append((fault.at, fault.tenant, kept))
                self._by_source |= {f"{name}/{tenant}": kept for tenant in tenants}

    def __setitem__(self, tenant_id: str, order: LiveOrder) -> None:
        super().__setitem__(tenant_id, order)
        for until_s, whose, kept in self._kept:
            if order.time_s < until_s and whose in (None, tenant_id):
                kept.append(order)

    def to_replay(self, replay: LiveOrder) -> LiveOrder | None:
        """The captured order that a request stands for: of its tenant's, each in turn, the oldest first; None without any."""
        kept = self._by_source.get(replay.source)
        if kept is None:
            return self.get(replay.tenant_id)
        mine = self._in_turn.get(replay.source)
        if mine is None:  # the fault has begun, and nothing is kept any more
            mine = self._in_turn[replay.source] = [order for order in kept if order.tenant_id == replay.tenant_id]
        return mine[replay.index % len(mine)] if mine else None


def counting_accepted(admit: Admit, recorder: Recorder) -> Admit:
    """For replays: one that the policy allows was let in a second time, and ends neither rejected nor denied."""

    def counted(order: LiveOrder, now_s: float) -> None:
        admit(order, now_s)
        recorder.replays_accepted += order.policy_code == ALLOW

    return counted


def listening(faults: Sequence[tuple[str, Fault]], tenants: Sequence[str], always: bool) -> dict[str, LiveOrder] | None:
    """Where accepted orders are put: a plain dict where nobody keeps more of them than the last; None where nobody listens."""
    replays = [fault for _, fault in faults if isinstance(fault, BadRequests) and fault.kind == "replay"]
    if any(fault.captured is not None for fault in replays):
        return Eavesdropper(faults, tenants)
    return {} if replays or always else None

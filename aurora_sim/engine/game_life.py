"""An order's life in a game: as in any run, watched, and with what operators have changed of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from aurora_sim.engine.clock import Clock
from aurora_sim.engine.life import OrderLife
from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.engine.parts import Parts
from aurora_sim.engine.safety import SafetyWatch
from aurora_sim.treaty.policy import ALLOW
from aurora_sim.world.faults import Impact
from aurora_sim.world.provider import Pool, Provider


class GameLife(OrderLife):
    """What operators can change of an order's life, each at rest until they do.

    price_factors   by GPU type: what tenants may pay more for their later orders
    substitutes     by workload: GPU types for orders that no provider of their own type can take
    keys_from_s     orders signed before this are signed with a key that was replaced
    distrusted      providers whose key was removed: they are asked no more, and their acks count no more
    stopped         sources of orders that send no more
    """

    watch: SafetyWatch
    after_faults: Callable[[], object]
    """Called when faults have begun, grown or ended."""

    def __init__(self, env: Clock, parts: Parts) -> None:
        super().__init__(env, parts)
        self.price_factors: dict[str, float] = {}
        self.substitutes: dict[str, list[str]] = {}
        self.keys_from_s = -math.inf
        self.distrusted: set[str] = set()
        self.stopped: set[str] = set()
        self.arrived: Counter[str] = Counter()
        """Requests by source since the start."""

    def _admit(self, order: LiveOrder, now_s: float) -> None:
        if order.source in self.stopped:
            return
        self.arrived[order.source] += 1
        if order.issued_s < self.keys_from_s:
            order.signature_valid = False
        if self.price_factors and order.nonce == order.order_id:  # a captured order says what it said
            order.max_price_usd_per_hour *= self.price_factors.get(order.gpu_type, 1.0)
        policies = self._parts.policies
        traps = policies.traps
        super()._admit(order, now_s)
        if order.policy_code == ALLOW:
            self.watch.allowed(order, now_s, policies.traps != traps)

    def _unroutable(self, order: LiveOrder, now_s: float) -> None:
        own = order.gpu_type
        found = self._substitute(order)
        if found:
            order.candidates = found
            self._ask(order, now_s)
            return
        order.gpu_type = own
        super()._unroutable(order, now_s)

    def _next(self, order: LiveOrder, now_s: float, why: str) -> None:
        if self.substitutes and order.place + 1 >= len(order.candidates) and order.refused:
            own = order.gpu_type
            found = self._substitute(order)
            if found:
                order.candidates = [*order.candidates, *found]
            else:
                order.gpu_type = own
        super()._next(order, now_s, why)

    def _substitute(self, order: LiveOrder) -> Sequence[str]:
        """The candidates of the next GPU type, after the order's, that operators allow in place of its own and that has any."""
        allowed = self.substitutes.get(order.workload_type, [])
        following = allowed[allowed.index(order.gpu_type) + 1 :] if order.gpu_type in allowed else allowed
        for gpu_type in following:
            order.gpu_type = gpu_type
            candidates = self._router.rank(order)
            if candidates:
                return candidates
        return []

    def _ask(self, order: LiveOrder, now_s: float) -> None:
        if order.candidates[order.place] in self.distrusted:
            order.provider_id = order.candidates[order.place]
            order.refused = True
            if not order.attempts:
                order.provider, order.link = self._targets[order.provider_id]
            self._next(order, now_s, "provider_key_removed")
            return
        super()._ask(order, now_s)

    def _fill(self, order: LiveOrder, provider: Provider, pool: Pool, now_s: float) -> None:
        if provider.provider_id in self.distrusted:
            self._refused(order, now_s, "ack_signature")
            return
        good = provider.signs_well and not provider.attestation_refusal
        self.watch.filled(order, provider.provider_id, good, now_s)
        super()._fill(order, provider, pool, now_s)

    def struck(self, impact: Impact) -> None:
        super().struck(impact)
        self.after_faults()

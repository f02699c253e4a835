"""A bridge: network, a queue in front of relay workers, and the way back.

    sent --(lost?)--> queue --> worker --> provider's answer --> received
         \\__________________ round trip, until the client's time-out ______/

The queue is first come, first served with `workers` servers. Because a later message never changes an earlier one's turn, a
message's whole way is worked out when it is sent (the Kiefer-Wolfowitz recursion for G/G/c), at the price of one event, and
worked out again only when a fault changes the workers or their speed while it waits.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from heapq import heapreplace
from math import erfc, exp, log, sqrt
from operator import attrgetter
from typing import Final

from aurora_sim.scenario.config import Bridge as BridgeConfig
from aurora_sim.world.modifiers import Modifiers

NEVER: Final = math.inf
_SQRT_2: Final = sqrt(2.0)
_LN_2: Final = log(2.0)
_START_S: Final = attrgetter("start_s")
_replace: Final = heapreplace
"""Found at once where it is compiled; a name that is imported is looked up at each call."""


class Message:
    """One try to reach a provider.

    States: waiting (until `start_s`), in service (until `finish_s`), on its way back (until `reply_s`). A lost message has
    `reply_s` = never. `due_s` is when the sender knows: with the reply, or when it gives up. When a fault has its way worked out
    anew, that is another time.
    """

    __slots__ = (
        "due_s",
        "finish_s",
        "give_up_s",
        "order",
        "reply_s",
        "service_s",
        "start_s",
        "travel_s",
    )

    start_s: float
    finish_s: float
    reply_s: float
    due_s: float

    def __init__(
        self, order: object, give_up_s: float, service_s: float, travel_s: float, start_s: float, finish_s: float
    ) -> None:
        self.order = order
        self.give_up_s = give_up_s
        self.service_s = service_s
        self.travel_s = travel_s
        # As `plan` does; a call here would cost every message.
        self.start_s = start_s
        self.finish_s = finish_s
        self.reply_s = reply_s = finish_s + travel_s
        self.due_s = reply_s if reply_s < give_up_s else give_up_s

    def plan(self, start_s: float, finish_s: float) -> None:
        """Set its way: when it is served, and what follows from that."""
        self.start_s = start_s
        self.finish_s = finish_s
        self.reply_s = finish_s + self.travel_s
        self.due_s = min(self.reply_s, self.give_up_s)


class Bridge:
    """The state of one bridge. Times in seconds; the configuration's medians are in ms."""

    def __init__(self, name: str, config: BridgeConfig, abandon_cost: float) -> None:
        self.name = name
        self.config = config
        self.failover = config.failover
        self._abandon_cost = abandon_cost
        self.service_factors = Modifiers()
        self.network_factors = Modifiers()
        self.worker_limits = Modifiers()
        self.losses = Modifiers()
        self.dark = Modifiers()
        self.workers = config.workers
        self.loss = config.loss
        self.messages = 0
        self.bogus = 0  # of them: a flood's, nobody's order
        self.lost = 0
        self._network_s = config.network_median_ms / 1000.0
        self._gateway_s = config.gateway_median_ms / 1000.0
        self._service_s = config.service_median_ms / 1000.0
        self._service_factor = 1.0
        self._network_sigma = config.network_sigma
        self._gateway_sigma = config.gateway_sigma
        self._service_sigma = config.service_sigma
        self._exponential = config.service_law == "exponential"
        self._tail_p = config.tail.p
        self._tail_s = config.tail.xm_ms / 1000.0
        self._tail_power = -1.0 / config.tail.alpha
        self._free_s = [-NEVER] * config.workers  # when each worker is free: a heap
        self._under_way: deque[Message] = deque()  # in the order of sending; those done leave at the left

    def send(
        self,
        order: object,
        now_s: float,
        give_up_s: float,
        luck: Sequence[float],
        more_loss: float,
    ) -> Message:
        """Send a message; its `reply_s` says when the answer is back.

        `luck` is (network, gateway and service as standard normal draws, tail and loss as uniform draws); `more_loss` is a
        share lost beside the bridge's own (the order's region).
        """
        network, gateway, service, tail, loss = luck
        travel_s = self._network_s * exp(self._network_sigma * network) + self._gateway_s * exp(
            self._gateway_sigma * gateway
        )
        if tail < self._tail_p:
            # The draw says both whether (below p) and how much: given that, tail / p is uniform again.
            travel_s += self._tail_s * ((tail + 1e-12) / self._tail_p) ** self._tail_power
        if self._exponential:
            # The share of draws above this one is uniform; the same draw serves both laws.
            service_s = -self._service_s / _LN_2 * log(0.5 * erfc(service / _SQRT_2))
        else:
            service_s = self._service_s * exp(self._service_sigma * service)
        self.messages += 1
        if loss < (self.loss if not more_loss else 1.0 - (1.0 - self.loss) * (1.0 - more_loss)):
            self.lost += 1
            return Message(order, give_up_s, service_s, travel_s, NEVER, NEVER)
        under_way = self._under_way
        while under_way and under_way[0].finish_s <= now_s:
            under_way.popleft()
        start_s, finish_s = self._take_turn(now_s, give_up_s, service_s)
        message = Message(order, give_up_s, service_s, travel_s, start_s, finish_s)
        under_way.append(message)
        return message

    def _take_turn(self, now_s: float, give_up_s: float, service_s: float) -> tuple[float, float]:
        """When a worker begins to serve a message, after those before it, and when it is done."""
        free_s = self._free_s
        if not free_s:
            return NEVER, NEVER
        start_s = free_s[0]
        if start_s < now_s:
            start_s = now_s
        service_s *= self._service_factor
        if start_s > give_up_s:
            service_s *= self._abandon_cost
        finish_s = start_s + service_s
        _replace(free_s, finish_s)
        return start_s, finish_s

    def recompute(self, now_s: float) -> list[Message]:
        """Take over the faults that are on; the messages still waiting get a new plan, and are returned.

        A message in service keeps its worker and its finish, even if there are fewer workers now.
        """
        self.loss = self.config.loss  # to the last bit, when nothing is on
        if self.losses or self.dark:
            self.loss = 1.0 - (1.0 - min(1.0, self.loss + self.losses.total())) * (1.0 - self.dark.compound_share())
        self._network_s = self.config.network_median_ms / 1000.0 * self.network_factors.product()
        self._service_factor = self.service_factors.product()
        self.workers = round(self.worker_limits.least(self.config.workers))
        in_service = sorted(m.finish_s for m in self._under_way if m.start_s <= now_s < m.finish_s)
        waiting = [m for m in self._under_way if m.start_s > now_s]
        # With more in service than there are workers now, the first to finish free nobody.
        surplus = max(0, len(in_service) - self.workers)
        idle = max(0, self.workers - len(in_service))
        self._free_s = [-NEVER] * idle + in_service[surplus:] if self.workers else []  # sorted, so a heap
        for message in waiting:
            message.plan(*self._take_turn(now_s, message.give_up_s, message.service_s))
        return waiting

    @property
    def service_factor(self) -> float:
        """How many times its own time a message's service takes now."""
        return self._service_factor

    @property
    def network_median_s(self) -> float:
        """The median of the network's part of a round trip now."""
        return self._network_s

    def queue_length(self, now_s: float) -> int:
        """Messages sent and not yet in service."""
        return len(self._under_way) - bisect_right(
            self._under_way, now_s, key=_START_S
        )  # served in the order of sending

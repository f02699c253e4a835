"""What must hold at the end of every step of a run, counted anew from what ended and from what is still to happen.

1. orders in = ended + under way, each once: an order under way waits for its bridge, or has exactly one event to come
2. quota taken = that of the orders filled, of those under way, and of those that ended unfilled; given back = that of the last
   and of the lost jobs
3. leased GPUs = those that the leases hold which have not ended, by provider and GPU type
4. jobs killed since time 0 = routed again + lost + on their way to either
5. the clock goes forward: orders end in the order of their ends, within the step, and nothing is left behind in the past

Orders under way are counted at every `LOOK_EVERY_STEPS`th step, leases at every `COUNT_LEASES_EVERY_STEPS`th, both at the end.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from aurora_sim.engine.clock import Clock
from aurora_sim.engine.life import OrderLife
from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.engine.parts import Parts
from aurora_sim.engine.running_job import RunningJob
from aurora_sim.observe.rows import ENDED, GPU_HOURS
from aurora_sim.scenario.errors import InvariantError
from aurora_sim.treaty.ledger import MICRO, units
from aurora_sim.treaty.policy import ALLOW
from aurora_sim.world.bridge import Message

LOOK_EVERY_STEPS: Final = 20
COUNT_LEASES_EVERY_STEPS: Final = 120
NEAR_S: Final = 96.0
"""Nearly every order under way has its next event within this; jobs end hours from now, and there are a hundred times as many."""


class Invariants:
    """The counts of one run, from the making of its simulation on. `check` and `finish` raise InvariantError."""

    def __init__(self, clock: Clock, parts: Parts, life: OrderLife) -> None:
        self._clock = clock
        self._parts = parts
        self._life = life
        self._recorder = parts.recorder
        self._now_s = clock.now
        self._arrived = 0
        self._ended = 0
        self._filled_units = 0  # of quota, in millionths of a GPU-hour
        self._returned_units = 0
        self._history_units = sum(parts.ledger.totals_units)

    def check(self) -> None:
        """At the end of a step, before the recorder closes it."""
        tally, now_s = self._recorder.tally, self._clock.now
        self._count_ended(now_s)
        self._arrived += tally.arrived
        self._now_s = now_s
        step = self._recorder.step
        if step % LOOK_EVERY_STEPS == 0:
            self._parts.ledger.check()
            self.look()
        if step % COUNT_LEASES_EVERY_STEPS == 0:
            self._check_leases()

    def finish(self) -> None:
        """After the last step: look through what is to happen, and hold the recorder's books against these."""
        self._parts.ledger.check()
        self.look()
        self._check_leases()
        recorder = self._recorder
        in_flight = recorder.arrived_total - recorder.ended_total + recorder.warm_up_left
        if in_flight != self._arrived - self._ended:
            raise InvariantError(
                f"the recorder has {in_flight} orders in flight, of {self._arrived} that came {self._ended} ended"
            )

    def _count_ended(self, now_s: float) -> None:
        """Count the orders that ended in the step, and look at when they did."""
        tally = self._recorder.tally
        ended: Sequence[Any] = tally.ended  # that compiled code takes none of them apart
        before_s, filled_units = self._now_s, 0
        for order in ended:
            if isinstance(order, tuple):
                ended_s: float = order[ENDED]
                gpu_hours: float = order[GPU_HOURS]
                filled_units += units(gpu_hours)
            else:
                ended_s = order.ended_s
                if order.policy_code == ALLOW:
                    self._returned_units += units(order.gpu_hours)
            if not before_s <= ended_s:
                raise InvariantError(f"the clock went back: an order ended at {ended_s} s, after {before_s} s")
            before_s = ended_s
        if before_s > now_s:
            raise InvariantError(f"the clock went back: an order ended at {before_s} s, and it is {now_s} s")
        self._ended += len(ended)
        self._filled_units += filled_units

    def look(self) -> None:
        """Look at the orders under way: where that of the next minutes does not add up, through all that is to happen."""
        try:
            self._check_orders(self._under_way(self._now_s + NEAR_S))
        except InvariantError:
            self._check_orders(self._under_way(math.inf))

    def _under_way(self, before_s: float) -> list[LiveOrder]:
        """The orders that wait for their bridge, and that something is still to happen to before then; killed jobs' included."""
        orders = [order for link in self._parts.links.values() for order in link.queue]
        now_s = self._now_s
        messages: dict[
            Message, LiveOrder
        ] = {}  # one that was replanned may have two events at one time, and the first counts
        for event in self._clock.scheduled(before_s):
            time_s, value = event.time_s, event.value
            if time_s < now_s:
                raise InvariantError(f"the clock went back: an event is due at {time_s} s, and it is {now_s} s")
            kind = type(value)
            if kind is RunningJob:
                continue
            if kind is Message:
                message: Message = value
                order = message.order
                if isinstance(order, LiveOrder) and order.message is message and message.due_s == time_s:
                    messages[message] = order
            elif kind is LiveOrder:
                orders.append(value)
            elif kind is tuple and value and type(value[0]) is LiveOrder:
                orders.append(value[0])  # whose job was killed, and nobody has noticed yet
        orders += messages.values()
        return orders

    def _check_orders(self, orders: list[LiveOrder]) -> None:
        twice = [order for order, times in Counter(orders).items() if times > 1]
        if twice:
            raise InvariantError(f"{twice[0].order_id} is on its way twice")
        new = [order for order in orders if not order.outcome]
        if self._arrived != self._ended + len(new):
            raise InvariantError(f"{self._arrived} orders came, {self._ended} ended and {len(new)} are under way")
        recorder = self._recorder
        killed, again, lost = recorder.jobs_killed, recorder.jobs_rerouted, recorder.jobs_lost
        between = sum(order.outcome != "" and order.killed_s >= 0.0 for order in orders)  # killed since time 0
        if killed != again + lost + between:
            raise InvariantError(
                f"{killed} jobs were killed, {again} routed again, {lost} lost and {between} are between"
            )
        self._check_quota(sum([units(order.gpu_hours) for order in new if order.policy_code == ALLOW]))

    def _check_quota(self, under_way_units: int) -> None:
        plane = self._parts.control_plane
        if plane is not None and (plane.lost or not all(loss.log_replayed for loss in plane.losses)):
            return  # a fault had the ledger forget, which is what it is for
        used, given_back = self._parts.ledger.totals_units
        ordered = self._history_units + self._filled_units + under_way_units + self._returned_units
        if used + given_back != ordered:
            raise InvariantError(
                f"{(used + given_back) / MICRO} GPU-hours of quota were taken, and orders had {ordered / MICRO}: "
                f"filled {(self._history_units + self._filled_units) / MICRO}, under way {under_way_units / MICRO}, "
                f"unfilled {self._returned_units / MICRO}"
            )
        lost_units = self._life.quota_lost_units
        if given_back != self._returned_units + lost_units:
            raise InvariantError(
                f"{given_back / MICRO} GPU-hours of quota were given back, and orders that ended unfilled had "
                f"{self._returned_units / MICRO}, lost jobs {lost_units / MICRO}"
            )

    def _check_leases(self) -> None:
        for provider in self._parts.world.providers.values():
            for gpu_type, held in provider.held_gpus().items():
                leased = provider.pools[gpu_type].leased_gpus
                if leased != held:
                    raise InvariantError(
                        f"{provider.provider_id} leases {leased} {gpu_type}, and its jobs hold {held} of them"
                    )

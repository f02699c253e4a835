"""An order's life, top to bottom: demand, gateway, nonce, policy, router, bridge, provider, ack, job, receipt.

    arrive -> _admit -> _route -> _ask -> _send ..reply.. _answered -> _fill ..job.. _job_done
                                   ^        |                 |
                                   +--------+--- _next -------+   the next candidate: a failover

Each `..` is one event of SimPy's clock; nothing else in an order's life is. Processes are for long-lived actors only: an order is a
slotted object moved by callbacks, which costs a third of a process per order. At one instant: 1. faults strike before all else;
2. whatever was scheduled first happens first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from time import perf_counter_ns
from typing import Final

from aurora_sim.engine.clock import Clock
from aurora_sim.engine.eavesdropper import Admit, counting_accepted
from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.engine.parts import Check, Parts
from aurora_sim.engine.releases import Releases
from aurora_sim.engine.retries import Retries, fail_over
from aurora_sim.engine.running_job import RunningJob
from aurora_sim.observe.rows import offer_text, tries_text
from aurora_sim.scenario.errors import InvariantError
from aurora_sim.treaty.ack import ack_refusal, check_ack
from aurora_sim.treaty.candidates import reaches
from aurora_sim.treaty.ledger import units
from aurora_sim.treaty.policy import ALLOW, reason
from aurora_sim.treaty.reputation import after_ack, after_failure, after_outage
from aurora_sim.world.bridge import Message
from aurora_sim.world.demand import OrderDraft, bridge_luck
from aurora_sim.world.faults import Impact
from aurora_sim.world.front_door import FrontDoor
from aurora_sim.world.market import NO_BID, OFFER_GONE
from aurora_sim.world.provider import Pool, Provider
from aurora_sim.world.sources import OrderSource

NO_FAULT: Final = ("full", "price_moved", OFFER_GONE)
"""Refusals that are a market at work: they cost a provider no reputation."""
OUTAGE: Final = "outage"
_clock_ns: Final = perf_counter_ns
"""Found at once where it is compiled; a name that is imported is looked up at each call."""


class OrderLife:
    """Carries every order of a run from its arrival to its end, and its job to its receipt."""

    def __init__(self, env: Clock, parts: Parts) -> None:
        self._events = env.events
        # Made once: to look a method up makes a new object of it.
        self._on_answered = self._answered
        self._on_job_done = self._job_done
        self._parts = parts
        self._crypto = parts.crypto
        self._recorder = parts.recorder
        self._gateway = parts.gateway
        self._check: Check | None = None  # the gateway's, as faults leave it, while there are any
        self._nonces = parts.nonces
        self._policy = parts.policy
        self._ledger = parts.ledger
        self._router = parts.router
        self._providers = parts.world.providers
        self._region_loss = parts.world.region_loss
        self._retries = Retries(env, parts, self._send, self._next, self._end)
        self._targets = {name: (p, parts.links[p.bridge]) for name, p in self._providers.items()}
        self._issued = parts.issued
        self._start_of_day_s = parts.start_of_day_s
        self._day = 0  # the treaty's day, until the next midnight
        self._midnight_s = -math.inf
        self._decision_wait_s = parts.decision_wait_s
        self._crash_share = 0.0
        self._releases: Releases | None = None  # while any is out
        self._held_up = parts.decision_wait_s > 0.0  # an order that was allowed does not go on at once, or not at all
        self._treaty_id = parts.treaty_id
        self._alpha = parts.reputation_alpha
        self._receipts = parts.receipts
        self._real_receipts = parts.real_receipts
        self.quota_lost_units = 0
        """What killed jobs that found no other place had taken of the quota, in millionths of a GPU-hour."""

    # 1. Demand.

    def follow(self, source: OrderSource, drafts: Iterator[OrderDraft], first: OrderDraft) -> None:
        """Let the orders of a source arrive, one event each."""
        parts, events, valid_for_s, defect = self._parts, self._events, self._parts.order_valid_for_s, source.defect
        tenants, latencies, name = parts.tenants, parts.max_latency_ms, source.source
        crypto, troubled = self._crypto, parts.world.front_door.troubled
        gate: Admit | None = None
        if crypto is not None:
            assert self._issued is not None, "where orders are really signed, somebody always listens"
            gate = crypto.gate(self._admit, self._issued, defect)
        if defect == "replay":
            gate = counting_accepted(gate or self._admit, self._recorder)

        def arrive(draft: OrderDraft, now_s: float) -> None:
            following = next(drafts, None)
            if following is not None:
                events.at(following[0], arrive, following)
            order = LiveOrder(name, draft, tenants[draft[2]], latencies[draft[3]], valid_for_s)
            if defect:
                parts.spoil(order, defect)
            elif troubled and order.tenant_id in troubled:
                parts.trouble(order)
            if gate is None:
                self._admit(order, now_s)  # straight, for nearly all
            else:
                gate(order, now_s)

        events.at(first[0], arrive, first)

    # 2. to 4. Gateway, nonce, policy.

    def _admit(self, order: LiveOrder, now_s: float) -> None:
        recorder, tenant_id = self._recorder, order.tenant_id
        recorder.tally.arrived += 1
        check = self._check
        refusal = self._gateway.check(order, now_s) if check is None else check(order, now_s)
        if refusal is not None:
            self._end(order, now_s, "rejected", refusal.reason)
            return
        seen = self._nonces.check_and_set(order.nonce, now_s)
        if not seen:  # a replay is the policy's to deny, and costs its tenant nothing
            refusal = self._gateway.admit(order, now_s)
            if refusal is not None:
                self._nonces.withdraw(order.nonce)
                self._end(order, now_s, "rejected", refusal.reason)
                return
            if self._issued is not None:
                self._issued[tenant_id] = order
        order.day = day = self._day if now_s < self._midnight_s else self._new_day(now_s)
        used_today, used_total = self._ledger.used(tenant_id, day)
        policy = self._policy if self._releases is None else self._releases.deciding(order)
        began_ns = _clock_ns()
        code = policy.decide(order.gpu_hours, used_today, used_total, order.region_index, order.tenant_reputation, seen)
        recorder.decisions_ns.append(_clock_ns() - began_ns)
        order.policy_code = code
        if code != ALLOW:
            self._end(order, now_s, "denied", reason(code))
            return
        self._ledger.take(tenant_id, day, order.gpu_hours)
        if self._held_up:
            self._hold_up(order, now_s)
        else:
            self._route(order, now_s)

    def _hold_up(self, order: LiveOrder, now_s: float) -> None:
        """What is between a decision and the order's way on: a gateway that crashes with it, and the time that it takes."""
        if self._crash_share and self._parts.struck(order, "gateway-crash", self._crash_share):
            self._end(order, now_s, "undelivered", "gateway_crash")
        elif not self._decision_wait_s:
            self._route(order, now_s)
        else:
            self._events.at(now_s + self._decision_wait_s, self._route, order)

    def _new_day(self, now_s: float) -> int:
        """The UTC day, counted from the one in which the scenario starts; it stays until `_midnight_s`."""
        self._day = int((now_s + self._start_of_day_s) // 86_400.0)
        self._midnight_s = (self._day + 1) * 86_400.0 - self._start_of_day_s
        self._ledger.forget_before(self._day - 1)  # the totals keep it, and what orders still give back
        return self._day

    # 5. Router.

    def _route(self, order: LiveOrder, now_s: float) -> None:
        order.candidates = self._router.rank(order)
        order.place = 0
        if order.candidates:
            self._ask(order, now_s)
        else:
            self._unroutable(order, now_s)

    def _unroutable(self, order: LiveOrder, now_s: float) -> None:
        """No provider passes the filters."""
        self._end(order, now_s, "unroutable", self._router.no_route_reason(order))

    def _ask(self, order: LiveOrder, now_s: float) -> None:
        """Submit the order to the candidate whose turn it is."""
        if now_s >= order.deadline_s and not order.outcome:
            self._end(order, now_s, "expired", "deadline_passed")
            return
        order.provider_id = provider_id = order.candidates[order.place]
        order.provider, order.link = self._targets[provider_id]
        order.via = order.link
        order.submitted_s = now_s
        order.tries = 0
        self._send(order, now_s)

    # 6. Bridge.

    def _send(self, order: LiveOrder, now_s: float, released: bool = False) -> None:
        """One try to reach the provider, over its own bridge or, when that does not answer, over the failover bridge.

        `released`: the order comes from the local queue, which has already said which way it goes.
        """
        link = order.via
        if link.hindered and not released and link is order.link:
            way = link.way(now_s)
            if way == "wait":
                self._retries.wait(order, now_s)
                return
            if way == "failover":
                link = fail_over(order)
        luck = self._parts.retry_luck(order) if order.attempts else bridge_luck(order.bridge_luck)
        order.attempts += 1
        order.tries += 1
        loss = self._region_loss[order.region]
        order.message = message = link.bridge.send(order, now_s, now_s + link.timeout_s, luck, loss)
        self._events.at(message.due_s, self._on_answered, message)

    def _answered(self, message: Message, now_s: float) -> None:
        """The reply is here, or the client gives up waiting for it."""
        order: LiveOrder = message.order  # type: ignore[assignment]
        if message.due_s != now_s or order.message is not message:
            return  # its way was worked out anew since: another event is the one, or was
        order.message = None
        if message.reply_s >= message.give_up_s:
            self._retries.unanswered(order, now_s)
            return
        link = order.via
        if link.hindered:
            link.answered()
            self._retries.wake(link)
        # 7. and 8. Provider and ack: it takes the order, or the next candidate is asked.
        provider, pool = order.provider, order.provider.pools[order.gpu_type]
        refusal = provider.refusal(pool, order.gpus, order.region, order.max_price_usd_per_hour)
        market = provider.market
        if market is not None and not refusal:
            refusal = market.refusal(order.source, order.index, order.attempts if order.outcome else 0)
            if refusal == NO_BID:  # it took the order, and then nothing came
                self._events.at(
                    now_s + market.bid_timeout_s, lambda order, now_s: self._refused(order, now_s, NO_BID), order
                )
                return
        if not refusal:
            price, treaty_id = pool.price_usd_per_hour, self._treaty_id
            if self._crypto is None:
                answered = (order.order_id, provider.provider_id, treaty_id)
                asked = (order.order_id, order.provider_id, treaty_id)
                refusal = ack_refusal(provider.signs_well, answered, asked, price, order)
            else:
                refusal = check_ack(
                    self._crypto.acked(order, provider, price, now_s), order, order.provider_id, treaty_id
                )
            refusal = refusal or provider.attestation_refusal
            if not refusal:
                self._fill(order, provider, pool, now_s)
                return
        self._refused(order, now_s, refusal)

    def _refused(self, order: LiveOrder, now_s: float, refusal: str) -> None:
        """The candidate answered, and will not have it."""
        if refusal not in NO_FAULT:
            order.provider.move_reputation(after_failure(order.provider.reputation, self._alpha))
        order.refused = True
        self._next(order, now_s, refusal)

    def _next(self, order: LiveOrder, now_s: float, why: str) -> None:
        """The candidate failed: a failover to the next one, if there is one."""
        order.place += 1
        if reaches(order.candidates, order.place):
            order.failovers += 1
            self._recorder.failed_over(order.provider_id, why)
            self._ask(order, now_s)
        else:
            self._end(order, now_s, "refused" if order.refused else "undelivered", why)

    # 9. Job.

    def _fill(self, order: LiveOrder, provider: Provider, pool: Pool, now_s: float) -> None:
        gpus, gpu_hours = order.gpus, order.gpu_hours
        signed_id = "" if self._crypto is None else self._crypto.signed_id(order)
        job = RunningJob(order, provider, pool, order.day, signed_id)
        provider.take(now_s, job, job.node_luck)
        if provider.reputation != provider.standing:
            provider.move_reputation(after_ack(provider.reputation, provider.standing, self._alpha))
        placement_s = provider.placement_s(job.placement_luck)
        run_s = placement_s + gpu_hours / gpus * 3600.0
        if provider.interruptions is None:
            self._events.at(now_s + run_s, self._on_job_done, job)
        else:
            self.run_on(job, run_s, 0.0, order.attempts if order.outcome else 0)
        if order.outcome:  # it was filled before, and its job killed
            if not hasattr(order, "killed_s"):
                raise InvariantError(f"{order.order_id} was filled twice, and its job was not killed")
            self._recorder.rerouted(order, "filled")
            return
        order.outcome = "filled"
        link, price, latency_ms = order.via, pool.price_usd_per_hour, provider.latency_ms
        if not pool.row_text:
            pool.row_text = offer_text(provider.provider_id, price, latency_ms)
        self._recorder.filled(
            (
                order.tenant_id, order.workload_type, order.gpu_type, gpu_hours, pool.row_text, order.order_id, order.time_s,
                order.region, gpus, link.name, (now_s - order.submitted_s) * 1000.0,
                tries_text(order.attempts, order.failovers, order.policy_code), now_s, placement_s,
                link.settlement.seconds(job.settlement_luck), provider.provider_id, price, latency_ms,
            )
        )  # fmt: skip

    def run_on(self, job: RunningJob, run_s: float, ran_s: float, again: int) -> None:
        """Let a job that has run for `ran_s` run on: until `run_s` after its begin, or until something interrupts it before."""
        interruptions = job.provider.interruptions
        after_s, why = (run_s, "") if interruptions is None else interruptions.first(job.source, job.index, again)
        if after_s >= run_s or after_s <= ran_s:  # one that is over by now struck a run of the job before this
            self._events.at(self._events.now_s + (run_s - ran_s), self._on_job_done, job)
        else:
            self._events.at(self._events.now_s + (after_s - ran_s), self._interrupted, (job, why))

    def _interrupted(self, interruption: tuple[RunningJob, str], now_s: float) -> None:
        """Something took a job off its node before it was done."""
        job, why = interruption
        if job.live:
            job.provider.release(now_s, job)
            self._killed(job, why)

    def _job_done(self, job: RunningJob, now_s: float) -> None:
        if not job.live:
            return  # killed before
        if self._real_receipts is not None:
            assert self._crypto is not None
            self._real_receipts.job_done(job, job.signed_id or self._crypto.signed_id(self._ordered_anew(job)))
        job.provider.release(now_s, job)
        # 10. Receipt.
        self._receipts.completed(job, now_s)

    def _ordered_anew(self, job: RunningJob) -> LiveOrder:
        parts = self._parts
        return job.ordered_anew(
            parts.tenants[job.tenant_id], parts.max_latency_ms[job.workload_type], parts.order_valid_for_s
        )

    def struck(self, impact: Impact) -> None:
        """Faults began or ended: killed jobs are routed again, and messages on their way have another arrival."""
        self._take_over(self._parts.world.front_door)
        for message in impact.replanned:
            order = message.order  # None: a flood's, which waits for no answer
            if isinstance(order, LiveOrder) and order.message is message:
                self._events.at(message.due_s, self._on_answered, message)
        for provider, share in impact.darkened:
            provider.move_reputation(after_outage(provider.reputation, self._parts.outage_penalty_points, share))
        for lease in impact.killed:
            assert isinstance(lease, RunningJob)
            self._killed(lease, OUTAGE)

    def _killed(self, job: RunningJob, why: str) -> None:
        """A job was killed; its lease has ended. Its tenant will notice."""
        killed = self._ordered_anew(job)
        killed.killed_s = now_s = self._events.now_s
        provider_id = job.provider.provider_id
        self._recorder.killed(provider_id, why)
        self._events.at(now_s + self._parts.notice_s(killed), self._reroute, (killed, provider_id, why))

    def _take_over(self, door: FrontDoor) -> None:
        """What faults leave of the gateway's clock and its process, and how long decisions take now."""
        self._check = self._parts.check_under_faults(self._events.now_s)
        self._crash_share = door.crash_share
        self._releases = self._parts.releases if door.release_shares else None
        wait_s = self._parts.decision_wait_s + door.decision_add_s
        if wait_s != self._decision_wait_s:
            self._decision_wait_s = wait_s
            self._recorder.wait_for_decisions(wait_s * 1000.0)
        self._held_up = wait_s > 0.0 or self._crash_share > 0.0

    def _reroute(self, job: tuple[LiveOrder, str, str], now_s: float) -> None:
        """The tenant noticed that its job was killed: it is routed again, but after an outage not to where that is."""
        order, killed_by, why = job
        order.refused = False
        order.deadline_s = now_s + self._parts.order_valid_for_s  # the rest of the job is ordered anew
        order.candidates = self._router.rank(order)
        if why == OUTAGE:
            order.candidates = [provider_id for provider_id in order.candidates if provider_id != killed_by]
        order.place = 0
        if order.candidates:
            self._recorder.failed_over(killed_by, "job_killed" if why == OUTAGE else why)
            self._ask(order, now_s)
        else:
            self._end(order, now_s, "unroutable", "no_other_provider")

    # The end.

    def _end(self, order: LiveOrder, now_s: float, outcome: str, why: str) -> None:
        """Where an order ends unfilled; so does a killed job's order that finds no other place."""
        if order.policy_code == ALLOW:
            self._parts.give_back(order)
        if order.outcome:
            if order.outcome != "filled":
                raise InvariantError(f"{order.order_id} ended twice: {order.outcome}, then {outcome}")
            if order.policy_code == ALLOW:
                self.quota_lost_units += units(order.gpu_hours)
            self._recorder.rerouted(order, outcome)
            return
        order.outcome = outcome
        order.reason = why
        order.ended_s = now_s
        order.bridge = order.link.name if order.attempts else ""
        self._recorder.unfilled(order)

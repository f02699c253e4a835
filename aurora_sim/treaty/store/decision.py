"""What is decided under the write lock: nonce, policy, router and providers, order by order."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, select

from aurora_sim.scenario.config import World
from aurora_sim.treaty.ack import check_ack
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.ledger import MICRO, units
from aurora_sim.treaty.order import Order
from aurora_sim.treaty.policy import abi
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.router import Router
from aurora_sim.treaty.signed_ack import SignedAck, to_ack, verify_ack
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.answers import Answer, DeskObserver
from aurora_sim.treaty.store.dialects import among_named, on_sqlite, texts_of
from aurora_sim.treaty.store.entries import Body, Row, nonce_row
from aurora_sim.treaty.store.front_door import Candidate, FrontDoor
from aurora_sim.treaty.store.nonces import holders
from aurora_sim.treaty.store.providers import ProviderPort
from aurora_sim.treaty.store.refusals import RETRY_HALTED_S, RETRY_PROVIDERS_S, refusal

UNITS_MAX: Final = 2**53 - 1
"""What the log can write as a number: 9e9 GPU-hours in all."""
TIME_MAX_S: Final = 253_402_300_799.0
"""The last second of the year 9999, after which a database has no times."""
TREATY_HALTED: Final = abi.DECISIONS.index("treaty_halted")
REPLAYED: Final = abi.DECISIONS.index("replayed_nonce")
TOTAL_QUOTA: Final = abi.DECISIONS.index("treaty_total_quota")


@dataclass(slots=True)
class Batch:
    """What the decisions of one batch come to; the desk writes it."""

    accepted: list[tuple[float, str, Body]] = field(default_factory=list)
    unfilled: dict[str, tuple[float, Body]] = field(default_factory=dict)
    """By order id: the same order may come twice, and be filled the second time."""
    nonces: list[Row] = field(default_factory=list)
    """Those of denied orders: theirs are used up too. An accepted order's entry in the log brings its own."""
    replays: list[Row] = field(default_factory=list)
    withdrawn: list[Candidate] = field(default_factory=list)
    """Those whose nonces are free again, because the same order may come again."""
    answers: dict[int, Answer] = field(default_factory=dict)


@dataclass(slots=True)
class Known:
    """What the database knows that bears on a batch: it grows with each decision, so that one order sees the last."""

    nonces: dict[tuple[str, str], str]
    filled: set[str]
    used_today: dict[str, int]
    used_total: int
    day: int


_days = tables.quota_days.c
_USED_TODAY: Final = select(_days.tenant_id, _days.units).where(_days.day == bindparam("today"))


@functools.cache
def _filled(sqlite: bool) -> Select[str]:
    orders = tables.orders.c
    return select(orders.order_id).where(among_named(sqlite, orders.order_id, "ids"), orders.outcome == "filled")


def read_known(connection: Connection, candidates: Sequence[Candidate], used_total: int, now_s: float) -> Known:
    """Three statements, whatever the size of the batch."""
    keys = [(candidate.order.tenant_id, candidate.order.nonce) for candidate in candidates]
    day = int(now_s // 86_400.0)
    used = connection.execute(_USED_TODAY, {"today": day})
    ids = texts_of(connection, [candidate.order.order_id for candidate in candidates])
    return Known(
        holders(connection, keys, now_s),
        set(connection.execute(_filled(on_sqlite(connection)), {"ids": ids}).scalars()),
        {row.tenant_id: row.units for row in used},
        used_total,
        day,
    )


class Judge:
    """Decides one candidate after the other; the functions are the simulator's."""

    def __init__(
        self,
        config: World,
        registry: KeyRegistry,
        policy: PolicyHost,
        router: Router,
        providers: ProviderPort,
        front_door: FrontDoor,
        observer: DeskObserver,
    ) -> None:
        self._reputations = {tenant_id: tenant.reputation for tenant_id, tenant in config.tenants.items()}
        self._treaty_id = config.treaty.treaty_id
        self._nonce_ttl_s = config.gateway.nonce_ttl
        self._clock_skew_max_s = config.gateway.clock_skew_max
        self._registry = registry
        self._policy = policy
        self._router = router
        self._providers = providers
        self._front_door = front_door
        self._observer = observer
        self.region_indexes: Mapping[str, int] = {}
        self.terms_version = 0

    def decide(self, candidate: Candidate, known: Known, held_by: str | None, batch: Batch, now_s: float) -> None:
        """One answer into the batch, with what is to be written. `held_by`: who holds the nonce in a store in front."""
        order = candidate.order
        order.region_index = self.region_indexes.get(order.region, abi.UNKNOWN_REGION)
        key = order.tenant_id, order.nonce
        holder = known.nonces.get(key) or held_by
        if order.order_id in known.filled:
            holder = order.order_id
        if holder is None:
            refused = self._front_door.admit(candidate, now_s)
            if refused is not None:
                batch.withdrawn.append(candidate)
                self._observer.ended("rejected", "rate_limited", order.gpu_hours)
                batch.answers[candidate.place] = refused
                return
        body = self._ask_policy(candidate, known, holder is not None, now_s)
        code = body["code"]
        if holder is not None and code in (abi.ALLOW, REPLAYED):
            # A policy that does not mind replays changes nothing: a nonce is taken once.
            self._replayed(candidate, holder, batch)
        elif code != abi.ALLOW:
            self._denied(candidate, body, holder, known, batch, now_s)
        else:
            self._place(candidate, body, known, batch, now_s)

    def _ask_policy(self, candidate: Candidate, known: Known, seen: bool, now_s: float) -> Body:
        """What is recorded of an order that the policy was asked about, as denied."""
        order = candidate.order
        used_today = known.used_today.get(order.tenant_id, 0)
        began_ns = perf_counter_ns()
        code = self._policy.decide(
            order.gpu_hours,
            used_today / MICRO,
            known.used_total / MICRO,
            order.region_index,
            self._reputations[order.tenant_id],
            int(seen),
        )
        decision_us = (perf_counter_ns() - began_ns) / 1000.0
        self._observer.decided(decision_us / 1000.0, code)
        if code == abi.ALLOW and known.used_total + units(order.gpu_hours) > UNITS_MAX:
            code = TOTAL_QUOTA
        return {
            "order": candidate.fields,
            "order_id": order.order_id,
            "source": order.source,
            "code": code,
            "decision": abi.reason(code),
            "used_today": used_today,
            "used_total": known.used_total,
            "decision_us": decision_us,
            "terms_version": self.terms_version,
            "day": known.day,
            "units": 0,
            "attempts": [],
            "ack": None,
            "completes_at_s": None,
            "nonce_expires_s": now_s + self._nonce_ttl_s,
            "outcome": "denied",
            "reason": abi.reason(code),
        }

    def _replayed(self, candidate: Candidate, holder: str, batch: Batch) -> None:
        order = candidate.order
        batch.replays.append(
            {"tenant_id": order.tenant_id, "nonce": order.nonce, "order_id": holder, "source": order.source}
        )
        self._observer.ended("denied", "replayed_nonce", order.gpu_hours)
        batch.answers[candidate.place] = refusal(409, "replayed_nonce", order_id=holder)

    def _denied(
        self, candidate: Candidate, body: Body, holder: str | None, known: Known, batch: Batch, now_s: float
    ) -> None:
        order, code, why = candidate.order, body["code"], body["reason"]
        self._observer.ended("denied", why, order.gpu_hours)
        if code in (TREATY_HALTED, abi.POLICY_ERROR):  # not the order's fault: it may come again as it is
            if holder is None:
                batch.withdrawn.append(candidate)
            batch.answers[candidate.place] = refusal(503, why, order_id=order.order_id, retry_after_s=RETRY_HALTED_S)
            return
        if holder is None:
            # Denied, an order costs no quota, but its nonce is used up: the answer is known.
            batch.unfilled[order.order_id] = now_s, body
            batch.nonces.append(nonce_row(body["order"], order.order_id, now_s, body["nonce_expires_s"]))
            known.nonces[order.tenant_id, order.nonce] = order.order_id
        batch.answers[candidate.place] = refusal(403, why, order_id=order.order_id)

    def _place(self, candidate: Candidate, body: Body, known: Known, batch: Batch, now_s: float) -> None:
        """Ask the providers in the router's order until one takes it."""
        order = candidate.order
        ranked = self._router.rank(order)
        body["outcome"], body["reason"] = "refused", "refused"
        if not ranked:
            body["outcome"], body["reason"] = "unroutable", self._router.no_route_reason(order)
        for provider_id in ranked:
            began_ns = perf_counter_ns()
            ack, reason = self._offer(order, provider_id, now_s)
            body["attempts"].append([provider_id, reason or "accepted"])
            if ack is not None:
                self._observer.acknowledged(provider_id, (perf_counter_ns() - began_ns) / 1e6)
                self._filled(candidate, body, ack, known, batch, now_s)
                return
            self._observer.failed_over(provider_id, reason)
        self._observer.ended(body["outcome"], body["reason"], order.gpu_hours)
        batch.unfilled[order.order_id] = now_s, body
        batch.withdrawn.append(candidate)
        message = "" if ranked else "No provider passes the order's limits: see the reason"
        batch.answers[candidate.place] = refusal(
            503, body["reason"], message=message, order_id=order.order_id, retry_after_s=RETRY_PROVIDERS_S
        )

    def _offer(self, order: Order, provider_id: str, now_s: float) -> tuple[SignedAck | None, str]:
        """A provider's good ack, or None and why there is none."""
        answer = self._providers.offer(order, provider_id, now_s)
        if isinstance(answer, str):
            return None, answer
        fault = verify_ack(
            answer,
            self._registry,
            treaty_id=self._treaty_id,
            provider_id=provider_id,
            now_s=now_s,
            clock_skew_max_s=self._clock_skew_max_s,
        )
        fault = fault or check_ack(to_ack(answer, signature_valid=True), order, provider_id, self._treaty_id)
        return (None, fault) if fault else (answer, "")

    def _filled(
        self, candidate: Candidate, body: Body, ack: SignedAck, known: Known, batch: Batch, now_s: float
    ) -> None:
        order = candidate.order
        amount = units(order.gpu_hours)
        known.used_today[order.tenant_id] = known.used_today.get(order.tenant_id, 0) + amount
        known.used_total += amount
        known.nonces[order.tenant_id, order.nonce] = order.order_id
        known.filled.add(order.order_id)
        signed: dict[str, Any] = dict(ack.__dict__)
        body.update(
            units=amount,
            ack=signed,
            outcome="filled",
            reason="",
            completes_at_s=min(now_s + order.gpu_hours / order.gpus * 3600.0, TIME_MAX_S),
        )
        batch.unfilled.pop(order.order_id, None)
        batch.accepted.append((now_s, "order", body))
        self._observer.ended("filled", "", order.gpu_hours)
        batch.answers[candidate.place] = Answer(
            202,
            {
                "order_id": order.order_id,
                "status": "accepted",
                "treaty_id": ack.treaty_id,
                "provider_id": ack.provider_id,
                "price_usd_per_hour": ack.price_usd_per_hour,
                "ack": signed,
            },
        )

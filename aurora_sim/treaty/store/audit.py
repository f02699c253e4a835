"""What an operator should look at although nothing is broken: replays, quotas near their limit, missing receipts, old keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from aurora_sim.scenario.config import World
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.ledger import MICRO
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.readings import used_today
from aurora_sim.treaty.store.state import read_state
from aurora_sim.treaty.store.store import read_head

NEAR_QUOTA: Final = 0.9
"""The share of a quota from which on it is near its limit."""
LISTED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One of `replay`, `quota`, `no_receipt`, `revoked_key`, `halt`; who or what it is about; and in words."""

    kind: str
    about: str
    what: str


def audit(
    connection: Connection, registry: KeyRegistry, config: World, *, since_s: float, now_s: float
) -> Iterator[Anomaly]:
    """The anomalies since `since_s`; of a kind that may be many, the latest `LISTED_MAX` and how many there are."""
    for halt in read_state(connection, registry).halts:
        yield Anomaly("halt", halt.made_by, f"halted: {halt.reason}")
    yield from _replays(connection, since_s)
    yield from _quotas(connection, registry, config, now_s)
    yield from _without_receipts(connection, config.provenance.grace, since_s, now_s)
    yield from _by_revoked_keys(connection, registry, since_s)


def _replays(connection: Connection, since_s: float) -> Iterator[Anomaly]:
    replays = tables.replays.c
    recent = replays.last_at >= since_s
    query = select(tables.replays).where(recent).order_by(replays.last_at.desc()).limit(LISTED_MAX)
    for row in connection.execute(query):
        times = "once" if row.times == 1 else f"{row.times} times"
        yield Anomaly("replay", row.tenant_id, f"nonce {row.nonce} came again {times}, last from {row.source}")
    yield from _rest("replay", connection.execute(select(func.count()).where(recent)).scalar_one())


def _quotas(connection: Connection, registry: KeyRegistry, config: World, now_s: float) -> Iterator[Anomaly]:
    terms = read_state(connection, registry).terms
    treaty = terms.treaty if terms is not None else config.treaty
    for tenant_id, used in sorted(used_today(connection, now_s).items()):
        yield from _near(tenant_id, "today", used / MICRO, treaty.quota_gpu_hours_daily_per_tenant)
    total = read_head(connection.execute(select(tables.head)).one()).used_units
    yield from _near(treaty.treaty_id, "in all", total / MICRO, treaty.quota_gpu_hours_total)


def _near(about: str, when: str, used: float, quota: float) -> Iterator[Anomaly]:
    if used >= NEAR_QUOTA * quota:
        yield Anomaly("quota", about, f"{used:.6g} of {quota:.6g} GPU-hours used {when} ({used / quota:.1%})")


def _without_receipts(connection: Connection, grace_s: float, since_s: float, now_s: float) -> Iterator[Anomaly]:
    """Jobs that completed, and whose receipt is not there or not complete although its time is over."""
    orders, receipts = tables.orders.c, tables.receipts.c
    missing = (
        select(orders.order_id, orders.tenant_id, orders.provider_id, receipts.complete)
        .select_from(tables.orders.outerjoin(tables.receipts))
        .where(
            orders.outcome == "filled",
            orders.completes_at <= now_s - grace_s,
            orders.completes_at >= since_s,
            receipts.complete.is_distinct_from(True),
        )
    )
    for row in connection.execute(missing.order_by(orders.completes_at.desc()).limit(LISTED_MAX)):
        state = "has no receipt" if row.complete is None else "has a receipt that is not complete"
        yield Anomaly("no_receipt", row.provider_id, f"the job of {row.order_id} ({row.tenant_id}) {state}")
    yield from _rest(
        "no_receipt", connection.execute(select(func.count()).select_from(missing.subquery())).scalar_one()
    )


def _by_revoked_keys(connection: Connection, registry: KeyRegistry, since_s: float) -> Iterator[Anomaly]:
    revoked = {key.key_id: key for key in registry.keys(None) if key.revoked_at_s is not None}
    acks = tables.acks.c
    query = select(acks.key_id, acks.provider_id, func.count(), func.max(acks.acked_at)).where(
        acks.key_id.in_(sorted(revoked)), acks.acked_at >= since_s
    )
    for key_id, provider_id, count, _ in connection.execute(query.group_by(acks.key_id, acks.provider_id)):
        what = f"{count} acks by the key {key_id}, which is revoked ({revoked[key_id].revoked_reason or 'no reason given'})"
        yield Anomaly("revoked_key", provider_id, what)
    orders = tables.orders.c
    signed = select(orders.key_id, orders.tenant_id, func.count()).where(
        orders.key_id.in_(sorted(revoked)), orders.created_at >= since_s, orders.outcome == "filled"
    )
    for key_id, tenant_id, count in connection.execute(signed.group_by(orders.key_id, orders.tenant_id)):
        what = f"{count} filled orders by the key {key_id}, which is revoked"
        yield Anomaly("revoked_key", tenant_id, what)


def _rest(kind: str, count: int) -> Iterator[Anomaly]:
    if count > LISTED_MAX:
        yield Anomaly(kind, "and", f"{count - LISTED_MAX} more")

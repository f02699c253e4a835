"""When the nonces must not be purged: while a tenant signs with a key that is older than its last suspected replay."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from aurora_sim.treaty.keys import KeyRegistry, PublicKey
from aurora_sim.treaty.store import tables


class Replayed(NamedTuple):
    """A tenant of whom an order came again: when that was last, and its keys that are valid and were so then.

    `rotated`: it has a newer key, and those are in their overlap.
    """

    owner: str
    replayed_s: float
    keys: tuple[PublicKey, ...]
    rotated: bool


def replayed_tenants(connection: Connection, registry: KeyRegistry, now_s: float) -> list[Replayed]:
    """The tenants whose keys of the time of their last suspected replay are valid still, those not rotated first.

    The nonce cache is what stands between an order that somebody captured and its replay, as long as its signature
    counts. An order that was filled is never taken twice, purged or not: its id is its content, and is known.
    """
    replays = tables.replays.c
    last = connection.execute(select(replays.tenant_id, func.max(replays.last_at)).group_by(replays.tenant_id))
    found = []
    for tenant_id, replayed_s in last:
        owner = f"tenant:{tenant_id}"
        valid = [key for key in registry.keys(owner) if key.state(now_s) == "valid"]
        old = tuple(key for key in valid if key.not_before_s <= replayed_s)
        if old:
            found.append(Replayed(owner, replayed_s, old, len(old) < len(valid)))
    return sorted(found, key=lambda tenant: (tenant.rotated, tenant.owner))

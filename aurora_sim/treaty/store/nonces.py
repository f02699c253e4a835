"""The nonces of the database: looked up and held in the transaction that decides the order."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from sqlalchemy import Connection, Select, bindparam, delete, func, select, tuple_

from aurora_sim.treaty.nonce import NonceStats
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.dialects import among_named, on_sqlite, texts_of, upsert
from aurora_sim.treaty.store.entries import Row, write_nonces

PRUNED_AT_ONCE: Final = 500
"""Expired nonces that one transaction drops at most: as many as it may bring, so that they never gather."""

_nonces = tables.nonces.c
_replays = tables.replays.c


class Nonce(NamedTuple):
    """A nonce that is held: whose, by which order, and from when until when, in Unix seconds."""

    tenant_id: str
    nonce: str
    order_id: str
    accepted_s: float
    expires_s: float


class SharedNonces(Protocol):
    """A nonce store in front of the database, such as Redis; every call may raise `NonceStoreUnavailable`."""

    def check_and_set_many(self, nonces: Sequence[Nonce]) -> list[str | None]:
        """For each, in order: the id of the order that holds it already, or None, and from now on it is held. Atomic each."""

    def withdraw_many(self, nonces: Sequence[Nonce]) -> None:
        """Forget nonces that were just set, unless another order holds them now."""

    def stats(self) -> NonceStats:
        """What it holds."""

    def clear(self) -> int:
        """Forget everything; how many nonces that were."""

    def held(self) -> Iterator[Nonce]:
        """Every nonce that it holds."""

    def hold(self, nonces: Sequence[Nonce]) -> int:
        """Hold these, with their times, where it does not hold them yet; how many are new."""

    def find(self, nonce: str, tenant_id: str | None) -> list[Nonce]:
        """Who holds it: of that tenant, or of any."""


@functools.cache
def _holders(sqlite: bool) -> Select[str, str, str]:
    return select(_nonces.tenant_id, _nonces.nonce, _nonces.order_id).where(
        among_named(sqlite, _nonces.tenant_id, "tenants"),
        among_named(sqlite, _nonces.nonce, "wanted"),
        _nonces.expires_at > bindparam("now"),
    )


def holders(connection: Connection, keys: Sequence[tuple[str, str]], now_s: float) -> dict[tuple[str, str], str]:
    """The orders that hold these (tenant, nonce) at `now_s`."""
    wanted = set(keys)
    rows = connection.execute(
        _holders(on_sqlite(connection)),
        {
            "tenants": texts_of(connection, sorted({tenant_id for tenant_id, _ in wanted})),
            "wanted": texts_of(connection, sorted({nonce for _, nonce in wanted})),
            "now": now_s,
        },
    )
    return {key: row.order_id for row in rows if (key := (row.tenant_id, row.nonce)) in wanted}


def prune(connection: Connection, now_s: float, at_most: int = PRUNED_AT_ONCE) -> int:
    """Drop nonces whose time is over; how many went."""
    expired = select(_nonces.tenant_id, _nonces.nonce).where(_nonces.expires_at <= now_s).limit(at_most)
    keys = [tuple(row) for row in connection.execute(expired)]
    if keys:
        connection.execute(delete(tables.nonces).where(tuple_(_nonces.tenant_id, _nonces.nonce).in_(keys)))
    return len(keys)


def note_replays(connection: Connection, rows: Sequence[Row], now_s: float) -> None:
    """Count nonces that came again: rows of tenant, nonce, order and source."""
    if not rows:
        return
    statement = upsert(connection)(tables.replays)
    again = statement.on_conflict_do_update(
        index_elements=["tenant_id", "nonce"],
        set_={
            "last_at": statement.excluded.last_at,
            "times": _replays.times + 1,
            "source": statement.excluded.source,
        },
    )
    connection.execute(again, [{**row, "first_at": now_s, "last_at": now_s, "times": 1} for row in rows])


def stats(connection: Connection, now_s: float) -> NonceStats:
    """What the table holds: expired are those that are yet to be pruned, replayed those of all time."""
    held, oldest_s = connection.execute(
        select(func.count(), func.min(_nonces.accepted_at)).where(_nonces.expires_at > now_s)
    ).one()
    expired = connection.execute(select(func.count()).where(_nonces.expires_at <= now_s)).scalar_one()
    replayed = connection.execute(select(func.coalesce(func.sum(_replays.times), 0))).scalar_one()
    return NonceStats(held, held + expired, int(replayed), expired, oldest_s)


def clear(connection: Connection) -> int:
    """Forget every nonce; how many that were. The orders stay, and the very same order is never taken twice."""
    return connection.execute(delete(tables.nonces)).rowcount


def withdraw(connection: Connection, tenant_id: str, nonce: str, order_id: str) -> None:
    """Forget one nonce, if that order holds it."""
    connection.execute(
        delete(tables.nonces).where(
            _nonces.tenant_id == tenant_id, _nonces.nonce == nonce, _nonces.order_id == order_id
        )
    )


def held(connection: Connection, now_s: float) -> Iterator[Nonce]:
    """Every nonce that is held at `now_s`, the oldest first."""
    query = select(tables.nonces).where(_nonces.expires_at > now_s).order_by(_nonces.accepted_at)
    for row in connection.execute(query):
        yield Nonce(row.tenant_id, row.nonce, row.order_id, row.accepted_at, row.expires_at)


def hold(connection: Connection, nonces: Sequence[Nonce], now_s: float) -> int:
    """Hold these with their times where they are not held yet; how many are new."""
    taken = holders(connection, [nonce[:2] for nonce in nonces], now_s) if nonces else {}
    new = {nonce[:2]: nonce for nonce in nonces if nonce[:2] not in taken and nonce.expires_s > now_s}
    if new:
        write_nonces(
            connection,
            [
                {
                    "tenant_id": nonce.tenant_id,
                    "nonce": nonce.nonce,
                    "order_id": nonce.order_id,
                    "accepted_at": nonce.accepted_s,
                    "expires_at": nonce.expires_s,
                }
                for nonce in new.values()
            ],
        )
    return len(new)


def find(connection: Connection, nonce: str, tenant_id: str | None, now_s: float) -> list[Nonce]:
    """Who holds a nonce: of that tenant, or of any."""
    query = select(tables.nonces).where(_nonces.nonce == nonce, _nonces.expires_at > now_s)
    if tenant_id is not None:
        query = query.where(_nonces.tenant_id == tenant_id)
    return [
        Nonce(row.tenant_id, row.nonce, row.order_id, row.accepted_at, row.expires_at)
        for row in connection.execute(query)
    ]

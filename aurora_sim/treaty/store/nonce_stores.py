"""The nonce stores behind one interface: the database's own, and Redis by URL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.nonce import NonceStats, NonceStoreUnavailable
from aurora_sim.treaty.store import nonces
from aurora_sim.treaty.store.answers import StoreUnavailable
from aurora_sim.treaty.store.nonces import Nonce, SharedNonces
from aurora_sim.treaty.store.store import Store


def shared_nonces(url: str | None, treaty_id: str, ttl_s: float) -> SharedNonces | None:
    """The store in front of the database that `--nonces URL` names; None for none. Raises `InputError` for a bad URL."""
    if url is None:
        return None
    if url.partition("://")[0] not in ("redis", "rediss", "unix"):
        raise InputError("--nonces", "only Redis can stand in front of the database", "Write redis://HOST:6379/0")
    from aurora_sim.treaty.store.redis_nonces import RedisNonces

    return RedisNonces(url, treaty_id, ttl_s)


class DatabaseNonces:
    """The nonces of the database, each call in a transaction of its own; the desk looks them up in its own instead.

    `clock` gives the time where a call is not told it. Raises `NonceStoreUnavailable` where the database is out of reach.
    """

    def __init__(self, store: Store, ttl_s: float, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._ttl_s = ttl_s
        self._clock = clock

    def check_and_set_many(self, wanted: Sequence[Nonce]) -> list[str | None]:
        """For each the id of the order that holds it already, or None, and from now on it is held."""
        found: list[str | None] = []
        with _Reachable(), self._store.transaction() as transaction:
            for nonce in wanted:
                taken = nonces.holders(transaction.connection, [nonce[:2]], nonce.accepted_s)
                found.append(taken.get(nonce[:2]))
                nonces.hold(transaction.connection, [nonce], nonce.accepted_s)
        return found

    def check_and_set(self, key: str, now_s: float) -> bool:
        """As `NonceCache` has it: whether `TENANT/NONCE` was held; from now on it is."""
        tenant_id, _, nonce = key.partition("/")
        return self.check_and_set_many([Nonce(tenant_id, nonce, "", now_s, now_s + self._ttl_s)])[0] is not None

    def withdraw_many(self, withdrawn: Sequence[Nonce]) -> None:
        """Forget those that are still held by the same order."""
        with _Reachable(), self._store.transaction() as transaction:
            for nonce in withdrawn:
                nonces.withdraw(transaction.connection, nonce.tenant_id, nonce.nonce, nonce.order_id)

    def withdraw(self, key: str) -> None:
        """As `NonceCache` has it."""
        tenant_id, _, nonce = key.partition("/")
        self.withdraw_many([Nonce(tenant_id, nonce, "", 0.0, 0.0)])

    def stats(self) -> NonceStats:
        """What the table holds."""
        with _Reachable(), self._store.database.reading() as connection:
            return nonces.stats(connection, self._clock())

    def clear(self) -> int:
        """Forget every nonce; how many that were."""
        with _Reachable(), self._store.transaction() as transaction:
            return nonces.clear(transaction.connection)

    def held(self) -> Iterator[Nonce]:
        """Every nonce that is held, the oldest first."""
        with _Reachable(), self._store.database.reading() as connection:
            yield from nonces.held(connection, self._clock())

    def hold(self, given: Sequence[Nonce]) -> int:
        """Hold these with their times, where they are not held yet; how many are new."""
        with _Reachable(), self._store.transaction() as transaction:
            return nonces.hold(transaction.connection, given, self._clock())

    def find(self, nonce: str, tenant_id: str | None) -> list[Nonce]:
        """Who holds a nonce: of that tenant, or of any."""
        with _Reachable(), self._store.database.reading() as connection:
            return nonces.find(connection, nonce, tenant_id, self._clock())


class _Reachable:
    """The database's failure as the nonce store's."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, failure: BaseException | None, at: object) -> None:
        if isinstance(failure, StoreUnavailable):
            raise NonceStoreUnavailable(str(failure)) from failure

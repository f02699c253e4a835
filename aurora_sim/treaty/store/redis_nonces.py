"""Nonces in Redis: one store for many workers, in front of the database. Out of reach, it lets nothing in."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.nonce import NonceStats, NonceStoreUnavailable, nonce_key
from aurora_sim.treaty.store.nonces import Nonce

TIMEOUT_S: Final = 1.0
"""For connecting, and for each answer."""
SCANNED_AT_ONCE: Final = 1000

_WITHDRAW: Final = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"
_GLOB: Final = re.compile(r"([*?\[\]^\\-])")


class RedisNonces:
    """Each nonce is a key that Redis itself drops when its time is over: `aurora:TREATY:nonce:TENANT/NONCE`.

    It is set by `SET ... NX PX`, so of all who try at once one succeeds. Every call may raise `NonceStoreUnavailable`.
    What Redis forgets too early, because it was restarted or full, the database still knows.
    """

    def __init__(self, url: str, treaty_id: str, ttl_s: float, timeout_s: float = TIMEOUT_S) -> None:
        """Connects when it is first used. Raises `InputError` for a URL that is none."""
        try:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError
            from redis.retry import Retry
        except ImportError:
            raise InputError(
                "--nonces redis", "redis, which speaks to it, is not installed", 'pip install ".[redis]"'
            ) from None
        try:
            self._redis: Any = Redis.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),  # an order waits for the answer, and "no" is one
                decode_responses=True,
            )
        except ValueError:
            raise InputError("--nonces", "this is no URL of a Redis server", "Write redis://HOST:6379/0") from None
        self._failures = (RedisError, OSError)
        self._prefix = f"aurora:{treaty_id}:nonce:"
        self._ttl_s = ttl_s
        self._replayed = 0

    def check_and_set_many(self, nonces: Sequence[Nonce]) -> list[str | None]:
        """For each the id of the order that holds it already ("" where it went just now), or None, and it is held."""
        with self._reachable():
            pipeline = self._redis.pipeline(transaction=False)
            for nonce in nonces:
                pipeline.set(self._key(nonce), _value(nonce), nx=True, px=_milliseconds(nonce))
            new = pipeline.execute()
            taken = [nonce for nonce, was_new in zip(nonces, new, strict=True) if not was_new]
            values = iter(self._redis.mget([self._key(nonce) for nonce in taken]) if taken else ())
        self._replayed += len(taken)
        return [None if was_new else _order_id(next(values)) for was_new in new]

    def withdraw_many(self, nonces: Sequence[Nonce]) -> None:
        """Forget those that are still held as they were set."""
        with self._reachable():
            pipeline = self._redis.pipeline(transaction=False)
            for nonce in nonces:
                pipeline.eval(_WITHDRAW, 1, self._key(nonce), _value(nonce))
            pipeline.execute()

    def check_and_set(self, key: str, now_s: float) -> bool:
        """As `NonceCache` has it: whether `TENANT/NONCE` was held; from now on it is."""
        return self.check_and_set_many([self._nonce_of(key, now_s)])[0] is not None

    def withdraw(self, key: str) -> None:
        """As `NonceCache` has it."""
        with self._reachable():
            self._redis.delete(self._prefix + key)

    def stats(self) -> NonceStats:
        """What Redis holds; it counts none that expired, and `replayed` is this process's count."""
        held = list(self.held())
        oldest_s = min((nonce.accepted_s for nonce in held), default=None)
        return NonceStats(len(held), len(held), self._replayed, 0, oldest_s)

    def clear(self) -> int:
        """Forget every nonce of this treaty, and say how many that were."""
        cleared = 0
        with self._reachable():
            keys = self._keys("*")
            while chunk := list(islice(keys, SCANNED_AT_ONCE)):
                cleared += self._redis.unlink(*chunk)
        return cleared

    def held(self) -> Iterator[Nonce]:
        """Every nonce that is held, in no order."""
        yield from self._read("*")

    def find(self, nonce: str, tenant_id: str | None) -> list[Nonce]:
        """Who holds a nonce: of that tenant, or of any."""
        tenant = "*" if tenant_id is None else _escaped(tenant_id)
        return list(self._read(f"{tenant}/{_escaped(nonce)}"))

    def hold(self, nonces: Sequence[Nonce]) -> int:
        """Hold these for what is left of their time, where they are not held yet; how many are new."""
        with self._reachable():
            pipeline = self._redis.pipeline(transaction=False)
            for nonce in nonces:
                pipeline.set(self._key(nonce), _value(nonce), nx=True, pxat=int(nonce.expires_s * 1000.0))
            return sum(map(bool, pipeline.execute()))

    def _read(self, pattern: str) -> Iterator[Nonce]:
        with self._reachable():
            keys = self._keys(pattern)
            while chunk := list(islice(keys, SCANNED_AT_ONCE)):
                for key, value in zip(chunk, self._redis.mget(chunk), strict=True):
                    if value is not None:  # its time was over in between
                        tenant_id, _, nonce = key.removeprefix(self._prefix).partition("/")
                        yield Nonce(tenant_id, nonce, *_content(value))

    def _keys(self, pattern: str) -> Iterator[str]:
        seen = set()
        for key in self._redis.scan_iter(match=_escaped(self._prefix) + pattern, count=SCANNED_AT_ONCE):
            if key not in seen:  # SCAN may give a key twice
                seen.add(key)
                yield key

    def _key(self, nonce: Nonce) -> str:
        return self._prefix + nonce_key(nonce.tenant_id, nonce.nonce)

    def _nonce_of(self, key: str, now_s: float) -> Nonce:
        tenant_id, _, nonce = key.partition("/")
        return Nonce(tenant_id, nonce, "", now_s, now_s + self._ttl_s)

    @contextlib.contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except self._failures as failure:
            raise NonceStoreUnavailable(" ".join(str(failure).split())[:200] or type(failure).__name__) from failure


def _milliseconds(nonce: Nonce) -> int:
    return max(1, round((nonce.expires_s - nonce.accepted_s) * 1000.0))


def _value(nonce: Nonce) -> str:
    return json.dumps([nonce.order_id, nonce.accepted_s, nonce.expires_s])


def _content(value: str) -> tuple[str, float, float]:
    """Order id and times; of a value that is not ours, nothing."""
    try:
        order_id, accepted_s, expires_s = json.loads(value)
        return str(order_id), float(accepted_s), float(expires_s)
    except (ValueError, TypeError):
        return "", 0.0, 0.0


def _order_id(value: str | None) -> str:
    return _content(value)[0] if value is not None else ""


def _escaped(text: str) -> str:
    """The text as a pattern that matches nothing else."""
    return _GLOB.sub(r"\\\1", text)

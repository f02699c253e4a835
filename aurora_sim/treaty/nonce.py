"""The nonce cache: was this order here before?"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple, Protocol


class NonceStoreUnavailable(Exception):  # noqa: N818  (the state of the store, as the operator would say it)
    """The store cannot answer. The caller fails closed: it treats the order as not acceptable, never as new."""


class NonceStats(NamedTuple):
    """What the cache holds and what it has done since it was made or cleared.

    `held` nonces are in memory, the oldest accepted at `oldest_s` (None when there is none); a nonce past its time is
    among them until the next call of `check_and_set`.
    """

    held: int
    accepted: int
    replayed: int
    expired: int
    oldest_s: float | None


class NonceCache(Protocol):
    """Remembers each nonce for a fixed time from its acceptance; memory, SQLite and Redis keep to this."""

    def check_and_set(self, key: str, now_s: float) -> bool:
        """Whether `key` was seen within its time; if not, it is from now on.

        Atomic. May raise `NonceStoreUnavailable`.
        """

    def withdraw(self, key: str) -> None:
        """Forget one nonce that was just set, because its order was turned away for now: the same order may come again."""

    def stats(self) -> NonceStats:
        """What the cache holds."""

    def clear(self) -> int:
        """Forget everything, and say how many nonces that were. Every order of the last day can then be replayed."""


def nonce_key(tenant_id: str, nonce: str) -> str:
    """The cache's key: nonces of two tenants never meet, because a tenant id holds no slash."""
    return f"{tenant_id}/{nonce}"


AcceptedNonces = Mapping[str, float]
"""When each nonce that is held was accepted, the oldest first."""


class MemoryNonceCache:
    """The nonces of the last `ttl_s` seconds, in memory.

    A nonce is unknown, then held from its acceptance on, then expired; a replay does not prolong it. Expired nonces
    are dropped at the next call, so memory is that of one TTL of orders, and each nonce is dropped once: O(1)
    amortised. When the clock steps back, nonces are held longer, never shorter.
    """

    __slots__ = ("_expired", "_held", "_in_order", "_look_s", "_replayed", "_ttl_s")

    def __init__(self, ttl_s: float = 86_400.0) -> None:
        if not ttl_s > 0.0:
            raise ValueError(f"`ttl_s` ({ttl_s}) must be greater than 0")
        self._ttl_s = ttl_s
        # A dict alone keeps the order too, but finding its first key walks over all those deleted before: quadratic.
        self._in_order: deque[str] = deque()
        self._held: dict[str, float] = {}
        self._look_s = -math.inf  # no nonce expires before: until then a call costs one comparison for all of them
        self._replayed = 0
        self._expired = 0

    def check_and_set(self, key: str, now_s: float) -> bool:
        """Whether `key` was accepted less than `ttl_s` before `now_s`; if not, it is accepted now."""
        if now_s >= self._look_s:
            self._expire(now_s)
        held = self._held
        known = len(held)
        held.setdefault(key, now_s)  # looked up once, among all of a day
        if len(held) == known:
            self._replayed += 1
            return True
        self._in_order.append(key)
        return False

    def withdraw(self, key: str) -> None:
        """Forget a nonce that was just set; one that is not held is left in peace.

        The last one set goes at once; an older one is looked for among all.
        """
        if key in self._held:
            del self._held[key]
            if self._in_order[-1] == key:
                self._in_order.pop()
            else:
                self._in_order.remove(key)

    def _expire(self, now_s: float) -> None:
        """Drop the nonces that are past their time, and set the time to look again."""
        in_order, held = self._in_order, self._held
        forgotten_s = now_s - self._ttl_s
        while in_order and held[in_order[0]] <= forgotten_s:
            del held[in_order.popleft()]
            self._expired += 1
        oldest_s = held[in_order[0]] if in_order else now_s
        # A millisecond early, because the sum is rounded and the comparison above is the one that counts.
        self._look_s = oldest_s + self._ttl_s - 0.001

    def stats(self) -> NonceStats:
        """What the cache holds and has done."""
        oldest_s = self._held[self._in_order[0]] if self._in_order else None
        # Counted by nobody: what was accepted, and not withdrawn, is held or expired.
        return NonceStats(len(self._held), len(self._held) + self._expired, self._replayed, self._expired, oldest_s)

    def snapshot(self) -> AcceptedNonces:
        """A copy of what is held."""
        return {key: self._held[key] for key in self._in_order}

    def restore(self, accepted: AcceptedNonces) -> None:
        """Hold what a snapshot held, and nothing else; the counts begin anew."""
        self.clear()
        self._held.update(accepted)
        self._in_order.extend(accepted)

    def clear(self) -> int:
        """Forget every nonce and every count, and say how many nonces that were."""
        held = len(self._held)
        self._in_order.clear()
        self._held.clear()
        self._look_s = -math.inf
        self._replayed = self._expired = 0
        return held

"""The treaty's front door: what is refused before anybody thinks about it."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Final, NamedTuple

from aurora_sim.treaty.order import FIELDS, Order

_INFINITY: Final = math.inf


class Refusal(NamedTuple):
    """Why an order was not let in: the HTTP status and the reason code."""

    status: int
    reason: str


TREATY_HALTED = Refusal(503, "treaty_halted")
RATE_LIMITED = Refusal(429, "rate_limited")
SIGNATURE_INVALID = Refusal(401, "signature_invalid")
CLOCK_SKEW = Refusal(401, "clock_skew")
ISSUED_TOO_OLD = Refusal(401, "issued_too_old")
DEADLINE_PASSED = Refusal(422, "deadline_passed")

# Reasons become metric labels, so their number is bounded: a sender must not be able to make new ones up.
_UNKNOWN_FIELD = Refusal(422, "schema:unknown_field")
_SCHEMA = {field: Refusal(422, f"schema:{field}") for field in (*FIELDS, "signature", "treaty_id")}


class TokenBucketSettings(NamedTuple):
    """A bucket of `burst` tokens (at least 1) that refills at `rate_per_s` (above 0); a request takes one."""

    rate_per_s: float
    burst: int


class TokenBuckets:
    """One token bucket per name, kept as the time at which it is full again.

    A bucket is full, partly filled or empty. `take` empties it by one token; time alone fills it. A full bucket is the
    same as no bucket, so it needs no memory: the names held are at most twice those that were not full at one time, or
    1,024. In any window of t seconds a name takes at most `rate_per_s` x t + `burst` tokens.

    Times are counted in tokens: seconds x rate. To add 1 to such a float is exact, whereas a token in seconds is rounded
    at each addition, by up to 1.2e-7 s in Unix time, which gathers until a burst is not whole. A rate above a million a
    second, at which adding 1 would no longer be exact, counts as a million.
    """

    __slots__ = ("_full_at", "_rate_per_s", "_spare", "_sweep_at_names")

    def __init__(self, settings: TokenBucketSettings) -> None:
        if not settings.rate_per_s > 0.0:
            raise ValueError(f"`rate_per_s` ({settings.rate_per_s}) must be greater than 0")
        if settings.burst < 1:
            raise ValueError(f"`burst` ({settings.burst}) must be at least 1")
        self._rate_per_s = min(settings.rate_per_s, 1e6)
        # What a bucket may lack and still have a token, and a microsecond of grace: Unix times are 2.4e-7 s apart as
        # floats, and a token must not be late by that.
        self._spare = settings.burst - 1 + 1e-6 * self._rate_per_s
        self._full_at: dict[str, float] = {}
        self._sweep_at_names = 1024

    def __len__(self) -> int:
        """How many names are held in memory."""
        return len(self._full_at)

    def take(self, name: str, now_s: float) -> bool:
        """Whether `name` had a token at `now_s`; if it had, the token is gone. The clock must not run backwards."""
        now = now_s * self._rate_per_s
        try:
            full_at = self._full_at[name]
        except KeyError:  # a new name, or one that was full at a sweep
            full_at = now
            if len(self._full_at) >= self._sweep_at_names:
                self._drop_full(now)
        if full_at < now:
            full_at = now
        elif full_at - now > self._spare:
            return False
        self._full_at[name] = full_at + 1.0
        return True

    def _drop_full(self, now: float) -> None:
        self._full_at = {name: full_at for name, full_at in self._full_at.items() if full_at > now}
        # The next sweep is as many new names away as this one left: each name pays for at most two looks at it.
        self._sweep_at_names = max(1024, 2 * len(self._full_at))


class Gateway:
    """Lets an order in, or refuses it with a status and a reason.

    The gateway is open or halted; `halt` and `resume` move it, the operator's and the provenance guard's halt apart.

    `check` makes the first six of these in this order, each cheaper or safer than the next; `admit` makes the seventh,
    once the caller found the order's nonce to be new:

    1. halted (503): nothing passes and nothing is spent;
    2. schema (422): a dozen comparisons. It spends no token, so a client with a bug hears what is wrong and not "slow
       down";
    3. the source's bucket (429): before the signature, because it is there to protect that arithmetic. Every
       well-formed request pays, so a flood empties only the bucket of the address that it comes from;
    4. signature (401): from here on the tenant is who it says it is;
    5. issued in the future, or too long ago (401): the nonce cache forgets after `nonce_ttl_s`, so an order that old
       could be replayed, and is refused whatever its deadline;
    6. deadline (422);
    7. the tenant's bucket (429): last, so that only what the tenant signed itself, what could still run, and what is no
       replay of it, spends its budget.
    """

    __slots__ = (
        "_age_max_s",
        "_clock_skew_max_s",
        "_gpu_types",
        "_gpus_max",
        "_halts",
        "_regions",
        "_sources",
        "_tenants",
    )

    def __init__(
        self,
        known_gpu_types: Collection[str],
        known_regions: Collection[str],
        clock_skew_max_s: float,
        max_gpus_per_order: int,
        tenant_rate: TokenBucketSettings | None = None,
        source_rate: TokenBucketSettings | None = None,
        nonce_ttl_s: float = 86_400.0,
    ) -> None:
        if not 0.0 <= clock_skew_max_s < nonce_ttl_s:
            raise ValueError(f"`clock_skew_max_s` ({clock_skew_max_s}) must be in [0, `nonce_ttl_s` ({nonce_ttl_s}))")
        if max_gpus_per_order < 1:
            raise ValueError(f"`max_gpus_per_order` ({max_gpus_per_order}) must be at least 1")
        self._gpu_types = frozenset(known_gpu_types)
        self._regions = frozenset(known_regions)
        self._clock_skew_max_s = clock_skew_max_s
        # An order may be accepted up to the skew before it was issued, and its nonce is forgotten one TTL after that.
        self._age_max_s = nonce_ttl_s - clock_skew_max_s
        self._gpus_max = max_gpus_per_order
        self._tenants = None if tenant_rate is None else TokenBuckets(tenant_rate)
        self._sources = None if source_rate is None else TokenBuckets(source_rate)
        self._halts: dict[str, None] = {}

    def check(self, order: Order, now_s: float) -> Refusal | None:
        """None when the order may pass, else why not.

        Spends tokens: call it once per request, with a clock that never runs back.
        """
        # A good order, in as few steps as tell that it is one: no comparison that follows from the others, and each such that NaN
        # fails it. Whatever fails here is examined step by step.
        if (
            not self._halts
            and not order.malformed_field
            and 1 <= order.gpus <= self._gpus_max
            and 0.0 < order.gpu_hours < _INFINITY
            and order.gpu_type in self._gpu_types
            and order.region in self._regions
            and order.max_price_usd_per_hour > 0.0
            and order.max_latency_ms > 0.0
            and 0.0 <= order.min_reputation <= 100.0
            and order.signature_valid
            and 0.0 <= now_s - order.issued_s < self._age_max_s
            and order.deadline_s > now_s  # and so after it was issued
        ):
            return None if self._sources is None or self._sources.take(order.source, now_s) else RATE_LIMITED
        return self._examine(order, now_s)

    def admit(self, order: Order, now_s: float) -> Refusal | None:
        """The last check, of an order whose nonce is new: whether its tenant's bucket has a token, which it then spends."""
        return None if self._tenants is None or self._tenants.take(order.tenant_id, now_s) else RATE_LIMITED

    def lets_through(self, source: str, now_s: float) -> bool:
        """Whether a submission that is no order of the treaty's may go on to its bridge; spends a token of its source.

        Whoever knows a bridge's address may submit to it, and nothing but the far chain tells what is bogus: so there is only the
        source to go by.
        """
        return not self._halts and (self._sources is None or self._sources.take(source, now_s))

    def limit_sources(self, settings: TokenBucketSettings | None) -> None:
        """Put this limit on every source in place of the one there was, or none; every bucket is full."""
        self._sources = None if settings is None else TokenBuckets(settings)

    def halt(self, reason: str) -> None:
        """Refuse everything until `reason` is resumed. The same reason twice is one halt."""
        self._halts[reason] = None

    def resume(self, reason: str | None = None) -> None:
        """Lift the halt of that reason, or without one every halt. A reason that is not halted is left in peace."""
        if reason is None:
            self._halts.clear()
        else:
            self._halts.pop(reason, None)

    @property
    def halted(self) -> bool:
        """Whether any halt stands."""
        return bool(self._halts)

    @property
    def halt_reasons(self) -> tuple[str, ...]:
        """The halts that stand, oldest first."""
        return tuple(self._halts)

    def _examine(self, order: Order, now_s: float) -> Refusal | None:
        """All that `check` promises, one after the other."""
        if self._halts:
            return TREATY_HALTED
        field = order.malformed_field or self._field_out_of_range(order)
        if field:
            return _SCHEMA.get(field, _UNKNOWN_FIELD)
        if self._sources is not None and not self._sources.take(order.source, now_s):
            return RATE_LIMITED
        if not order.signature_valid:
            return SIGNATURE_INVALID
        age_s = now_s - order.issued_s
        if age_s < -self._clock_skew_max_s:
            return CLOCK_SKEW
        if age_s >= self._age_max_s:
            return ISSUED_TOO_OLD
        if order.deadline_s <= now_s:
            return DEADLINE_PASSED
        return None

    def _field_out_of_range(self, order: Order) -> str:
        """The first field whose value no order can have, or "". Every comparison is written so that NaN fails it.

        A limit of infinity is allowed and means that the tenant sets none.
        """
        if not 1 <= order.gpus <= self._gpus_max:
            return "gpus"
        if not 0.0 < order.gpu_hours < _INFINITY:
            return "gpu_hours"
        if order.gpu_type not in self._gpu_types:
            return "gpu_type"
        if order.region not in self._regions:
            return "region"
        if not order.max_price_usd_per_hour > 0.0:
            return "max_price_usd_per_hour"
        if not order.max_latency_ms > 0.0:
            return "max_latency_ms"
        if not 0.0 <= order.min_reputation <= 100.0:
            return "min_reputation"
        if not -_INFINITY < order.issued_s < _INFINITY:
            return "issued_s"
        if not order.deadline_s > order.issued_s:
            return "deadline_s"
        return ""

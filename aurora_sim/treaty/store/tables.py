"""The tables of the orders database, the same on SQLite and PostgreSQL.

Times are TIMESTAMP WITH TIME ZONE, on SQLite UTC texts that compare with its `datetime()`; in Python they are Unix
seconds. GPU-hours that count towards a quota are whole millionths (`units`, see `treaty/ledger.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[float]):
    """Unix seconds in Python, to the microsecond; a timestamp in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(seconds=value)

    def process_result_value(self, value: Any, dialect: Dialect) -> float | None:
        if value is None:
            return None
        return float(((value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH) / timedelta(seconds=1))


metadata: Final = MetaData()


def _of_an_order(name: str, *columns: Column[Any]) -> Table:
    """A table whose rows belong to an order, and go with it."""
    order_id = Column("order_id", Text, ForeignKey("orders.order_id", ondelete="CASCADE"), primary_key=True)
    return Table(name, metadata, order_id, *columns)


orders: Final = Table(
    "orders",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("workload_type", Text, nullable=False),
    Column("gpu_type", Text, nullable=False),
    Column("gpus", Integer, nullable=False),
    Column("gpu_hours", Double, nullable=False),
    Column("region", Text, nullable=False),
    Column("max_price_usd_per_hour", Double, nullable=False),
    Column("max_latency_ms", Double, nullable=False),
    Column("min_reputation", Double, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("provider_id", Text),
    Column("price_usd_per_hour", Double),
    Column("completes_at", Instant),
    Column("terms_version", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("orders_created_at", "created_at"),
    Index("orders_tenant_nonce", "tenant_id", "nonce"),
    Index("orders_completes_at", "completes_at"),
)
"""Every order that its tenant signed and the policy was asked about: `filled`, `denied`, `unroutable` or `refused`.

What was refused before that leaves no row: anybody could fill the disk. `units` are those that a filled order took from
the quota of `day`, days since 1970 UTC; 0 for the others. `body` is the order as it came, as canonical JSON.
"""

decisions: Final = _of_an_order(
    "decisions",
    Column("code", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("used_today", BigInteger, nullable=False),
    Column("used_total", BigInteger, nullable=False),
    Column("decision_us", Double, nullable=False),
)
"""What the policy said of an order, and the units used before it."""

attempts: Final = _of_an_order(
    "attempts",
    Column("number", Integer, primary_key=True),
    Column("provider_id", Text, nullable=False),
    Column("result", Text, nullable=False),
)
"""The providers that were asked, in turn; the result is `accepted`, or why not."""

acks: Final = _of_an_order(
    "acks",
    Column("provider_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("acked_at", Instant, nullable=False),
    Column("body", Text, nullable=False),
)
"""The signed ack of each filled order, as canonical JSON."""

receipts: Final = _of_an_order(
    "receipts",
    Column("made_at", Instant, nullable=False),
    Column("root", Text, nullable=False),
    Column("cid", Text, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("body", Text, nullable=False),
)
"""The latest receipt of an order, as canonical JSON; complete once it is stamped and pinned."""

nonces: Final = Table(
    "nonces",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("nonce", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("accepted_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("nonces_expires_at", "expires_at"),
)
"""The nonces that may not come again yet, and the order that brought each."""

replays: Final = Table(
    "replays",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("nonce", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("times", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Index("replays_tenant_last_at", "tenant_id", "last_at"),
)
"""Nonces that came again: how often, when first and last, and from where last. One row each, so a flood adds none."""

quota_days: Final = Table(
    "quota_days",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("units", BigInteger, nullable=False),
)
"""What each tenant has used on each UTC day."""

terms: Final = Table(
    "terms",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("made_at", Instant, nullable=False),
    Column("action", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", Text, nullable=False),
)
"""The treaty's terms, version by version, signed by the treaty's key; the last is in force."""

halts: Final = Table(
    "halts",
    metadata,
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    Column("made_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("resumed_at", Instant),
)
"""Each halt by the number of its entry in the order log; it stands until `resumed_at` is set."""

head: Final = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("log_entry", BigInteger, nullable=False),
    Column("log_hash", Text, nullable=False),
    Column("state_version", Integer, nullable=False),
    Column("used_units", BigInteger, nullable=False),
    Column("coverage_below_since", Instant),
)
"""One row: the last entry of the order log that these tables contain, a number that grows whenever terms or halts
change, the units that the treaty has used in all, and since when provenance coverage is below its floor."""

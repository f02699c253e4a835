"""Integrity: whether the database is what the order log and the signatures say, table by table; each fault is named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping, func, select

from aurora_sim.treaty.ack import check_ack
from aurora_sim.treaty.chain import verify_chain
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.ledger import MICRO
from aurora_sim.treaty.receipts.form import ReceiptInvalid, receipt_of
from aurora_sim.treaty.receipts.verification import verify_receipt
from aurora_sim.treaty.signed_ack import SignedAck, to_ack, verify_ack
from aurora_sim.treaty.signed_order import OrderRequest, order_id_of, signing_bytes, to_order, verify_order
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.answers import StoreUnavailable
from aurora_sim.treaty.store.history import Fault, differences
from aurora_sim.treaty.store.store import Head, Store, read_head
from aurora_sim.treaty.store.terms import versions

CHUNK: Final = 500
REVOKED: Final = "key_revoked"


@dataclass(slots=True)
class Inspection:
    """What `inspect` found, and how much it looked at. `by_revoked_keys`: signatures that cannot be vouched for now."""

    faults: list[Fault] = field(default_factory=list)
    orders: int = 0
    acks: int = 0
    receipts: int = 0
    entries: int = 0
    by_revoked_keys: int = 0


def inspect(
    store: Store,
    registry: KeyRegistry,
    trusted: Sequence[x509.Certificate],
    *,
    treaty_id: str,
    nonce_ttl_s: float,
    now_s: float,
) -> Inspection:
    """Look at everything; workers may go on meanwhile. Redoes first what the log has and the database lacks.

    Raises `StoreUnavailable` where the database is out of reach.
    """
    found = Inspection()
    try:
        with store.transaction():
            pass
    except StoreUnavailable as failure:
        if failure.reason == "database_unavailable":
            raise
        found.faults.append(Fault("order log", str(failure)))
    with store.database.reading() as connection:
        head = read_head(connection.execute(select(tables.head)).one())
        faults = found.faults
        faults += _log_faults(store, head)
        faults += _ledger_faults(connection, head)
        faults += _nonce_faults(connection, nonce_ttl_s)
        _OrderInspector(connection, registry, treaty_id, now_s, found).inspect()
        faults += _receipt_faults(connection, registry, trusted, treaty_id, now_s, found)
        faults += _terms_faults(connection, registry)
        found.entries = head.log_entry
        faults += differences(connection, store.chain, head.log_entry)
    return found


def _log_faults(store: Store, head: Head) -> Iterator[Fault]:
    try:
        for fault in verify_chain(store.log, (head.log_entry, head.log_hash)):
            yield Fault(f"{store.log}:{fault.line}", fault.why)
    except FileNotFoundError:
        if head.log_entry:
            yield Fault(str(store.log), f"the log is gone; the database holds {head.log_entry} entries of it")


def _ledger_faults(connection: Connection, head: Head) -> Iterator[Fault]:
    """What each tenant used on each day, and the total, against the sum of the filled orders."""
    orders = tables.orders.c
    query = select(orders.tenant_id, orders.day, func.sum(orders.units)).where(orders.outcome == "filled")
    sums = {(row[0], row[1]): int(row[2]) for row in connection.execute(query.group_by(orders.tenant_id, orders.day))}
    ledger = {(row.tenant_id, row.day): row.units for row in connection.execute(select(tables.quota_days))}
    for tenant_id, day in sorted(sums.keys() | ledger.keys()):
        held, due = ledger.get((tenant_id, day), 0), sums.get((tenant_id, day), 0)
        if held != due:
            what = f"the ledger has {held / MICRO:.6f} GPU-hours, the filled orders {due / MICRO:.6f}"
            yield Fault(f"ledger, {tenant_id}, day {day}", what)
    due = sum(sums.values())
    if head.used_units != due:
        what = f"the ledger has {head.used_units / MICRO:.6f} GPU-hours, the filled orders {due / MICRO:.6f}"
        yield Fault("ledger, in all", what)


def _nonce_faults(connection: Connection, ttl_s: float) -> Iterator[Fault]:
    """Filled orders of one tenant that bear one nonce, the later within the time of the earlier."""
    orders = tables.orders.c
    twice = (
        select(orders.tenant_id, orders.nonce)
        .where(orders.outcome == "filled")
        .group_by(orders.tenant_id, orders.nonce)
        .having(func.count() > 1)
        .subquery()
    )
    query = (
        select(orders.tenant_id, orders.nonce, orders.order_id, orders.created_at)
        .join(twice, (orders.tenant_id == twice.c.tenant_id) & (orders.nonce == twice.c.nonce))
        .where(orders.outcome == "filled")
        .order_by(orders.tenant_id, orders.nonce, orders.created_at, orders.order_id)
    )
    before: Any = None
    for row in connection.execute(query):
        same = before is not None and (before.tenant_id, before.nonce) == (row.tenant_id, row.nonce)
        if same and row.created_at - before.created_at < ttl_s:
            yield Fault(f"nonce {row.nonce} of {row.tenant_id}", f"accepted twice: {before.order_id}, {row.order_id}")
        before = row


class _OrderInspector:
    """Every order against its own signature and id, every ack against its order, every row against its body."""

    def __init__(
        self, connection: Connection, registry: KeyRegistry, treaty_id: str, now_s: float, found: Inspection
    ) -> None:
        self._connection = connection
        self._registry = registry
        self._treaty_id = treaty_id
        self._now_s = now_s
        self._found = found

    def inspect(self) -> None:
        """Adds to what was found."""
        joined = tables.orders.outerjoin(tables.acks, tables.orders.c.order_id == tables.acks.c.order_id)
        ack = [column.label(f"ack_{column.name}") for column in tables.acks.c]
        query = select(tables.orders, *ack).select_from(joined).order_by(tables.orders.c.order_id)
        for row in self._connection.execute(query.execution_options(yield_per=CHUNK)).mappings():
            self._found.orders += 1
            request = self._order(row)
            if request is not None:
                self._ack(row, request)

    def _order(self, row: RowMapping) -> OrderRequest | None:
        where = f"order {row['order_id']}"
        try:
            request = OrderRequest.model_validate(json.loads(row["body"]))
        except (ValueError, ValidationError):
            self._fault(where, "its body is no order")
            return None
        signed = signing_bytes(request)
        if order_id_of(signed) != row["order_id"]:
            self._fault(where, "its id is not that of its body: one of the two was changed")
        reason = verify_order(request, signed, self._registry, request.issued_s)
        self._signature(where, "its signature", reason)
        for name in ("tenant_id", "nonce", "gpus", "gpu_hours", "region", "gpu_type", "key_id", "signature"):
            if row[name] != getattr(request, name):
                self._fault(where, f"{name} is {row[name]}, but {getattr(request, name)} in its signed body")
        return request

    def _ack(self, row: RowMapping, request: OrderRequest) -> None:
        where = f"ack of {row['order_id']}"
        filled = row["outcome"] == "filled"
        if row["ack_order_id"] is None:
            if filled:
                self._fault(where, "missing, but the order is filled")
            return
        self._found.acks += 1
        if not filled:
            self._fault(where, f"there is one, but the order is {row['outcome']}")
        try:
            ack = SignedAck.model_validate(json.loads(row["ack_body"]))
        except (ValueError, ValidationError):
            self._fault(where, "its body is no ack")
            return
        provider_id = row["provider_id"]
        reason = verify_ack(
            ack, self._registry, treaty_id=self._treaty_id, provider_id=provider_id, now_s=max(self._now_s, ack.time_s)
        )
        self._signature(where, "its signature or content", reason)
        order = to_order(request, source="", region_index=0, signature_valid=True)
        order.order_id = row["order_id"]
        mismatch = check_ack(to_ack(ack, signature_valid=True), order, provider_id, self._treaty_id)
        if mismatch and mismatch != reason:
            self._fault(where, f"does not answer its order ({mismatch})")
        if row["ack_provider_id"] != provider_id or row["price_usd_per_hour"] != ack.price_usd_per_hour:
            self._fault(where, "provider or price are not those of the order's row")

    def _signature(self, where: str, what: str, reason: str) -> None:
        if reason == REVOKED:
            self._found.by_revoked_keys += 1
        elif reason:
            self._fault(where, f"{what} does not hold ({reason})")

    def _fault(self, where: str, what: str) -> None:
        self._found.faults.append(Fault(where, what))


def _receipt_faults(
    connection: Connection,
    registry: KeyRegistry,
    trusted: Sequence[x509.Certificate],
    treaty_id: str,
    now_s: float,
    found: Inspection,
) -> Iterator[Fault]:
    query = select(tables.receipts, tables.orders.c.provider_id).join(tables.orders)
    for row in connection.execute(query.execution_options(yield_per=CHUNK)):
        found.receipts += 1
        where = f"receipt of {row.order_id}"
        try:
            receipt = receipt_of(json.loads(row.body))
        except (ValueError, ReceiptInvalid) as invalid:
            yield Fault(where, f"its body is no receipt: {invalid}")
            continue
        for fault in verify_receipt(receipt, None, registry, trusted, now_s=max(now_s, receipt.made_at_s)):
            yield Fault(where, str(fault))
        if (receipt.order_id, receipt.provider_id, receipt.treaty_id) != (row.order_id, row.provider_id, treaty_id):
            yield Fault(where, "it is for another order, provider or treaty")
        if (receipt.root, receipt.cid) != (row.root, row.cid):
            yield Fault(where, "root or CID are not those in its body")


def _terms_faults(connection: Connection, registry: KeyRegistry) -> Iterator[Fault]:
    known = versions(connection, registry)
    for terms in known:
        if terms.fault and (terms.fault != REVOKED or terms is known[0]):
            yield Fault(f"version {terms.version} of the terms", f"not signed by the treaty's key ({terms.fault})")

"""The rows that an entry of the order log stands for: written when it is made, and when it is redone after a crash.

Kinds with rows: `order` (accepted), `halt`, `resume`, `terms`, `receipt`. Any other kind is an action that leaves none.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Executable, Table, bindparam, delete, insert, update

from aurora_sim.treaty.canonical import canonical
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.dialects import among_named, on_sqlite, texts_of, upsert

Row = dict[str, Any]
Body = dict[str, Any]


class Logged(NamedTuple):
    """An entry as it stands in the log: its number, its time in Unix seconds, its kind and its body."""

    number: int
    at_s: float
    kind: str
    body: Body


@dataclass(slots=True)
class Change:
    """What entries changed beside their rows: the treaty's used units, and whether terms or halts are others now."""

    units: int = 0
    states: int = 0


def write(connection: Connection, entries: Sequence[Logged]) -> Change:
    """Write the rows of new entries, in their order."""
    change = Change()
    orders: list[Logged] = []
    for entry in entries:
        if entry.kind == "order":
            orders.append(entry)
            continue
        if entry.kind in _WRITERS:
            # A receipt needs its order; a halt does not, and so the order of the rest does not matter.
            write_orders(connection, orders, change)
            orders = []
            change.states += _WRITERS[entry.kind](connection, entry)
    write_orders(connection, orders, change)
    return change


def write_orders(connection: Connection, orders: Sequence[Logged], change: Change) -> None:
    """The rows of accepted orders, a statement for each table."""
    if not orders:
        return
    used: dict[tuple[str, int], int] = defaultdict(int)
    nonces: list[Row] = []
    for entry in orders:
        body = entry.body
        order = body["order"]
        used[order["tenant_id"], body["day"]] += body["units"]
        change.units += body["units"]
        nonces.append(nonce_row(order, body["order_id"], entry.at_s, body["nonce_expires_s"]))
    write_order_rows(connection, [(entry.at_s, entry.body) for entry in orders])
    write_nonces(connection, nonces)
    connection.execute(
        _quota_statement(upsert(connection)),
        [{"tenant_id": tenant_id, "day": day, "units": units} for (tenant_id, day), units in used.items()],
    )


def write_order_rows(connection: Connection, orders: Sequence[tuple[float, Body]]) -> None:
    """The rows of orders and of what belongs to them, whatever their outcome. An order that ended unfilled before goes."""
    connection.execute(
        _delete_statement(on_sqlite(connection)),
        {"ids": texts_of(connection, [body["order_id"] for _, body in orders])},
    )
    connection.execute(_INSERT_ORDERS, [order_row(at_s, body) for at_s, body in orders])
    connection.execute(_INSERT_DECISIONS, [decision_row(body) for _, body in orders])
    attempts = [row for _, body in orders for row in attempt_rows(body)]
    if attempts:
        connection.execute(_INSERT_ATTEMPTS, attempts)
    acks = [ack_row(body) for _, body in orders if body["ack"] is not None]
    if acks:
        connection.execute(_INSERT_ACKS, acks)


def order_row(at_s: float, body: Body) -> Row:
    """An order's row in `orders`."""
    order, ack = body["order"], body["ack"]
    return {
        "order_id": body["order_id"],
        "created_at": at_s,
        "tenant_id": order["tenant_id"],
        "nonce": order["nonce"],
        "source": body["source"],
        "workload_type": order["workload_type"],
        "gpu_type": order["gpu_type"],
        "gpus": order["gpus"],
        "gpu_hours": order["gpu_hours"],
        "region": order["region"],
        "max_price_usd_per_hour": order["max_price_usd_per_hour"],
        "max_latency_ms": order["max_latency_ms"],
        "min_reputation": order["min_reputation"],
        "issued_at": order["issued_s"],
        "deadline_at": order["deadline_s"],
        "outcome": body["outcome"],
        "reason": body["reason"],
        "provider_id": ack["provider_id"] if ack is not None else None,
        "price_usd_per_hour": ack["price_usd_per_hour"] if ack is not None else None,
        "completes_at": body["completes_at_s"],
        "terms_version": body["terms_version"],
        "day": body["day"],
        "units": body["units"],
        "key_id": order["key_id"],
        "signature": order["signature"],
        "body": canonical(order).decode("utf-8"),
    }


def decision_row(body: Body) -> Row:
    """Its row in `decisions`."""
    return {
        "order_id": body["order_id"],
        "code": body["code"],
        "reason": body["decision"],
        "used_today": body["used_today"],
        "used_total": body["used_total"],
        "decision_us": body["decision_us"],
    }


def attempt_rows(body: Body) -> list[Row]:
    """Its rows in `attempts`."""
    return [
        {"order_id": body["order_id"], "number": number, "provider_id": provider_id, "result": result}
        for number, (provider_id, result) in enumerate(body["attempts"], start=1)
    ]


def ack_row(body: Body) -> Row:
    """Its row in `acks`; of a filled order only."""
    ack = body["ack"]
    return {
        "order_id": body["order_id"],
        "provider_id": ack["provider_id"],
        "key_id": ack["key_id"],
        "acked_at": ack["time_s"],
        "body": canonical(ack).decode("utf-8"),
    }


def nonce_row(order: Body, order_id: str, at_s: float, expires_s: float) -> Row:
    """A nonce's row, from the order that brought it."""
    return {
        "tenant_id": order["tenant_id"],
        "nonce": order["nonce"],
        "order_id": order_id,
        "accepted_at": at_s,
        "expires_at": expires_s,
    }


def write_nonces(connection: Connection, rows: Sequence[Row]) -> None:
    """Hold these nonces. One that is there, expired but not yet pruned, or purged and redone, gets the new times."""
    connection.execute(_nonce_statement(upsert(connection)), list(rows))


@functools.cache
def _nonce_statement(kind: Callable[[Table], Any]) -> Any:
    statement = kind(tables.nonces)
    new = {name: statement.excluded[name] for name in ("order_id", "accepted_at", "expires_at")}
    return statement.on_conflict_do_update(index_elements=["tenant_id", "nonce"], set_=new)


@functools.cache
def _quota_statement(kind: Callable[[Table], Any]) -> Any:
    statement = kind(tables.quota_days)
    return statement.on_conflict_do_update(
        index_elements=["tenant_id", "day"], set_={"units": tables.quota_days.c.units + statement.excluded.units}
    )


@functools.cache
def _delete_statement(sqlite: bool) -> Executable:
    orders = tables.orders.c
    return delete(tables.orders).where(among_named(sqlite, orders.order_id, "ids"), orders.outcome != "filled")


_INSERT_ORDERS: Final = insert(tables.orders)
_INSERT_DECISIONS: Final = insert(tables.decisions)
_INSERT_ATTEMPTS: Final = insert(tables.attempts)
_INSERT_ACKS: Final = insert(tables.acks)


def _write_halt(connection: Connection, entry: Logged) -> int:
    connection.execute(
        insert(tables.halts),
        {
            "entry": entry.number,
            "made_by": entry.body["made_by"],
            "reason": entry.body["reason"],
            "made_at": entry.at_s,
            "resumed_at": None,
        },
    )
    return 1


def _write_resume(connection: Connection, entry: Logged) -> int:
    """Lift the halts made by `made_by`, or every halt where that is null; coverage then has its time anew."""
    standing = update(tables.halts).where(tables.halts.c.resumed_at.is_(None)).values(resumed_at=entry.at_s)
    if entry.body["made_by"] is not None:
        standing = standing.where(tables.halts.c.made_by == entry.body["made_by"])
    connection.execute(standing)
    connection.execute(update(tables.head).values(coverage_below_since=None))
    return 1


def _write_terms(connection: Connection, entry: Logged) -> int:
    body = entry.body
    connection.execute(
        insert(tables.terms),
        {
            "version": body["terms"]["version"],
            "made_at": entry.at_s,
            "action": body["terms"]["action"],
            "body": canonical(body["terms"]).decode("utf-8"),
            "key_id": body["key_id"],
            "signature": body["signature"],
        },
    )
    return 1


def _write_receipt(connection: Connection, entry: Logged) -> int:
    receipt = entry.body["receipt"]
    row = {
        "order_id": receipt["order_id"],
        "made_at": receipt["made_at_s"],
        "root": receipt["root"],
        "cid": receipt["cid"],
        "complete": entry.body["complete"],
        "body": canonical(receipt).decode("utf-8"),
    }
    statement = upsert(connection)(tables.receipts)
    new = {name: statement.excluded[name] for name in row if name != "order_id"}
    connection.execute(statement.on_conflict_do_update(index_elements=["order_id"], set_=new), row)
    return 0


_WRITERS: Final[dict[str, Callable[[Connection, Logged], int]]] = {
    "halt": _write_halt,
    "resume": _write_resume,
    "terms": _write_terms,
    "receipt": _write_receipt,
}

HEAD_UPDATE: Final = (
    update(tables.head)
    .where(tables.head.c.id == 1)
    .values(
        log_entry=bindparam("new_entry"),
        log_hash=bindparam("new_hash"),
        used_units=tables.head.c.used_units + bindparam("more_units"),
        state_version=tables.head.c.state_version + bindparam("more_states"),
    )
)

"""The tables against the order log, entry by entry: nothing changed, and nothing missing on either side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.canonical import canonical
from aurora_sim.treaty.chain import Chain, Entry
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.dialects import among
from aurora_sim.treaty.store.entries import ack_row, attempt_rows, decision_row, order_row

CHUNK: Final = 500
"""Entries that are compared with one query for each table."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it should be: where, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def differences(connection: Connection, chain: Chain, last_entry: int) -> Iterator[Fault]:
    """Whatever the tables and the log up to `last_entry` do not have in common. Streams through both."""
    logged: set[str] = set()
    terms: dict[int, str] = {}
    halts: dict[int, tuple[str, str, float, float | None]] = {}
    receipts: dict[str, str] = {}
    entries = _readable(chain)
    while chunk := list(islice(entries, CHUNK)):
        chunk = [entry for entry in chunk if entry.seq <= last_entry]
        accepted = [entry for entry in chunk if entry.kind == "order"]
        logged.update(str(entry.body["order_id"]) for entry in accepted)
        yield from _accepted_faults(connection, accepted)
        for entry in chunk:
            body: dict[str, Any] = dict(entry.body)
            if entry.kind == "terms":
                terms[body["terms"]["version"]] = canonical([body["terms"], body["signature"]]).decode()
            elif entry.kind == "receipt":
                receipts[body["receipt"]["order_id"]] = canonical([body["receipt"], body["complete"]]).decode()
            elif entry.kind == "halt":
                halts[entry.seq] = body["made_by"], body["reason"], entry.at_s, None
            elif entry.kind == "resume":
                for seq, halt in halts.items():
                    if halt[3] is None and body["made_by"] in (None, halt[0]):
                        halts[seq] = (*halt[:3], entry.at_s)
    orders = tables.orders.c
    for order_id in connection.execute(select(orders.order_id).where(orders.outcome == "filled")).scalars():
        if order_id not in logged:
            yield Fault(f"order {order_id}", "it is filled in the database, but not in the order log")
    yield from _differences("terms, version", terms, _terms_rows(connection))
    yield from _differences("receipt of", receipts, _receipt_rows(connection))
    rows = connection.execute(select(tables.halts))
    in_tables = {row.entry: (row.made_by, row.reason, row.made_at, row.resumed_at) for row in rows}
    yield from _differences("halt, entry", halts, in_tables)


def _readable(chain: Chain) -> Iterator[Entry]:
    """The entries as far as they can be read; where they cannot, the log's own check has said so."""
    try:
        yield from chain.entries()
    except (InputError, OSError):
        return


def _accepted_faults(connection: Connection, entries: Sequence[Entry]) -> Iterator[Fault]:
    """Each accepted order's rows, column by column."""
    ids = [str(entry.body["order_id"]) for entry in entries]
    stored = {table.name: _rows_by_order(connection, table, ids) for table in _OF_ORDERS}
    for entry in entries:
        body: dict[str, Any] = dict(entry.body)
        order_id = body["order_id"]
        due = {
            "orders": [order_row(entry.at_s, body)],
            "decisions": [decision_row(body)],
            "attempts": attempt_rows(body),
            "acks": [ack_row(body)],
        }
        if not stored["orders"].get(order_id):
            yield Fault(f"order {order_id}", f"it is entry {entry.seq} of the order log, but not in the database")
            continue
        for name, rows in due.items():
            held = stored[name].get(order_id, [])
            if len(held) != len(rows):
                yield Fault(f"order {order_id}", f"{name} has {len(held)} rows of it, the order log {len(rows)}")
                continue
            for row, other in zip(rows, held, strict=True):
                for column, value in row.items():
                    if not _same(value, other[column]):
                        what = f"{name}.{column} is {other[column]}, but {value} in the order log"
                        yield Fault(f"order {order_id}", what)


def _rows_by_order(connection: Connection, table: Any, ids: Sequence[str]) -> dict[str, list[RowMapping]]:
    found: dict[str, list[RowMapping]] = {}
    query = select(table).where(among(connection, table.c.order_id, ids)).order_by(*table.primary_key.columns)
    for row in connection.execute(query).mappings():
        found.setdefault(row["order_id"], []).append(row)
    return found


def _terms_rows(connection: Connection) -> dict[int, str]:
    rows = connection.execute(select(tables.terms))
    return {row.version: canonical([_parsed(row.body), row.signature]).decode() for row in rows}


def _receipt_rows(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(tables.receipts))
    return {row.order_id: canonical([_parsed(row.body), bool(row.complete)]).decode() for row in rows}


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def _differences(what: str, logged: dict[Any, Any], stored: dict[Any, Any]) -> Iterator[Fault]:
    for key in sorted(logged.keys() | stored.keys()):
        if key not in stored:
            yield Fault(f"{what} {key}", "it is in the order log, but not in the database")
        elif key not in logged:
            yield Fault(f"{what} {key}", "it is in the database, but not in the order log")
        elif not _same(logged[key], stored[key]):
            yield Fault(f"{what} {key}", "the database has another than the order log")


def _same(one: Any, other: Any) -> bool:
    """Equal; times and prices to a microsecond, which is what a timestamp keeps."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and abs(one - other) <= 2e-6
    return bool(one == other)


_OF_ORDERS: Final = (tables.orders, tables.decisions, tables.attempts, tables.acks)

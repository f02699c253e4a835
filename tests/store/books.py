"""What the database says, for the tests to hold against the answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select

from aurora_sim.treaty.ledger import MICRO
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.database import Database

ACKNOWLEDGED = ("orders", "decisions", "attempts", "acks", "receipts", "nonces", "quota_days", "terms", "halts", "head")


def rows(db: str, table: Table) -> list[dict[str, Any]]:
    """Every row of a table."""
    database = Database.open(db)
    try:
        with database.reading() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]
    finally:
        database.close()


def everything(db: str) -> dict[str, list[str]]:
    """Every row that an acknowledgement vouches for, as sorted texts; not what was denied or came again."""
    filled = {row["order_id"] for row in rows(db, tables.orders) if row["outcome"] == "filled"}
    found = {}
    for name in ACKNOWLEDGED:
        table = tables.metadata.tables[name]
        of_orders = "order_id" in table.c
        found[name] = sorted(repr(row) for row in rows(db, table) if not of_orders or row["order_id"] in filled)
    return found


def check_books(db: str) -> list[dict[str, Any]]:
    """The filled orders; each nonce once, and the ledger their sum."""
    filled = [row for row in rows(db, tables.orders) if row["outcome"] == "filled"]
    nonces = [(row["tenant_id"], row["nonce"]) for row in filled]
    assert len(set(nonces)) == len(nonces)
    days = {(row["tenant_id"], row["day"]): row["units"] for row in rows(db, tables.quota_days)}
    sums: dict[tuple[str, int], int] = {}
    for row in filled:
        assert row["units"] == round(row["gpu_hours"] * MICRO)
        key = row["tenant_id"], row["day"]
        sums[key] = sums.get(key, 0) + row["units"]
    assert days == sums
    assert rows(db, tables.head)[0]["used_units"] == sum(sums.values())
    return filled

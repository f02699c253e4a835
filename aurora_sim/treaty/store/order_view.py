"""What is told of one order: its row and all that belongs to it, as JSON."""

from __future__ import annotations

import json
import re
from typing import Final

from sqlalchemy import Connection, select

from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.answers import JsonObject

_ORDER_ID: Final = re.compile(r"o-[0-9a-f]{32}")


def order(connection: Connection, order_id: str) -> JsonObject | None:
    """An order with its decision, attempts, ack and receipt; None for an id that is not known.

    `status` is `accepted` for a filled order, else its outcome; times are Unix seconds.
    """
    if not _ORDER_ID.fullmatch(order_id):  # PostgreSQL takes no text with a NUL in it
        return None
    row = connection.execute(select(tables.orders).where(tables.orders.c.order_id == order_id)).one_or_none()
    if row is None:
        return None
    decision = connection.execute(select(tables.decisions).where(tables.decisions.c.order_id == order_id)).one()
    attempts = connection.execute(
        select(tables.attempts).where(tables.attempts.c.order_id == order_id).order_by(tables.attempts.c.number)
    ).all()
    ack = connection.execute(select(tables.acks.c.body).where(tables.acks.c.order_id == order_id)).scalar()
    receipt = connection.execute(
        select(tables.receipts.c.body, tables.receipts.c.complete).where(tables.receipts.c.order_id == order_id)
    ).one_or_none()
    return {
        "order_id": order_id,
        "status": "accepted" if row.outcome == "filled" else row.outcome,
        "reason": row.reason,
        "created_s": row.created_at,
        "order": json.loads(row.body),
        "terms_version": row.terms_version,
        "decision": {"code": decision.code, "reason": decision.reason},
        "attempts": [{"provider_id": attempt.provider_id, "result": attempt.result} for attempt in attempts],
        "provider_id": row.provider_id,
        "price_usd_per_hour": row.price_usd_per_hour,
        "completes_s": row.completes_at,
        "ack": json.loads(ack) if ack is not None else None,
        "receipt": json.loads(receipt.body) if receipt is not None else None,
        "receipt_complete": bool(receipt.complete) if receipt is not None else False,
    }

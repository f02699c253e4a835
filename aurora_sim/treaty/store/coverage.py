"""Provenance coverage from the database: which jobs completed lately, and which of them have their receipt."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, and_, or_, select

from aurora_sim.treaty.coverage import CoverageWindow
from aurora_sim.treaty.store import tables

WINDOW_S: Final = 900.0


def coverage(connection: Connection, grace_s: float, now_s: float) -> float | None:
    """Complete receipts / completed jobs over the last 15 minutes, as `treaty/coverage.py` counts; None without data.

    A job completes when its GPU-hours are over, or earlier, with its receipt.
    """
    orders, receipts = tables.orders.c, tables.receipts.c
    since_s = now_s - WINDOW_S
    query = (
        select(orders.order_id, orders.completes_at, receipts.made_at, receipts.complete)
        .select_from(tables.orders.outerjoin(tables.receipts))
        .where(
            orders.outcome == "filled",
            or_(
                and_(orders.completes_at > since_s, orders.completes_at <= now_s),
                and_(receipts.made_at > since_s, receipts.made_at <= now_s),
            ),
        )
    )
    jobs: list[float] = []
    made_s: list[float] = []
    made_for_s: list[float] = []
    for row in connection.execute(query):
        completed_s = row.completes_at if row.made_at is None else min(row.completes_at, row.made_at)
        if not since_s < completed_s <= now_s:
            continue
        jobs.append(completed_s)
        if row.complete:
            made_s.append(row.made_at)
            made_for_s.append(completed_s)
    window = CoverageWindow(WINDOW_S, min(grace_s, WINDOW_S - 1.0))
    window.jobs_completed(sorted(jobs))
    window.receipts_complete(made_s, made_for_s)
    return window.coverage(now_s)

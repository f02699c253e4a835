"""The provenance guard over the database: below 0.80 for more than 10 minutes, the treaty halts by itself."""

from __future__ import annotations

from sqlalchemy import update

from aurora_sim.scenario.config import World
from aurora_sim.treaty.coverage import CoverageGuard
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.coverage import coverage
from aurora_sim.treaty.store.state import PROVENANCE, standing_halts
from aurora_sim.treaty.store.store import Store


def watch_coverage(store: Store, config: World, now_s: float) -> None:
    """Look once. Halts and lifts its own halt, as entries of the log; since when it is below is kept in the database.

    So it does not matter which worker looks, nor that one is started anew meanwhile.
    """
    floor, for_s, grace_s = config.provenance.halt_below, config.provenance.halt_after, config.provenance.grace
    with store.database.reading() as connection:
        if coverage(connection, grace_s, now_s) is None:  # no evidence, for or against: as it is without traffic
            return
    with store.transaction() as transaction:
        connection, since_s = transaction.connection, transaction.head.coverage_below_since_s
        now = coverage(connection, grace_s, now_s)
        if now is None:
            return
        guard = CoverageGuard(floor, for_s)
        if since_s is not None and now < floor:
            guard.observe(now, since_s)
        halted = guard.observe(now, now_s)
        below_since_s = None if now >= floor else now_s if since_s is None else since_s
        stands = any(halt.made_by == PROVENANCE for halt in standing_halts(connection))
        if halted and not stands:
            reason = f"provenance coverage {now:.3f} is below {floor:g} for more than {for_s / 60.0:g} minutes"
            body = {"treaty_id": config.treaty.treaty_id, "made_by": PROVENANCE, "reason": reason}
            transaction.record([(now_s, "halt", body)])
        elif stands and now >= floor:
            reason = f"provenance coverage is back at {now:.3f}"
            body = {"treaty_id": config.treaty.treaty_id, "made_by": PROVENANCE, "reason": reason}
            transaction.record([(now_s, "resume", body)])
        if below_since_s != since_s:
            connection.execute(update(tables.head).values(coverage_below_since=below_since_s))

"""The treaty's state for the metrics, in a handful of short queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from aurora_sim.scenario.config import World
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.ledger import MICRO
from aurora_sim.treaty.ranking import ProviderView
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.answers import Readings
from aurora_sim.treaty.store.coverage import coverage
from aurora_sim.treaty.store.state import read_state
from aurora_sim.treaty.store.store import read_head

RECENT_S: Final = 300.0


def read(
    connection: Connection, registry: KeyRegistry, config: World, views: Sequence[ProviderView], now_s: float
) -> Readings:
    """The readings as of this transaction."""
    head = read_head(connection.execute(select(tables.head)).one())
    state = read_state(connection, registry)
    treaty = state.terms.treaty if state.terms is not None else config.treaty
    used = used_today(connection, now_s)
    orders = tables.orders.c
    ended = connection.execute(
        select(orders.outcome, func.count()).where(orders.created_at > now_s - RECENT_S).group_by(orders.outcome)
    )
    outcomes = {row.outcome: row[1] for row in ended}
    filled = outcomes.get("filled", 0)
    dropped = outcomes.get("unroutable", 0) + outcomes.get("refused", 0)
    return Readings(
        treaty_id=config.treaty.treaty_id,
        terms_version=state.terms.version if state.terms is not None else 0,
        quota_gpu_hours_total=treaty.quota_gpu_hours_total,
        quota_gpu_hours_daily_per_tenant=treaty.quota_gpu_hours_daily_per_tenant,
        halt_reasons=state.halt_reasons,
        fill_rate=filled / (filled + dropped) if filled + dropped else None,
        provenance_coverage=coverage(connection, config.provenance.grace, now_s),
        gpu_hours_used_total=head.used_units / MICRO,
        gpu_hours_used_today={tenant_id: used.get(tenant_id, 0) / MICRO for tenant_id in config.tenants},
        dropped_recently=dropped,
        nonces_held=connection.execute(select(func.count()).select_from(tables.nonces)).scalar_one(),
        log_entries=head.log_entry,
        providers=tuple(views),
    )


def used_today(connection: Connection, now_s: float) -> dict[str, int]:
    """Units that each tenant has used on the UTC day of `now_s`."""
    days = tables.quota_days.c
    query = select(days.tenant_id, days.units).where(days.day == int(now_s // 86_400.0))
    return {row.tenant_id: row.units for row in connection.execute(query)}

"""The first tables.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _of_an_order() -> sa.Column[str]:
    return sa.Column("order_id", sa.Text, sa.ForeignKey("orders.order_id", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("workload_type", sa.Text, nullable=False),
        sa.Column("gpu_type", sa.Text, nullable=False),
        sa.Column("gpus", sa.Integer, nullable=False),
        sa.Column("gpu_hours", sa.Double, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("max_price_usd_per_hour", sa.Double, nullable=False),
        sa.Column("max_latency_ms", sa.Double, nullable=False),
        sa.Column("min_reputation", sa.Double, nullable=False),
        sa.Column("issued_at", _TIME, nullable=False),
        sa.Column("deadline_at", _TIME, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("provider_id", sa.Text),
        sa.Column("price_usd_per_hour", sa.Double),
        sa.Column("completes_at", _TIME),
        sa.Column("terms_version", sa.Integer, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("orders_created_at", "orders", ["created_at"])
    op.create_index("orders_tenant_nonce", "orders", ["tenant_id", "nonce"])
    op.create_index("orders_completes_at", "orders", ["completes_at"])
    op.create_table(
        "decisions",
        _of_an_order(),
        sa.Column("code", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("used_today", sa.BigInteger, nullable=False),
        sa.Column("used_total", sa.BigInteger, nullable=False),
        sa.Column("decision_us", sa.Double, nullable=False),
    )
    op.create_table(
        "attempts",
        _of_an_order(),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
    )
    op.create_table(
        "acks",
        _of_an_order(),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("acked_at", _TIME, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "receipts",
        _of_an_order(),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("cid", sa.Text, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "nonces",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("nonce", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("accepted_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
    )
    op.create_index("nonces_expires_at", "nonces", ["expires_at"])
    op.create_table(
        "replays",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("nonce", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("first_at", _TIME, nullable=False),
        sa.Column("last_at", _TIME, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_index("replays_tenant_last_at", "replays", ["tenant_id", "last_at"])
    op.create_table(
        "quota_days",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("units", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "terms",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
    )
    op.create_table(
        "halts",
        sa.Column("entry", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("resumed_at", _TIME),
    )
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("log_entry", sa.BigInteger, nullable=False),
        sa.Column("log_hash", sa.Text, nullable=False),
        sa.Column("state_version", sa.Integer, nullable=False),
        sa.Column("used_units", sa.BigInteger, nullable=False),
        sa.Column("coverage_below_since", _TIME),
    )
    op.bulk_insert(head, [{"id": 1, "log_entry": 0, "log_hash": "0" * 64, "state_version": 0, "used_units": 0}])


def downgrade() -> None:
    for table in (
        "head",
        "halts",
        "terms",
        "quota_days",
        "replays",
        "nonces",
        "receipts",
        "acks",
        "attempts",
        "decisions",
        "orders",
    ):
        op.drop_table(table)

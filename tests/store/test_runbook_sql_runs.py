"""Promise: the runbook's query of recent orders runs, on PostgreSQL as it is written, on SQLite with its date function."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import pytest
from deployments import Tenant, deploy, open_desk, statuses
from servers import Postgresql

from aurora_sim.treaty.store.deployment import Deployment

RUNBOOK = "SELECT * FROM orders WHERE created_at > NOW() - INTERVAL '24 hours' ORDER BY created_at DESC LIMIT 100;"
ON_SQLITE = "SELECT * FROM orders WHERE created_at > datetime('now', '-24 hours') ORDER BY created_at DESC LIMIT 100;"


def submit_at(deployment: Deployment, times_s: list[float]) -> list[str]:
    """The ids of orders that were taken in at these times."""
    desk, ids = open_desk(deployment), []
    tenant = Tenant(deployment, now_s=times_s[0])
    for number, time_s in enumerate(times_s):
        given = tenant.submission(f"n{number}", issued_s=time_s, deadline_s=time_s + 60.0)
        answers = desk.submit([given], time_s)
        assert statuses(answers) == [202]
        ids.append(str(answers[0].body["order_id"]))
    desk.close()
    return ids


def recent(now_s: float) -> list[float]:
    """Times of which the first two are more than 24 hours ago."""
    return [now_s - age_s for age_s in (90_000.0, 86_500.0, 86_300.0, 3600.0, 0.5)]


def test_on_sqlite(tmp_path: Path) -> None:
    now_s = time.time()
    deployment = deploy(tmp_path, now_s=now_s - 100_000.0)
    ids = submit_at(deployment, recent(now_s))
    connection = sqlite3.connect(f"{tmp_path}/aurora.db")
    connection.row_factory = sqlite3.Row
    found = connection.execute(ON_SQLITE).fetchall()
    connection.close()
    assert [row["order_id"] for row in found] == ids[:1:-1]
    assert found[0]["tenant_id"] == "tenant-research"


@pytest.mark.needs("postgresql")
def test_on_postgresql_as_it_is_written(tmp_path: Path, postgresql: Postgresql) -> None:
    now_s = time.time()
    deployment = deploy(tmp_path, postgresql.emptied("aurora_db"), now_s=now_s - 100_000.0)
    ids = submit_at(deployment, recent(now_s))
    lines = postgresql.sql("aurora_db", RUNBOOK).splitlines()
    assert [line.partition("|")[0] for line in lines] == ids[:1:-1]
    assert json.loads(lines[0].split("|")[-1])["nonce"] == "n4"

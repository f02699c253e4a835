"""Promise: an old snapshot and the order log give back everything that was acknowledged, whichever database it was, and is."""

from __future__ import annotations

from pathlib import Path

import pytest
from books import check_books, everything
from deployments import NOON_S, Tenant, deploy, open_desk, statuses
from sqlalchemy import delete

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.store import actions, snapshot, tables
from aurora_sim.treaty.store.answers import StoreUnavailable
from aurora_sim.treaty.store.deployment import Deployment, make_database

NOW_S = NOON_S + 1.0


def work(deployment: Deployment, orders: int) -> None:
    """Some orders, a denial, a halt and a resume."""
    desk, tenant, store = open_desk(deployment), Tenant(deployment, now_s=NOW_S), deployment.store()
    prefix = len(everything(deployment.db)["orders"])
    given = [tenant.submission(f"n-{prefix}-{number}", gpu_hours=0.1 * (number + 1)) for number in range(orders)]
    assert set(statuses(desk.submit(given, NOW_S))) == {202}
    desk.submit([tenant.submission(f"d-{prefix}", gpu_hours=1e6)], NOW_S)
    actions.halt(store, "AURORA-AKASH-001", f"drill {prefix}", NOW_S)
    actions.resume(store, "AURORA-AKASH-001", "", NOW_S)
    desk.close()
    store.close()


def denied_go(state: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without what is of denied orders: these were not acknowledged, and the log does not have them."""
    return {name: [row for row in rows if "'d-" not in row] for name, rows in state.items()}


def test_an_old_snapshot_and_the_log_equal_the_lost_database(tmp_path: Path, database_url: str) -> None:
    deployment = deploy(tmp_path, database_url)
    work(deployment, 20)
    store = deployment.store()
    taken = snapshot.backup(store, tmp_path / "backup.db")
    assert taken.orders == 21
    work(deployment, 30)
    lost = everything(database_url)
    with store.database.writing() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(delete(table).where(table.c.id > 1) if table.name == "head" else delete(table))
    restored, redone = snapshot.restore(store, tmp_path / "backup.db")
    store.close()
    assert (restored, redone) == (taken, 32)
    assert denied_go(everything(database_url)) == denied_go(lost)
    assert len(check_books(database_url)) == 50
    assert snapshot.look(tmp_path / "backup.db") == taken  # as it was: it may be needed again

    desk, tenant = open_desk(deployment), Tenant(deployment, now_s=NOW_S)
    assert statuses(desk.submit([tenant.submission("n-20-3", gpu_hours=0.4)], NOW_S)) == [409]
    desk.close()


def test_into_a_new_database_of_either_kind(tmp_path: Path, database_url: str) -> None:
    source = deploy(tmp_path / "source", f"sqlite:///{tmp_path}/source/aurora.db")
    work(source, 5)
    store = source.store()
    snapshot.backup(store, tmp_path / "backup.db")
    store.close()
    work(source, 5)
    target = Deployment(database_url, source.keys, source.registry, source.log, source.config)
    list(make_database(target))
    store = target.store()
    snapshot.restore(store, tmp_path / "backup.db")
    store.close()
    assert denied_go(everything(database_url)) == denied_go(everything(source.db))


def test_the_log_beside_the_backup_brings_back_the_time_of_the_backup(tmp_path: Path) -> None:
    source = deploy(tmp_path)
    work(source, 5)
    store = source.store()
    taken = snapshot.backup(store, tmp_path / "backup.db")
    then = everything(source.db)
    work(source, 5)
    source.log.write_bytes(snapshot.log_beside(tmp_path / "backup.db").read_bytes())
    restored, redone = snapshot.restore(store, tmp_path / "backup.db")
    store.close()
    assert (restored, redone) == (taken, 0)
    assert everything(source.db) == then


def test_a_log_that_does_not_continue_the_snapshot_changes_nothing(tmp_path: Path) -> None:
    source = deploy(tmp_path / "one")
    work(source, 5)
    store = source.store()
    snapshot.backup(store, tmp_path / "backup.db")
    other = deploy(tmp_path / "two")
    work(other, 9)
    before = everything(other.db)
    store = other.store()
    with pytest.raises(StoreUnavailable, match="two histories") as refused:
        snapshot.restore(store, tmp_path / "backup.db")
    assert refused.value.reason == "log_mismatch"
    store.close()
    assert everything(other.db) == before


@pytest.mark.parametrize("content", [None, b"", b"no database at all, but longer than a header" * 200])
def test_what_is_no_backup_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "backup.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError):
        snapshot.look(path)

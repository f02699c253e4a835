"""Backup and restore: a snapshot of the tables in one SQLite file, whichever database it was taken of, and the log beside it.

A restore is the snapshot and all that the order log has after it: so nothing that was acknowledged is lost, however old
the snapshot, as long as the log is there. Being one form for both, it also moves a deployment from one kind of database
to the other.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.answers import StoreUnavailable
from aurora_sim.treaty.store.database import Database
from aurora_sim.treaty.store.schema import SCHEMA_VERSION, current_version, upgrade
from aurora_sim.treaty.store.store import Store, read_head

ROWS_AT_ONCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a snapshot holds: how many orders, and up to which entry of the log."""

    orders: int
    log_entry: int


def backup(store: Store, target: Path) -> Snapshot:
    """Write the database as it is now to `target`, and the log up to there to `target.log`; workers may go on.

    Each file appears whole or not at all.
    """
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with store.database.reading() as source:
            taken = _copy_into(source, beside)
        if store.log.exists():
            _copy_log(store.log, log_beside(target))
        _sync(beside)
        beside.replace(target)
        _sync(target.parent)
        return taken
    finally:
        for leftover in (beside, beside.with_name(beside.name + "-wal"), beside.with_name(beside.name + "-shm")):
            leftover.unlink(missing_ok=True)


def log_beside(target: Path) -> Path:
    """Where a backup keeps the log."""
    return target.with_name(target.name + ".log")


def look(path: Path) -> Snapshot:
    """What a snapshot holds. Raises `InputError` for a file that is none, or of another version."""
    if not path.is_file():
        raise InputError(str(path), "there is no such file", "Name a file that vault-law backup made")
    database = Database(f"sqlite:///{path}", read_only=True)
    try:
        with database.reading() as connection:
            version = current_version(connection)
            if version == SCHEMA_VERSION:
                return _holds(connection)
    except StoreUnavailable as failure:
        raise InputError(str(path), f"it is no backup: {failure}", "Name a file that vault-law backup made") from None
    finally:
        database.close()
    raise InputError(
        str(path),
        f"it is of version {version}, not {SCHEMA_VERSION}" if version else "it is no backup",
        "Restore it with the program that made it, then: vault-law db upgrade" if version else "Name another file",
    )


def held_now(store: Store) -> Snapshot:
    """What the database holds that a restore would replace."""
    with store.database.reading() as connection:
        return _holds(connection)


def restore(store: Store, path: Path) -> tuple[Snapshot, int]:
    """Replace every table by the snapshot's, and redo what the log has after it; the snapshot, and how much was redone.

    In one transaction: whoever looks sees the old database or the restored one. Raises `StoreUnavailable` where the log
    does not continue the snapshot; nothing is changed then.
    """
    source = Database(f"sqlite:///{path}", read_only=True)
    try:
        with source.reading() as snapshot, store.replacing() as transaction:
            _replace(snapshot, transaction.connection)
            transaction.head = read_head(transaction.connection.execute(select(tables.head)).one())
            transaction.catch_up()
            return _holds(snapshot), transaction.redone
    finally:
        source.close()


def _copy_into(source: Connection, path: Path) -> Snapshot:
    target = Database(f"sqlite:///{path}", create=True)
    try:
        with target.writing() as connection:
            upgrade(connection)
            _replace(source, connection)
            return _holds(connection)
    finally:
        target.engine.dispose()
        _checkpoint(path)


def _checkpoint(path: Path) -> None:
    """Make of the file and its WAL one file again."""
    import sqlite3

    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()


def _replace(source: Connection, target: Connection) -> None:
    for table in reversed(tables.metadata.sorted_tables):
        target.execute(delete(table))
    for table in tables.metadata.sorted_tables:
        rows = source.execute(select(table).execution_options(yield_per=ROWS_AT_ONCE)).mappings()
        for chunk in rows.partitions(ROWS_AT_ONCE):
            target.execute(insert(table), [dict(row) for row in chunk])


def _holds(connection: Connection) -> Snapshot:
    orders = connection.execute(select(func.count()).select_from(tables.orders)).scalar_one()
    return Snapshot(orders, connection.execute(select(tables.head.c.log_entry)).scalar_one())


def _copy_log(log: Path, target: Path) -> None:
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        shutil.copyfile(log, beside)
        _sync(beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

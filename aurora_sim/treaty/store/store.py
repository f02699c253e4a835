"""Database and order log as one: what is in the log is in the database, whoever was killed in between.

The log is written ahead. A transaction takes the write lock, redoes what the log has and the database lacks, decides,
appends to the log with one fsync, writes the rows, and commits. Killed before the append, nothing has happened; killed
after it, the next transaction redoes it. So the log, not the database, says what was acknowledged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Row, select

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.chain import Chain, ChainBroken, Entry
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.answers import StoreUnavailable
from aurora_sim.treaty.store.database import TIMEOUT_S, Database
from aurora_sim.treaty.store.entries import HEAD_UPDATE, Body, Change, Logged, write
from aurora_sim.treaty.store.write_lock import WriteLock

REDO_ENTRIES: Final = 1000
"""Entries that are redone at a time, so that a restore from a long log needs little memory."""

_HEAD = select(tables.head)


@dataclass(slots=True)
class Head:
    """How far the database is: see `tables.head`."""

    log_entry: int
    log_hash: str
    state_version: int
    used_units: int
    coverage_below_since_s: float | None


class Store:
    """The orders database and its order log, opened together."""

    def __init__(self, database: Database, log: Path, timeout_s: float = TIMEOUT_S) -> None:
        self.database = database
        self.log = log
        self.chain = Chain(log)
        self._lock = WriteLock(log.with_name(log.name + ".lock"), timeout_s)
        self._head = _HEAD if database.is_sqlite else _HEAD.with_for_update()

    @classmethod
    def open(cls, url: str, log: Path) -> Store:
        """Raises `InputError` for what `Database.open` refuses, and where the log's folder is not there."""
        if not log.parent.is_dir():
            raise InputError(f"--log {log}", "its folder is not there", "Make it: vault-law init")
        return cls(Database.open(url), log)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """The right to write, with the database as far as the log. Committed at the end; an exception rolls it back.

        Raises `StoreUnavailable` when database or log cannot be used, or do not belong together.
        """
        with self._lock.held(), _log_failures(self.log), self.database.writing() as connection:
            transaction = Transaction(connection, self.chain, read_head(connection.execute(self._head).one()))
            transaction.catch_up()
            yield transaction

    @contextlib.contextmanager
    def replacing(self) -> Iterator[Transaction]:
        """The same for a restore, which brings another head: nothing is caught up with before."""
        with self._lock.held(), _log_failures(self.log), self.database.writing() as connection:
            yield Transaction(connection, self.chain, read_head(connection.execute(self._head).one()))

    def close(self) -> None:
        """Give back connections and files."""
        self.database.close()
        self.chain.close()


class Transaction:
    """Everything that one holder of the write lock does; `connection` may be used for rows that the log does not have."""

    def __init__(self, connection: Connection, chain: Chain, head: Head) -> None:
        self.connection = connection
        self.head = head
        self.redone = 0
        """Entries that the database lacked when the transaction began."""
        self._chain = chain

    def record(self, entries: Sequence[tuple[float, str, Body]]) -> None:
        """Append entries (Unix seconds, kind, body) to the log, durably, and write their rows."""
        if not entries:
            return
        entry, log_hash = self._chain.append(entries)
        first = entry - len(entries) + 1
        # Nobody else appends while the lock is held. Were it otherwise, what was decided here may be void.
        if first != self.head.log_entry + 1:
            raise StoreUnavailable(
                "log_mismatch", f"somebody else appended to the log after entry {self.head.log_entry}"
            )
        logged = [Logged(first + place, at_s, kind, body) for place, (at_s, kind, body) in enumerate(entries)]
        self._advance(write(self.connection, logged), entry, log_hash)

    def catch_up(self) -> None:
        """Redo the entries that the log has and the database lacks. Raises `StoreUnavailable` where they do not meet."""
        head = self.head
        last, log_hash = self._chain.head()
        if (last, log_hash) == (head.log_entry, head.log_hash):
            return
        if last < head.log_entry:
            raise StoreUnavailable(
                "log_mismatch",
                f"the log ends at entry {last}, but the database holds entries up to {head.log_entry}: "
                "the log was cut, or is another database's",
            )
        if last == head.log_entry:
            raise _other_history(last)
        missing = iter(self._chain.entries(head.log_entry))
        while chunk := list(islice(missing, REDO_ENTRIES)):
            self._redo(chunk)
        if (head.log_entry, head.log_hash) != (last, log_hash):
            raise StoreUnavailable(
                "log_mismatch", f"the log's entries end at {head.log_entry}, its last line at {last}"
            )

    def _redo(self, entries: Iterable[Entry]) -> None:
        logged, head = [], self.head
        number, log_hash = head.log_entry, head.log_hash
        for entry in entries:
            if entry.prev != log_hash or entry.seq != number + 1:
                raise _other_history(number)
            number, log_hash = entry.seq, entry.hash
            logged.append(Logged(entry.seq, entry.at_s, entry.kind, dict(entry.body)))
        self._advance(write(self.connection, logged), number, log_hash)
        self.redone += len(logged)

    def _advance(self, change: Change, entry: int, log_hash: str) -> None:
        self.connection.execute(
            HEAD_UPDATE,
            {"new_entry": entry, "new_hash": log_hash, "more_units": change.units, "more_states": change.states},
        )
        head = self.head
        head.log_entry, head.log_hash = entry, log_hash
        head.used_units += change.units
        head.state_version += change.states


def read_head(row: Row[tuple[object, ...]]) -> Head:
    """The head's row as an object."""
    return Head(row.log_entry, row.log_hash, row.state_version, row.used_units, row.coverage_below_since)


def _other_history(entry: int) -> StoreUnavailable:
    return StoreUnavailable(
        "log_mismatch", f"entry {entry} of the log is not the one that the database holds: they are of two histories"
    )


@contextlib.contextmanager
def _log_failures(log: Path) -> Iterator[None]:
    """A full disk, a log that cannot be opened, or a line in it that is none: the log cannot be used."""
    try:
        yield
    except OSError as failure:
        raise StoreUnavailable("log_unavailable", f"{log}: {failure.strerror or failure}") from failure
    except ChainBroken as failure:
        raise StoreUnavailable("log_mismatch", str(failure)) from failure

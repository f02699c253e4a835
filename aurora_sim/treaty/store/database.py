"""The database that a URL names: SQLite in a file by default, PostgreSQL by URL; and its two kinds of transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.store.answers import StoreUnavailable
from aurora_sim.treaty.store.schema import SCHEMA_VERSION, current_version

TIMEOUT_S: Final = 10.0
"""How long anything waits for the database, or for another writer, before it gives up."""
POSTGRESQL: Final = frozenset({"postgresql", "postgres", "postgresql+psycopg"})


class Database:
    """One database. It is *open* until `close`, and opens and gives back connections by itself.

    `reading` and `writing` give a connection in a transaction that is committed at the end, or rolled back by an
    exception. A failure of the database itself comes out as `StoreUnavailable`.
    """

    def __init__(self, url: str, *, create: bool = False, read_only: bool = False) -> None:
        """Raises `InputError` for a URL that is none, and for a SQLite file that is not there unless `create`.

        `read_only` is for a SQLite file that nobody writes: it stays as it is to the last byte.
        """
        self.url = _parsed(url)
        self.shown = self.url.render_as_string(hide_password=True)
        """The URL without its password, for messages."""
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.path = Path(self.url.database) if self.is_sqlite and self.url.database else None
        if self.path is not None and not create and not self.path.exists():
            raise InputError(f"--db {self.shown}", "there is no such database", "Make it: vault-law init")
        self.engine = _sqlite(self.url, read_only) if self.is_sqlite else _postgresql(self.url)

    @classmethod
    def open(cls, url: str) -> Database:
        """A database whose tables are of this version. Raises `InputError` where it is out of reach or of another."""
        database = cls(url)
        try:
            version = database.version()
            if version != SCHEMA_VERSION:
                _refuse_version(database.shown, version)
        except InputError:
            database.close()
            raise
        return database

    def version(self) -> str:
        """The version of its tables, "" without any. Raises `InputError` where it is out of reach."""
        try:
            with self.reading() as connection:
                return current_version(connection)
        except StoreUnavailable as failure:
            raise InputError(
                f"--db {self.shown}", f"the database cannot be used: {failure}", "See that it runs and may be read"
            ) from None

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database throughout."""
        with self._failures(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def glancing(self) -> Iterator[Connection]:
        """A connection for one short query: on PostgreSQL one round trip, where a transaction takes three."""
        if self.is_sqlite:
            with self.reading() as connection:
                yield connection
            return
        with self._failures(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection that may write. On SQLite it is the only one that may, from the beginning on."""
        with self._failures(), self.engine.connect() as connection:
            connection = connection.execution_options(aurora_writes=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeout) as failure:
            raise StoreUnavailable("database_unavailable", _in_one_line(failure)) from failure
        except DBAPIError as failure:
            # Of what is left, only what the server or the file did: a mistake of ours is to be seen as one.
            if failure.connection_invalidated or "malformed" in str(failure) or "not a database" in str(failure):
                raise StoreUnavailable("database_unavailable", _in_one_line(failure)) from failure
            raise


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        name = parsed.drivername
        if name in POSTGRESQL:
            return parsed.set(drivername="postgresql+psycopg")
        if name == "sqlite":
            if parsed.database in (None, "", ":memory:"):
                raise InputError(f"--db {url}", "names no file", "Write sqlite:///state/aurora.db")
            return parsed
    except (ArgumentError, NoSuchModuleError, ValueError):
        pass
    # What could not be read may hold a password: it is not repeated.
    raise InputError("--db", "this is no URL of a database", "Write sqlite:///FILE or postgresql://USER@HOST/NAME")


def _sqlite(url: URL, read_only: bool) -> Engine:
    arguments: dict[str, Any] = {"timeout": TIMEOUT_S}
    if read_only:
        url = url.set(database=f"file:{quote(str(Path(str(url.database)).absolute()))}")
        url, arguments["uri"] = url.update_query_dict({"mode": "ro", "uri": "true"}), True
    engine = create_engine(url, connect_args=arguments, pool_timeout=TIMEOUT_S)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transaction of its own; `begin` below does
        for pragma in (
            ()
            if read_only
            else (
                "journal_mode=WAL",
                # What a power cut takes from the end of the WAL, the order log gives back: it is fsynced before each commit.
                "synchronous=NORMAL",
                "foreign_keys=ON",
                "wal_autocheckpoint=4000",
                "cache_size=-65536",
            )
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("aurora_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise InputError(
            "--db postgresql", "psycopg, which speaks to it, is not installed", 'pip install ".[postgres]"'
        ) from None
    milliseconds = int(TIMEOUT_S * 1000)
    options = (
        f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
        f" -c idle_in_transaction_session_timeout={3 * milliseconds} -c timezone=UTC"
        # As with SQLite: what a crash of the server takes, the order log gives back.
        " -c synchronous_commit=off"
    )
    return create_engine(
        url,
        pool_timeout=TIMEOUT_S,
        connect_args={
            "connect_timeout": int(TIMEOUT_S),
            "options": options,
            "tcp_user_timeout": milliseconds,
            "prepare_threshold": 3,
        },
    )


def _in_one_line(failure: Exception) -> str:
    cause = getattr(failure, "orig", None) or failure
    return " ".join(str(cause).split())[:300] or type(cause).__name__


def _refuse_version(shown: str, version: str) -> None:
    if not version:
        raise InputError(f"--db {shown}", "the database has no tables of the treaty's", "Make them: vault-law init")
    if version > SCHEMA_VERSION:
        raise InputError(
            f"--db {shown}",
            f"its tables are of version {version}, and this program knows none after {SCHEMA_VERSION}",
            "Use the program that made it, or a newer one",
        )
    raise InputError(
        f"--db {shown}",
        f"its tables are of version {version}, and this program needs {SCHEMA_VERSION}",
        "Bring them up: vault-law db upgrade",
    )

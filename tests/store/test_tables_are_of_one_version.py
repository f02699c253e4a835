"""Promise: the migrations make the tables that the code uses; a database of another version is refused in one message."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from servers import free_port
from sqlalchemy import text

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.store import schema
from aurora_sim.treaty.store.database import Database
from aurora_sim.treaty.store.tables import metadata


def test_migrations_make_the_tables_that_the_code_uses(database_url: str) -> None:
    database = Database(database_url, create=True)
    with database.writing() as connection:
        assert schema.upgrade(connection) == ["0001"]
    with database.writing() as connection:
        assert schema.upgrade(connection) == []
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()
    Database.open(database_url).close()


def test_the_version_that_the_code_asks_for_is_the_last_migration() -> None:
    scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    assert scripts.get_current_head() == schema.SCHEMA_VERSION


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, "no tables of the treaty's. Make them: vault-law init"),
        ("0000", "this program needs 0001. Bring them up: vault-law db upgrade"),
        ("9999", "knows none after 0001. Use the program that made it"),
    ],
)
def test_another_version_is_refused_with_what_to_run(version: str | None, message: str, database_url: str) -> None:
    database = Database(database_url, create=True)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE other (x INTEGER)"))
        if version is not None:
            schema.upgrade(connection)
            connection.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))
    database.close()
    with pytest.raises(InputError) as refused:
        Database.open(database_url)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///{folder}/absent.db", "there is no such database. Make it: vault-law init"),
        ("sqlite:///{folder}", "the database cannot be used"),
        ("sqlite:///{folder}/text.db", "the database cannot be used"),
        ("sqlite://", "names no file"),
        ("mysql://root:secret@host/db", "no URL of a database"),
        ("no url:secret@", "no URL of a database"),
        ("postgresql://aurora:secret@127.0.0.1:{port}/aurora", "the database cannot be used: connection"),
    ],
)
def test_what_is_out_of_reach_is_one_message_without_the_password(url: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database, but a text of some length\n" * 100)
    with pytest.raises(InputError) as refused:
        Database.open(url.format(folder=tmp_path, port=free_port()))
    assert message in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)

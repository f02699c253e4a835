"""The version of the tables: migrations that bring a database to it, and the refusal of any other."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

SCHEMA_VERSION: Final = "0001"
"""The last migration in `migrations/versions`."""


def current_version(connection: Connection) -> str:
    """The version that a database is at, "" when it has no tables of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def upgrade(connection: Connection) -> list[str]:
    """Bring the tables to `SCHEMA_VERSION` inside the connection's transaction; the migrations that it took, in order."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    before = current_version(connection)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    taken = [script.revision for script in scripts.iterate_revisions(SCHEMA_VERSION, before or "base")][::-1]
    if taken:
        command.upgrade(config, SCHEMA_VERSION)
    return taken

"""The two things that SQLite and PostgreSQL say in different words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, Text, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection) -> Callable[[Any], Any]:
    """INSERT with ON CONFLICT."""
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert


def among(connection: Connection, column: ColumnElement[str], texts: Sequence[str]) -> ColumnElement[bool]:
    """Whether the column's text is one of these: as one parameter, however many.

    With one parameter each (`IN (?, ?, ...)`) the statement is another for every number of them, and its preparation
    took 3 ms of PostgreSQL's driver.
    """
    if connection.dialect.name == "sqlite":
        listed = func.json_each(bindparam(None, json.dumps(texts), Text)).table_valued("value")
        return column.in_(select(listed.c.value))
    return column == any_(bindparam(None, list(texts), ARRAY(Text)))

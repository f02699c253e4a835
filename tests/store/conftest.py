"""What the store's tests share: one PostgreSQL cluster, emptied for each test that wants it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A cluster of PostgreSQL; only for tests marked `needs("postgresql")`."""
    cluster = Postgresql()
    yield cluster
    cluster.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/aurora.db"
    cluster: Postgresql = request.getfixturevalue("postgresql")
    return cluster.emptied("aurora")

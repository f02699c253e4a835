"""`vault-law init` and `vault-law db`: make a deployment, and bring its database to this program's version."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.deployment_options import deployed

if TYPE_CHECKING:
    from aurora_sim.treaty.store.deployment import Deployment


@click.command()
@deployed
def init(deployment: Deployment) -> None:
    """Make what is missing of a deployment, and say what that was; run again it changes nothing.

    Private keys for the treaty, its tenants, its providers and the timestamp authority; the registry of their public
    keys; the database; the order log; and the configuration's treaty as the first version of the terms.
    """
    from aurora_sim.treaty.store.deployment import make

    for made in make(deployment, time.time()):
        click.echo(made)


@click.group()
def db() -> None:
    """Look after the orders database."""


@db.command()
@deployed
def upgrade(deployment: Deployment) -> None:
    """Bring the database's tables to this program's version."""
    from aurora_sim.treaty.store.database import Database
    from aurora_sim.treaty.store.deployment import make_database

    Database(deployment.db).close()  # one that is not there is for `init` to make
    for made in make_database(deployment):
        click.echo(made)


@db.command()
@deployed
def version(deployment: Deployment) -> None:
    """Say which version the database is of, and which one this program needs."""
    from aurora_sim.treaty.store.database import Database
    from aurora_sim.treaty.store.schema import SCHEMA_VERSION

    database = Database(deployment.db)
    try:
        found = database.version() or "without tables"
    finally:
        database.close()
    click.echo(f"{database.shown}: {found}; this program needs {SCHEMA_VERSION}")

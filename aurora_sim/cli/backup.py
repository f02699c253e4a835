"""`vault-law backup` and `restore`: a snapshot of the database, and the way back from it to the last acknowledged order."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.deployment_options import deployed, opened
from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.store.deployment import Deployment


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@deployed
def backup(file: Path, deployment: Deployment) -> None:
    """Write a snapshot of the database to FILE and the order log to FILE.log; the workers go on meanwhile.

    Keep the log itself safe too, or copy it often: what it has after the snapshot is what a restore gives back.
    """
    from aurora_sim.treaty.store import actions, snapshot

    if not file.parent.is_dir():
        raise InputError(str(file), "its folder is not there", f"Run: mkdir -p {file.parent}")
    with opened(deployment) as store:
        taken = snapshot.backup(store, file)
        actions.note(store, "backup", {"file": str(file), "log_entry": taken.log_entry}, time.time())
    click.echo(f"{file}: {taken.orders} orders, up to entry {taken.log_entry} of the log")
    click.echo(f"{snapshot.log_beside(file)}: the log")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Replace what the database holds without asking.")
@deployed
def restore(file: Path, yes: bool, deployment: Deployment) -> None:
    """Put FILE, a snapshot, in the place of the database's content, and redo what the order log has after it.

    The log is the deployment's, or the one of --log; where there is none, the copy beside FILE. A database that is not
    there is made; stop the workers first.
    """
    from aurora_sim.treaty.store import actions, snapshot
    from aurora_sim.treaty.store.deployment import make_database

    snapshot.look(file)
    for made in make_database(deployment):
        click.echo(made)
    if not deployment.log.exists() and snapshot.log_beside(file).exists():
        beside = deployment.log.with_name(f".{deployment.log.name}.restored")
        shutil.copyfile(snapshot.log_beside(file), beside)
        beside.replace(deployment.log)
        click.echo(f"order log {deployment.log}: the copy beside {file}; what was accepted after it is lost")
    with opened(deployment) as store:
        held = snapshot.held_now(store)
        if held.orders and not yes:
            question = f"{store.database.shown} holds {held.orders} orders, up to entry {held.log_entry}. Replace them?"
            click.confirm(question, abort=True)
        restored, redone = snapshot.restore(store, file)
        actions.note(store, "restore", {"file": str(file), "log_entry": restored.log_entry}, time.time())
    click.echo(
        f"restored {restored.orders} orders, up to entry {restored.log_entry}; redone from the log: {redone} entries"
    )
    click.echo("Check it: vault-law verify")

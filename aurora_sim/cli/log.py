"""`vault-law log`: the hash-chained log of orders and actions, verified and shown."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.key_options import DB, instant, store_of
from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.chain import Entry

FILE = click.argument(
    "file",
    type=click.Path(path_type=Path),
    envvar="AURORA_LOG",
    default=Path("state/vault-law.log"),
)


@click.group()
def log() -> None:
    """Verify and show the hash-chained log of orders and actions."""


@log.command()
@FILE
@DB
def verify(file: Path, db: str | None) -> int:
    """Say whether every line of FILE is as it was written (default: state/vault-law.log). Ends with 1, and names the lines, if not.

    That lines are missing at the end shows only beside the database, which knows the last one: the one named by --db
    or, for the default FILE, the default one.
    """
    from aurora_sim.treaty.chain import Chain, verify_chain

    expected = _expected_head(file, db)
    _check_readable(file)
    faults = verify_chain(file, expected)
    for fault in faults:
        click.echo(f"{file}:{fault.line}: {fault.why}")
    if faults:
        click.echo(f"{file}: not as it was written: {len(faults)} fault{'s' if len(faults) > 1 else ''}")
        return 1
    seq, own_hash = Chain(file).head()
    click.echo(f"{file}: whole: {seq} entries, the last with hash {own_hash}")
    if expected is None:
        click.echo("Not compared with a database: lines cut off at the end would not show. Name it by --db", err=True)
    return 0


@log.command()
@FILE
@click.option("--tail", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="How many, the last.")
@click.option("--kind", help="Only entries of this kind, such as halt.")
@click.option("--json", "as_json", is_flag=True, help="The lines as they stand in FILE.")
def show(file: Path, tail: int, kind: str | None, as_json: bool) -> None:
    """Print the last entries of FILE (default: state/vault-law.log), one a line: number, instant, kind, body."""
    from aurora_sim.treaty.chain import Chain

    _check_readable(file)
    chain = Chain(file)
    if kind is None:
        found = chain.entries(max(0, chain.head()[0] - tail))
    else:
        found = iter(deque((entry for entry in chain.entries() if entry.kind == kind), maxlen=tail))
    for entry in found:
        click.echo(_line(entry) if as_json else f"{entry.seq} {instant(entry.at_s)} {entry.kind} {_text(entry.body)}")


def _line(entry: Entry) -> str:
    names = ("at_s", "body", "hash", "kind", "prev", "seq")
    return _text({name: getattr(entry, name) for name in names})


def _text(value: object) -> str:
    """JSON in ASCII: what strangers wrote must not steer the terminal."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _check_readable(file: Path) -> None:
    try:
        with file.open("rb"):
            return
    except OSError as error:
        raise InputError(str(file), f"it cannot be read: {error.strerror}", "Name the log's file") from None


def _expected_head(file: Path, db: str | None) -> tuple[int, str] | None:
    """The last entry that the database holds, read before the log, which only grows."""
    if db is None and file != Path("state/vault-law.log"):
        return None
    store = store_of(db, None)
    if store is None:
        return None
    from sqlalchemy import select

    from aurora_sim.treaty.store import tables
    from aurora_sim.treaty.store.store import read_head

    try:
        with store.database.reading() as connection:
            head = read_head(connection.execute(select(tables.head)).one())
    finally:
        store.close()
    return head.log_entry, head.log_hash

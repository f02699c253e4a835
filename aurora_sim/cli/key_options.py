"""What the key, ack and log commands share: their options, instants in words, and the log entry of an action."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.store.store import Store

DEFAULT_DB: Final = "sqlite:///state/aurora.db"

REGISTRY = click.option(
    "--registry",
    "registry_path",
    type=click.Path(path_type=Path),
    default=Path("config/keys.json"),
    show_default=True,
    envvar="AURORA_KEY_REGISTRY",
    help="The registry of public keys.",
)
KEYS = click.option(
    "--keys",
    "keys_dir",
    type=click.Path(path_type=Path),
    default=Path("state/keys"),
    show_default=True,
    envvar="AURORA_KEYS",
    help="The folder of private keys.",
)
DB = click.option(
    "--db",
    envvar="AURORA_DB",
    metavar="URL",
    help=f"The orders database  [default: {DEFAULT_DB}, if it is there].",
)
LOG = click.option(
    "--log",
    "log_path",
    type=click.Path(path_type=Path),
    envvar="AURORA_LOG",
    help="The order log  [default: vault-law.log beside the database].",
)


def instant(time_s: float | None) -> str:
    """Unix seconds as an instant in UTC; - for none."""
    return "-" if time_s is None else datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def store_of(db: str | None, log_path: Path | None) -> Store | None:
    """The database and its log; None where neither is named and the default is not there.

    Raises InputError where what is named cannot be used.
    """
    if db is None and log_path is None and not Path(DEFAULT_DB.removeprefix("sqlite:///")).exists():
        return None
    from aurora_sim.treaty.store.deployment import default_log
    from aurora_sim.treaty.store.store import Store

    url = db or DEFAULT_DB
    return Store.open(url, log_path or default_log(url))


def log_action(db: str | None, log_path: Path | None, kind: str, bodies: list[dict[str, Any]], now_s: float) -> None:
    """Write actions to the log, durably, before they are done. Raises InputError, and nothing may be done, where that fails."""
    from aurora_sim.treaty.store.answers import StoreUnavailable

    store = store_of(db, log_path)
    if store is None:
        click.echo(f"There is no database {DEFAULT_DB} here, so this stands in no log", err=True)
        return
    try:
        with store.transaction() as transaction:
            transaction.record([(now_s, kind, body) for body in bodies])
    except StoreUnavailable as failure:
        raise InputError(f"--log {store.log}", f"nothing can be logged: {failure}", "Nothing was changed") from None
    finally:
        store.close()

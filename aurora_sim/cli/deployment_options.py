"""The options by which every command of the treaty finds its deployment."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.store.deployment import Deployment
    from aurora_sim.treaty.store.store import Store

_OPTIONS = (
    click.option(
        "--db",
        default="sqlite:///state/aurora.db",
        show_default=True,
        envvar="AURORA_DB",
        metavar="URL",
        help="The orders database: sqlite:///FILE or postgresql://USER@HOST/NAME.",
    ),
    click.option(
        "--keys",
        type=click.Path(path_type=Path),
        default=Path("state/keys"),
        show_default=True,
        envvar="AURORA_KEYS",
        help="The folder of private keys.",
    ),
    click.option(
        "--registry",
        type=click.Path(path_type=Path),
        default=Path("config/keys.json"),
        show_default=True,
        envvar="AURORA_KEY_REGISTRY",
        help="The registry of public keys.",
    ),
    click.option(
        "--log",
        type=click.Path(path_type=Path),
        envvar="AURORA_LOG",
        help="The order log  [default: vault-law.log beside the database's file, or in state/].",
    ),
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        default=Path("config"),
        show_default=True,
        envvar="AURORA_CONFIG",
        help="The configuration folder.",
    ),
)

NONCES = click.option(
    "--store",
    "nonces_url",
    envvar="AURORA_NONCES",
    metavar="URL",
    help="The nonce store in front of the database, such as redis://127.0.0.1:6379/0  [default: the database alone].",
)


def deployed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --db, --keys, --registry, --log and --config, and hand it the `deployment` that they name."""

    @functools.wraps(command)
    def with_deployment(
        *arguments: Any, db: str, keys: Path, registry: Path, log: Path | None, config: Path, **options: Any
    ) -> Any:
        from aurora_sim.scenario.configuration import read_world
        from aurora_sim.treaty.store.deployment import Deployment, default_log

        deployment = Deployment(db, keys, registry, log or default_log(db), read_world(config))
        return command(*arguments, deployment=deployment, **options)

    for option in reversed(_OPTIONS):
        option(with_deployment)
    return with_deployment


@contextlib.contextmanager
def opened(deployment: Deployment) -> Iterator[Store]:
    """The deployment's store for the block; what it cannot do is one message, and exit status 2."""
    from aurora_sim.treaty.nonce import NonceStoreUnavailable
    from aurora_sim.treaty.store.answers import StoreUnavailable

    store = deployment.store()
    try:
        yield store
    except StoreUnavailable as failure:
        where = f"--db {store.database.shown}" if failure.reason == "database_unavailable" else f"--log {store.log}"
        mend = {
            "database_unavailable": "See that it runs and may be written",
            "log_unavailable": "See that the file may be written and the disk has room",
            "log_mismatch": "Name the log that belongs to the database, or restore both: vault-law restore",
        }[failure.reason]
        raise InputError(where, str(failure), mend) from None
    except NonceStoreUnavailable as failure:
        raise InputError("--store", f"the nonce store is out of reach: {failure}", "See that it runs") from None
    finally:
        store.close()


def when(time_s: float | None) -> str:
    """A time as people read it, in UTC; "-" for none."""
    from datetime import UTC, datetime

    return "-" if time_s is None else datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def check_treaty(deployment: Deployment, treaty_id: str | None) -> str:
    """The treaty's id, which `--treaty`, if given, must be."""
    own = deployment.config.treaty.treaty_id
    if treaty_id not in (None, own):
        raise InputError(f"--treaty {treaty_id}", "this deployment serves another treaty", f"Known: {own}")
    return own

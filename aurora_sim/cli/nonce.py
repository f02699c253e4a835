"""`vault-law nonce`: look at the nonce cache, purge it, and move it from one store to another."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import click
from pydantic import Field, ValidationError

from aurora_sim.cli.deployment_options import NONCES, deployed, opened, when
from aurora_sim.scenario.config import Name
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.strict import Strict

if TYPE_CHECKING:
    from aurora_sim.treaty.store.deployment import Deployment
    from aurora_sim.treaty.store.nonces import SharedNonces
    from aurora_sim.treaty.store.store import Store

HELD_AT_ONCE: Final = 1000


class NonceLine(Strict):
    """One line of an export."""

    tenant_id: Name
    nonce: Annotated[str, Field(pattern="^[A-Za-z0-9._:-]{1,128}$")]
    order_id: Annotated[str, Field(max_length=64)]
    accepted_s: Annotated[float, Field(ge=0, le=253_402_300_799)]
    expires_s: Annotated[float, Field(ge=0, le=253_402_300_799)]


@click.group()
def nonce() -> None:
    """Look at the nonces that may not come again, purge them, and move them."""


@nonce.command()
@click.option("--nonce", "wanted", required=True, metavar="X", help="The nonce.")
@click.option("--tenant", metavar="T", help="Whose  [default: anybody's].")
@NONCES
@deployed
def check(wanted: str, tenant: str | None, nonces_url: str | None, deployment: Deployment) -> int:
    """Say whether a nonce is held; it is not used up by that. Ends with 1 when it is held: an order with it is a replay."""
    with _stores(deployment, nonces_url) as (_, stores):
        found = {held[:2]: held for store in stores for held in store.find(wanted, tenant)}
    for held in found.values():
        until = f"accepted {when(held.accepted_s)}, held until {when(held.expires_s)}"
        click.echo(f"{wanted}: seen, from {held.tenant_id}, order {held.order_id or 'unknown'}, {until}")
    if not found:
        click.echo(f"{wanted}: new")
    return 1 if found else 0


@nonce.command()
@NONCES
@deployed
def stats(nonces_url: str | None, deployment: Deployment) -> None:
    """Say how many nonces are held, and how often one came again."""
    with _stores(deployment, nonces_url) as (_, stores):
        for store, name in zip(stores, ("database", "redis"), strict=False):
            found = store.stats()
            click.echo(f"{name}: {found.held} held, the oldest accepted {when(found.oldest_s)}")
            if name == "database":
                click.echo(f"{name}: {found.expired} expired and yet to be dropped, {found.replayed} replays in all")


@nonce.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Even while a replayed tenant's key is as old as the replay.")
@NONCES
@deployed
def clear(yes: bool, force: bool, nonces_url: str | None, deployment: Deployment) -> None:
    """Forget every nonce. What a tenant signed in the last day, and was not filled, can then be submitted again.

    Refused while a tenant has not rotated its key since its last suspected replay: purging first re-opens the window.
    """
    from aurora_sim.treaty.store import actions
    from aurora_sim.treaty.store.purge import replayed_tenants

    now_s = time.time()
    with _stores(deployment, nonces_url) as (store, stores):
        with store.database.reading() as connection:
            replayed = replayed_tenants(connection, deployment.key_registry(), now_s)
        unrotated = [tenant for tenant in replayed if not tenant.rotated]
        if unrotated and not force:
            first = unrotated[0]
            raise InputError(
                f"key {first.keys[-1].key_id} of {first.owner}",
                f"it has not been rotated since the last suspected replay ({when(first.replayed_s)}): purging the nonces"
                f" would re-open the window{_and_more(len(unrotated) - 1)}",
                f"First: vault-law keys rotate {first.owner} --overlap 0s, or give --force",
            )
        for tenant in replayed:
            ends = max(key.not_after_s or float("inf") for key in tenant.keys)
            until = f"until {when(ends)}" if ends < float("inf") else "without an end"
            click.echo(f"note: {tenant.owner}'s key of the time of the replay is valid {until}", err=True)
        held = sum(each.stats().held for each in stores)
        if not yes:
            click.confirm(f"Forget {held} nonces?", abort=True)
        # Logged first: whoever finds the cache empty finds out why.
        actions.note(store, "nonces.clear", {"held": held, "forced": bool(unrotated)}, now_s)
        cleared = [each.clear() for each in stores]
    click.echo(f"{sum(cleared)} nonces forgotten")


@nonce.command("export")
@click.option("--out", type=click.Path(path_type=Path), help="File to write  [default: standard output].")
@NONCES
@deployed
def export_nonces(out: Path | None, nonces_url: str | None, deployment: Deployment) -> None:
    """Write every nonce that is held, one JSON object a line."""
    from aurora_sim.treaty.whole_file import write_whole

    with _stores(deployment, nonces_url) as (_, stores):
        every = {held[:2]: held for store in stores for held in store.held()}
    lines = [json.dumps(held._asdict()) + "\n" for held in every.values()]
    if out is None:
        sys.stdout.writelines(lines)
    else:
        write_whole(out, "".join(lines).encode(), mode=0o600)
        click.echo(f"{out}: {len(lines)} nonces")


@nonce.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@NONCES
@deployed
def import_nonces(file: Path, nonces_url: str | None, deployment: Deployment) -> None:
    """Hold the nonces of FILE, an export, for what is left of their time; those held already stay as they are."""
    from aurora_sim.treaty.store.nonces import Nonce

    given = [Nonce(**line.model_dump()) for line in _lines(file)]  # all of it read before any of it is held
    now_s = time.time()
    living = iter([each for each in given if each.expires_s > now_s])
    added = 0
    with _stores(deployment, nonces_url) as (_, stores):
        while chunk := list(islice(living, HELD_AT_ONCE)):
            added += max(store.hold(chunk) for store in stores)
    click.echo(f"{file}: {len(given)} nonces, {added} of them new")


def _and_more(count: int) -> str:
    return f" (and {count} more tenants)" if count else ""


def _lines(file: Path) -> Iterator[NonceLine]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(file), f"it cannot be read ({error})", "Name a file that nonce export made") from None
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            yield NonceLine.model_validate_json(line)
        except ValidationError:
            raise InputError(
                f"{file}:{number}", "this line is no nonce", "Name a file that nonce export made"
            ) from None


@contextlib.contextmanager
def _stores(deployment: Deployment, url: str | None) -> Iterator[tuple[Store, list[SharedNonces]]]:
    """The database's nonces and, if there is one, the store in front of it: in this order."""
    from aurora_sim.treaty.store.nonce_stores import DatabaseNonces, shared_nonces

    ttl_s = deployment.config.gateway.nonce_ttl
    front = shared_nonces(url, deployment.config.treaty.treaty_id, ttl_s)
    with opened(deployment) as store:
        own: SharedNonces = DatabaseNonces(store, ttl_s)
        yield store, [own] if front is None else [own, front]

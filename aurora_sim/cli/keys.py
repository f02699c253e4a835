"""`vault-law keys`: list, rotate and revoke the keys that orders, acks, terms and receipts are signed with."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.key_options import DB, KEYS, LOG, REGISTRY, instant, log_action
from aurora_sim.scenario.errors import InputError, did_you_mean
from aurora_sim.scenario.quantities import SECONDS_MAX, parse_duration

if TYPE_CHECKING:
    from aurora_sim.treaty.keys import KeyRegistry, PublicKey


def _duration(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Seconds, of a number of them or a text such as 24h."""
    try:
        seconds = float(parse_duration(value))
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds <= SECONDS_MAX:
        raise click.BadParameter(f"{value!r} is not a duration. Give seconds, or a text such as 24h, 30m or 0s")
    return seconds


OVERLAP = click.option(
    "--overlap",
    "overlap_s",
    callback=_duration,
    metavar="DURATION",
    default="24h",
    show_default=True,
    help="How long the keys before it stay valid, so that whoever signs can change over.",
)


@click.group()
def keys() -> None:
    """List, rotate and revoke the keys that orders, acks, terms and receipts are signed with.

    An OWNER is tenant:ID, provider:ID or treaty.
    """


@keys.command(name="list", short_help="List the public keys and their times.")
@click.option("--owner", help="Only the keys of this owner.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@REGISTRY
@KEYS
def list_keys(owner: str | None, as_json: bool, registry_path: Path, keys_dir: Path) -> int:
    """List the public keys: whose, from when until when, and which of them sign now."""
    from aurora_sim.treaty.keys import KeyRegistry

    now_s = time.time()
    registry = KeyRegistry.load(registry_path)
    if owner is not None and owner not in registry.owners():
        raise InputError("--owner", f"{owner[:80]!r} has no keys", did_you_mean(owner, registry.owners()))
    rows = [_row(key, registry, keys_dir, now_s) for key in registry.keys(owner)]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return 0
    titles = {
        "owner": "OWNER",
        "key_id": "KEY",
        "from": "FROM",
        "until": "UNTIL",
        "private": "PRIVATE",
        "state": "STATE",
    }
    widths = {name: max(len(row[name]) for row in (titles, *rows)) for name in titles}
    for row in (titles, *rows):
        click.echo("  ".join(f"{row[name]:{widths[name]}}" for name in titles).rstrip())
    return 0


@keys.command(short_help="Give owners a new key, valid from now.")
@click.argument("owners", metavar="OWNER...", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Rotate for every owner whose private key is here.")
@click.option("--new", is_flag=True, help="Make a key here for an OWNER whose private key is not here.")
@OVERLAP
@REGISTRY
@KEYS
@DB
@LOG
def rotate(
    owners: tuple[str, ...],
    everybody: bool,
    new: bool,
    overlap_s: float,
    registry_path: Path,
    keys_dir: Path,
    db: str | None,
    log_path: Path | None,
) -> None:
    """Give each OWNER a new key, valid from now; the one before it ends after the overlap.

    What the old key signed until then stays verifiable. A key that may be stolen needs `revoke` as well.
    """
    from aurora_sim.treaty.key_files import create_key, key_path
    from aurora_sim.treaty.keys import editing

    if bool(owners) == everybody:
        raise InputError("OWNER", "neither or both of owners and --all are given", "Name owners, or give --all")
    now_s = time.time()
    with editing(registry_path) as registry:
        chosen = _here(registry, keys_dir) if everybody else list(dict.fromkeys(owners))
        for owner in chosen:
            _check(owner, registry, keys_dir, new)
        # The files of the private keys come first, so that the registry never names a key that nobody has.
        paths: dict[Path, PublicKey] = {}
        try:
            for owner in chosen:
                signer = create_key(keys_dir, owner)
                path = key_path(keys_dir, owner, signer.key_id)
                paths[path] = registry.rotate(owner, signer.public_key, now_s, overlap_s)
            bodies = [{"owner": k.owner, "key_id": k.key_id, "overlap_s": overlap_s} for k in paths.values()]
            log_action(db, log_path, "keys.rotate", bodies, now_s)
        except BaseException:
            for path in paths:
                path.unlink(missing_ok=True)
            raise
    for path, key in paths.items():
        click.echo(f"{key.owner}: key {key.key_id} signs from now on; private key {path}")
        _say_what_ends(registry, key.owner, now_s)


@keys.command(short_help="Take over a public key that its owner made.")
@click.argument("owner")
@click.argument("public_key", type=click.Path(path_type=Path))
@OVERLAP
@REGISTRY
@DB
@LOG
def add(
    owner: str, public_key: Path, overlap_s: float, registry_path: Path, db: str | None, log_path: Path | None
) -> None:
    """Take over OWNER's own new key, whose private half stays with the owner, from the PEM file PUBLIC_KEY.

    Such a file is what `openssl pkey -in private.pem -pubout` writes. The key is valid from now; the one before it ends
    after the overlap.
    """
    from aurora_sim.treaty.key_files import read_public_key
    from aurora_sim.treaty.keys import check_owner, editing

    check_owner(owner, "OWNER")
    raw = read_public_key(public_key)
    now_s = time.time()
    with editing(registry_path) as registry:
        try:
            key = registry.rotate(owner, raw, now_s, overlap_s)
        except ValueError as error:
            raise InputError(str(public_key), str(error), "Give a new key") from None
        body = {"owner": owner, "key_id": key.key_id, "overlap_s": overlap_s}
        log_action(db, log_path, "keys.add", [body], now_s)
    click.echo(f"{owner}: key {key.key_id} is valid from now on")
    _say_what_ends(registry, owner, now_s)


@keys.command(short_help="Revoke keys: nothing that they signed is valid.")
@click.argument("key_ids", metavar="KEY...", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why, in a sentence; it is kept with the key.")
@REGISTRY
@DB
@LOG
def revoke(key_ids: tuple[str, ...], reason: str, registry_path: Path, db: str | None, log_path: Path | None) -> None:
    """Revoke each KEY, given by its id: nothing that it signed is valid from now on, whatever its date. Cannot be undone."""
    from aurora_sim.treaty.keys import editing

    now_s = time.time()
    with editing(registry_path) as registry:
        before = {key_id: registry.get(key_id) for key_id in key_ids}
        revoked = [registry.revoke(key_id, reason, now_s) for key_id in before]
        bodies = [
            {"owner": key.owner, "key_id": key.key_id, "reason": reason} for key in revoked if key != before[key.key_id]
        ]
        log_action(db, log_path, "keys.revoke", bodies, now_s)
    for key in revoked:
        earlier = "" if key != before[key.key_id] else f" already, on {instant(key.revoked_at_s)}: {key.revoked_reason}"
        click.echo(f"{key.owner}: key {key.key_id} is revoked{earlier}")
    for owner in dict.fromkeys(key.owner for key in revoked):
        if registry.active(owner, now_s) is None:
            click.echo(f"{owner} has no valid key now. Run: vault-law keys rotate {owner}")


def _row(key: PublicKey, registry: KeyRegistry, keys_dir: Path, now_s: float) -> dict[str, str]:
    from aurora_sim.treaty.key_files import key_path

    state = key.state(now_s).removeprefix("key_").replace("_", " ")
    if state == "valid":
        active = registry.active(key.owner, now_s)
        state = "signs" if active is not None and active.key_id == key.key_id else "valid"
    elif state == "revoked":
        state += f" {instant(key.revoked_at_s)}: {key.revoked_reason}"
    return {
        "owner": key.owner,
        "key_id": key.key_id,
        "from": instant(key.not_before_s),
        "until": instant(key.not_after_s),
        "private": "here" if key_path(keys_dir, key.owner, key.key_id).exists() else "-",
        "state": state,
    }


def _here(registry: KeyRegistry, keys_dir: Path) -> list[str]:
    """The owners whose private keys are here; says which are not."""
    here = [owner for owner in registry.owners() if _has_private_key(owner, registry, keys_dir)]
    for owner in registry.owners():
        if owner not in here:
            click.echo(f"{owner}: left as it is, because its private keys are not in {keys_dir}", err=True)
    if not here:
        raise InputError("--all", f"no owner's private key is in {keys_dir}", "Name its folder by --keys")
    return here


def _check(owner: str, registry: KeyRegistry, keys_dir: Path, new: bool) -> None:
    """Refuse a misspelt owner, and one whose key is not ours to make."""
    from aurora_sim.treaty.keys import check_owner

    check_owner(owner, "OWNER")
    if owner == "timestamp-authority":
        raise InputError("OWNER", "the authority's key is no key of the registry", "See vault-law receipt health")
    if new or _has_private_key(owner, registry, keys_dir):
        return
    if not registry.keys(owner):
        raise InputError(
            "OWNER", f"{owner} has no keys", did_you_mean(owner, registry.owners()) + ". For a first one give --new too"
        )
    raise InputError(
        "OWNER",
        f"the private key of {owner} is not in {keys_dir}",
        f"Who has it makes the new one: vault-law keys add {owner} PUBLIC_KEY. To make it here all the same give --new",
    )


def _has_private_key(owner: str, registry: KeyRegistry, keys_dir: Path) -> bool:
    """Whether the private half of the owner's newest key is here: who has that one makes the next."""
    from aurora_sim.treaty.key_files import key_path

    known = registry.keys(owner)
    return bool(known) and key_path(keys_dir, owner, known[-1].key_id).exists()


def _say_what_ends(registry: KeyRegistry, owner: str, now_s: float) -> None:
    for key in registry.keys(owner):
        if key.not_after_s is not None and key.state(now_s) == "valid":
            click.echo(f"{owner}: key {key.key_id} is valid until {instant(key.not_after_s)}")

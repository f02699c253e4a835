"""`vault-law ack`: say whether an ack is its provider's word."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.key_options import REGISTRY, instant
from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.keys import KeyRegistry
    from aurora_sim.treaty.signed_ack import SignedAck

BYTES_MAX = 65_536


@click.group()
def ack() -> None:
    """Verify the acks that providers sign."""


@ack.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--treaty-id", required=True, help="The treaty that it must be under.")
@click.option("--provider-id", required=True, help="The provider that must have signed it.")
@REGISTRY
def verify(file: Path, treaty_id: str, provider_id: str, registry_path: Path) -> int:
    """Say whether the ack in FILE (- for standard input) is valid, and what it says.

    FILE holds the ack, or the answer to an order, which holds it. Ends with 1, and the reason, when it is not valid.
    """
    from aurora_sim.treaty.keys import KeyRegistry
    from aurora_sim.treaty.signed_ack import ack_in, verify_ack

    registry = KeyRegistry.load(registry_path)
    try:
        signed = ack_in(_content(file))
    except ValueError as error:
        click.echo(f"{file}: invalid: unreadable: {error}")
        return 1
    reason = verify_ack(signed, registry, treaty_id=treaty_id, provider_id=provider_id, now_s=time.time())
    if reason:
        click.echo(f"{file}: invalid: {reason}: {_in_words(reason, signed, registry, treaty_id, provider_id)}")
        return 1
    click.echo(f"{file}: valid")
    click.echo(f"order     {signed.order_id}, under {signed.treaty_id}")
    click.echo(f"provider  {signed.provider_id}, with key {signed.key_id}")
    click.echo(f"price     {signed.price_usd_per_hour:g} USD per GPU-hour")
    click.echo(f"time      {instant(signed.time_s)}")
    return 0


def _content(file: Path) -> bytes:
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(BYTES_MAX + 1)
        with file.open("rb") as opened:
            return opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise InputError(str(file), f"it cannot be read: {error.strerror}", "Name the ack's file") from None


def _in_words(reason: str, signed: SignedAck, registry: KeyRegistry, treaty_id: str, provider_id: str) -> str:
    key = registry.get(signed.key_id)
    words = {
        "key_unknown": f"the registry has no key {signed.key_id}",
        "signature_invalid": f"the signature is not that of key {signed.key_id} over what the ack says",
        "ack_mismatch": (
            f"it is {signed.provider_id}'s under {signed.treaty_id}, not {provider_id}'s under {treaty_id}"
        ),
        "ack_time": f"it is dated {instant(signed.time_s)}, which is not yet",
    }
    if key is not None:
        words |= {
            "key_owner": f"key {key.key_id} is {key.owner}'s, not provider:{signed.provider_id}'s",
            "key_revoked": f"key {key.key_id} was revoked {instant(key.revoked_at_s)}: {key.revoked_reason}",
            "key_not_yet_valid": f"it is dated {instant(signed.time_s)}, its key began {instant(key.not_before_s)}",
            "key_expired": f"it is dated {instant(signed.time_s)}, its key ended {instant(key.not_after_s)}",
        }
    return words[reason]

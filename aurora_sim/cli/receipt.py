"""`vault-law receipt`: make the receipts that prove that jobs ran, verify them, and pin again what is not pinned."""

from __future__ import annotations

import time
from pathlib import Path

import click

from aurora_sim.cli.key_options import KEYS, REGISTRY
from aurora_sim.cli.receipt_files import AUTHORITY_CERTIFICATES, folder_of, read_file, summary
from aurora_sim.cli.receipt_make import make
from aurora_sim.cli.receipt_pins import health, repin
from aurora_sim.cli.receipt_record import record
from aurora_sim.scenario.errors import InputError


@click.group()
def receipt() -> None:
    """Make, verify and look at the receipts that prove that jobs ran, and pin their artefacts."""


receipt.add_command(make)


@receipt.command()
@click.argument("receipt_file", metavar="RECEIPT", type=click.Path(path_type=Path))
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@AUTHORITY_CERTIFICATES
@KEYS
@REGISTRY
def verify(
    receipt_file: Path, folder: Path | None, ca_files: tuple[Path, ...], keys_dir: Path, registry_path: Path
) -> int:
    """Say whether RECEIPT is genuine and the artefacts in DIR are those that it is over.

    DIR is by default the folder beside RECEIPT that `receipt make` was given. Ends with 1 when anything is wrong, and
    names each file that was changed, is missing or was added, and each part of the receipt that does not hold.
    """
    from aurora_sim.treaty.keys import KeyRegistry
    from aurora_sim.treaty.receipts.sources import trusted_certificates
    from aurora_sim.treaty.receipts.verification import stamp_reading, verify_receipt_file

    data = read_file(receipt_file)
    folder = folder if folder is not None else folder_of(receipt_file)
    trusted = trusted_certificates(keys_dir, ca_files)
    if not trusted:
        raise InputError(
            str(keys_dir),
            "there is no certificate of a timestamp authority, so no stamp can be checked",
            "Name the keys' folder by --keys, or a root certificate by --tsa-ca",
        )
    keys = KeyRegistry.load(registry_path)
    read, faults = verify_receipt_file(data, folder, keys, trusted, now_s=time.time())
    for fault in faults:
        click.echo(f"{receipt_file}: {fault}")
    if faults or read is None:
        click.echo(f"{receipt_file}: does not hold, {len(faults)} fault{'s' if len(faults) > 1 else ''}")
        return 1
    click.echo(summary(read, stamp_reading(read, trusted)))
    click.echo(f"{receipt_file}: good, and {folder} holds its artefacts")
    return 0


receipt.add_command(repin)
receipt.add_command(record)


@receipt.command()
@click.argument("receipt_file", metavar="RECEIPT", type=click.Path(path_type=Path))
@click.option("--token", type=click.Path(path_type=Path), help="Write the RFC 3161 token, for openssl and others.")
@KEYS
def show(receipt_file: Path, token: Path | None, keys_dir: Path) -> int:
    """Print what RECEIPT says, verifying nothing, and how openssl checks its time stamp."""
    from aurora_sim.treaty.receipts import authority
    from aurora_sim.treaty.receipts.form import ReceiptInvalid, read_receipt
    from aurora_sim.treaty.receipts.new_files import write_all
    from aurora_sim.treaty.receipts.verification import stamped_digest

    try:
        read = read_receipt(read_file(receipt_file))
        digest = stamped_digest(read)
    except (ReceiptInvalid, ValueError) as error:
        click.echo(f"{receipt_file}: {error}", err=True)
        return 1
    click.echo(summary(read))
    for entry in read.files:
        click.echo(f"  {entry.sha256}  {entry.size:>12}  {entry.path}")
    if token is not None:
        write_all({token: [read.timestamp.token_der]})
        certificate = keys_dir / authority.CERTIFICATE_FILE
        click.echo(f"wrote {token}; to check it with openssl (or with another authority's root as -CAfile):")
        click.echo(f"  openssl ts -verify -token_in -in {token} -digest {digest.hex()} -CAfile {certificate}")
    return 0


receipt.add_command(health)

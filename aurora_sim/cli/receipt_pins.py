"""`vault-law receipt repin` and `health`: the services that receipts need, and what they missed."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from aurora_sim.cli.key_options import DB, KEYS, LOG, REGISTRY, instant, store_of
from aurora_sim.cli.receipt_files import (
    AUTHORITIES,
    AUTHORITY_CERTIFICATES,
    PINS,
    TIME_LIMIT,
    beside,
    folder_of,
    read_file,
)
from aurora_sim.cli.receipt_recording import record_and_tell
from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.receipts.form import Receipt
    from aurora_sim.treaty.receipts.pins import PinStore


@click.command()
@click.argument("receipt_files", metavar="RECEIPT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--artefacts",
    "folder",
    type=click.Path(path_type=Path),
    help="The folder of the artefacts, for a single RECEIPT  [default: beside it, as `receipt make` had it].",
)
@PINS
@AUTHORITY_CERTIFICATES
@KEYS
@REGISTRY
@DB
@LOG
def repin(
    receipt_files: tuple[Path, ...],
    folder: Path | None,
    pins: str,
    ca_files: tuple[Path, ...],
    keys_dir: Path,
    registry_path: Path,
    db: str | None,
    log_path: Path | None,
) -> int:
    """Pin again the artefacts of each RECEIPT that are not pinned.

    A receipt that does not hold is named and passed over. Where there is an orders database, those that are pinned now
    count as complete in it. Ends with 1 when one could not be pinned or recorded.
    """
    from aurora_sim.treaty.keys import KeyRegistry
    from aurora_sim.treaty.receipts.sources import trusted_certificates
    from aurora_sim.treaty.receipts.verification import verify_receipt_file

    if folder is not None and len(receipt_files) > 1:
        raise InputError("--artefacts", f"{len(receipt_files)} receipts cannot share it", "Repin them one by one")
    pin_place, book, now_s = pin_store(pins), store_of(db, log_path), time.time()
    registry, trusted = KeyRegistry.load(registry_path), trusted_certificates(keys_dir, ca_files)
    failures, pinned = 0, []
    for file in receipt_files:
        read, faults = verify_receipt_file(read_file(file), None, registry, trusted, now_s=now_s)
        for fault in faults:
            click.echo(f"{file}: {fault}", err=True)
        if faults or read is None:
            failures += 1
            continue
        done = pin_and_tell(pin_place, file, read, folder or folder_of(file))
        failures += done == "failed"
        if done == "now":  # what was pinned already was recorded so: each recording is an entry in the log for good
            pinned.append((file, read, True))
    recorded = record_and_tell(book, pinned, now_s)
    return 0 if recorded and not failures else 1


@click.command()
@AUTHORITIES
@TIME_LIMIT
@AUTHORITY_CERTIFICATES
@PINS
@KEYS
def health(
    authorities: tuple[str, ...], tsa_time_limit: float, ca_files: tuple[Path, ...], pins: str, keys_dir: Path
) -> int:
    """Ask each timestamp authority for a stamp, and the pin store whether it answers. Ends with 1 when one does not."""
    from aurora_sim.treaty.receipts.cid import cid_v1_raw
    from aurora_sim.treaty.receipts.pins import PinFailed
    from aurora_sim.treaty.receipts.sources import NoStamp, stamper_of

    stampers = [stamper_of([name], keys_dir, ca_files, tsa_time_limit) for name in authorities]
    store = pin_store(pins)
    failures = 0
    for stamper in stampers:
        started_s = time.perf_counter()
        try:
            stamped = stamper.stamp(secrets.token_bytes(32), time.time())
        except NoStamp as error:
            failures += 1
            click.echo(f"failed  {error.reasons[0]}")
        else:
            took_ms = (time.perf_counter() - started_s) * 1000.0
            click.echo(f"good    {stamped.source}: stamped at {instant(stamped.time_s)}, in {took_ms:.0f} ms")
    try:
        store.has(cid_v1_raw(secrets.token_bytes(32)))
        click.echo(f"good    {store.name}: answers")
    except PinFailed as failed:
        failures += 1
        click.echo(f"failed  {failed}")
    return 1 if failures else 0


def pin_store(name: str) -> PinStore:
    """The store of that name: an API by its URL, or a folder."""
    from aurora_sim.treaty.receipts.ipfs import IpfsPins
    from aurora_sim.treaty.receipts.pins import LocalPins

    return IpfsPins(name) if "://" in name else LocalPins(Path(name))


def pin_and_tell(store: PinStore, file: Path, read: Receipt, folder: Path) -> Literal["already", "now", "failed"]:
    """Pin what a receipt is over, and print how that went."""
    from aurora_sim.treaty.receipts.artefacts import folder_artefacts, manifest_of
    from aurora_sim.treaty.receipts.pins import PinFailed

    try:
        if store.has(read.cid):
            click.echo(f"pinned   {read.cid} is in {store.name} already")
            return "already"
        manifest = manifest_of(read.order_id, read.treaty_id, read.provider_id, read.files)
        store.pin(read.cid, manifest, folder_artefacts(folder))
    except PinFailed as failed:
        place = "" if beside(folder) == file else f" --artefacts {folder}"
        click.echo(f"not pinned: {failed}. When that is mended: vault-law receipt repin {file}{place}", err=True)
        return "failed"
    click.echo(f"pinned   {read.cid} in {store.name}")
    return "now"

"""`vault-law receipt make`."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from aurora_sim.cli.key_options import DB, KEYS, LOG, REGISTRY, store_of
from aurora_sim.cli.receipt_files import (
    AUTHORITIES,
    AUTHORITY_CERTIFICATES,
    PINS,
    SUFFIX,
    TIME_LIMIT,
    beside,
    summary,
)
from aurora_sim.cli.receipt_pins import pin_and_tell, pin_store
from aurora_sim.cli.receipt_recording import record_and_tell
from aurora_sim.scenario.errors import InputError

_ORDER_ID: Final = re.compile(r"o-[0-9a-f]{32}")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--order", "orders", multiple=True, metavar="ID", help="The order whose job it was, one for each DIR in turn."
)
@click.option("--provider", "providers", multiple=True, required=True, metavar="ID", help="Who ran it: one, or each.")
@click.option("--treaty", metavar="ID", help="The treaty  [default: that of config/aurora-treaty-akash.json].")
@AUTHORITIES
@TIME_LIMIT
@click.option("--out", type=click.Path(path_type=Path), help=f"The receipt of a single DIR  [default: DIR{SUFFIX}].")
@click.option(
    "--force", is_flag=True, help="Replace a receipt that is there, and with it the proof of its earlier time."
)
@AUTHORITY_CERTIFICATES
@PINS
@KEYS
@REGISTRY
@DB
@LOG
def make(
    folders: tuple[Path, ...],
    orders: tuple[str, ...],
    providers: tuple[str, ...],
    treaty: str | None,
    authorities: tuple[str, ...],
    tsa_time_limit: float,
    out: Path | None,
    force: bool,
    ca_files: tuple[Path, ...],
    pins: str,
    keys_dir: Path,
    registry_path: Path,
    db: str | None,
    log_path: Path | None,
) -> int:
    """Make the receipt of the job whose artefacts are in DIR, beside it. Several DIRs share one time stamp.

    Without --order, a DIR that is named by an order's id is that order's. Where there is an orders database, the
    receipts are recorded in it. Ends with 1 when no authority gave a stamp (nothing is written then), or when receipts
    were made but could not be pinned or recorded.
    """
    from aurora_sim.treaty.key_files import signer_for
    from aurora_sim.treaty.keys import KeyRegistry
    from aurora_sim.treaty.receipts.form import write_receipt
    from aurora_sim.treaty.receipts.new_files import write_all
    from aurora_sim.treaty.receipts.receipt import JobFolder, make_receipts
    from aurora_sim.treaty.receipts.sources import NoStamp, stamper_of
    from aurora_sim.treaty.receipts.verification import stamp_reading

    jobs = [
        JobFolder(folder, order, provider)
        for folder, order, provider in zip(
            folders, _orders_of(folders, orders), _providers_of(folders, providers), strict=True
        )
    ]
    treaty_id = treaty if treaty is not None else _treaty_id()
    for option, given in (("--order", orders), ("--provider", providers), ("--treaty", (treaty_id,))):
        _check_ids(option, given)
    files = _receipt_files(folders, out, force)
    pin_place, book = pin_store(pins), store_of(db, log_path)
    now_s = time.time()
    signer = signer_for(keys_dir, KeyRegistry.load(registry_path), "treaty", now_s)
    stamper = stamper_of(authorities, keys_dir, ca_files, tsa_time_limit)
    try:
        made = make_receipts(jobs, treaty_id=treaty_id, stamper=stamper, signer=signer, now_s=now_s)
    except NoStamp as error:
        click.echo(f"{error}. Nothing was written", err=True)
        if not ca_files and set(authorities) != {"embedded"}:
            click.echo("An authority by URL counts only with its root certificate: --tsa-ca FILE", err=True)
        return 1
    for failure in stamper.failures:
        click.echo(f"warning: {failure}; the next timestamp authority was asked", err=True)
    write_all({file: [write_receipt(item)] for file, item in zip(files, made, strict=True)})
    pinned = []
    for job, file, item in zip(jobs, files, made, strict=True):
        click.echo(f"receipt  {file}")
        click.echo(summary(item, stamp_reading(item, stamper.trusted)))
        pinned.append(pin_and_tell(pin_place, file, item, job.folder) != "failed")
    recorded = record_and_tell(book, list(zip(files, made, pinned, strict=True)), now_s)
    return 0 if recorded and all(pinned) else 1


def _orders_of(folders: Sequence[Path], given: Sequence[str]) -> list[str]:
    if given and len(given) != len(folders):
        raise InputError("--order", f"{len(given)} are given for {len(folders)} folders", "Give one for each, in turn")
    if given:
        return list(given)
    names = [folder.resolve().name for folder in folders]
    for folder, name in zip(folders, names, strict=True):
        if not _ORDER_ID.fullmatch(name):
            raise InputError(str(folder), "its name is no order's id", "Say by --order whose artefacts these are")
    return names


def _providers_of(folders: Sequence[Path], given: Sequence[str]) -> list[str]:
    if len(given) == 1:
        return [given[0]] * len(folders)
    if len(given) != len(folders):
        raise InputError(
            "--provider", f"{len(given)} are given for {len(folders)} folders", "Give one, or one for each"
        )
    return list(given)


def _check_ids(option: str, given: Sequence[str]) -> None:
    for text in given:
        if not _ID.fullmatch(text):
            raise InputError(
                f"{option} {text}", "this is no id", "Write 1 to 64 letters, digits, - and _, a letter or digit first"
            )


def _receipt_files(folders: Sequence[Path], out: Path | None, force: bool) -> list[Path]:
    """Where the receipts go. Raises InputError where they cannot, before anybody is asked for a stamp."""
    if out is not None and len(folders) > 1:
        raise InputError(
            "--out", f"{len(folders)} folders have a receipt each", "Leave it out: each goes beside its DIR"
        )
    resolved = [folder.resolve() for folder in folders]
    if len(set(resolved)) < len(resolved):
        raise InputError("DIR", "a folder is given twice", "Give each once")
    files = [out] if out is not None else [beside(folder) for folder in folders]
    for file in files:
        if not file.parent.is_dir():
            raise InputError(str(file), "there is no such folder to write it to", "Make the folder")
        if any(file.resolve().is_relative_to(folder) for folder in resolved):
            raise InputError(
                str(file), "the receipt would be an artefact itself", "Write it outside the artefacts' folder: --out"
            )
        if file.exists() and not force:
            raise InputError(
                str(file),
                "there is a receipt already, and its time stamp is the earlier one",
                "Write elsewhere with --out, or replace it with --force",
            )
    return files


def _treaty_id() -> str:
    from aurora_sim.cli.policy import TREATY_FILE
    from aurora_sim.scenario.config import Treaty
    from aurora_sim.scenario.document import read_document
    from aurora_sim.scenario.scenario import find
    from aurora_sim.scenario.validation import validate

    return validate(read_document(find(TREATY_FILE)), Treaty).treaty_id

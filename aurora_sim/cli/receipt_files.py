"""What the receipt commands share: their options, receipt files, and how a receipt is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from aurora_sim.cli.key_options import instant
from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.receipts.form import Receipt
    from aurora_sim.treaty.receipts.stamps import Reading

SUFFIX: Final = ".receipt.json"

AUTHORITY_CERTIFICATES = click.option(
    "--tsa-ca",
    "ca_files",
    type=click.Path(path_type=Path),
    multiple=True,
    envvar="AURORA_TSA_CA",
    help="Root certificate (PEM) of an authority whose stamps count, beside the embedded one's. May be repeated.",
)
AUTHORITIES = click.option(
    "--tsa",
    "authorities",
    multiple=True,
    default=("embedded",),
    show_default=True,
    envvar="AURORA_TSA",
    metavar="URL|embedded",
    help="A timestamp authority; repeated, the backups in order.",
)
TIME_LIMIT = click.option(
    "--tsa-time-limit", type=click.FloatRange(0.1, 300), default=10.0, show_default=True, help="Seconds."
)
PINS = click.option(
    "--pins",
    default="state/pins",
    show_default=True,
    envvar="AURORA_PINS",
    metavar="FOLDER|URL",
    help="Where artefacts are pinned: a folder, or an IPFS daemon's API such as http://127.0.0.1:5001.",
)


def summary(read: Receipt, stamp: Reading | None = None) -> str:
    """What a receipt says, in lines; `stamp` is what its time stamp says, where that was checked."""
    batch = f"receipt {read.timestamp.batch_index + 1} of {read.timestamp.batch_size} under it"
    return "\n".join(
        (
            f"order    {read.order_id}, under {read.treaty_id}, run by {read.provider_id}",
            f"files    {len(read.files)}, {sum(entry.size for entry in read.files)} bytes",
            f"root     {read.root}",
            f"cid      {read.cid}",
            f"made     {instant(read.made_at_s)}, signed by the treaty's key {read.key_id}",
            f"stamp    {batch}" if stamp is None else f"stamp    {instant(stamp.time_s)} by {stamp.authority}, {batch}",
        )
    )


def beside(folder: Path) -> Path:
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(named.name + SUFFIX)


def folder_of(receipt_file: Path) -> Path:
    """The folder that a receipt was made beside."""
    if not receipt_file.name.endswith(SUFFIX):
        raise InputError(str(receipt_file), f"its name does not end in {SUFFIX}", "Name the artefacts' folder too")
    return receipt_file.with_name(receipt_file.name.removesuffix(SUFFIX))


def read_file(receipt_file: Path) -> bytes:
    """A receipt file's bytes. Raises InputError where there is no such file."""
    from aurora_sim.treaty.receipts.form import RECEIPT_BYTES_MAX

    if receipt_file.is_dir():
        raise InputError(str(receipt_file), "this is a folder", "The receipt comes first, then the artefacts' folder")
    try:
        with receipt_file.open("rb") as file:
            return file.read(RECEIPT_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(str(receipt_file), f"it cannot be read: {error.strerror}", "Name the receipt") from None

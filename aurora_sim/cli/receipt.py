"""`vault-law receipt`: make the receipts that prove that jobs ran, verify them, and pin again what is not pinned."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.receipts.form import Receipt
    from aurora_sim.treaty.receipts.pins import PinStore
    from aurora_sim.treaty.receipts.stamps import Reading

SUFFIX: Final = ".receipt.json"
_ORDER_ID: Final = re.compile(r"o-[0-9a-f]{32}")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

KEYS = click.option(
    "--keys",
    "keys_folder",
    type=click.Path(path_type=Path),
    default=Path("state/keys"),
    show_default=True,
    envvar="AURORA_KEYS",
    help="The folder of private keys, and of the embedded timestamp authority's certificate.",
)
REGISTRY = click.option(
    "--registry",
    type=click.Path(path_type=Path),
    default=Path("config/keys.json"),
    show_default=True,
    envvar="AURORA_KEY_REGISTRY",
    help="The registry of public keys.",
)
AUTHORITY_CERTIFICATES = click.option(
    "--tsa-ca",
    "ca_files",
    type=click.Path(path_type=Path),
    multiple=True,
    envvar="AURORA_TSA_CA",
    help="Root certificate (PEM) of an authority whose stamps count, beside the embedded one's. May be repeated.",
)
PINS = click.option(
    "--pins",
    default="state/pins",
    show_default=True,
    envvar="AURORA_PINS",
    metavar="FOLDER|URL",
    help="Where artefacts are pinned: a folder, or an IPFS daemon's API such as http://127.0.0.1:5001.",
)


@click.group()
def receipt() -> None:
    """Make, verify and look at the receipts that prove that jobs ran, and pin their artefacts."""


@receipt.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--order", "orders", multiple=True, metavar="ID", help="The order whose job it was, one for each DIR in turn."
)
@click.option("--provider", "providers", multiple=True, required=True, metavar="ID", help="Who ran it: one, or each.")
@click.option("--treaty", metavar="ID", help="The treaty  [default: that of config/aurora-treaty-akash.json].")
@click.option(
    "--tsa",
    "authorities",
    multiple=True,
    default=("embedded",),
    show_default=True,
    envvar="AURORA_TSA",
    metavar="URL|embedded",
    help="A timestamp authority; repeated, the backups in order.",
)
@click.option("--tsa-time-limit", type=click.FloatRange(0.1, 300), default=10.0, show_default=True, help="Seconds.")
@click.option("--out", type=click.Path(path_type=Path), help=f"The receipt of a single DIR  [default: DIR{SUFFIX}].")
@click.option(
    "--force", is_flag=True, help="Replace a receipt that is there, and with it the proof of its earlier time."
)
@AUTHORITY_CERTIFICATES
@PINS
@KEYS
@REGISTRY
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
    keys_folder: Path,
    registry: Path,
) -> int:
    """Make the receipt of the job whose artefacts are in DIR, beside it. Several DIRs share one time stamp.

    Without --order, a DIR that is named by an order's id is that order's. Ends with 1 when no authority gave a stamp
    (nothing is written then), or when a receipt was made but its artefacts could not be pinned.
    """
    from aurora_sim.treaty.key_files import signer_for
    from aurora_sim.treaty.keys import KeyRegistry
    from aurora_sim.treaty.receipts.artefacts import folder_artefacts
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
    store = pin_store(pins)
    now_s = time.time()
    signer = signer_for(keys_folder, KeyRegistry.load(registry), "treaty", now_s)
    stamper = stamper_of(authorities, keys_folder, ca_files, tsa_time_limit)
    try:
        made = make_receipts(jobs, treaty_id=treaty_id, stamper=stamper, signer=signer, now_s=now_s)
    except NoStamp as error:
        click.echo(f"{error}. Nothing was written", err=True)
        return 1
    for failure in stamper.failures:
        click.echo(f"warning: {failure}; the next timestamp authority was asked", err=True)
    write_all({file: [write_receipt(item)] for file, item in zip(files, made, strict=True)})
    failures = 0
    for job, file, item in zip(jobs, files, made, strict=True):
        click.echo(f"receipt  {file}")
        click.echo(summary(item, stamp_reading(item, stamper.trusted)))
        failures += not _pin(store, file, item, folder_artefacts(job.folder))
    return 1 if failures else 0


@receipt.command()
@click.argument("receipt_file", metavar="RECEIPT", type=click.Path(path_type=Path))
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@AUTHORITY_CERTIFICATES
@KEYS
@REGISTRY
def verify(
    receipt_file: Path, folder: Path | None, ca_files: tuple[Path, ...], keys_folder: Path, registry: Path
) -> int:
    """Say whether RECEIPT is genuine and the artefacts in DIR are those that it is over.

    DIR is by default the folder beside RECEIPT that `receipt make` was given. Ends with 1 when anything is wrong, and
    names each file that was changed, is missing or was added, and each part of the receipt that does not hold.
    """
    from aurora_sim.treaty.keys import KeyRegistry
    from aurora_sim.treaty.receipts.sources import trusted_certificates
    from aurora_sim.treaty.receipts.verification import stamp_reading, verify_receipt_file

    data = _read(receipt_file)
    folder = folder if folder is not None else _folder_of(receipt_file)
    trusted = trusted_certificates(keys_folder, ca_files)
    if not trusted:
        raise InputError(
            str(keys_folder),
            "there is no certificate of a timestamp authority, so no stamp can be checked",
            "Name the keys' folder by --keys, or a root certificate by --tsa-ca",
        )
    keys = KeyRegistry.load(registry)
    read, faults = verify_receipt_file(data, folder, keys, trusted, now_s=time.time())
    for fault in faults:
        click.echo(f"{receipt_file}: {fault}")
    if faults or read is None:
        click.echo(f"{receipt_file}: does not hold, {len(faults)} fault{'s' if len(faults) > 1 else ''}")
        return 1
    click.echo(summary(read, stamp_reading(read, trusted)))
    click.echo(f"{receipt_file}: good, and {folder} holds its artefacts")
    return 0


@receipt.command()
@click.argument("receipt_files", metavar="RECEIPT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--artefacts",
    "folder",
    type=click.Path(path_type=Path),
    help="The folder of the artefacts, for a single RECEIPT  [default: beside it, as `receipt make` had it].",
)
@PINS
def repin(receipt_files: tuple[Path, ...], folder: Path | None, pins: str) -> int:
    """Pin again the artefacts of each RECEIPT that are not pinned. Ends with 1 when that failed for any."""
    from aurora_sim.treaty.receipts.artefacts import folder_artefacts
    from aurora_sim.treaty.receipts.form import ReceiptInvalid, read_receipt
    from aurora_sim.treaty.receipts.verification import content_faults

    if folder is not None and len(receipt_files) > 1:
        raise InputError("--artefacts", f"{len(receipt_files)} receipts cannot share it", "Repin them one by one")
    store = pin_store(pins)
    failures = 0
    for file in receipt_files:
        try:
            read = read_receipt(_read(file))
        except ReceiptInvalid as invalid:
            click.echo(f"{file}: {invalid}", err=True)
            failures += 1
            continue
        faults = content_faults(read)
        for fault in faults:
            click.echo(f"{file}: {fault}", err=True)
        if faults:
            failures += 1
        else:
            failures += not _pin(store, file, read, folder_artefacts(folder or _folder_of(file)))
    return 1 if failures else 0


@receipt.command()
@click.argument("receipt_file", metavar="RECEIPT", type=click.Path(path_type=Path))
@click.option("--token", type=click.Path(path_type=Path), help="Write the RFC 3161 token, for openssl and others.")
@KEYS
def show(receipt_file: Path, token: Path | None, keys_folder: Path) -> int:
    """Print what RECEIPT says, verifying nothing, and how openssl checks its time stamp."""
    from aurora_sim.treaty.receipts import authority
    from aurora_sim.treaty.receipts.form import ReceiptInvalid, read_receipt
    from aurora_sim.treaty.receipts.new_files import write_all
    from aurora_sim.treaty.receipts.verification import stamped_digest

    try:
        read = read_receipt(_read(receipt_file))
        digest = stamped_digest(read)
    except (ReceiptInvalid, ValueError) as error:
        click.echo(f"{receipt_file}: {error}", err=True)
        return 1
    click.echo(summary(read))
    for entry in read.files:
        click.echo(f"  {entry.sha256}  {entry.size:>12}  {entry.path}")
    if token is not None:
        write_all({token: [read.timestamp.token_der]})
        certificate = keys_folder / authority.CERTIFICATE_FILE
        click.echo(f"wrote {token}; to check it with openssl (or with another authority's root as -CAfile):")
        click.echo(f"  openssl ts -verify -token_in -in {token} -digest {digest.hex()} -CAfile {certificate}")
    return 0


def summary(read: Receipt, stamp: Reading | None = None) -> str:
    """What a receipt says, in lines; `stamp` is what its time stamp says, where that was checked."""
    batch = f"receipt {read.timestamp.batch_index + 1} of {read.timestamp.batch_size} under it"
    return "\n".join(
        (
            f"order    {read.order_id}, under {read.treaty_id}, run by {read.provider_id}",
            f"files    {len(read.files)}, {sum(entry.size for entry in read.files)} bytes",
            f"root     {read.root}",
            f"cid      {read.cid}",
            f"made     {_instant(read.made_at_s)}, signed by the treaty's key {read.key_id}",
            f"stamp    {batch}"
            if stamp is None
            else f"stamp    {_instant(stamp.time_s)} by {stamp.authority}, {batch}",
        )
    )


def pin_store(name: str) -> PinStore:
    """The store of that name: an API by its URL, or a folder."""
    from aurora_sim.treaty.receipts.ipfs import IpfsPins
    from aurora_sim.treaty.receipts.pins import LocalPins

    return IpfsPins(name) if "://" in name else LocalPins(Path(name))


def _pin(store: PinStore, file: Path, read: Receipt, artefacts: dict[str, Path]) -> bool:
    """Pin what a receipt is over, and print how that went; whether it is pinned now."""
    from aurora_sim.treaty.receipts.artefacts import manifest_of
    from aurora_sim.treaty.receipts.pins import PinFailed

    try:
        if store.has(read.cid):
            click.echo(f"pinned   {read.cid} is in {store.name} already")
            return True
        manifest = manifest_of(read.order_id, read.treaty_id, read.provider_id, read.files)
        store.pin(read.cid, manifest, artefacts)
    except PinFailed as failed:
        click.echo(f"not pinned: {failed}. When that is mended: vault-law receipt repin {file}", err=True)
        return False
    click.echo(f"pinned   {read.cid} in {store.name}")
    return True


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
    files = [out] if out is not None else [_beside(folder) for folder in folders]
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


def _beside(folder: Path) -> Path:
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(named.name + SUFFIX)


def _folder_of(receipt_file: Path) -> Path:
    """The folder that a receipt was made beside."""
    if not receipt_file.name.endswith(SUFFIX):
        raise InputError(str(receipt_file), f"its name does not end in {SUFFIX}", "Name the artefacts' folder too")
    return receipt_file.with_name(receipt_file.name.removesuffix(SUFFIX))


def _instant(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read(receipt_file: Path) -> bytes:
    """A receipt file's bytes. Raises InputError where there is no such file."""
    from aurora_sim.treaty.receipts.form import RECEIPT_BYTES_MAX

    if receipt_file.is_dir():
        raise InputError(str(receipt_file), "this is a folder", "The receipt comes first, then the artefacts' folder")
    try:
        with receipt_file.open("rb") as file:
            return file.read(RECEIPT_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(str(receipt_file), f"it cannot be read: {error.strerror}", "Name the receipt") from None


def _treaty_id() -> str:
    from aurora_sim.cli.policy import TREATY_FILE
    from aurora_sim.scenario.config import Treaty
    from aurora_sim.scenario.document import read_document
    from aurora_sim.scenario.scenario import find
    from aurora_sim.scenario.validation import validate

    return validate(read_document(find(TREATY_FILE)), Treaty).treaty_id

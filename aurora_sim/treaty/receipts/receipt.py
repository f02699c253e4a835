"""How receipts are made: artefacts listed, ONE time stamp for the whole batch, each receipt signed."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from aurora_sim.treaty.key_files import Signer
from aurora_sim.treaty.receipts import merkle
from aurora_sim.treaty.receipts.artefacts import (
    Artefacts,
    FileEntry,
    folder_artefacts,
    list_files,
    manifest_of,
    root_of,
)
from aurora_sim.treaty.receipts.cid import cid_v1_raw
from aurora_sim.treaty.receipts.form import Receipt, Timestamp, signing_bytes
from aurora_sim.treaty.receipts.sources import Stamped, Stamper, stamp_roots
from aurora_sim.treaty.signed_order import encoded

_NO_SIGNATURE: Final = "A" * 86 + "=="


class JobFolder(NamedTuple):
    """A folder of artefacts, and the order whose job left them there."""

    folder: Path
    order_id: str
    provider_id: str


class Draft(NamedTuple):
    """A receipt without its stamp and signature: its job, its artefacts and their root (32 bytes)."""

    order_id: str
    treaty_id: str
    provider_id: str
    files: tuple[FileEntry, ...]
    root: bytes

    @property
    def manifest(self) -> bytes:
        """The artefact manifest that the receipt's CID names."""
        return manifest_of(self.order_id, self.treaty_id, self.provider_id, self.files)


def draft(artefacts: Artefacts, *, order_id: str, treaty_id: str, provider_id: str) -> Draft:
    """The first step, which needs nobody else. Raises ValueError when there is no artefact, InputError or OSError for
    a file that cannot be read."""
    if not artefacts:
        raise ValueError("a receipt needs at least one artefact")
    files = list_files(artefacts)
    return Draft(order_id, treaty_id, provider_id, files, root_of(files))


def complete(drafts: Sequence[Draft], stamped: Stamped, signer: Signer, now_s: float) -> list[Receipt]:
    """The receipts of a batch, in order: `stamped` is the stamp over the roots of all these drafts in this order."""
    token = base64.b64encode(stamped.token).decode("ascii")
    paths = merkle.inclusion_paths([item.root for item in drafts])
    receipts = []
    for index, (item, path) in enumerate(zip(drafts, paths, strict=True)):
        unsigned = Receipt(
            version=1,
            order_id=item.order_id,
            treaty_id=item.treaty_id,
            provider_id=item.provider_id,
            made_at_s=now_s,
            files=item.files,
            root=item.root.hex(),
            cid=cid_v1_raw(item.manifest),
            timestamp=Timestamp(
                hash_algorithm="sha-256",
                token=token,
                batch_size=len(drafts),
                batch_index=index,
                path=tuple(sibling.hex() for sibling in path),
            ),
            key_id=signer.key_id,
            signature=_NO_SIGNATURE,
        )
        signature = encoded(signer.sign(signing_bytes(unsigned)))
        receipts.append(unsigned.model_copy(update={"signature": signature}))
    return receipts


def make_receipts(
    folders: Sequence[JobFolder], *, treaty_id: str, stamper: Stamper, signer: Signer, now_s: float
) -> list[Receipt]:
    """The receipts of these jobs, in order, under one stamp.

    `signer` is the treaty's, `now_s` Unix time. Raises InputError for a folder that has no receipt in it (empty, or with
    links or devices), OSError for a file that cannot be read, NoStamp when no authority gave a stamp.
    """
    drafts = [
        draft(folder_artefacts(item.folder), order_id=item.order_id, treaty_id=treaty_id, provider_id=item.provider_id)
        for item in folders
    ]
    if not drafts:
        return []
    return complete(drafts, stamp_roots([item.root for item in drafts], stamper, now_s), signer, now_s)


def make_receipt_from(
    artefacts: Mapping[str, bytes],
    *,
    order_id: str,
    treaty_id: str,
    provider_id: str,
    stamper: Stamper,
    signer: Signer,
    now_s: float,
) -> Receipt:
    """The receipt over artefacts in memory, under a stamp of its own. Raises ValueError for none, NoStamp."""
    item = draft(artefacts, order_id=order_id, treaty_id=treaty_id, provider_id=provider_id)
    return complete([item], stamp_roots([item.root], stamper, now_s), signer, now_s)[0]

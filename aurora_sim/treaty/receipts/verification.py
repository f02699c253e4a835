"""Whether a receipt holds: each part that does not is named, and so is each artefact that is not as it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509

from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.receipts import merkle
from aurora_sim.treaty.receipts.artefacts import compare, manifest_of, root_of
from aurora_sim.treaty.receipts.cid import cid_v1_raw
from aurora_sim.treaty.receipts.form import Receipt, ReceiptInvalid, read_receipt, signing_bytes
from aurora_sim.treaty.receipts.stamps import CLOCK_SKEW_MAX_S, Reading, StampInvalid, verify_token
from aurora_sim.treaty.signed_order import decoded

SIGNED_ALONE: Final = "made_at_s or a certificate in timestamp.token"
"""What nothing but the signature vouches for to the last bit: the root, the CID and the stamp vouch for all the rest."""

_KEY_REASONS: Final = {
    "key_unknown": "the registry has no such key",
    "key_owner": "the key is not the treaty's",
    "key_not_yet_valid": "the key was not yet valid when the receipt was made",
    "key_expired": "the key was no longer valid when the receipt was made",
    "key_revoked": "the key was revoked",
}


class ReceiptFault(NamedTuple):
    """One thing that is wrong: `part` of the receipt, or `artefact PATH`, and what is wrong with it."""

    part: str
    what: str

    def __str__(self) -> str:
        return f"{self.part}: {self.what}"


def verify_receipt(
    receipt: Receipt,
    folder: Path | None,
    registry: KeyRegistry,
    trusted: Sequence[x509.Certificate],
    *,
    now_s: float,
    clock_skew_max_s: float = CLOCK_SKEW_MAX_S,
) -> list[ReceiptFault]:
    """Everything that is wrong with a receipt, and with the artefacts in `folder` (None: not looked at).

    `trusted` are the roots of the timestamp authorities that count, `now_s` Unix time. Raises InputError where the
    folder is none.
    """
    faults = content_faults(receipt)
    faults += _timestamp_faults(receipt, trusted, now_s, clock_skew_max_s)
    faults += _signature_faults(receipt, registry, alone=not faults)
    if folder is not None:
        faults += [ReceiptFault(f"artefact {path}", what) for path, what in compare(receipt.files, folder)]
    return faults


def verify_receipt_file(
    data: bytes,
    folder: Path | None,
    registry: KeyRegistry,
    trusted: Sequence[x509.Certificate],
    *,
    now_s: float,
) -> tuple[Receipt | None, list[ReceiptFault]]:
    """The same for a receipt file's bytes, of which none can be changed unnoticed; and the receipt, if they are one."""
    try:
        receipt = read_receipt(data)
    except ReceiptInvalid as invalid:
        return None, [ReceiptFault(invalid.part or "receipt", invalid.what)]
    return receipt, verify_receipt(receipt, folder, registry, trusted, now_s=now_s)


def stamped_digest(receipt: Receipt) -> bytes:
    """The Merkle root of the batch, which the token is over. Raises ValueError where the path leads nowhere."""
    stamp = receipt.timestamp
    path = [bytes.fromhex(sibling) for sibling in stamp.path]
    return merkle.root_from_path(bytes.fromhex(receipt.root), stamp.batch_index, stamp.batch_size, path)


def stamp_reading(receipt: Receipt, trusted: Sequence[x509.Certificate]) -> Reading:
    """What a receipt's time stamp says. Raises StampInvalid, or ValueError as `stamped_digest` does."""
    return verify_token(receipt.timestamp.token_der, stamped_digest(receipt), trusted)


def content_faults(receipt: Receipt) -> list[ReceiptFault]:
    """Do the entries have this root and this CID?"""
    right_root = root_of(receipt.files).hex() == receipt.root
    manifest = manifest_of(receipt.order_id, receipt.treaty_id, receipt.provider_id, receipt.files)
    right_cid = cid_v1_raw(manifest) == receipt.cid
    if not right_root and not right_cid:
        return [ReceiptFault("files", "were changed: neither the root nor the CID is theirs")]
    if not right_root:
        return [ReceiptFault("root", "was changed: it is not the Merkle root of the files")]
    if not right_cid:
        what = "one of them was changed: the CID is not that of the manifest which they make"
        return [ReceiptFault("cid, order_id, treaty_id or provider_id", what)]
    return []


def _timestamp_faults(
    receipt: Receipt, trusted: Sequence[x509.Certificate], now_s: float, clock_skew_max_s: float
) -> list[ReceiptFault]:
    """Was this root stamped by a trusted authority when the receipt was made?"""
    if not trusted:
        return [ReceiptFault("timestamp", "no timestamp authority is trusted, so its token proves nothing")]
    try:
        reading = stamp_reading(receipt, trusted)
    except ValueError as error:
        return [ReceiptFault("timestamp.batch_index, batch_size or path", str(error))]
    except StampInvalid as invalid:
        if not invalid.imprint:
            return [ReceiptFault("timestamp.token", str(invalid))]
        what = "do not lead to what was stamped"
        return [ReceiptFault("root, or timestamp.batch_index, batch_size or path", what)]
    if abs(reading.time_s - receipt.made_at_s) > clock_skew_max_s:
        return [ReceiptFault("made_at_s", f"the stamp is of {_instant(reading.time_s)}, which is another time")]
    if reading.time_s > now_s + clock_skew_max_s:
        return [ReceiptFault("timestamp.token", f"it is of {_instant(reading.time_s)}, which is yet to come")]
    return []


def _signature_faults(receipt: Receipt, registry: KeyRegistry, *, alone: bool) -> list[ReceiptFault]:
    """Did the treaty sign it, with a key that was valid then? `alone`: nothing else is wrong."""
    # Receipts are kept for years, keys are not: what counts is when it was signed, to which the stamp is a witness.
    made_at_s = receipt.made_at_s
    signature, message = decoded(receipt.signature), signing_bytes(receipt)
    reason = registry.verify("treaty", receipt.key_id, signature, message, made_at_s, made_at_s)
    if not reason:
        return []
    if reason == "signature_invalid":
        what = f"is not the treaty's over this receipt: it, {SIGNED_ALONE} was changed"
        return [ReceiptFault("signature", what if alone else "is not the treaty's over this receipt")]
    return [ReceiptFault("key_id", f"{receipt.key_id}: {_KEY_REASONS.get(reason, reason)}")]


def _instant(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

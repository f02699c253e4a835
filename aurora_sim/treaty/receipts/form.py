"""A receipt as it is written down: JSON of which every byte counts."""

from __future__ import annotations

import base64
import binascii
from itertools import pairwise
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError, field_validator

from aurora_sim.scenario.config import Name
from aurora_sim.scenario.shape import locate
from aurora_sim.scenario.strict import Strict
from aurora_sim.scenario.wording import worded
from aurora_sim.treaty.canonical import INTEGER_MAX, JsonValue, canonical, read_json
from aurora_sim.treaty.receipts.artefacts import SHA256_PATTERN, FileEntry
from aurora_sim.treaty.receipts.cid import CID_PATTERN
from aurora_sim.treaty.signed_ack import OrderId
from aurora_sim.treaty.signed_order import KeyId, Signature, UnixSeconds

RECEIPT_BYTES_MAX: Final = 64 << 20
TOKEN_BYTES_MAX: Final = 65_536

Sha256 = Annotated[str, Field(pattern=SHA256_PATTERN, description="A SHA-256 in hexadecimal.")]


class Timestamp(Strict):
    """A time stamp over the Merkle root of a batch of receipts, and where this receipt's root is in that batch."""

    hash_algorithm: Annotated[Literal["sha-256"], Field(description="What the stamped root was hashed with.")]
    token: Annotated[
        str, Field(max_length=TOKEN_BYTES_MAX * 4 // 3 + 4, description="The RFC 3161 token, base64 of its DER.")
    ]
    batch_size: Annotated[int, Field(ge=1, le=INTEGER_MAX, description="How many receipts share the stamp.")]
    batch_index: Annotated[int, Field(ge=0, le=INTEGER_MAX, description="The place of this one among them, from 0.")]
    path: Annotated[
        tuple[Sha256, ...],
        Field(max_length=64, description="The inclusion path from this receipt's root to the batch's (RFC 9162)."),
    ]

    @field_validator("token")
    @classmethod
    def _canonical_base64(cls, token: str) -> str:
        try:
            decoded = base64.b64decode(token, validate=True)
        except (binascii.Error, ValueError):
            decoded = b""
        if not decoded or base64.b64encode(decoded).decode() != token:
            raise ValueError("this is no base64 text. Restore the receipt")
        return token

    @property
    def token_der(self) -> bytes:
        """The token's bytes, which openssl takes with `-token_in`."""
        return base64.b64decode(self.token)


class Receipt(Strict):
    """What proves that a job ran: which files it left, under which order, and that they were there at a time."""

    version: Literal[1]
    order_id: OrderId
    treaty_id: Annotated[Name, Field(description="The treaty that the order was placed under.")]
    provider_id: Annotated[Name, Field(description="Who ran the job.")]
    made_at_s: Annotated[UnixSeconds, Field(description="When the receipt was made, Unix seconds.")]
    files: Annotated[tuple[FileEntry, ...], Field(min_length=1, description="The artefacts, by path.")]
    root: Annotated[Sha256, Field(description="The Merkle root over the artefacts (RFC 9162).")]
    cid: Annotated[str, Field(pattern=CID_PATTERN, description="The CID of the artefact manifest.")]
    timestamp: Timestamp
    key_id: KeyId
    signature: Signature

    @field_validator("files")
    @classmethod
    def _in_order(cls, files: tuple[FileEntry, ...]) -> tuple[FileEntry, ...]:
        if any(before.path >= after.path for before, after in pairwise(files)):
            raise ValueError("the paths are not in order, each once. Restore the receipt")
        return files


class ReceiptInvalid(Exception):  # noqa: N818  (it is the receipt that is invalid)
    """The bytes are no receipt. `part` is the part that is wrong ("" for the whole), `what` what is wrong with it."""

    def __init__(self, part: str, what: str) -> None:
        super().__init__(f"{part}: {what}" if part else what)
        self.part = part
        self.what = what


def signing_bytes(receipt: Receipt) -> bytes:
    """What the treaty signs: the canonical JSON (RFC 8785) of every field but the signature."""
    return canonical(receipt.model_dump(mode="json", exclude={"signature"}))


def write_receipt(receipt: Receipt) -> bytes:
    """The receipt file: JSON for people, always the same bytes for the same receipt."""
    return (receipt.model_dump_json(indent=2) + "\n").encode("utf-8")


def receipt_of(value: JsonValue) -> Receipt:
    """The receipt that a JSON value describes, as a database keeps it. Raises ReceiptInvalid for any other value."""
    if not isinstance(value, dict):
        raise ReceiptInvalid("", "it is no JSON object")
    try:
        return Receipt.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        what, _ = worded(details, locate(Receipt, details["loc"], value))
        raise ReceiptInvalid(_place(details["loc"]), what) from None


def read_receipt(data: bytes) -> Receipt:
    """The receipt in a file. Raises ReceiptInvalid for anything but the very bytes that `write_receipt` writes.

    So no byte of the file can be changed unnoticed, not even one that means nothing.
    """
    try:
        value = read_json(data, bytes_max=RECEIPT_BYTES_MAX, depth_max=8)
    except ValueError as error:
        raise ReceiptInvalid("", f"the file cannot be read: {error}") from None
    receipt = receipt_of(value)
    written = write_receipt(receipt)
    if written != data:
        raise ReceiptInvalid("", f"line {_first_difference(written, data)} is not written as receipts are")
    return receipt


def _place(location: tuple[int | str, ...]) -> str:
    """`files[2].sha256` of ("files", 2, "sha256"), in which a stranger's key may be any text."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    return place if len(place) <= 80 and place.isprintable() else ascii(place[:80])


def _first_difference(written: bytes, data: bytes) -> int:
    """The first line that differs, from 1."""
    pairs = zip(written.split(b"\n"), data.split(b"\n"), strict=False)
    return 1 + next((number for number, (ours, theirs) in enumerate(pairs) if ours != theirs), written.count(b"\n"))

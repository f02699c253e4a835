"""Where artefacts are pinned, so that what a receipt is over can be found again: by default a folder of our own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from pydantic import ValidationError

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.receipts.artefacts import Artefacts, FileEntry, read_file
from aurora_sim.treaty.receipts.cid import cid_of_sha256, cid_v1_raw
from aurora_sim.treaty.receipts.new_files import write_all

PIECE_BYTES: Final = 1 << 20


class PinFailed(Exception):  # noqa: N818  (what the operator is left with)
    """The store could not answer, or could not take what it was to pin; the text says why."""


class PinStore(Protocol):
    """Keeps artefacts for good, under the CID of their manifest. What is pinned stays so until an operator takes it away."""

    @property
    def name(self) -> str:
        """What an operator calls it."""

    def has(self, cid: str) -> bool:
        """Whether this manifest, and all that it names, is pinned. May raise PinFailed."""

    def pin(self, cid: str, manifest: bytes, artefacts: Artefacts) -> None:
        """Pin the artefacts, and the manifest last: it is there only when all that it names is. May raise PinFailed.

        Pinned once more nothing changes. An artefact that is not as the manifest says is refused.
        """


def manifest_files(manifest: bytes) -> list[FileEntry]:
    """The entries in a manifest. Raises PinFailed for bytes that are none."""
    try:
        return [FileEntry.model_validate(entry) for entry in json.loads(manifest)["files"]]
    except (ValueError, ValidationError, KeyError, TypeError, RecursionError):
        raise PinFailed("the manifest cannot be read") from None


def artefact_pieces(entry: FileEntry, artefacts: Artefacts) -> Iterator[bytes]:
    """An artefact's bytes; at their end it is known that they are those of the entry. Raises PinFailed if not."""
    content = artefacts.get(entry.path)
    if content is None:
        raise PinFailed(f"the artefact {entry.path} is missing")
    digest = hashlib.sha256()
    try:
        for piece in (content,) if isinstance(content, bytes) else read_file(content):
            digest.update(piece)
            yield piece
    except InputError as error:
        raise PinFailed(f"the artefact {entry.path} {error.what}") from None
    except OSError as error:
        raise PinFailed(f"the artefact {entry.path} cannot be read: {error.strerror}") from None
    if digest.hexdigest() != entry.sha256:
        raise PinFailed(f"the artefact {entry.path} was changed since the receipt was made")


class LocalPins:
    """A folder with one file for each manifest and each artefact, named by its CID: the same bytes are kept once.

    `has` reads everything again, so what a disk lost or changed is not pinned, and is mended when pinned once more.
    """

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def has(self, cid: str) -> bool:
        """Whether manifest and artefacts are all there, to the last bit."""
        if not self._holds(cid):
            return False
        files = manifest_files((self._folder / cid).read_bytes())
        return all(self._holds(_cid(entry)) for entry in files)

    def pin(self, cid: str, manifest: bytes, artefacts: Artefacts) -> None:
        """Copy what is not there yet."""
        if cid_v1_raw(manifest) != cid:
            raise PinFailed(f"the manifest is not the one that {cid} names")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for entry in manifest_files(manifest):
                if not self._holds(_cid(entry)):
                    write_all({self._folder / _cid(entry): artefact_pieces(entry, artefacts)})
            write_all({self._folder / cid: [manifest]})
        except OSError as error:
            raise PinFailed(f"{error.filename or self._folder}: {error.strerror}") from error

    def _holds(self, cid: str) -> bool:
        digest = hashlib.sha256()
        try:
            with (self._folder / cid).open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    digest.update(piece)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise PinFailed(f"{error.filename}: {error.strerror}") from error
        return cid_of_sha256(digest.digest()) == cid


def _cid(entry: FileEntry) -> str:
    return cid_of_sha256(bytes.fromhex(entry.sha256))

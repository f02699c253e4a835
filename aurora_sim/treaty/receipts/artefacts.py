"""A job's artefacts: what is in its folder, as a list that a Merkle root and a manifest are made of."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, NamedTuple, TypeAlias

from pydantic import Field, field_validator

from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.strict import Strict
from aurora_sim.treaty.canonical import INTEGER_MAX, canonical
from aurora_sim.treaty.receipts import merkle

Artefacts: TypeAlias = Mapping[str, bytes | Path]
"""Artefacts by their path within the job's folder: the bytes themselves, or the file that holds them."""

READ_BYTES: Final = 1 << 20
SHA256_PATTERN: Final = r"^[0-9a-f]{64}$"


class FileEntry(Strict):
    """One artefact: its path within the folder with slashes, its size in bytes, its SHA-256 in hexadecimal."""

    path: Annotated[str, Field(min_length=1, max_length=4096)]
    size: Annotated[int, Field(ge=0, le=INTEGER_MAX)]
    sha256: Annotated[str, Field(pattern=SHA256_PATTERN)]

    @field_validator("path")
    @classmethod
    def _within_the_folder(cls, path: str) -> str:
        if "\x00" in path or any(part in ("", ".", "..") for part in path.split("/")):
            raise ValueError("this is no path within a folder. Write names with single slashes between them")
        return path

    def as_json(self) -> dict[str, str | int]:
        return {"path": self.path, "size": self.size, "sha256": self.sha256}


def list_files(artefacts: Artefacts) -> tuple[FileEntry, ...]:
    """The entries of these artefacts, in the order of their paths. Raises OSError where a file cannot be read.

    Raises InputError for a file that changes while it is read: a receipt over half of each state would prove neither.
    """
    return tuple(_entry(path, artefacts[path]) for path in sorted(artefacts))


def root_of(files: Sequence[FileEntry]) -> bytes:
    """The Merkle root: each leaf is the canonical JSON of an entry."""
    return merkle.root([canonical({**entry.as_json()}) for entry in files])


def manifest_of(order_id: str, treaty_id: str, provider_id: str, files: Sequence[FileEntry]) -> bytes:
    """The artefact manifest in canonical JSON: what a receipt's CID names, and what is pinned with the artefacts."""
    return canonical(
        {
            "version": 1,
            "order_id": order_id,
            "treaty_id": treaty_id,
            "provider_id": provider_id,
            "files": [{**entry.as_json()} for entry in files],
        }
    )


def folder_artefacts(folder: Path) -> dict[str, Path]:
    """All files under a folder, by their paths within it. Folders themselves, empty ones included, are no artefacts.

    Raises InputError for no folder, an empty one, and for symbolic links, devices and names that are not UTF-8: they
    have no content that a receipt could be over.
    """
    found: dict[str, Path] = {}
    for item in _walk(folder):
        if item.problem:
            mend = "Give files only: copy what it stands for, or take it away"
            raise InputError(f"{folder}/{item.path}", item.problem, mend)
        found[item.path] = item.place
    if not found:
        raise InputError(str(folder), "there is no file in it", "Give the folder with the job's artefacts")
    return found


class Difference(NamedTuple):
    """An artefact that is not as the receipt has it, and what is different."""

    path: str
    what: str


def compare(files: Sequence[FileEntry], folder: Path) -> list[Difference]:
    """Where a folder differs from a receipt's entries, in the order of the paths. Raises InputError for no folder."""
    expected = {entry.path: entry for entry in files}
    found = {item.path: item for item in _walk(folder)}
    differences = []
    for path in sorted(expected.keys() | found.keys()):
        if path not in found:
            what = "is missing"
        elif found[path].problem:
            what = f"{'was added: it' if path not in expected else 'was changed: it'} {found[path].problem}"
        elif path not in expected:
            what = "was added: the receipt does not know it"
        else:
            what = _difference(expected[path], found[path].place)
        if what:
            differences.append(Difference(path, what))
    return differences


def read_file(place: Path) -> Iterator[bytes]:
    """The content of an ordinary file, piece by piece; never of a link, and never waiting for a pipe."""
    with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise InputError(str(place), "is no ordinary file", "Give files only")
        while piece := file.read(READ_BYTES):
            yield piece
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError(str(place), "was written to while it was read", "Let the job end first")


def _entry(path: str, content: bytes | Path) -> FileEntry:
    if isinstance(content, bytes):
        return FileEntry(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    size, digest = 0, hashlib.sha256()
    for piece in read_file(content):
        size += len(piece)
        digest.update(piece)
    return FileEntry(path=path, size=size, sha256=digest.hexdigest())


def _difference(expected: FileEntry, place: Path) -> str:
    try:
        found = _entry(expected.path, place)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if found.size != expected.size:
        return f"was changed: it has {found.size} bytes, and the receipt says {expected.size}"
    return "was changed: its size is the same, its content is not" if found.sha256 != expected.sha256 else ""


class _Item(NamedTuple):
    path: str
    place: Path
    problem: str


def _walk(folder: Path) -> Iterator[_Item]:
    """Everything under a folder that is no folder. `problem` says why it is no artefact, or is empty."""
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "there is no such folder"
        raise InputError(str(folder), what, "Give the folder with the job's artefacts")
    waiting = [(folder, "")]
    while waiting:
        place, prefix = waiting.pop()
        try:
            entries = list(os.scandir(place))
        except OSError as error:
            yield _Item(prefix, place, f"is a folder that cannot be read ({error.strerror})")
            continue
        for entry in entries:
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), path + "/"))
            elif not path.isprintable() and not _is_utf8(path):
                printable = os.fsencode(path).decode("utf-8", "backslashreplace")
                yield _Item(printable, Path(entry.path), "has a name that is not UTF-8")
            elif entry.is_symlink():
                yield _Item(path, Path(entry.path), "is a symbolic link")
            elif not entry.is_file(follow_symlinks=False):
                yield _Item(path, Path(entry.path), "is no ordinary file")
            else:
                yield _Item(path, Path(entry.path), "")


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True

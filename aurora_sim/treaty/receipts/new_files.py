"""Several files that appear all together, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from aurora_sim.treaty.whole_file import flush_folder


def write_all(contents: Mapping[Path, Iterable[bytes]]) -> None:
    """Write these files, piece by piece, in place of what is there. None gets its name before all are safely on the disk.

    Raises OSError that names the file as asked for, or what a content's iterator raises; then everything is as before.
    """
    partial: dict[Path, Path] = {}
    try:
        for path, pieces in contents.items():
            with _naming(path):
                beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
                descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
                partial[path] = beside
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    with _naming(path):
                        file.write(piece)
                with _naming(path):
                    file.flush()
                    os.fsync(file.fileno())
        for path, beside in list(partial.items()):
            with _naming(path):
                beside.replace(path)
                del partial[path]
    finally:
        for beside in partial.values():
            with contextlib.suppress(OSError):
                beside.unlink()
    for folder in {path.parent for path in contents}:
        flush_folder(folder)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file that the user asked for, not the one beside it."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error

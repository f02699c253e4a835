"""The append-only log: each line names the hash of the line before it, so that none can be changed without a trace."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.canonical import JsonObject
from aurora_sim.treaty.chain_check import ChainFault, verify_chain
from aurora_sim.treaty.chain_line import LINE_BYTES_MAX, NO_HASH, Entry, line_of, read_line, seq_of
from aurora_sim.treaty.whole_file import flush_folder

__all__ = ["NO_HASH", "Chain", "ChainBroken", "ChainFault", "Entry", "verify_chain"]

_BLOCK_BYTES: Final = 65_536


class ChainBroken(InputError):  # noqa: N818  (the state of the file, as the operator would say it)
    """The file is not the log that was written. `line` is where that shows, counted from 1, `why` what shows."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(
            f"{path}:{line}", why, "vault-law log verify shows all that is wrong; restore it from a backup"
        )
        self.line = line
        self.why = why


class Chain:
    """One file of lines. Several processes may use it; who appends holds a lock that all of them agree on.

    A line counts once its end is written. What stands after the last line's end is the rest of an interrupted write: it
    was never acknowledged, and the next append takes it away. The object is one thread's at a time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._writable = False
        self._identity = (-1, -1)
        # The head, and how many bytes the whole lines had when it was read: the file only grows, so a file of that size
        # has that head.
        self._size = 0
        self._head = (0, NO_HASH)

    def close(self) -> None:
        """Give the file back. It is opened again when it is needed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def head(self) -> tuple[int, str]:
        """Number and hash of the last line; (0, 64 zeros) where there is none. Raises ChainBroken for a damaged one."""
        if self._open(write=False):
            self._look()
        return self._head

    def append(self, entries: Sequence[tuple[float, str, JsonObject]]) -> tuple[int, str]:
        """Add `(at_s, kind, body)` entries, all or none, and give the new head once the disk has them.

        Raises ValueError for an entry that cannot be written, OSError where the disk fails, and ChainBroken for a file
        that is damaged at its end: nothing was added then.
        """
        self._open(write=True)
        torn = self._look()
        seq, own_hash = self._head
        lines: list[bytes] = []
        for at_s, kind, body in entries:
            seq += 1
            line, own_hash = line_of(seq, at_s, kind, body, own_hash)
            lines.append(line)
        if not lines:
            return self._head
        size, batch = self._size, b"".join(lines)
        try:
            if torn:
                os.ftruncate(self._descriptor, size)
            written = os.write(self._descriptor, batch)
            while written < len(batch):  # a disk that is full says so at the second attempt
                written += os.write(self._descriptor, batch[written:])
            os.fsync(self._descriptor)
        except BaseException:
            # The whole lines of a batch that failed would count.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise
        self._size, self._head = size + len(batch), (seq, own_hash)
        return self._head

    def entries(self, after_seq: int = 0) -> Iterator[Entry]:
        """The entries after the one of that number, in order, as many as there are whole lines.

        Raises ChainBroken at the first that is damaged or does not follow the one before it.
        """
        if not self._open(write=False):
            return
        with self.path.open("rb") as file:
            offset = self._offset_before(file.fileno(), after_seq)
            file.seek(offset)
            before = Entry(0, 0.0, "", {}, "", NO_HASH) if offset == 0 else None
            while (line := file.readline(LINE_BYTES_MAX + 1)).endswith(b"\n"):
                try:
                    entry = read_line(line[:-1])
                except ValueError as error:
                    raise self._broken(offset, str(error)) from None
                if before is not None and (entry.seq != before.seq + 1 or entry.prev != before.hash):
                    raise self._broken(offset, f"entry {entry.seq} does not follow entry {before.seq}")
                if entry.seq > after_seq:
                    yield entry
                before, offset = entry, offset + len(line)

    def entry(self, seq: int) -> Entry | None:
        """The entry of that number, if there is one. Raises ChainBroken for a damaged one."""
        found = next(self.entries(seq - 1), None)
        return found if found is not None and found.seq == seq else None

    def _open(self, *, write: bool) -> bool:
        """Have the file open that has the path now; whether there is one, which there is to write to.

        Raises ChainBroken where it went away.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            if self._size:
                self._forget()
                raise ChainBroken(self.path, 1, "the log was there, and is gone") from None
            if not write:
                return False
        else:
            if self._identity == (status.st_dev, status.st_ino) and self._descriptor >= 0 and self._writable >= write:
                return True
        self.close()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT if write else os.O_RDONLY
        self._descriptor = os.open(self.path, flags | os.O_CLOEXEC, 0o640)
        self._writable = write
        status = os.fstat(self._descriptor)
        if self._identity != (status.st_dev, status.st_ino):
            self._forget()
            self._identity = (status.st_dev, status.st_ino)
        if status.st_size == 0 and write:
            flush_folder(self.path.parent)
        return True

    def _forget(self) -> None:
        self._identity, self._size, self._head = (-1, -1), 0, (0, NO_HASH)

    def _look(self) -> bool:
        """Read the head anew if the file has grown; whether something stands after its last whole line."""
        size = os.fstat(self._descriptor).st_size
        if size == self._size:
            return False
        if size < self._size:
            line, _ = self._head
            self._forget()
            raise ChainBroken(self.path, line, "the log was cut: it had this line before")
        end = _after_last_newline(self._descriptor, size)
        if end != self._size:
            start = _after_last_newline(self._descriptor, end - 1) if end else 0
            if end:
                try:
                    entry = read_line(os.pread(self._descriptor, min(end - 1 - start, LINE_BYTES_MAX), start))
                except ValueError as error:
                    raise self._broken(start, str(error)) from None
                self._head = (entry.seq, entry.hash)
            self._size = end
        return end != size

    def _offset_before(self, descriptor: int, seq: int) -> int:
        """Where a line begins whose number is `seq` or a little less: numbers grow with the offset, so by halving."""
        low, high = 0, os.fstat(descriptor).st_size
        while high - low > _BLOCK_BYTES:
            middle = (low + high) // 2
            block = os.pread(descriptor, 2 * LINE_BYTES_MAX, middle)
            start = block.find(b"\n") + 1
            end = block.find(b"\n", start)
            number = seq_of(block[start:end]) if 0 < start < end else None
            if number is not None and number <= seq:
                low = middle + start
            else:
                high = middle
        return low

    def _broken(self, offset: int, why: str) -> ChainBroken:
        """The damage at an offset, by the number of its line."""
        line = 1
        with self.path.open("rb") as file:
            while offset > 0 and (block := file.read(min(offset, _BLOCK_BYTES))):
                line += block.count(b"\n")
                offset -= len(block)
        return ChainBroken(self.path, line, why)


def _after_last_newline(descriptor: int, size: int) -> int:
    """The offset after the last end of line among the first `size` bytes; 0 where there is none."""
    while size > 0:
        start = max(0, size - _BLOCK_BYTES)
        found = os.pread(descriptor, size - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0

"""Every line of a chained log that is not as it was written, by its number in the file, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aurora_sim.treaty.chain_line import LINE_BYTES_MAX, NO_HASH, content_hash, read_line, seq_of


@dataclass(frozen=True, slots=True)
class ChainFault:
    """A line, counted in the file from 1, and what is wrong with it or before it."""

    line: int
    why: str


def verify_chain(path: Path, expected_head: tuple[int, str] | None = None) -> list[ChainFault]:
    """What is wrong with the log, by line; nothing where it is whole.

    A changed, missing, doubled or moved line shows by itself. That lines are missing at the end, or that all of the chain
    was written anew, shows by `expected_head`: number and hash of an entry that is known to have been there, such as the
    last one that the database has. Entries after it are in order, because the log is written first.

    An unfinished last line is what an interrupted write leaves, and what a cut leaves: without `expected_head`, which
    tells the two apart, it is a fault. Raises OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        return list(_faults(file, expected_head))


def _faults(file: BinaryIO, expected_head: tuple[int, str] | None) -> Iterator[ChainFault]:
    number = 0  # of the line in the file
    last = 0  # number of the last entry that could be read
    damaged = 0  # lines since then that could not
    hashes = {NO_HASH}  # what the next line may name as the hash of its forerunner; empty: that is not known
    highest = 0
    torn = False
    expected_seq, expected_hash = expected_head or (0, NO_HASH)
    for number, line in enumerate(_lines(file), start=1):
        if not line.endswith(b"\n"):
            torn = len(line) <= LINE_BYTES_MAX
            if not torn:
                yield ChainFault(number, f"it is longer than {LINE_BYTES_MAX} bytes, as no entry is")
            continue
        content = line[:-1]
        try:
            entry = read_line(content)
        except ValueError as error:
            yield ChainFault(number, str(error))
            said = seq_of(content)
            if said != last + damaged + 1:
                damaged += 1
                hashes = set()
            else:
                # Only its content was changed. What follows it names the hash that it has in the file or, where that
                # was changed, the one of its content: it is not to blame.
                last, damaged = said, 0
                hashes = {content_hash(content), _own_hash(content)}
                highest = max(highest, last)
            continue
        due = last + damaged + 1
        if entry.seq > due:
            missing = f"entry {due} is" if entry.seq == due + 1 else f"entries {due} to {entry.seq - 1} are"
            yield ChainFault(number, f"{missing} missing before entry {entry.seq}")
        elif entry.seq <= last:
            again = "stands here a second time" if entry.seq == last else f"stands after entry {last}"
            yield ChainFault(number, f"entry {entry.seq} {again}")
        elif hashes and entry.prev not in hashes:
            yield ChainFault(number, f"entry {entry.seq} does not follow entry {last}: one of the two was changed")
        if entry.seq == expected_seq and entry.hash != expected_hash:
            yield ChainFault(number, f"entry {entry.seq} is not the one that was written: its hash was {expected_hash}")
        last, damaged, hashes = entry.seq, 0, {entry.hash}
        highest = max(highest, last)
    if highest < expected_seq:
        first = highest + 1
        missing = f"entry {first} is" if first == expected_seq else f"entries {first} to {expected_seq} are"
        yield ChainFault(max(number, 1), f"{missing} missing at the end")
    elif torn and expected_head is None:
        yield ChainFault(number, "it has no end: its write was interrupted, or it was cut")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines with their ends; of one that is too long only the beginning, without an end, as one line."""
    while line := file.readline(LINE_BYTES_MAX + 1):
        yield line
        while len(line) > LINE_BYTES_MAX and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES_MAX + 1)


def _own_hash(line: bytes) -> str:
    start = line.rindex(b',"hash":"') + len(b',"hash":"')
    return line[start : start + 64].decode("ascii", "replace")

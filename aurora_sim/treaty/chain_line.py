"""One line of the chained log: how it is written, and how it is known that it is as it was written."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from aurora_sim.treaty.canonical import JsonObject, canonical, read_json

NO_HASH: Final = "0" * 64
"""What the first line names as the hash of the line before it."""

LINE_BYTES_MAX: Final = 1_048_576

_KIND = "[a-z][a-z0-9_.-]{0,63}"
_TAIL = re.compile(
    rb',"hash":"([0-9a-f]{64})"(,"kind":"(%b)","prev":"([0-9a-f]{64})","seq":([1-9][0-9]{0,15})\})' % _KIND.encode()
)
_TAIL_BYTES: Final = 300  # more than the longest match of it
_DEPTH_MAX: Final = 32
_KEYS: Final = {"at_s", "body", "hash", "kind", "prev", "seq"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: its number from 1, Unix seconds, the kind of thing that happened, the thing, and the two hashes."""

    seq: int
    at_s: float
    kind: str
    body: JsonObject
    prev: str
    hash: str


def line_of(seq: int, at_s: float, kind: str, body: JsonObject, prev: str) -> tuple[bytes, str]:
    """The bytes of a line, with its end, and its hash: SHA-256 over the canonical line without `hash`.

    Raises ValueError for what has no canonical form, for an unusual kind, and for a line that is too long.
    """
    if not re.fullmatch(_KIND, kind):
        raise ValueError(f"{kind!r} is no kind of entry: small letters first, then also digits and _ . -")
    # The keys stand in their canonical order. The body, which is nearly all of the line, is written once for both.
    front = b'{"at_s":%b,"body":%b' % (canonical(at_s), canonical(body))
    back = b',"kind":"%b","prev":"%b","seq":%d}' % (kind.encode(), prev.encode(), seq)
    own_hash = hashlib.sha256(front + back).hexdigest()
    line = b'%b,"hash":"%b"%b\n' % (front, own_hash.encode(), back)
    if len(line) > LINE_BYTES_MAX:
        raise ValueError(f"an entry of {len(line)} bytes is longer than {LINE_BYTES_MAX}")
    return line, own_hash


def read_line(line: bytes) -> Entry:
    """The entry of a line without its end. Raises ValueError, saying why, for a line that is not as `line_of` makes it."""
    tail = _TAIL.search(line, max(0, len(line) - _TAIL_BYTES))
    if tail is None or tail.end() != len(line):
        raise ValueError("it does not end as an entry does, so it was changed or cut")
    if hashlib.sha256(line[: tail.start()] + tail[2]).hexdigest() != tail[1].decode():
        raise ValueError("its hash is not that of its content, so it was changed")
    value = read_json(line, bytes_max=LINE_BYTES_MAX, depth_max=_DEPTH_MAX)
    if not isinstance(value, dict) or value.keys() != _KEYS or canonical(value) != line:
        raise ValueError("it is not the canonical form of an entry")
    at_s, body = value["at_s"], value["body"]
    if isinstance(at_s, bool) or not isinstance(at_s, int | float) or not isinstance(body, dict):
        raise ValueError("its time or its body is not that of an entry")
    return Entry(int(tail[5]), float(at_s), tail[3].decode(), body, tail[4].decode(), tail[1].decode())


def content_hash(line: bytes) -> str:
    """The hash that the line's content has, whatever it says it has; "" where it does not even end as an entry."""
    tail = _TAIL.search(line, max(0, len(line) - _TAIL_BYTES))
    return hashlib.sha256(line[: tail.start()] + tail[2]).hexdigest() if tail is not None else ""


def seq_of(line: bytes) -> int | None:
    """The number that a line says it has, unchecked; None where it does not end as an entry."""
    tail = _TAIL.search(line, max(0, len(line) - _TAIL_BYTES))
    return int(tail[5]) if tail is not None else None

"""Content identifiers: the name under which anyone can find the bytes, and check that they are the right ones.

CIDv1 of raw bytes: base32 of version 1, codec raw (0x55), multihash sha2-256 (0x12) of 32 bytes (0x20).
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

_PREFIX: Final = bytes([0x01, 0x55, 0x12, 0x20])
CID_PATTERN: Final = r"^bafkrei[a-z2-7]{52}$"
"""What every CID of this kind looks like: 59 characters, of which the first seven say its kind."""


def cid_v1_raw(data: bytes) -> str:
    """The CID of these bytes as one raw block."""
    return cid_of_sha256(hashlib.sha256(data).digest())


def cid_of_sha256(digest: bytes) -> str:
    """The CID of the bytes that have this SHA-256: a file's name is known without its content."""
    if len(digest) != 32:
        raise ValueError(f"a SHA-256 has 32 bytes, not {len(digest)}")
    return "b" + base64.b32encode(_PREFIX + digest).decode().rstrip("=").lower()

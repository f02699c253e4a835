"""Merkle trees as RFC 9162 (Certificate Transparency 2.0), section 2.1, has them, over SHA-256.

The RFC splits n leaves after the largest power of two below n. Pairing the nodes of each level from the left, and
passing on the last one where it has no partner, gives the same tree in one pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf. It differs in its first byte from a node's, so that no node can pass for a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The tree's root; the hash of nothing when there is no leaf."""
    if not leaves:
        return hashlib.sha256().digest()
    return _levels(leaves)[-1][0]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What proves that the leaf at `index` is in the tree: the siblings on its way up (section 2.1.3.1)."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"`index` ({index}) must be in [0, {len(leaves)})")
    return _path(_levels(leaves), index)


def inclusion_paths(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """The inclusion path of every leaf, for the price of one tree."""
    levels = _levels(leaves) if leaves else []
    return [_path(levels, index) for index in range(len(leaves))]


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` leaves in which the leaf at `index` has this inclusion path (section 2.1.3.2).

    The leaf is in a tree exactly if this is the tree's root. Raises ValueError for an index outside the tree, and for a
    path that is too long or too short for that place.
    """
    if not 0 <= index < size:
        raise ValueError(f"index {index} is outside a tree of {size} leaves")
    number, last, hash_ = index, size - 1, leaf_hash(leaf)
    for sibling in path:
        if last == 0:
            raise ValueError(f"a path of {len(path)} hashes is too long for leaf {index} of {size}")
        if number & 1 or number == last:
            hash_ = node_hash(sibling, hash_)
            while not number & 1 and number:  # this node had no partner on the levels below
                number, last = number >> 1, last >> 1
        else:
            hash_ = node_hash(hash_, sibling)
        number, last = number >> 1, last >> 1
    if last:
        raise ValueError(f"a path of {len(path)} hashes is too short for leaf {index} of {size}")
    return hash_


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """The hashes of each level, from the leaves up to the root."""
    level = [leaf_hash(leaf) for leaf in leaves]
    levels = [level]
    while len(level) > 1:
        above = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            above.append(level[-1])
        levels.append(above)
        level = above
    return levels


def _path(levels: list[list[bytes]], index: int) -> list[bytes]:
    path = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index >>= 1
    return path

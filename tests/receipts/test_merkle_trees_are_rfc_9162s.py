"""Merkle roots and inclusion proofs are RFC 9162's, whose recursive definitions stand here word for word."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.treaty.receipts import merkle

VECTOR_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
VECTOR_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The published vectors of Certificate Transparency: the roots of the first 0 to 8 leaves."""

leaves_of = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def split(size: int) -> int:
    """The largest power of two below `size`."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def mth(leaves: list[bytes]) -> bytes:
    """Section 2.1.1, the Merkle Tree Hash."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """Section 2.1.3.1, the inclusion path of leaf m."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert merkle.root(VECTOR_LEAVES[:size]).hex() == VECTOR_ROOTS[size]
    assert mth(VECTOR_LEAVES[:size]).hex() == VECTOR_ROOTS[size]


@given(leaves_of)
def test_roots_and_paths_are_the_recursive_ones(leaves: list[bytes]) -> None:
    assert merkle.root(leaves) == mth(leaves)
    paths = [path(index, leaves) for index in range(len(leaves))]
    assert merkle.inclusion_paths(leaves) == paths
    assert [merkle.inclusion_path(leaves, index) for index in range(len(leaves))] == paths


@given(leaves_of, st.data())
def test_a_path_leads_to_the_root_and_no_other_leaf_place_or_size_does(
    leaves: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = merkle.inclusion_path(leaves, index)
    assert merkle.root_from_path(leaves[index], index, len(leaves), proof) == merkle.root(leaves)
    assert merkle.root_from_path(leaves[index] + b"x", index, len(leaves), proof) != merkle.root(leaves)
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:place], bytes(32), *proof[place + 1 :]]
        assert merkle.root_from_path(leaves[index], index, len(leaves), changed) != merkle.root(leaves)
        for wrong in (proof[:-1], [*proof, bytes(32)]):
            with pytest.raises(ValueError, match=r"too (short|long)"):
                merkle.root_from_path(leaves[index], index, len(leaves), wrong)
    for outside in (-1, len(leaves)):
        with pytest.raises(ValueError, match="outside"):
            merkle.root_from_path(leaves[index], outside, len(leaves), proof)


def test_a_path_for_no_leaf_is_refused() -> None:
    with pytest.raises(ValueError, match="index"):
        merkle.inclusion_path([b"a"], 1)
    assert merkle.inclusion_paths([]) == []

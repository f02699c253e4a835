"""CIDs are those that IPFS gives the same bytes as one raw block."""

from __future__ import annotations

import hashlib
import re

import pytest

from aurora_sim.treaty.receipts.cid import CID_PATTERN, cid_of_sha256, cid_v1_raw


@pytest.mark.parametrize(
    ("data", "cid"),
    [
        (b"", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
        (b"hello world", "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"),
    ],
)
def test_known_cids(data: bytes, cid: str) -> None:
    assert cid_v1_raw(data) == cid == cid_of_sha256(hashlib.sha256(data).digest())
    assert re.fullmatch(CID_PATTERN, cid)


def test_what_is_no_sha256_has_no_cid() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        cid_of_sha256(b"short")

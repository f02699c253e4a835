"""A bit that flips anywhere in an artefact or in a receipt file is found, and where it flipped is named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from receipt_parts import ARTEFACTS, NOW_S, deployment, job_folder

from aurora_sim.treaty.receipts.form import ReceiptInvalid, read_receipt, receipt_of, write_receipt
from aurora_sim.treaty.receipts.verification import verify_receipt_file

NAMED_BY = {
    "version": {"version"},
    "order_id": {"order_id", "cid, order_id, treaty_id or provider_id"},
    "treaty_id": {"treaty_id", "cid, order_id, treaty_id or provider_id"},
    "provider_id": {"provider_id", "cid, order_id, treaty_id or provider_id"},
    "made_at_s": {"made_at_s", "signature"},
    "files": {"files"},
    "root": {"root"},
    "cid": {"cid", "cid, order_id, treaty_id or provider_id"},
    "timestamp": {
        "timestamp",
        "timestamp.token",
        "timestamp.path",
        "timestamp.batch_index, batch_size or path",
        "root, or timestamp.batch_index, batch_size or path",
        "signature",
    },
    "key_id": {"key_id"},
    "signature": {"signature"},
}
"""The parts of which one at least is named when a field's value was changed into another that can be read."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A deployment, a job's folder and the bytes of its receipt, the second of three under one stamp."""
    place = tmp_path_factory.mktemp("flips")
    ours = deployment(place / "keys")
    folders = [job_folder(place / name) for name in ("a", "b", "c")]
    return ours, folders[1], write_receipt(ours.make(*folders)[1])


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def field_at(data: bytes, offset: int) -> str:
    """The top-level field that an offset of a receipt file is in, or "" outside all."""
    lines = data[: data.index(b"\n", offset) + 1].decode().splitlines()
    keys = [line.split('"')[1] for line in lines if line.startswith('  "')]
    return keys[-1] if keys else ""


@given(bit=st.data())
@settings(max_examples=300)
def test_in_a_receipt(made, bit) -> None:
    ours, folder, data = made
    place = bit.draw(st.integers(0, len(data) * 8 - 1))
    receipt, faults = verify_receipt_file(flipped(data, place), folder, ours.registry, ours.trusted, now_s=NOW_S)
    assert faults
    assert all(fault.part and fault.what for fault in faults)
    parts = {fault.part for fault in faults}
    if receipt is None and parts == {"receipt"}:
        assert "line " in faults[0].what or "byte " in faults[0].what or "twice" in faults[0].what
    elif receipt is not None:
        assert parts & NAMED_BY[field_at(data, place // 8)]


@given(flip=st.data())
@settings(max_examples=100)
def test_in_an_artefact(made, flip) -> None:
    ours, folder, data = made
    path = flip.draw(st.sampled_from([path for path, content in ARTEFACTS.items() if content]))
    content = ARTEFACTS[path]
    (folder / path).write_bytes(flipped(content, flip.draw(st.integers(0, len(content) * 8 - 1))))
    try:
        _, faults = verify_receipt_file(data, folder, ours.registry, ours.trusted, now_s=NOW_S)
    finally:
        (folder / path).write_bytes(content)
    assert [fault.part for fault in faults] == [f"artefact {path}"]
    assert verify_receipt_file(data, folder, ours.registry, ours.trusted, now_s=NOW_S)[1] == []


@pytest.mark.parametrize(
    ("spelling", "where"),
    [
        (lambda text: json.dumps(json.loads(text)), "line 1 "),
        (lambda text: text + " ", "line "),
        (lambda text: text.replace("1767700800.25", "1767700800.250"), "line 6 "),
        (lambda text: text.replace("model.bin", "\\u006dodel.bin"), "line "),
    ],
)
def test_the_same_receipt_in_another_spelling_is_not_taken(made, spelling, where) -> None:
    with pytest.raises(ReceiptInvalid, match=where):
        read_receipt(spelling(made[2].decode()).encode())


def test_bytes_and_receipt_are_one_to_one(made) -> None:
    assert write_receipt(read_receipt(made[2])) == made[2]


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())
)
def test_anything_else_is_no_receipt(data: bytes) -> None:
    with pytest.raises(ReceiptInvalid):
        read_receipt(data)


@pytest.mark.parametrize("token", ["", "AB==", "A", "AA=", "AA==\n", "A-A=", "AA==AA=="])
def test_a_token_has_one_spelling(made, token) -> None:
    """Base64 may carry bits that mean nothing, and those could be changed."""
    value = json.loads(made[2])
    value["timestamp"]["token"] = token
    with pytest.raises(ReceiptInvalid, match=r"timestamp\.token"):
        receipt_of(value)

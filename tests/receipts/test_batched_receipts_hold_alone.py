"""Receipts that share one time stamp: each holds without the others, and none holds in the place of another."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from receipt_parts import ARTEFACTS, NOW_S, TREATY, job_folder

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.receipts import authority
from aurora_sim.treaty.receipts.form import read_receipt, signing_bytes, write_receipt
from aurora_sim.treaty.receipts.receipt import complete, draft, make_receipt_from
from aurora_sim.treaty.receipts.sources import Stamper, stamp_roots
from aurora_sim.treaty.receipts.verification import verify_receipt
from aurora_sim.treaty.signed_order import encoded


class CountingAuthority:
    """The authority, and how often it was asked."""

    name = "counting"

    def __init__(self, tsa) -> None:
        self._tsa = tsa
        self.stamps = 0

    def stamp(self, query: bytes, now_s: float) -> bytes:
        self.stamps += 1
        return self._tsa.stamp(query, now_s)


def batch(ours, count: int, stamper=None):
    drafts = [
        draft({"out": f"{number}".encode()}, order_id=f"o-{number}", treaty_id=TREATY, provider_id="akash")
        for number in range(count)
    ]
    stamped = stamp_roots([item.root for item in drafts], stamper or ours.stamper, NOW_S)
    return complete(drafts, stamped, ours.signer, NOW_S)


@given(count=st.integers(1, 12))
@settings(max_examples=15, deadline=None)
def test_one_stamp_serves_a_whole_batch(ours, count) -> None:
    counting = CountingAuthority(ours.tsa)
    receipts = batch(ours, count, Stamper([counting], ours.trusted))
    assert counting.stamps == 1
    assert {receipt.timestamp.token for receipt in receipts} == {receipts[0].timestamp.token}
    assert [ours.faults(receipt) for receipt in receipts] == [[]] * count


def test_no_receipt_stands_in_the_place_of_another(ours) -> None:
    first, second, *_ = batch(ours, 5)
    moved = first.model_copy(update={"timestamp": second.timestamp})
    signed = moved.model_copy(update={"signature": encoded(ours.signer.sign(signing_bytes(moved)))})
    assert [fault.part for fault in ours.faults(signed)] == ["root, or timestamp.batch_index, batch_size or path"]


def test_a_receipt_of_another_batch_has_no_place_in_this_one(ours) -> None:
    stranger = draft({"out": b"x"}, order_id="o-9", treaty_id=TREATY, provider_id="akash")
    stamped = stamp_roots([bytes(32)], ours.stamper, NOW_S)
    (receipt,) = complete([stranger], stamped, ours.signer, NOW_S)
    assert [fault.part for fault in ours.faults(receipt)] == ["root, or timestamp.batch_index, batch_size or path"]


def test_memory_and_folder_make_the_same_receipt(ours, job) -> None:
    (from_folder,) = ours.make(job)
    from_memory = make_receipt_from(
        ARTEFACTS,
        order_id="order-1",
        treaty_id=TREATY,
        provider_id="akash",
        stamper=ours.stamper,
        signer=ours.signer,
        now_s=NOW_S,
    )
    assert (from_folder.root, from_folder.cid, from_folder.files) == (
        from_memory.root,
        from_memory.cid,
        from_memory.files,
    )
    assert ours.faults(from_memory, job) == []


def test_the_root_depends_on_the_artefacts_alone(ours, tmp_path) -> None:
    """Not on the order in which a folder lists them, nor on when they were written."""
    forwards = job_folder(tmp_path / "forwards")
    backwards = job_folder(tmp_path / "backwards", dict(reversed(ARTEFACTS.items())))
    (first,), (second,) = ours.make(forwards), ours.make(backwards)
    assert first.root == second.root


def test_nothing_has_no_receipt(ours, tmp_path) -> None:
    with pytest.raises(ValueError, match="at least one artefact"):
        draft({}, order_id="o-1", treaty_id=TREATY, provider_id="akash")
    (tmp_path / "empty" / "folder").mkdir(parents=True)
    with pytest.raises(InputError, match="no file in it"):
        ours.make(tmp_path / "empty")
    assert ours.make() == []


def test_the_stamp_must_be_of_the_time_that_the_receipt_says(ours, job) -> None:
    (receipt,) = ours.make(job)
    for moved_s, parts in ((299.0, []), (301.0, ["made_at_s"]), (-301.0, ["made_at_s"])):
        moved = receipt.model_copy(update={"made_at_s": NOW_S + moved_s})
        signed = moved.model_copy(update={"signature": encoded(ours.signer.sign(signing_bytes(moved)))})
        assert [fault.part for fault in ours.faults(signed)] == parts


def test_a_stamp_of_the_future_is_refused(ours, job) -> None:
    (receipt,) = ours.make(job)
    assert [fault.part for fault in ours.faults(receipt, now_s=NOW_S - 600.0)] == ["timestamp.token"]


def test_who_trusts_nobody_believes_no_stamp(ours, job) -> None:
    (receipt,) = ours.make(job)
    stranger = authority.in_memory(b"another", NOW_S).certificate
    for trusted, part in (([], "timestamp"), ([stranger], "timestamp.token")):
        faults = verify_receipt(receipt, None, ours.registry, trusted, now_s=NOW_S)
        assert [fault.part for fault in faults] == [part]


def test_old_receipts_outlive_their_key_but_not_its_revocation(ours, job) -> None:
    (receipt,) = ours.make(job)
    registry = KeyRegistry()
    old = registry.add("treaty", ours.signer.public_key, NOW_S - 10.0)
    registry.rotate("treaty", bytes(range(32)), NOW_S + 60.0, 0.0)
    rotated = ours._replace(registry=registry)
    assert rotated.faults(receipt, now_s=NOW_S + 86_400.0) == []
    registry.revoke(old.key_id, "stolen", NOW_S + 90.0)
    assert [str(fault) for fault in rotated.faults(receipt, now_s=NOW_S + 86_400.0)] == [
        f"key_id: {old.key_id}: the key was revoked"
    ]


@pytest.mark.parametrize(
    ("owner", "from_s", "why"),
    [("treaty", 10.0, "not yet valid"), ("provider:akash", -10.0, "not the treaty's"), (None, 0.0, "no such key")],
)
def test_only_the_treatys_key_of_that_time_counts(ours, job, owner, from_s, why) -> None:
    (receipt,) = ours.make(job)
    registry = KeyRegistry()
    if owner is not None:
        registry.add(owner, ours.signer.public_key, NOW_S + from_s)
    (fault,) = ours._replace(registry=registry).faults(receipt)
    assert fault.part == "key_id"
    assert why in fault.what


def test_an_authority_of_a_seed_is_the_same_each_time() -> None:
    first, second = authority.in_memory(b"s", NOW_S), authority.in_memory(b"s", NOW_S)
    assert first.certificate.public_key() == second.certificate.public_key()
    assert first.certificate.public_key() != authority.in_memory(b"t", NOW_S).certificate.public_key()


def test_a_receipt_of_many_files_can_be_read_back(ours) -> None:
    many = {f"shard-{number:05}": b"x" for number in range(3000)}
    receipt = make_receipt_from(
        many,
        order_id="o-1",
        treaty_id=TREATY,
        provider_id="akash",
        stamper=ours.stamper,
        signer=ours.signer,
        now_s=NOW_S,
    )
    assert read_receipt(write_receipt(receipt)) == receipt

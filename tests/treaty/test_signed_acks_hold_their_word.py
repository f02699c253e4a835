"""An ack counts when its provider signed it, under the treaty, with a key of that time; else it says why not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from treaty_keys import AKASH, NOW_S, TREATY, a_registry, a_signer
from treaty_orders import an_order

from aurora_sim.treaty.ack import check_ack
from aurora_sim.treaty.canonical import canonical
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.signed_ack import SignedAck, ack_signing_bytes, read_ack, sign_ack, to_ack, verify_ack

DAY_S = 86_400.0


def an_ack(signer=AKASH, **different) -> SignedAck:
    fields = {
        "order_id": "o-0123456789abcdef",
        "treaty_id": TREATY,
        "provider_id": "akash",
        "price_usd_per_hour": 1.8,
        "time_s": NOW_S,
    }
    return sign_ack(signer, **{**fields, **different})


ACK = an_ack()
BODY = canonical(ACK.model_dump())


def reason(
    ack: SignedAck, registry: KeyRegistry | None = None, provider_id: str = "akash", now_s: float = NOW_S
) -> str:
    return verify_ack(ack, registry or a_registry(), treaty_id=TREATY, provider_id=provider_id, now_s=now_s)


def test_a_good_ack_is_read_and_verified():
    assert read_ack(BODY) == ACK
    assert reason(read_ack(json.dumps(ACK.model_dump(), indent=2).encode())) == ""
    assert ack_signing_bytes(ACK) == canonical({k: v for k, v in ACK.model_dump().items() if k != "signature"})


def test_reasons():
    flux = a_signer("provider:flux")
    both = a_registry(AKASH, flux)
    assert reason(an_ack(flux, provider_id="flux"), both) == "ack_mismatch"
    assert reason(ACK, both, provider_id="flux") == "ack_mismatch"
    assert reason(an_ack(treaty_id="AURORA-FLUX-001")) == "ack_mismatch"
    assert reason(an_ack(flux), both) == "key_owner", "Flux cannot speak for Akash"
    assert reason(an_ack(flux)) == "key_unknown"
    assert reason(ACK.model_copy(update={"price_usd_per_hour": 1.9})) == "signature_invalid"
    assert reason(ACK.model_copy(update={"provider_id": "flux"}), both) == "key_owner", "the signature comes first"
    assert reason(an_ack(time_s=NOW_S + 30.0)) == ""
    assert reason(an_ack(time_s=NOW_S + 31.0)) == "ack_time"
    assert reason(an_ack(time_s=NOW_S - DAY_S)) == "key_not_yet_valid"


def test_an_old_ack_outlives_its_key_but_not_its_revocation():
    registry, new = a_registry(), a_signer("provider:akash", 1)
    registry.rotate("provider:akash", new.public_key, NOW_S + 10.0, DAY_S)
    years_s = NOW_S + 1_000 * DAY_S
    assert reason(ACK, registry, now_s=years_s) == ""
    assert reason(an_ack(time_s=NOW_S + DAY_S), registry, now_s=years_s) == ""
    assert reason(an_ack(time_s=NOW_S + DAY_S + 11.0), registry, now_s=years_s) == "key_expired"
    assert reason(an_ack(new, time_s=NOW_S + DAY_S + 11.0), registry, now_s=years_s) == ""
    assert reason(an_ack(new), registry) == "key_not_yet_valid"
    registry.revoke(AKASH.key_id, "stolen", NOW_S + 20.0)
    assert reason(ACK, registry, now_s=years_s) == "key_revoked"


@given(st.integers(0, len(BODY) * 8 - 1))
def test_a_flipped_bit_is_found_and_named(position):
    body = bytearray(BODY)
    body[position // 8] ^= 1 << position % 8
    try:
        found = reason(read_ack(bytes(body)))
    except ValueError as error:
        found = f"unreadable: {error}"
    assert found in ("signature_invalid", "key_unknown", "key_owner", "key_not_yet_valid") or len(found) > 20
    assert found.isprintable()
    assert len(found) < 300


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}", "order_id is missing"),
        (b"[]", "no JSON object"),
        (b"", "no JSON"),
        (BODY.replace(b"1.8", b"-1"), "price_usd_per_hour: -1 is below 0"),
        (BODY.replace(b"1.8", b"1e999"), "larger than any double"),
        (BODY.replace(b'"akash"', b'"akash","provider_id":"flux"'), "stands twice"),
        (BODY.replace(b'{"', b'{"gpu":1,"', 1), "gpu: unknown key"),
        (b" " * 20_000, "longer than 16384 bytes"),
    ],
    ids=range(8),
)
def test_what_is_no_ack_is_said(data, message):
    with pytest.raises(ValueError) as refused:
        read_ack(data)
    assert message in str(refused.value)


def test_the_router_compares_it_with_its_order():
    order = an_order(order_id="o-0123456789abcdef")
    assert check_ack(to_ack(ACK, signature_valid=True), order, "akash", TREATY) == ""
    assert check_ack(to_ack(ACK, signature_valid=False), order, "akash", TREATY) == "ack_signature"
    dear = to_ack(an_ack(price_usd_per_hour=9.0), signature_valid=True)
    assert check_ack(dear, order, "akash", TREATY) == "ack_price"

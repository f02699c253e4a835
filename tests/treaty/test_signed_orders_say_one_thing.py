"""An order is read only as its tenant signed it: whatever is changed in it, by a bit, is found and named."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess

import jsonschema
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import example, given
from hypothesis import strategies as st
from treaty_keys import FIELDS, NOW_S, TENANT, TREATY, a_registry, a_signer

from aurora_sim.treaty.canonical import canonical
from aurora_sim.treaty.gateway import Gateway
from aurora_sim.treaty.order import Order
from aurora_sim.treaty.signed_order import (
    OrderInvalid,
    OrderRequest,
    order_id,
    order_schema_text,
    read_order,
    sign_order,
    signing_bytes,
    to_order,
    verify_order,
)

SIGNED = sign_order(FIELDS, TENANT.private_key)
DATA = SIGNED.model_dump()
BODY = canonical(DATA)
REGISTRY = a_registry()


def verdict(body: bytes, now_s: float = NOW_S) -> str:
    """What becomes of a request: "" when it is the tenant's, else the field or the reason that refuses it."""
    try:
        request = read_order(body)
    except OrderInvalid as invalid:
        return f"422 {invalid.field}: {invalid.message}"
    return verify_order(request, signing_bytes(request), REGISTRY, now_s)


def test_what_was_signed_is_read_and_verified():
    assert read_order(BODY) == SIGNED
    assert verdict(BODY) == ""
    assert signing_bytes(SIGNED) == canonical({k: v for k, v in DATA.items() if k != "signature"})
    assert order_id(SIGNED) == "o-" + hashlib.sha256(signing_bytes(SIGNED)).hexdigest()[:32]


def test_how_it_is_written_does_not_matter():
    shuffled = dict(reversed(DATA.items()))
    for body in (json.dumps(shuffled, indent=3), json.dumps(DATA), SIGNED.model_dump_json(), json.dumps(DATA) + "\n\n"):
        assert read_order(body.encode()) == SIGNED
        assert verdict(body.encode()) == ""
    whole = json.dumps({**DATA, "max_latency_ms": 600, "min_reputation": 50, "gpus": 1.0}).encode()
    assert read_order(whole) == SIGNED, "600 and 600.0 are one number, and 1 and 1.0"


@given(st.integers(0, len(BODY) * 8 - 1))
def test_a_flipped_bit_is_found(position):
    body = bytearray(BODY)
    body[position // 8] ^= 1 << position % 8
    assert verdict(bytes(body)) != ""


@given(st.sampled_from(sorted(DATA)), st.data())
@example("signature", None)
def test_a_bit_flipped_in_a_value_is_named(field, data):
    text = canonical(DATA[field]).strip(b'"')
    # The last of the signature's letters carries four bits that mean nothing.
    place = 85 if data is None else data.draw(st.integers(0, len(text) - 1))
    flipped = bytearray(text)
    flipped[place] ^= 1 if data is None else 1 << data.draw(st.integers(0, 7))
    found = verdict(
        BODY.replace(
            b'"%b":' % field.encode() + canonical(DATA[field]),
            b'"%b":' % field.encode() + canonical(DATA[field]).replace(text, bytes(flipped)),
            1,
        )
    )
    named = (f"422 {field}: ", "422 : ", "signature_invalid", "key_unknown", "key_owner", "key_not_yet_valid")
    assert found.startswith(named), found


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_anything_else_is_refused_and_nothing_else_is_raised(body):
    found = verdict(body)
    assert found.startswith("422 : ")
    assert found.isprintable()
    assert len(found) < 200


json_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=True),
    st.text(max_size=200),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@given(st.sampled_from(sorted(DATA)), json_values)
def test_a_wrong_value_names_its_field(field, value):
    found = verdict(json.dumps({**DATA, field: value}).encode())
    if found.startswith("422"):
        assert found.startswith((f"422 {field}: ", "422 : "))


@given(st.text(max_size=80), json_values)
@example("a" * 65, 1)
@example("\x1b[31m", 1)
def test_an_unknown_field_is_named(name, value):
    if name not in DATA:
        found = verdict(json.dumps({**DATA, name: value}).encode())
        assert found.startswith("422 ")
        assert not re.fullmatch("[A-Za-z0-9_]{1,64}", name) or found.startswith((f"422 {name}: ", "422 : ")), found
        assert len(found.partition(":")[0]) <= len("422 ") + 64
        assert found.isascii()
        assert found.isprintable()
        assert len(found) < 400


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("gpus", 0, "0 is below 1"),
        ("gpus", 1.5, "1.5 is not a whole number"),
        ("gpus", True, "true is not a whole number"),
        ("gpus", "1", "Take the quotes away"),
        ("gpu_hours", 0, "below 1e-06"),
        ("gpu_hours", 1e10, "above 1000000000"),
        ("gpu_hours", None, "there is no value"),
        ("max_price_usd_per_hour", 0, "0 is not above 0"),
        ("min_reputation", 101, "from 0 to 100"),
        ("min_reputation", -0.5, "from 0 to 100"),
        ("region", "", "too short"),
        ("region", "eu west", "must match"),
        ("tenant_id", "a/b", "must match"),
        ("tenant_id", "tenant-research\n", "must match"),
        ("tenant_id", "a" * 65, "too long"),
        ("nonce", "", "must match"),
        ("nonce", "a" * 129, "must match"),
        ("nonce", "a/b", "must match"),
        ("issued_s", -1, "below 0"),
        ("deadline_s", 1e12, "above"),
        ("deadline_s", "2026-01-05", "is not a number"),
        ("key_id", "ABCDEF0123456789", "must match"),
        ("signature", "AAAA", "must match"),
        ("signature", "A" * 85 + "B==", "must match"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_with_its_mend(field, value, message):
    with pytest.raises(OrderInvalid) as invalid:
        read_order(json.dumps({**DATA, field: value}).encode())
    assert invalid.value.field == field
    assert message in invalid.value.message


def test_a_missing_field_and_a_misspelt_one_are_named():
    for field in DATA:
        without = {name: value for name, value in DATA.items() if name != field}
        assert verdict(json.dumps(without).encode()).startswith(f"422 {field}: {field} is missing")
    assert "Did you mean gpu_type" in verdict(json.dumps({**DATA, "gpu_tipe": "A100"}).encode())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "the order is no JSON object"),
        (b"", "expecting value"),
        (BODY[:-1] + b',"nonce":"another"}', "the key 'nonce' stands twice"),
        (BODY.replace(b"0.75", b"NaN"), "NaN is no JSON number"),
        (BODY.replace(b"0.75", b"[" * 9 + b"]" * 9), "nested more than 8 deep"),
        (b" " * 65_536 + BODY, "longer than 65536 bytes"),
        (BODY.decode().encode("utf-16"), "not UTF-8"),
    ],
    ids=range(7),
)
def test_what_cannot_be_read_is_said(body, message):
    with pytest.raises(OrderInvalid) as invalid:
        read_order(body)
    assert invalid.value.field == ""
    assert message in invalid.value.message


def test_only_the_tenants_own_key_counts():
    other = a_signer("tenant:tenant-gaming")
    registry = a_registry(TENANT, other)
    forged = sign_order(FIELDS, other.private_key)
    assert verify_order(forged, signing_bytes(forged), registry, NOW_S) == "key_owner"
    assert verify_order(SIGNED, signing_bytes(SIGNED), a_registry(other), NOW_S) == "key_unknown"


def test_it_becomes_the_order_that_the_gateway_takes():
    order = to_order(SIGNED, source="10.0.0.1", region_index=3, signature_valid=True, treaty_id=TREATY)
    assert set(Order.__slots__) == {name for name in Order.__slots__ if hasattr(order, name)}
    own = {"order_id": order_id(SIGNED), "source": "10.0.0.1", "region_index": 3}
    assert all(getattr(order, name) == value for name, value in own.items())
    shared = set(Order.__slots__) & set(FIELDS)
    assert {name: getattr(order, name) for name in shared} == {name: FIELDS[name] for name in shared}
    gateway = Gateway({"A100"}, {"eu-west-1"}, 30.0, 8)
    assert gateway.check(order, NOW_S) is None
    other = to_order(SIGNED, source="", region_index=0, signature_valid=True, treaty_id="AURORA-FLUX-001")
    assert gateway.check(other, NOW_S) == (422, "schema:treaty_id")


def test_the_committed_schema_is_the_models(project):
    assert (project / "config" / "order.schema.json").read_text() == order_schema_text()


@given(st.sampled_from(sorted(DATA)), json_values)
def test_the_schema_says_what_the_model_says(field, value):
    data = {**DATA, field: value}
    body = json.dumps(data).encode()
    try:
        jsonschema.validate(json.loads(body), json.loads(order_schema_text()))
    except jsonschema.ValidationError:
        assert verdict(body).startswith("422")
    else:
        found = verdict(body)
        # What is no JSON is beyond a schema; and to Python's `$`, but no other, a text may end in one more end of line.
        assert not found.startswith("422") or found.startswith("422 : ") or str(value).endswith("\n")


def test_what_a_client_signs_by_the_public_description_is_taken():
    """A client that knows only the README: canonical JSON of all but the signature, Ed25519, base64."""
    fields = {**FIELDS, "key_id": TENANT.key_id}
    signature = TENANT.private_key.sign(
        json.dumps(fields, sort_keys=True, separators=(",", ":")).replace(".0,", ",").encode()
    )
    assert verdict(json.dumps({**fields, "signature": base64.b64encode(signature).decode()}).encode()) == ""


@pytest.mark.needs("openssl")
def test_openssl_agrees_on_the_signature(tmp_path):
    public = TENANT.private_key.public_key()
    (tmp_path / "key.pem").write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "signed").write_bytes(signing_bytes(SIGNED))
    (tmp_path / "signature").write_bytes(base64.b64decode(SIGNED.signature))
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pem", "-in", "signed"]
    done = subprocess.run(
        [*command, "-sigfile", "signature"], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    assert "Verified Successfully" in done.stdout, done.stderr


def test_an_order_cannot_be_changed_once_it_is_read():
    with pytest.raises(ValueError, match="frozen"):
        SIGNED.gpus = 2
    assert isinstance(OrderRequest.model_validate(DATA), OrderRequest)

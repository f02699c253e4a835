"""`vault-law ack verify` ends with 0 for a valid ack and shows it, with 1 and the reason for any other."""

from __future__ import annotations

import io
import json
import sys
import time

import pytest
from law_runs import VaultLaw, key_id, make_keys

from aurora_sim.treaty.key_files import load_signer
from aurora_sim.treaty.keys import editing
from aurora_sim.treaty.signed_ack import sign_ack

TREATY = "AURORA-AKASH-001"


@pytest.fixture
def law(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AURORA_KEY_REGISTRY", raising=False)
    return VaultLaw(capsys)


@pytest.fixture
def ack(tmp_path, law):
    registry = make_keys(tmp_path, time.time() - 100.0)
    signer = load_signer(tmp_path / "state" / "keys", "provider:akash", key_id(registry, "provider:akash"))
    signed = sign_ack(
        signer,
        order_id="o-1",
        treaty_id=TREATY,
        provider_id="akash",
        price_usd_per_hour=1.8,
        time_s=time.time() - 10.0,
    ).model_dump()
    (tmp_path / "ack.json").write_text(json.dumps(signed))
    return signed


def verify(law, file="ack.json", treaty_id=TREATY, provider_id="akash"):
    return law("ack", "verify", file, "--treaty-id", treaty_id, "--provider-id", provider_id)


def test_a_valid_ack_is_shown(law, ack):
    status, shown, complaint = verify(law)
    assert (status, complaint) == (0, "")
    lines = shown.splitlines()
    assert lines[0] == "ack.json: valid"
    assert "o-1, under AURORA-AKASH-001" in lines[1]
    assert f"akash, with key {ack['key_id']}" in lines[2]
    assert "1.8 USD per GPU-hour" in lines[3]


def test_the_answer_to_an_order_will_do(law, ack, tmp_path, monkeypatch):
    answer = json.dumps({"order_id": "o-1", "status": "accepted", "ack": ack})
    (tmp_path / "answer.json").write_text(answer)
    assert verify(law, "answer.json")[0] == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(answer.encode())))
    assert verify(law, "-")[:2] == (0, verify(law)[1].replace("ack.json", "-"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"provider_id": "flux"}, "ack_mismatch: it is akash's under AURORA-AKASH-001, not flux's"),
        ({"treaty_id": "AURORA-FLUX-001"}, "ack_mismatch: "),
    ],
)
def test_another_s_ack_is_invalid(law, ack, options, message):
    status, shown, _ = verify(law, **options)
    assert status == 1
    assert f"ack.json: invalid: {message}" in shown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price_usd_per_hour": 1.9}, "signature_invalid: the signature is not that of key"),
        ({"key_id": "0" * 16}, "key_unknown: the registry has no key 0000"),
        ({"provider_id": "flux"}, "key_owner: key"),
        ({"time_s": 1.0}, "key_not_yet_valid: it is dated 1970-01-01T00:00:01Z, its key began"),
        ({"time_s": -1}, "unreadable: time_s: -1 is below 0"),
        ({"signature": ""}, "unreadable: signature"),
        ({"ack": 1}, "unreadable: it is no JSON object"),
        ({"more": 1}, "unreadable: more: unknown key"),
    ],
)
def test_a_changed_ack_is_invalid(law, ack, tmp_path, change, message):
    (tmp_path / "ack.json").write_text(json.dumps({**ack, **change}))
    status, shown, complaint = verify(law)
    assert (status, complaint) == (1, "")
    assert f"ack.json: invalid: {message}" in shown


def test_a_key_that_ended_or_was_revoked_is_named(law, ack, tmp_path):
    with editing(tmp_path / "config" / "keys.json") as registry:
        registry.rotate("provider:akash", b"\1" * 32, ack["time_s"] - 50.0, 10.0)
    status, shown, _ = verify(law)
    assert (status, "invalid: key_expired: it is dated" in shown) == (1, True)
    with editing(tmp_path / "config" / "keys.json") as registry:
        registry.revoke(ack["key_id"], "stolen", time.time())
    status, shown, _ = verify(law)
    assert (status, "invalid: key_revoked: key" in shown, ": stolen" in shown) == (1, True, True)


def test_what_is_missing_is_bad_input(law, ack):
    assert verify(law, "absent.json")[0] == 2
    assert law("ack", "verify", "ack.json", "--treaty-id", TREATY)[0] == 2
    assert (
        law("ack", "verify", "ack.json", "--treaty-id", TREATY, "--provider-id", "akash", "--registry", "no.json")[0]
        == 2
    )

"""The embedded authority grants what it can and refuses the rest by the book; its files are made once, and kept private."""

from __future__ import annotations

import hashlib
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receipt_parts import NOW_S
from rfc3161_client import PKIStatus, decode_timestamp_response

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.receipts import authority, der
from aurora_sim.treaty.receipts.query import SHA256, write_query
from aurora_sim.treaty.receipts.sources import Stamper, stamper_of, trusted_certificates

DIGEST = hashlib.sha256(b"data").digest()
GOOD = write_query(DIGEST, 2**63 + 1)


def refusal(tsa, query: bytes) -> str:
    parsed = decode_timestamp_response(tsa.stamp(query, NOW_S))
    assert PKIStatus(parsed.status) is PKIStatus.REJECTION
    return "".join(parsed.status_string)


def imprint(algorithm: str = SHA256, digest: bytes = DIGEST) -> bytes:
    return der.sequence(der.sequence(der.identifier(algorithm), der.null()), der.octets(digest))


def test_a_good_query_is_granted(ours) -> None:
    parsed = decode_timestamp_response(ours.tsa.stamp(GOOD, NOW_S))
    info = parsed.tst_info
    assert (info.nonce, info.message_imprint.message) == (2**63 + 1, DIGEST)
    assert info.gen_time.timestamp() == int(NOW_S)
    assert info.accuracy.seconds == 1
    assert len(parsed.signed_data.certificates) == 1


def test_what_the_query_leaves_out_the_answer_does(ours) -> None:
    bare = decode_timestamp_response(ours.tsa.stamp(der.sequence(der.integer(1), imprint()), NOW_S))
    assert bare.status == PKIStatus.GRANTED
    assert bare.tst_info.nonce is None
    assert len(bare.signed_data.certificates) == 0


def test_no_two_tokens_have_one_number(ours) -> None:
    numbers = {decode_timestamp_response(ours.tsa.stamp(GOOD, NOW_S)).tst_info.serial_number for _ in range(50)}
    assert len(numbers) == 50


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (der.sequence(der.integer(2), imprint()), "another version"),
        (der.sequence(der.integer(1), imprint("1.3.14.3.2.26", bytes(20))), "only digests by"),
        (der.sequence(der.integer(1), imprint(digest=bytes(20))), "does not fit its algorithm"),
        (der.sequence(der.integer(1), imprint(), der.identifier("1.2.3")), "under the policy"),
        (der.sequence(der.integer(1), imprint(), der.value(0xA0, b"")), "extensions"),
        (der.sequence(der.integer(1), imprint(), der.octets(b"")), "bytes too many"),
        (der.sequence(der.integer(1), imprint(), der.value(der.BOOLEAN, b"\x00")), "not true"),
        (GOOD + b"\x00", "bytes too many"),
        (GOOD[:-1], "longer than the data"),
        (b"\x30\x80" + GOOD[2:], "not in its shortest form"),
        (bytes(5000), "4096 are the limit"),
    ],
)
def test_other_queries_are_refused_with_the_reason(ours, query, why) -> None:
    assert why in refusal(ours.tsa, query)


def test_its_own_policy_may_be_asked_for(ours) -> None:
    query = der.sequence(der.integer(1), imprint(), der.identifier(authority.POLICY))
    assert decode_timestamp_response(ours.tsa.stamp(query, NOW_S)).status == PKIStatus.GRANTED


@given(
    st.binary(max_size=120)
    | st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)).map(
        lambda change: GOOD[: change[0]] + bytes([change[1]]) + GOOD[change[0] + 1 :]
    )
)
def test_whatever_is_asked_it_answers_and_stamps_only_what_it_was_given(ours, query) -> None:
    parsed = decode_timestamp_response(ours.tsa.stamp(query, NOW_S))
    if parsed.status == PKIStatus.GRANTED:
        assert parsed.tst_info.message_imprint.message in query


@given(st.integers(0, 2**200))
def test_numbers_are_written_as_they_are_read(number: int) -> None:
    reader = der.Reader(der.integer(number))
    assert reader.take_integer() == number
    reader.end()


@given(st.integers(1, 255), st.binary(max_size=300))
def test_values_are_written_as_they_are_read(tag: int, content: bytes) -> None:
    reader = der.Reader(der.value(tag, content) + b"\x01")
    assert reader.take(tag) == content
    with pytest.raises(ValueError, match="1 bytes too many"):
        reader.end()


def test_its_files_are_made_once(tmp_path) -> None:
    folder = tmp_path / "state" / "keys"
    made = authority.create(folder, NOW_S)
    assert [path.name for path in made] == [authority.KEY_FILE, authority.CERTIFICATE_FILE]
    before = [path.read_bytes() for path in made]
    assert authority.create(folder, NOW_S) == []
    assert [path.read_bytes() for path in made] == before
    assert stat.S_IMODE(made[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stamper_of([], folder).stamp(DIGEST, NOW_S).source == "embedded"


def test_what_broke_off_in_between_is_finished(tmp_path) -> None:
    key, certificate = authority.create(tmp_path / "keys", NOW_S)
    before = key.read_bytes()
    certificate.unlink()
    assert authority.create(tmp_path / "keys", NOW_S) == [certificate]
    assert key.read_bytes() == before
    assert authority.load(tmp_path / "keys").certificate in trusted_certificates(tmp_path / "keys")


def test_a_lost_key_is_not_replaced_in_silence(tmp_path) -> None:
    """Old receipts are under the certificate that is still there."""
    key, _ = authority.create(tmp_path / "keys", NOW_S)
    key.unlink()
    with pytest.raises(InputError, match="key is missing"):
        authority.create(tmp_path / "keys", NOW_S)


def test_what_is_wrong_with_its_files_is_said(tmp_path) -> None:
    with pytest.raises(InputError, match="vault-law init"):
        authority.load(tmp_path / "nowhere")
    key, certificate = authority.create(tmp_path / "keys", NOW_S)
    other_key, other_certificate = authority.create(tmp_path / "other", NOW_S)
    key.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        authority.load(tmp_path / "keys")
    key.chmod(0o600)
    key.write_bytes(other_key.read_bytes())
    with pytest.raises(InputError, match="another key's"):
        authority.load(tmp_path / "keys")
    key.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="no private key"):
        authority.load(tmp_path / "keys")
    certificate.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="no certificate"):
        trusted_certificates(tmp_path / "keys")
    assert trusted_certificates(tmp_path / "nowhere", [other_certificate, other_certificate]) == trusted_certificates(
        tmp_path / "other"
    )


def test_stamps_hold_when_the_certificate_has_ended_since_but_not_before_it_began(ours) -> None:
    late = authority.in_memory(b"late", NOW_S + 30 * 86_400.0)
    with pytest.raises(Exception, match="no trusted authority"):
        Stamper([late], [late.certificate]).stamp(DIGEST, NOW_S)
    Stamper([late], [late.certificate]).stamp(DIGEST, NOW_S + 19 * 365 * 86_400.0)


def test_stamps_of_an_old_and_a_new_authority_hold_side_by_side() -> None:
    """Both are ours, and go by one name but for their keys: an authority that was replaced leaves good stamps behind."""
    authorities = [authority.in_memory(seed, NOW_S) for seed in (b"old", b"new", b"newer")]
    trusted = [tsa.certificate for tsa in authorities]
    assert len({certificate.subject for certificate in trusted}) == 3
    for tsa in authorities:
        for _ in range(3):
            assert Stamper([tsa], trusted).stamp(DIGEST, NOW_S).time_s == int(NOW_S)

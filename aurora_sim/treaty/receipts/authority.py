"""The embedded time-stamping authority: answers RFC 3161 queries with tokens that anyone's tools verify.

It is an authority like any other but for one thing: it is our own, so its word counts with those who trust us. A
deployment that must convince others names a public authority, and keeps this one as the backup.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.key_files import make_keys_folder, read_secret
from aurora_sim.treaty.receipts import der
from aurora_sim.treaty.receipts.certificates import certify, read_certificates
from aurora_sim.treaty.receipts.query import SHA256, UNACCEPTED_POLICY, Query, Refused, read_query
from aurora_sim.treaty.whole_file import write_whole

EMBEDDED: Final = "embedded"
"""The name of the embedded authority among others' addresses."""
KEY_FILE: Final = "timestamp-authority.key.pem"
CERTIFICATE_FILE: Final = "timestamp-authority.certificate.pem"

POLICY: Final = "2.25.173216493"
"""The policy under which it stamps, in the arc (ITU-T X.667) that needs no registration."""

_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
_ECDSA_WITH_SHA256: Final = "1.2.840.10045.4.3.2"
_ORDER_P256: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class TimestampAuthority:
    """Signs what the time is, with an ECDSA P-256 key and a certificate for time stamping.

    Holds no state but its key, so several may share one. `serial_numbers` gives each token its number; random ones of
    128 bits need no memory of those given before.
    """

    name = EMBEDDED

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        certificate: x509.Certificate,
        serial_numbers: Iterator[int] | None = None,
    ) -> None:
        self.certificate = certificate
        self._key = key
        self._serial_numbers = serial_numbers if serial_numbers is not None else _random_numbers()
        encoded = certificate.public_bytes(Encoding.DER)
        self._certificates = der.value(0xA0, encoded)
        self._policy = der.identifier(POLICY)
        self._sha256 = der.sequence(der.identifier(SHA256))
        issuer = certificate.issuer.public_bytes()
        self._signer = der.sequence(issuer, der.integer(certificate.serial_number))
        # RFC 5816: SHA-256 is the default algorithm, and so left out. It binds the token to this very certificate.
        certificate_id = der.sequence(der.octets(hashlib.sha256(encoded).digest()))
        signing = der.sequence(der.sequence(certificate_id))
        self._fixed_attributes = (
            der.sequence(der.identifier(_CONTENT_TYPE), der.set_of(der.identifier(_TST_INFO))),
            der.sequence(der.identifier(_SIGNING_CERTIFICATE_V2), der.set_of(signing)),
        )

    def stamp(self, query: bytes, now_s: float) -> bytes:
        """Answer a query: TimeStampResp in DER, granted or with the reason why not. `now_s` is Unix time."""
        try:
            read = read_query(query)
            if read.policy not in (None, self._policy):
                raise Refused(UNACCEPTED_POLICY, f"stamps are made under the policy {POLICY} only")
        except Refused as refused:
            text = der.sequence(der.value(der.UTF8_STRING, str(refused).encode()))
            return der.sequence(der.sequence(der.integer(2), text, _failure_bits(refused.failure)))
        return der.sequence(der.sequence(der.integer(0)), self._token(read, now_s))

    def _token(self, query: Query, now_s: float) -> bytes:
        """The CMS signed data over TSTInfo (RFC 3161, section 2.4.2)."""
        moment = datetime.fromtimestamp(int(now_s), UTC)
        info = der.sequence(
            der.integer(1),
            self._policy,
            query.imprint,
            der.integer(next(self._serial_numbers)),
            der.value(der.GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode()),
            der.sequence(der.integer(1)),  # accurate to the second: the time is cut to whole ones
            *(() if query.nonce is None else (der.integer(query.nonce),)),
        )
        digest = der.octets(hashlib.sha256(info).digest())
        attributes = der.set_of(
            *self._fixed_attributes,
            der.sequence(der.identifier(_MESSAGE_DIGEST), der.set_of(digest)),
        )
        signature = self._key.sign(attributes, ec.ECDSA(hashes.SHA256()))
        signer = der.sequence(
            der.integer(1),
            self._signer,
            self._sha256,
            der.value(0xA0, attributes[_header_bytes(attributes) :]),  # signed as a SET, sent under [0]
            der.sequence(der.identifier(_ECDSA_WITH_SHA256)),
            der.octets(signature),
        )
        signed = der.sequence(
            der.integer(3),
            der.set_of(self._sha256),
            der.sequence(der.identifier(_TST_INFO), der.explicit(0, der.octets(info))),
            *((self._certificates,) if query.wants_certificate else ()),
            der.set_of(signer),
        )
        return der.sequence(der.identifier(_SIGNED_DATA), der.explicit(0, signed))


def create(keys_folder: Path, now_s: float | None = None) -> list[Path]:
    """Make the embedded authority's key and certificate, and say which files were made: none where both are there.

    The certificate is valid for twenty years from `now_s` (Unix time; by default now) on. Whoever is to trust its stamps
    needs that file alone. Raises InputError where one of the two is there without the other.
    """
    key_path, certificate_path = keys_folder / KEY_FILE, keys_folder / CERTIFICATE_FILE
    if key_path.exists() and certificate_path.exists():
        load(keys_folder)
        return []
    if certificate_path.exists():
        raise InputError(
            str(key_path),
            "the timestamp authority's key is missing beside its certificate",
            f"Restore it, or move {certificate_path} away and keep it as a --tsa-ca for the old receipts",
        )
    make_keys_folder(keys_folder)
    made = []
    if not key_path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        write_whole(key_path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
        made.append(key_path)
    # A key alone is what a break-off between the two files leaves: no stamp was made with it yet.
    certificate = certify(_read_key(key_path), now_s if now_s is not None else time.time())
    write_whole(certificate_path, certificate.public_bytes(Encoding.PEM), mode=0o644)
    return [*made, certificate_path]


def load(keys_folder: Path) -> TimestampAuthority:
    """The embedded authority whose files `create` made. Raises InputError where they are absent, open or do not fit."""
    certificate_path = keys_folder / CERTIFICATE_FILE
    if not certificate_path.exists():
        raise InputError(
            str(certificate_path), "there is no embedded timestamp authority", "Make one with vault-law init"
        )
    key = _read_key(keys_folder / KEY_FILE)
    (certificate,) = read_certificates(certificate_path, count_max=1)
    if certificate.public_key() != key.public_key():
        raise InputError(str(certificate_path), "the certificate is another key's", "Restore both files together")
    return TimestampAuthority(key, certificate)


def in_memory(seed: bytes, now_s: float) -> TimestampAuthority:
    """An authority of nothing but a seed: the same one each time, for runs that leave no files.

    Its certificate is valid from a day before `now_s` (Unix time) on.
    """
    number = int.from_bytes(hashlib.sha512(b"timestamp-authority\x00" + seed).digest(), "big")
    key = ec.derive_private_key(number % (_ORDER_P256 - 1) + 1, ec.SECP256R1())
    return TimestampAuthority(key, certify(key, now_s, serial_number=1), _counting_numbers())


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    content = read_secret(path)
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InputError(str(path), "this is no private key in PEM without a password", "Restore it") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise InputError(str(path), "the key is no ECDSA key on P-256", "Restore it")
    return key


def _failure_bits(bit: int) -> bytes:
    """PKIFailureInfo with one bit set; DER leaves out the zero bits behind it."""
    octets = bytearray(bit // 8 + 1)
    octets[-1] = 0x80 >> bit % 8
    return der.value(der.BIT_STRING, bytes([7 - bit % 8]) + octets)


def _header_bytes(encoded: bytes) -> int:
    """How many bytes of a value are its tag and length."""
    return 2 if encoded[1] < 0x80 else 2 + (encoded[1] & 0x7F)


def _random_numbers() -> Iterator[int]:
    while True:
        yield secrets.randbits(128)


def _counting_numbers() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number

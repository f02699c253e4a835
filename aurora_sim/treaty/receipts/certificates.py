"""The certificates of time-stamping authorities: the embedded one's own, and those that a user trusts."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aurora_sim.scenario.errors import InputError

NAME: Final = "Aurora Treaty timestamp authority"
VALID_FOR: Final = timedelta(days=20 * 365)
_BYTES_MAX: Final = 1_048_576


def certify(key: ec.EllipticCurvePrivateKey, now_s: float, *, serial_number: int | None = None) -> x509.Certificate:
    """The key's own certificate: for time stamping alone, and critically so, as RFC 3161 (section 2.3) demands."""
    # Named after its key: whoever trusts two authorities of one name finds the wrong certificate half of the time.
    key_name = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{NAME} {key_name.digest.hex()[:16]}")])
    start = datetime.fromtimestamp(int(now_s), UTC) - timedelta(days=1)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(serial_number if serial_number is not None else x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(key_name, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_name), critical=False)
        .sign(key, hashes.SHA256())
    )


def read_certificates(path: Path, *, count_max: int = 100) -> list[x509.Certificate]:
    """The certificates in a PEM file, at least one. Raises InputError for anything else."""
    mend = "Give the authority's root certificate in PEM"
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(str(path), f"it cannot be read: {error.strerror}", mend) from None
    if len(content) > _BYTES_MAX:
        raise InputError(str(path), f"it is longer than {_BYTES_MAX} bytes", mend)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd in old roots, and harmless
            certificates = x509.load_pem_x509_certificates(content)
    except ValueError:
        raise InputError(str(path), "this is no certificate in PEM", mend) from None
    if len(certificates) > count_max:
        raise InputError(str(path), f"there are {len(certificates)} certificates in it, not {count_max}", mend)
    return certificates

"""The RFC 3161 time-stamp query: what is sent to an authority (TimeStampReq, section 2.4.1)."""

from __future__ import annotations

from typing import Final, NamedTuple

from aurora_sim.treaty.receipts import der

SHA256: Final = "2.16.840.1.101.3.4.2.1"
_DIGEST_BYTES: Final = {
    der.identifier(SHA256): 32,
    der.identifier("2.16.840.1.101.3.4.2.2"): 48,  # SHA-384
    der.identifier("2.16.840.1.101.3.4.2.3"): 64,  # SHA-512
}
QUERY_BYTES_MAX: Final = 4096


class Refused(Exception):  # noqa: N818  (what the authority says)
    """The query cannot be granted; `failure` is the bit of PKIFailureInfo that says why."""

    def __init__(self, failure: int, message: str) -> None:
        super().__init__(message)
        self.failure = failure


BAD_ALGORITHM: Final = 0
BAD_REQUEST: Final = 2
BAD_DATA_FORMAT: Final = 5
UNACCEPTED_POLICY: Final = 15
UNACCEPTED_EXTENSION: Final = 16


class Query(NamedTuple):
    """A query that was read. `imprint` is the whole MessageImprint in DER, which the answer repeats."""

    imprint: bytes
    policy: bytes | None
    nonce: int | None
    wants_certificate: bool


def write_query(digest: bytes, nonce: int) -> bytes:
    """The query that asks for a stamp over a SHA-256, with the authority's certificate in the answer."""
    assert len(digest) == 32, "a SHA-256 has 32 bytes"
    imprint = der.sequence(der.sequence(der.identifier(SHA256), der.null()), der.octets(digest))
    return der.sequence(der.integer(1), imprint, der.integer(nonce), der.value(der.BOOLEAN, b"\xff"))


def read_query(data: bytes) -> Query:
    """Read a query. Raises Refused for one that is malformed or asks for what an authority here does not do."""
    if len(data) > QUERY_BYTES_MAX:
        raise Refused(BAD_DATA_FORMAT, f"the query has {len(data)} bytes, and {QUERY_BYTES_MAX} are the limit")
    try:
        return _read(data)
    except ValueError as error:
        raise Refused(BAD_DATA_FORMAT, f"the query cannot be read: {error}") from None


def _read(data: bytes) -> Query:
    whole = der.Reader(data)
    parts = der.Reader(whole.take(der.SEQUENCE))
    whole.end()
    if parts.take_integer() != 1:
        raise Refused(BAD_REQUEST, "the query is of another version than 1")
    imprint = parts.take(der.SEQUENCE)
    policy = None
    if parts.tag == der.OBJECT_IDENTIFIER:
        policy = der.value(der.OBJECT_IDENTIFIER, parts.take(der.OBJECT_IDENTIFIER))
    nonce = parts.take_integer() if parts.tag == der.INTEGER else None
    wants_certificate = parts.tag == der.BOOLEAN
    if wants_certificate and parts.take(der.BOOLEAN) != b"\xff":
        raise ValueError("a boolean that is not true stands where DER would leave it out")
    if parts.tag == 0xA0:
        raise Refused(UNACCEPTED_EXTENSION, "extensions are not supported")
    parts.end()
    _check_imprint(der.Reader(imprint))
    return Query(der.value(der.SEQUENCE, imprint), policy, nonce, wants_certificate)


def _check_imprint(imprint: der.Reader) -> None:
    algorithm = der.Reader(imprint.take(der.SEQUENCE))
    name = der.value(der.OBJECT_IDENTIFIER, algorithm.take(der.OBJECT_IDENTIFIER))
    if algorithm.tag == der.NULL:
        algorithm.take(der.NULL)
    algorithm.end()
    digest = imprint.take(der.OCTET_STRING)
    imprint.end()
    if name not in _DIGEST_BYTES:
        raise Refused(BAD_ALGORITHM, "only digests by SHA-256, SHA-384 and SHA-512 are stamped")
    if len(digest) != _DIGEST_BYTES[name]:
        raise Refused(BAD_DATA_FORMAT, f"a digest of {len(digest)} bytes does not fit its algorithm")

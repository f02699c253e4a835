"""What a time stamp says, and whether to believe it: anyone's RFC 3161 token against the authorities that are trusted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Final, NamedTuple

from cryptography import x509
from rfc3161_client import PKIStatus, TimeStampResponse, VerifierBuilder, decode_timestamp_response

from aurora_sim.treaty.receipts import der
from aurora_sim.treaty.receipts.query import SHA256

CLOCK_SKEW_MAX_S: Final = 300.0
"""How far an authority's clock and ours may be apart, slow authorities included."""


class StampInvalid(Exception):  # noqa: N818  (it is the stamp that is invalid)
    """The stamp proves nothing; the text says why. `imprint`: it is genuine, but over something else."""

    def __init__(self, message: str, *, imprint: bool = False) -> None:
        super().__init__(message)
        self.imprint = imprint


class Reading(NamedTuple):
    """What a genuine stamp says: the authority's time in Unix seconds, its number, and who signed it."""

    time_s: float
    serial_number: int
    authority: str


def verify_token(token: bytes, digest: bytes, trusted: Sequence[x509.Certificate]) -> Reading:
    """What the token says, when a trusted authority made it over this SHA-256. Raises StampInvalid otherwise.

    The authority's certificate must have been valid when it stamped; that it expired since takes nothing away.
    """
    return _read(_parsed(_response(token)), digest, trusted)


def verify_response(
    response: bytes, digest: bytes, nonce: int, trusted: Sequence[x509.Certificate], now_s: float
) -> tuple[bytes, Reading]:
    """The token in an authority's fresh answer, and what it says. Raises StampInvalid for one that does not do.

    Fresh: it repeats our nonce, and its clock (Unix time) is near ours.
    """
    parsed = _parsed(response)
    if parsed.status not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
        words = "; ".join(parsed.status_string) or PKIStatus(parsed.status).name.lower().replace("_", " ")
        raise StampInvalid(f"the authority refuses: {words}")
    token = _token_of(response)
    reading = _read(_parsed(_response(token)), digest, trusted)
    if parsed.tst_info.nonce != nonce:
        raise StampInvalid("the stamp answers another query: its nonce is not ours")
    if abs(reading.time_s - now_s) > CLOCK_SKEW_MAX_S:
        raise StampInvalid(f"the authority's clock is {reading.time_s - now_s:+.0f} s off ours")
    return token, reading


def _response(token: bytes) -> bytes:
    """The token as the answer it came in."""
    granted = der.sequence(der.integer(0))
    return der.sequence(granted, token)


def _token_of(response: bytes) -> bytes:
    try:
        whole = der.Reader(response)
        parts = der.Reader(whole.take(der.SEQUENCE))
        whole.end()
        parts.take(der.SEQUENCE)
        token = der.value(der.SEQUENCE, parts.take(der.SEQUENCE))
        parts.end()
    except ValueError as error:
        raise StampInvalid(f"the answer cannot be read: {error}") from None
    return token


def _parsed(response: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(response)
    except ValueError:
        raise StampInvalid("this is no time stamp") from None


def _read(parsed: TimeStampResponse, digest: bytes, trusted: Sequence[x509.Certificate]) -> Reading:
    try:
        info = parsed.tst_info
        imprint = info.message_imprint
        # Over its own imprint first: so a stamp that is not genuine is told from a genuine one over something else.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd in a certificate: it is trusted, or it is not
            VerifierBuilder(roots=list(trusted)).build().verify(parsed, imprint.message)
            (signer,) = parsed.signed_data.signer_infos
            reading = Reading(info.gen_time.timestamp(), info.serial_number, signer.issuer.rfc4514_string())
    except Exception as error:  # the library says neither which errors it raises nor that these are all
        raise StampInvalid(f"no trusted authority made it ({_short(error)})") from None
    if imprint.message != digest or imprint.hash_algorithm.dotted_string != SHA256:
        raise StampInvalid("it is a stamp over something else", imprint=True)
    return reading


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "..."

"""Where time stamps come from: the embedded authority or one by URL, and who stands in when the first fails."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from cryptography import x509

from aurora_sim.treaty.receipts import authority, merkle
from aurora_sim.treaty.receipts.certificates import read_certificates
from aurora_sim.treaty.receipts.form import TOKEN_BYTES_MAX
from aurora_sim.treaty.receipts.http_call import ServiceFailed, check_url, post, without_password
from aurora_sim.treaty.receipts.query import write_query
from aurora_sim.treaty.receipts.stamps import StampInvalid, verify_response

TIME_LIMIT_S: Final = 10.0


class StampSource(Protocol):
    """An authority as its clients see it."""

    @property
    def name(self) -> str:
        """What an operator calls it."""

    def stamp(self, query: bytes, now_s: float) -> bytes:
        """Answer a query (TimeStampReq) with a TimeStampResp, both in DER. May raise ServiceFailed."""


class HttpAuthority:
    """An authority by URL, over RFC 3161's HTTP transport (section 3.4)."""

    def __init__(self, url: str, time_limit_s: float = TIME_LIMIT_S) -> None:
        check_url(url, "--tsa")
        self.name = without_password(url)
        self._url = url
        self._time_limit_s = time_limit_s

    def stamp(self, query: bytes, now_s: float) -> bytes:
        """Ask it. Its clock is its own: `now_s` is not sent."""
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        return post(
            self._url, content=query, headers=headers, time_limit_s=self._time_limit_s, bytes_max=TOKEN_BYTES_MAX
        )


class Stamped(NamedTuple):
    """A token over a batch, who made it, and at what time (Unix seconds)."""

    token: bytes
    source: str
    time_s: float


class NoStamp(Exception):  # noqa: N818  (what the caller is left with)
    """No authority gave a stamp; `reasons` says why, one line for each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("no timestamp authority gave a stamp: " + "; ".join(reasons))
        self.reasons = tuple(reasons)


class Stamper:
    """Asks authorities in order until one gives a stamp that those who trust `trusted` will believe.

    A stamp that nobody could verify later is worth nothing, so each is verified before it is taken, and an authority
    that gives a bad one has failed like one that gives none. `failures` are those of the last stamp, for a warning.
    """

    def __init__(self, sources: Sequence[StampSource], trusted: Sequence[x509.Certificate]) -> None:
        if not sources:
            raise ValueError("`sources` must name at least one authority")
        self._sources = tuple(sources)
        self.trusted = tuple(trusted)
        self.failures: list[str] = []

    def stamp(self, digest: bytes, now_s: float) -> Stamped:
        """A stamp over a SHA-256. Raises NoStamp when every authority failed."""
        self.failures = []
        for source in self._sources:
            nonce = secrets.randbits(63) + 1
            try:
                response = source.stamp(write_query(digest, nonce), now_s)
                token, reading = verify_response(response, digest, nonce, self.trusted, now_s)
            except (ServiceFailed, StampInvalid) as failed:
                self.failures.append(f"{source.name}: {failed}")
            else:
                return Stamped(token, source.name, reading.time_s)
        raise NoStamp(self.failures)


def stamp_roots(roots: Sequence[bytes], stamper: Stamper, now_s: float) -> Stamped:
    """ONE stamp over the Merkle root of a batch of roots. `merkle.inclusion_paths(roots)` says where each is in it."""
    return stamper.stamp(merkle.root(roots), now_s)


def trusted_certificates(keys_folder: Path, ca_files: Sequence[Path] = ()) -> list[x509.Certificate]:
    """The authorities whose stamps count: the embedded one, if its certificate is there, and those in PEM files.

    Raises InputError for a bad file. An empty list trusts nobody.
    """
    own = keys_folder / authority.CERTIFICATE_FILE
    files = [*([own] if own.exists() else []), *ca_files]
    found = [certificate for file in files for certificate in read_certificates(file)]
    return list(dict.fromkeys(found))


def stamper_of(
    names: Sequence[str], keys_folder: Path, ca_files: Sequence[Path] = (), time_limit_s: float = TIME_LIMIT_S
) -> Stamper:
    """The authorities of these names in order: `embedded`, or a URL. Raises InputError for a bad name or file."""
    sources: list[StampSource] = [
        authority.load(keys_folder) if name == authority.EMBEDDED else HttpAuthority(name, time_limit_s)
        for name in names or (authority.EMBEDDED,)
    ]
    return Stamper(sources, trusted_certificates(keys_folder, ca_files))
